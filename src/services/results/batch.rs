//! Several results in one transaction, with as many statements as one of them would take.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{Moved, Seat, finished, play_out, rating_point, scores};
use crate::{
    backends::sql::Tx,
    entities::{engagements, match_players, matches, rating_points, seasons, standings, users},
    error::{Error, Reason, Result},
    game::{
        ids::{MatchId, SeasonId, UserId},
        matches::MatchStatus,
        mode::{Mode, ModeId},
        penalty::Misdeed,
        standing::Standing,
        time::Timestamp,
    },
    services::{
        audit::{self, Act, Entry, acting},
        core::{Core, Told, Written, now},
        matches::wrong_state,
        penalties::punish,
        reports::{TeamResult, check, checked_end, fingerprint},
        timelines::{own_event, since_start, tell_all},
    },
};

/// What a game server says about a match.
pub struct Report {
    /// Which.
    pub id: MatchId,
    /// In the order of their indices.
    pub teams: Vec<TeamResult>,
    /// When it ended; none: now.
    pub ended_at: Option<Timestamp>,
    /// Who says so.
    pub by: Act,
    /// The trace that the request belongs to.
    pub trace: Option<String>,
}

impl Report {
    /// Writes it down where it is a person's.
    pub async fn audit(&self, core: &Core, tx: &Tx, row: &matches::Model) -> Result<()> {
        let placements: Vec<_> = self.teams.iter().map(|team| team.placement).collect();
        let data = serde_json::json!({
            "before": {"status": MatchStatus::InProgress.as_str()},
            "after": {"status": row.status.as_str(), "placements": placements},
        });
        let entry = Entry::new("MATCH_REPORTED", self.id, data);
        acting(self.by.clone(), audit::append_of_person(core, tx, entry)).await
    }
}

/// What became of a report.
pub enum Applied {
    /// The match is over.
    Now(Box<matches::Model>, Written),
    /// It was over, with this result.
    Before(Box<matches::Model>),
    /// Somebody in it has a later result: nothing was changed.
    Late,
}

/// What is to be done with a report.
pub enum Decision<'a> {
    /// The match ends at that time, with that fingerprint of the result.
    Apply { mode: &'a Arc<Mode>, at: Timestamp, hash: String },
    /// It has ended with this result.
    Before,
}

/// A result that is to be applied.
struct Pending<'a> {
    /// Which of the reports.
    index: usize,
    report: &'a Report,
    mode: &'a Arc<Mode>,
    row: matches::Model,
    at: Timestamp,
    seats: Vec<match_players::Model>,
}

/// Everybody in a batch, whom no other result moves meanwhile.
struct People {
    users: HashMap<UserId, users::Model>,
    standings: HashMap<(SeasonId, ModeId, UserId), Standing>,
    /// Whose standing is stored already.
    stored: HashSet<(SeasonId, ModeId, UserId)>,
}

