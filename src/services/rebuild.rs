//! Makes what is derived from SQL once more (rule 16), while servers run.

use std::time::{Duration, Instant};

use super::{
    Services, boards,
    core::{Core, now},
    leadership::RELAY,
    ledger,
    patience::patiently,
};
use crate::{
    backends::{
        documents::{Batch, DAY_MS},
        ladder::{BoardId, mirror::Mirror},
    },
    entities::{match_events, match_players, matches, seasons},
    error::{Error, Result},
    game::{event::Pick, ids::MatchId, matches::MatchStatus, mode::Scope},
};

/// Matches read at once.
const CHUNK: u64 = 200;
/// How long an instance may take to make the mirror again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Days for which picks are counted again.
const COUNTED_DAYS: i64 = 30;

/// What is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The ladders of all instances, and their mirror in Redis.
    Ladder,
    /// The document store's feed, notifications, audit trail and timelines.
    Documents,
    /// What was picked how often.
    Counters,
    /// The ratings, histories and standings of the current season, by a replay of its results. It should find nothing
    /// that is stored otherwise.
    Ratings,
}

impl Part {
    /// What the command line calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ladder => "ladder",
            Self::Documents => "documents",
            Self::Counters => "counters",
            Self::Ratings => "ratings",
        }
    }
}

/// Makes one part again and says what was made; `progress` is told what is done so far.
///
/// # Errors
/// When SQL or what is to be made again is away.
pub async fn run(services: &Services, part: Part, progress: impl Fn(String)) -> Result<String> {
    match part {
        Part::Ladder => ladder(services).await,
        Part::Documents => {
            let facts = services.relay.retell(|facts| progress(format!("{facts} facts"))).await?;
            let matches = timelines(&services.core, &progress).await?;
            Ok(format!("documents: of {facts} facts and {matches} matches"))
        }
        Part::Counters => {
            let today = now().0 / DAY_MS;
            for day in (today - COUNTED_DAYS)..=today {
                patiently(|| services.core.documents.count_picks(day)).await?;
            }
            Ok(format!("counters: of {} days", COUNTED_DAYS + 1))
        }
        Part::Ratings => ratings(services, progress).await,
    }
}

/// Running instances read their boards again, and the one that relays makes the mirror again; where none runs, this does.
async fn ladder(services: &Services) -> Result<String> {
    let core = &services.core;
    services.renew_leases().await;
    boards::follow(core).await?;
    if core.leadership.lead(RELAY).is_some() {
        // Facts that no server has told yet are told now.
        while services.relay.run_once().await? > 0 {}
        boards::lead(core).await?;
        services.relay.mend_mirror().await;
        services.step_down().await;
    } else {
        core.bus.gap().await?;
    }
    let mut placed = 0;
    for mode in core.catalog.modes() {
        let board = core.board(&mode.id)?;
        placed += core.ladder.len(&board, &Scope::All).await?;
        if let Some(mirror) = &core.mirror {
            mirrored(core, mirror, &board).await?;
        }
    }
    Ok(format!("ladder: {placed} places in {} modes", core.catalog.modes().len()))
}

/// Waits until the mirror shows as many as there are.
async fn mirrored(core: &Core, mirror: &Mirror, board: &BoardId) -> Result<()> {
    let began = Instant::now();
    while mirror.read(&board.mode).await?.len() != core.ladder.len(board, &Scope::All).await? {
        if began.elapsed() > PATIENCE {
            return Err(Error::internal("the instance that relays does not make the mirror again"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn ratings(services: &Services, progress: impl Fn(String)) -> Result<String> {
    let core = &services.core;
    let season = core.season()?.id;
    let (mut matches, mut changes, mut standings) = (0, 0, 0);
    for mode in core.catalog.modes() {
        let tx = core.sql.begin_long().await?;
        seasons::lock(&tx, season).await?;
        let progress = |done| progress(format!("{}: {done} matches", mode.id));
        let audit = ledger::replay(core, &tx, mode, season, progress).await?;
        tx.commit().await?;
        matches += audit.matches;
        changes += audit.changes_off;
        standings += audit.standings_off;
    }
    if changes + standings > 0 {
        // The boards show what is stored now.
        ladder(services).await?;
    }
    Ok(format!(
        "ratings: {matches} matches replayed; {changes} changes and {standings} standings were stored otherwise"
    ))
}

/// The timelines of all matches, and what was picked in them, which SQL keeps for as long as the matches.
async fn timelines(core: &Core, progress: impl Fn(String)) -> Result<u64> {
    let (mut after, mut done): (Option<MatchId>, u64) = (None, 0);
    loop {
        let filter = matches::Filter::default();
        let db = core.sql.read();
        let rows = matches::list(db, &filter, None, after, true, CHUNK).await?;
        let Some(last) = rows.last() else { return Ok(done) };
        after = Some(last.id);
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let mut batch = Batch::default();
        for id in &ids {
            batch.timelines.push((*id, match_events::list(db, *id, 0, u64::MAX >> 1).await?));
        }
        let players = match_players::of_matches(db, &ids).await?;
        batch.picks = rows
            .iter()
            .filter(|row| row.status == MatchStatus::Completed)
            .flat_map(|row| {
                let played = players.iter().filter(|player| player.match_id == row.id);
                played.filter_map(|player| {
                    Some(Pick {
                        match_id: row.id,
                        mode: row.mode.clone(),
                        user: player.user_id,
                        hero: player.hero.clone()?,
                        at: row.ended_at?,
                    })
                })
            })
            .collect();
        patiently(|| core.documents.append(&batch)).await?;
        done += rows.len() as u64;
        progress(format!("{done} matches"));
    }
}
