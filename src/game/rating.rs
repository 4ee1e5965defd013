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
    /// For those who are much better or worse than their rating says.
    pub guard: Guard,
}

/// Wins (or losses) in a row that surprise say that a rating is far off: such a match is rated with more uncertainty, so that
/// the rating moves fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    /// In a row, with the match itself; 0: never.
    pub streak: u32,
    /// The least uncertainty with which the match is rated, in MMR.
    pub deviation: f64,
    /// It is no surprise for whoever had at least this chance of its outcome.
    pub chance_below: f64,
}

impl Guard {
    /// Rates as if there were none.
    pub const OFF: Self = Self { streak: 0, deviation: 0.0, chance_below: 0.0 };

    /// The rating with which a player enters a match that ended so, who had that chance to win it and won (negative: lost)
    /// so many before it.
    fn applied(&self, rating: Rating, streak: i32, ended: Outcome, chance: f64) -> Rating {
        let (goes_on, chance) = match ended {
            Outcome::Win => (streak >= 0, chance),
            Outcome::Loss => (streak <= 0, 1.0 - chance),
            Outcome::Draw => (false, chance),
        };
        let in_a_row = streak.unsigned_abs().saturating_add(1);
        if self.streak == 0 || !goes_on || in_a_row < self.streak || chance >= self.chance_below {
            return rating;
        }
        Rating { deviation: rating.deviation.max(self.deviation), ..rating }
    }
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

/// How many milliseconds without a match it takes until a rating is less certain than that; none: it never is.
pub fn grows_beyond(rating: Rating, deviation: f64, params: &RatingParams) -> Option<i64> {
    if rating.deviation > deviation {
        return Some(0);
    }
    if deviation >= params.start_deviation {
        return None;
    }
    let growth_per_day = (rating.volatility * UNIT).powi(2) / params.period_days;
    let days = (deviation.powi(2) - rating.deviation.powi(2)) / growth_per_day;
    let ms = days * DAY_MS;
    (ms < i64::MAX as f64 / 4.0).then_some(ms.ceil() as i64)
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

/// The ratings with which players enter a match that ended so, in the shape of `teams`, as `streaks` is: what each of them
/// won (negative: lost) in a row before it.
pub fn guarded(
    mut teams: Vec<Vec<Rating>>,
    streaks: &[Vec<i32>],
    placements: &[i32],
    params: &RatingParams,
) -> Vec<Vec<Rating>> {
    if params.guard.streak == 0 {
        return teams;
    }
    let chances = expectations(&teams, params);
    for (i, team) in teams.iter_mut().enumerate() {
        let ended = outcome(placements[i], placements);
        for (player, streak) in team.iter_mut().zip(&streaks[i]) {
            *player = params.guard.applied(*player, *streak, ended, chances[i]);
        }
    }
    teams
}

/// What each team was expected to score against the mean of its rivals, in their order: 1 is a sure win.
fn expectations(teams: &[Vec<Rating>], params: &RatingParams) -> Vec<f64> {
    let teams: Vec<_> = teams.iter().map(|team| Composite::of(team, params)).collect();
    let rivals = teams.len().saturating_sub(1).max(1) as f64;
    let of = |i: usize| -> f64 {
        let others = teams.iter().enumerate().filter(|(j, _)| *j != i);
        others.map(|(_, rival)| expected(&teams[i], rival)).sum()
    };
    (0..teams.len()).map(|i| of(i) / rivals).collect()
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

/// What one team was to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Met {
    /// The other team.
    pub team: usize,
    /// How much better the own team is rated, in MMR, as it counts.
    pub gap: f64,
    /// The other team's uncertainty, in MMR.
    pub deviation: f64,
    /// What was expected: 1 is a sure win.
    pub expected: f64,
    /// What came of it: 1 a win, ½ a draw, 0 a loss.
    pub score: f64,
}

/// Why a player's rating changed. Glicko-2 for a player rated 1500 with `at_match`'s uncertainty and volatility, who met
/// opponents rated 1500 less each gap, gives a change of rating and of squared uncertainty; the player takes `share` of
/// both.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The rating with the uncertainty that it had grown to when the match ended.
    pub at_match: Rating,
    /// The other teams.
    pub met: Vec<Met>,
    /// The part of the team's change that the player takes.
    pub share: f64,
}

/// Why the rating of a player changed, who is the `place`-th of the `team`-th team; `teams` are as in [`update`].
pub fn explain(
    teams: &[Vec<Rating>],
    placements: &[i32],
    (team, place): (usize, usize),
    params: &RatingParams,
) -> Explanation {
    let composites: Vec<_> = teams.iter().map(|team| Composite::of(team, params)).collect();
    let own = &composites[team];
    let others = (0..teams.len()).filter(|other| *other != team);
    let met =
        others.zip(period(team, &composites, placements)).map(|(other, (seen, result))| Met {
            team: other,
            gap: CENTRE - seen.rating,
            deviation: seen.deviation,
            expected: expected(own, &composites[other]),
            score: match result {
                Outcomes::WIN => 1.0,
                Outcomes::DRAW => 0.5,
                _ => 0.0,
            },
        });
    Explanation { at_match: teams[team][place], met: met.collect(), share: own.share }
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