/// Applies reports, of which no two are of the same match: those that can be applied are so together or not at all.
///
/// # Errors
/// When the database fails. What is wrong with a report is its own answer.
pub async fn apply(core: &Core, reports: &[Arc<Report>]) -> Result<Vec<Result<Applied>>> {
    let tx = core.sql.begin().await?;
    let now = now();
    let ids: Vec<_> = reports.iter().map(|report| report.id).collect();
    let mut rows: HashMap<_, _> =
        matches::lock_all(&tx, &ids).await?.into_iter().map(|row| (row.id, row)).collect();
    let mut seats: HashMap<_, Vec<_>> = HashMap::new();
    for seat in match_players::of_matches(&tx, &ids).await? {
        seats.entry(seat.match_id).or_default().push(seat);
    }
    let mut answers: Vec<Option<Result<Applied>>> = reports.iter().map(|_| None).collect();
    let mut pending = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        let Some(row) = rows.remove(&report.id) else {
            answers[index] = Some(Err(Error::NotFound("match")));
            continue;
        };
        let seats = seats.remove(&report.id).unwrap_or_default();
        match decide(core, report, &row, &seats, now) {
            Ok(Decision::Before) => answers[index] = Some(Ok(Applied::Before(Box::new(row)))),
            Ok(Decision::Apply { mode, at, hash }) => {
                let row = completed(row, report, at, hash)?;
                pending.push(Pending { index, report, mode, row, at, seats });
            }
            Err(error) => answers[index] = Some(Err(error)),
        }
    }
    // They take effect in the order in which the matches ended.
    pending.sort_by_key(|result| (result.at, result.row.id));
    let mut people = People::lock(core, &tx, &pending).await?;
    let mut done = Vec::new();
    for result in pending {
        match people.play(core, &result)? {
            Some(moved) => done.push((result, moved)),
            None => answers[result.index] = Some(Ok(Applied::Late)),
        }
    }
    if !done.is_empty() {
        let told = store(core, &tx, &done, &people.stored, now).await?;
        for (result, _) in &done {
            result.report.audit(core, &tx, &result.row).await?;
        }
        let written = core.commit_all(tx, &told).await?;
        metrics::histogram!("rankedhonor_results_together").record(done.len() as f64);
        for ((result, _), written) in done.into_iter().zip(written) {
            let mode = result.row.mode.to_string();
            metrics::counter!("rankedhonor_results_total", "mode" => mode).increment(1);
            answers[result.index] = Some(Ok(Applied::Now(Box::new(result.row), written)));
        }
    }
    let unanswered = || Err(Error::internal("a report without an answer"));
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect())
}

/// What is to be done with a report of a match that nobody else changes.
///
/// # Errors
/// As [`Matches::report`](super::Matches::report).
pub fn decide<'a>(
    core: &'a Core,
    report: &Report,
    row: &matches::Model,
    seats: &[match_players::Model],
    now: Timestamp,
) -> Result<Decision<'a>> {
    let mode = core.mode("mode", row.mode.as_str())?;
    check(&report.teams, mode, seats)?;
    let hash = fingerprint(&report.teams)?;
    match (row.status, &row.result_hash) {
        (MatchStatus::InProgress, _) => {
            Ok(Decision::Apply { mode, at: checked_end(report.ended_at, row, now)?, hash })
        }
        (MatchStatus::Completed, Some(reported))
            if *reported == hash && report.ended_at.is_none_or(|at| row.ended_at == Some(at)) =>
        {
            Ok(Decision::Before)
        }
        (MatchStatus::Completed, _) => {
            let message = "this match was reported already, with another result";
            Err(Error::conflict(Reason::ResultDiffers, message))
        }
        (status, _) => Err(wrong_state("only a match that is IN_PROGRESS has a result", status)),
    }
}

/// A match as its result leaves it.
pub fn completed(
    row: matches::Model,
    report: &Report,
    at: Timestamp,
    hash: String,
) -> Result<matches::Model> {
    Ok(matches::Model {
        status: MatchStatus::Completed,
        ended_at: Some(at),
        deadline_at: None,
        result_hash: Some(hash),
        reported_by: report.by.actor.clone(),
        team_results: Some(scores(&report.teams)?),
        ..row
    })
}

