//! Replaying a history of results through the rules that rate live matches: how an operator tries rating parameters.

use std::{
    collections::HashMap,
    io::{BufRead, ErrorKind, Write},
};

use crate::{
    error::{Error, Result},
    game::{
        matches::outcome,
        rating::{self, Rating, RatingParams},
        score::Score,
        time::DAY_MS,
    },
};

/// Matches between two calls of `progress`.
const PROGRESS_EVERY: u64 = 10_000;

/// Somebody of the history.
#[derive(Clone, Copy)]
struct Player {
    rating: Rating,
    last_ms: i64,
    /// Wins in a row; negative: losses.
    streak: i32,
}

/// One line: when, who against whom, and how it ended for the first team (1 won, 0.5 drew, 0 lost).
struct Line<'a> {
    at_ms: i64,
    teams: [Vec<&'a str>; 2],
    result: f64,
}

struct Replay<'a> {
    params: &'a RatingParams,
    known: HashMap<Box<str>, usize>,
    players: Vec<Player>,
}

/// Replays a history: one match a line, in time order, as day number, players of team A, players of team B (both
/// separated by commas) and the result of team A, separated by tabs. Writes the first team's chance in each match, worked
/// out before its result is used, to `predictions`, a line each; `progress` hears how many matches are done.
///
/// # Errors
/// BAD_USER_INPUT for a line that is none of those, with its number.
pub fn run(
    params: &RatingParams,
    history: impl BufRead,
    mut predictions: Option<impl Write>,
    progress: impl Fn(u64),
) -> Result<Score> {
    let mut replay = Replay { params, known: HashMap::new(), players: Vec::new() };
    let mut score = Score::default();
    let mut last_ms = i64::MIN;
    for (text, number) in history.lines().zip(1_u64..) {
        let refuse = |what: &str| Error::bad_input(format!("line {number}"), what);
        let text = text.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => refuse("expected text (UTF-8)"),
            _ => Error::internal(error),
        })?;
        let line = parse(&text).map_err(refuse)?;
        if line.at_ms < last_ms {
            return Err(refuse("matches come in time order"));
        }
        last_ms = line.at_ms;
        let chance = replay.play(&line);
        score.add(chance, line.result);
        if let Some(out) = &mut predictions {
            writeln!(out, "{chance}").map_err(Error::internal)?;
        }
        if number.is_multiple_of(PROGRESS_EVERY) {
            progress(number);
        }
    }
    if let Some(mut out) = predictions {
        out.flush().map_err(Error::internal)?;
    }
    Ok(score)
}

fn parse(text: &str) -> std::result::Result<Line<'_>, &'static str> {
    let mut parts = text.trim_end_matches('\r').split('\t');
    let (Some(day), Some(a), Some(b), Some(result), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("expected a day, two teams and a result, separated by tabs");
    };
    let day: f64 = day.trim().parse().map_err(|_| "expected a day number")?;
    if !day.is_finite() || day.abs() >= 1e8 {
        return Err("expected a day number");
    }
    let result = match result.trim().parse() {
        Ok(result @ (0.0 | 0.5 | 1.0)) => result,
        _ => return Err("expected a result of 1, 0.5 or 0"),
    };
    let teams = [a, b].map(|team| team.split(',').map(str::trim).collect::<Vec<_>>());
    let mut all: Vec<_> = teams.iter().flatten().collect();
    all.sort_unstable();
    if all.iter().any(|id| id.is_empty()) {
        return Err("expected the ids of players, separated by commas");
    }
    if all.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("a player is in a match once");
    }
    Ok(Line { at_ms: (day * DAY_MS).round() as i64, teams, result })
}

impl Replay<'_> {
    /// The first team's chance before the match; then its result counts.
    fn play(&mut self, line: &Line<'_>) -> f64 {
        let teams = [0, 1].map(|team| self.indices(&line.teams[team], line.at_ms));
        let ratings: Vec<Vec<Rating>> = teams
            .iter()
            .map(|team| {
                let idle = |player: &Player| line.at_ms - player.last_ms;
                let players = team.iter().map(|index| &self.players[*index]);
                players.map(|p| rating::aged(p.rating, idle(p), self.params)).collect()
            })
            .collect();
        let chance = rating::win_probabilities(&ratings, self.params)[0];
        let places = match line.result {
            1.0 => [1, 2],
            0.0 => [2, 1],
            _ => [1, 1],
        };
        let streaks = teams
            .each_ref()
            .map(|team| team.iter().map(|index| self.players[*index].streak).collect::<Vec<_>>());
        let ratings = rating::guarded(ratings, &streaks, &places, self.params);
        let updated = rating::update(&ratings, &places, self.params);
        for ((team, place), updated) in teams.iter().zip(places).zip(updated) {
            let ended = outcome(place, &places);
            for (index, rating) in team.iter().zip(updated) {
                let streak = ended.streak(self.players[*index].streak);
                self.players[*index] = Player { rating, last_ms: line.at_ms, streak };
            }
        }
        chance
    }

    fn indices(&mut self, team: &[&str], at_ms: i64) -> Vec<usize> {
        team.iter()
            .map(|id| {
                if let Some(index) = self.known.get(*id) {
                    return *index;
                }
                let rating = self.params.start();
                self.players.push(Player { rating, last_ms: at_ms, streak: 0 });
                self.known.insert((*id).into(), self.players.len() - 1);
                self.players.len() - 1
            })
            .collect()
    }
}
