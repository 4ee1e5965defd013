//! How results move ratings: Glicko-2, and its extension to teams.
//!
//! Source: M. Glickman, "Example of the Glicko-2 system" (2013), through the crate `skillratings`. One match is one rating
//! period; time without matches is added before it, in fractional days, by [`aged`].
//!
//! A team is rated through its means: with D = scale · (mean A − mean B), each member of A plays as if rated 1500 + D, with
//! their own deviation and volatility, against a 1500 opponent whose deviation is the composite of B, √(mean(RD²) / n). Of
//! the change that follows, a member takes the team share. In teams of one, share and scale are 1 and this is Glicko-2.

use serde::{Deserialize, Serialize};
use skillratings::{
    Outcomes,
    glicko2::{Glicko2Config, Glicko2Rating, expected_score, glicko2_rating_period},
};

use super::{
    matches::{Outcome, outcome},
    time::DAY_MS,
};

/// The middle of the scale.
const CENTRE: f64 = 1500.0;
/// MMR in one unit of Glicko-2's internal scale.
const UNIT: f64 = 173.7178;
/// The largest gap that is told from a larger one, in MMR: beyond about twice this a chance rounds to 1 and its variance is
/// infinite.
const GAP_MAX: f64 = 3000.0;
/// How closely the volatility is solved for, as the paper suggests.
const TOLERANCE: f64 = 0.000_001;

/// How one mode rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatingParams {
    /// Where a player starts, in MMR.
    pub start_mmr: f64,
    /// The deviation a player starts with and never exceeds, in MMR.
    pub start_deviation: f64,
    /// The volatility a player starts with.
    pub start_volatility: f64,
    /// How much volatility may change (the system constant τ).
    pub tau: f64,
    /// Days without matches that count as one rating period.
    pub period_days: f64,
    /// The part of a team's change that each member takes, above 0 and at most 1.
    pub team_share: f64,
    /// How much the difference of two teams' means counts.
    pub team_scale: f64,
}

impl RatingParams {
    /// Where a player starts.
    pub const fn start(&self) -> Rating {
        Rating {
            value: self.start_mmr,
            deviation: self.start_deviation,
            volatility: self.start_volatility,
        }
    }
}

/// A player's rating in one mode and season.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// MMR at full precision.
    pub value: f64,
    /// One standard deviation, in MMR.
    pub deviation: f64,
    /// How erratic the player's results are (Glicko-2's σ).
    pub volatility: f64,
}

/// A rating after `ms` milliseconds without a match: less certain by √(RD² + t · σ²), never more than a newcomer's.
pub fn aged(rating: Rating, ms: i64, params: &RatingParams) -> Rating {
    let days = (ms.max(0) as f64) / DAY_MS;
    let growth = (rating.volatility * UNIT).powi(2) * days / params.period_days;
    let deviation = (rating.deviation.powi(2) + growth).sqrt().min(params.start_deviation);
    Rating { deviation: deviation.max(rating.deviation.min(params.start_deviation)), ..rating }
}

/// A team as its opponents see it.
struct Composite {
    mean: f64,
    deviation: f64,
    share: f64,
    scale: f64,
}

impl Composite {
    fn of(team: &[Rating], params: &RatingParams) -> Self {
        let players = team.len().max(1) as f64;
        let mean = team.iter().map(|r| r.value).sum::<f64>() / players;
        let variance = team.iter().map(|r| r.deviation.powi(2)).sum::<f64>() / players;
        let (share, scale) =
            if team.len() > 1 { (params.team_share, params.team_scale) } else { (1.0, 1.0) };
        Self { mean, deviation: (variance / players).sqrt(), share, scale }
    }
}

/// Each team's chance to win, in their order; the chances add up to 1.
pub fn win_probabilities(teams: &[Vec<Rating>], params: &RatingParams) -> Vec<f64> {
    let teams: Vec<_> = teams.iter().map(|team| Composite::of(team, params)).collect();
    let scores: Vec<f64> = teams
        .iter()
        .enumerate()
        .map(|(i, team)| {
            let rivals = teams.iter().enumerate().filter(|(j, _)| *j != i);
            rivals.map(|(_, rival)| expected(team, rival)).sum()
        })
        .collect();
    let total: f64 = scores.iter().sum();
    if total > 0.0 { scores.iter().map(|score| score / total).collect() } else { scores }
}

const fn bounded(gap: f64) -> f64 {
    gap.clamp(-GAP_MAX, GAP_MAX)
}

fn expected(team: &Composite, rival: &Composite) -> f64 {
    let scale = team.scale.max(rival.scale);
    let seen = |rating, deviation| Glicko2Rating { rating, deviation, volatility: 0.0 };
    let gap = bounded(scale * (team.mean - rival.mean));
    expected_score(&seen(CENTRE + gap, team.deviation), &seen(CENTRE, rival.deviation)).0
}

/// The ratings after a match, in the shape of `teams`; `placements` holds a place for each team, the lowest is first.
pub fn update(
    teams: &[Vec<Rating>],
    placements: &[i32],
    params: &RatingParams,
) -> Vec<Vec<Rating>> {
    let composites: Vec<_> = teams.iter().map(|team| Composite::of(team, params)).collect();
    let config = Glicko2Config { tau: params.tau, convergence_tolerance: TOLERANCE };
    teams
        .iter()
        .enumerate()
        .map(|(i, team)| {
            team.iter()
                .map(|player| {
                    let period = period(i, &composites, placements);
                    moved(*player, &composites[i], &period, &config, params)
                })
                .collect()
        })
        .collect()
}

/// What the `i`-th team met: every other team, seen from a rating of 1500.
fn period(i: usize, teams: &[Composite], placements: &[i32]) -> Vec<(Glicko2Rating, Outcomes)> {
    let (team, place) = (&teams[i], placements[i]);
    teams
        .iter()
        .zip(placements)
        .enumerate()
        .filter(|(j, _)| *j != i)
        .map(|(_, (rival, rival_place))| {
            let gap = bounded(team.scale.max(rival.scale) * (team.mean - rival.mean));
            let seen =
                Glicko2Rating { rating: CENTRE - gap, deviation: rival.deviation, volatility: 0.0 };
            let result = match outcome(place, &[place, *rival_place]) {
                Outcome::Win => Outcomes::WIN,
                Outcome::Loss => Outcomes::LOSS,
                Outcome::Draw => Outcomes::DRAW,
            };
            (seen, result)
        })
        .collect()
}

fn moved(
    player: Rating,
    team: &Composite,
    period: &[(Glicko2Rating, Outcomes)],
    config: &Glicko2Config,
    params: &RatingParams,
) -> Rating {
    let before = Glicko2Rating {
        rating: CENTRE,
        deviation: player.deviation,
        volatility: player.volatility,
    };
    let after = glicko2_rating_period(&before, period, config);
    let variance = player.deviation.powi(2);
    let narrowed = variance - team.share * (variance - after.deviation.powi(2));
    Rating {
        value: player.value + team.share * (after.rating - CENTRE),
        deviation: narrowed.max(1.0).sqrt().min(params.start_deviation),
        volatility: after.volatility,
    }
}