impl People {
    async fn lock(core: &Core, tx: &Tx, pending: &[Pending<'_>]) -> Result<Self> {
        let seasons: BTreeSet<_> = pending.iter().map(|result| result.row.season_id).collect();
        for season in seasons {
            seasons::share(tx, season).await?;
        }
        let seats = || pending.iter().flat_map(|result| &result.seats);
        let ids: BTreeSet<_> = seats().map(|seat| seat.user_id).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let users = users::lock(tx, &ids).await?.into_iter().map(|user| (user.id, user)).collect();
        let mut boards: HashMap<(SeasonId, ModeId), (&Mode, Vec<UserId>)> = HashMap::new();
        for result in pending {
            let board = (result.row.season_id, result.row.mode.clone());
            let (_, members) = boards.entry(board).or_insert((result.mode, Vec::new()));
            members.extend(result.seats.iter().map(|seat| seat.user_id));
        }
        let (mut standings, mut stored) = (HashMap::new(), HashSet::new());
        for ((season, id), (mode, members)) in boards {
            for row in standings::of_users(tx, season, &id, &members).await? {
                stored.insert((season, id.clone(), row.user_id));
                standings.insert((season, id.clone(), row.user_id), row.standing());
            }
            for (user, carried) in core.carried(tx, season, mode, &members).await? {
                standings.entry((season, id.clone(), user)).or_insert(carried);
            }
        }
        Ok(Self { users, standings, stored })
    }

    /// What a result does to everybody in it; none where one of them has a later result.
    fn play(&mut self, core: &Core, result: &Pending<'_>) -> Result<Option<Vec<Moved>>> {
        let key = |user| (result.row.season_id, result.row.mode.clone(), user);
        let mut seats = Vec::new();
        for seat in &result.seats {
            let user = self.users.get(&seat.user_id).ok_or(Error::NotFound("user"))?.clone();
            let standing = self.standings.get(&key(user.id)).cloned();
            // Another result took effect in between, of a match that ended later: this one is worked out before it.
            let later = |standing: &Standing| {
                standing.has_played() && standing.last_match_at.is_some_and(|at| at >= result.at)
            };
            if standing.as_ref().is_some_and(later) {
                return Ok(None);
            }
            seats.push(Seat { seat: seat.clone(), user, standing });
        }
        let rules = core.rules(result.row.season_id);
        let moved = play_out(result.mode, &rules, seats, &result.report.teams, result.at);
        for m in &moved {
            self.standings.insert(key(m.user.id), m.after.clone());
        }
        Ok(Some(moved))
    }
}

/// Stores what results did, and says what others are told of each.
async fn store(
    core: &Core,
    tx: &Tx,
    done: &[(Pending<'_>, Vec<Moved>)],
    stored: &HashSet<(SeasonId, ModeId, UserId)>,
    now: Timestamp,
) -> Result<Vec<Told>> {
    let ids: Vec<MatchId> = done.iter().map(|(result, _)| result.row.id).collect();
    matches::put(tx, done.iter().map(|(result, _)| result.row.clone()).collect()).await?;
    engagements::release_matches(tx, &ids).await?;
    let moved = || done.iter().flat_map(|(result, moved)| moved.iter().map(move |m| (result, m)));
    match_players::put(tx, moved().map(|(_, m)| m.seat.clone()).collect()).await?;
    // Of somebody with several results the last counts.
    let mut latest = HashMap::new();
    for (result, m) in moved() {
        let season = result.row.season_id;
        let rules = core.rules(season);
        let row = standings::Model::of(m.user.id, (result.mode, &rules), season, &m.after);
        latest.insert((m.user.id, &result.mode.id, season), row);
    }
    // Those that are new are added: to store what may be there locks, on MySQL, the gap that others want to add to.
    let (old, new) = latest.into_values().partition(|row: &standings::Model| {
        stored.contains(&(row.season_id, row.mode.clone(), row.user_id))
    });
    standings::put(tx, old).await?;
    standings::add(tx, new).await?;
    let points = moved().map(|(result, m)| rating_point(&result.row, m, result.at));
    rating_points::add(tx, points.collect()).await?;
    let events = done.iter().map(|(result, _)| {
        let at = since_start(&result.row, result.at);
        (result.row.id, vec![own_event("MATCH_COMPLETED", at, now)])
    });
    let timelines = tell_all(tx, events.collect()).await?;
    let told = done.iter().zip(timelines).map(|((result, moved), timeline)| Told {
        facts: vec![finished(&result.row, moved, now), timeline],
        trace: result.report.trace.clone(),
    });
    let mut told: Vec<_> = told.collect();
    let left = moved().filter(|(_, m)| m.seat.abandoned);
    let left: Vec<_> = left.map(|(_, m)| (m.user.id, Misdeed::Abandoned)).collect();
    if let Some(first) = told.first_mut() {
        // Before what the report is answered with.
        first.facts.splice(0..0, punish(tx, &left, now).await?);
    }
    Ok(told)
}
