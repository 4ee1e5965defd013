//! What subscribers see of matches.

use std::{collections::HashSet, time::Duration};

use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::{
    core::now,
    matches::Matches,
    patience::patiently,
    watch::{CHUNK, Followed, Followers, Live, Log, follow},
};
use crate::{
    backends::bus::{Signal, Subscription},
    entities::{match_events, matches},
    error::{Error, Result},
    game::{
        event::{LiveEvent, TimelineEvent, Topic},
        ids::MatchId,
        matches::MatchStatus,
        mode::ModeId,
        time::Timestamp,
    },
};

/// The most matches that `liveMatches` shows at first.
const OPEN_MAX: u64 = 100;
/// A match is looked at this often, even when nothing is heard.
const IDLE: Duration = Duration::from_secs(600);

impl Matches {
    /// A match now and at each change of its status; for spectators as it stood a while ago, where its mode says so.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match.
    pub async fn watch(&self, id: MatchId, spectates: bool) -> Result<Live<matches::Model>> {
        let mut bus = self.core.bus.subscribe(Topic::Match(id));
        let mut row = self.get(id).await?.ok_or(Error::NotFound("match"))?;
        let past = self.past(&row, spectates);
        let core = self.core.clone();
        Ok(Box::pin(async_stream::try_stream! {
            let mut shown = None;
            loop {
                let (seen, due) = past.of(&row, now());
                let over = !seen.status.is_open();
                if shown.as_ref() != Some(&seen) {
                    shown = Some(seen.clone());
                    yield seen;
                }
                if over {
                    return;
                }
                let wait = due.map_or(IDLE, |at| Duration::from_millis(at.since(now()).max(0).unsigned_abs()));
                let Ok(changed) = timeout(wait, changed(&mut *bus)).await else { continue };
                if !changed {
                    return;
                }
                let fresh = patiently(|| async { matches::by_id(core.sql.read(), id).await }).await?;
                let Some(fresh) = fresh else { return };
                row = fresh;
            }
        }))
    }

    /// How far from now this match is seen.
    fn past(&self, row: &matches::Model, spectates: bool) -> Past {
        let mode = self.core.mode("mode", row.mode.as_str()).ok();
        let delay = mode
            .filter(|_| spectates)
            .map_or((0, 0), |mode| (mode.spectator_delay_ms, mode.ready_check_ms));
        Past { delay_ms: delay.0, ready_check_ms: delay.1 }
    }

    /// A match as spectators see it.
    pub fn as_spectated(&self, row: &matches::Model) -> matches::Model {
        self.past(row, true).of(row, now()).0
    }

    /// A match's timeline behind `after`, then live; completes when the match is over. Spectators hear of each event a while
    /// later, where its mode says so.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match, BAD_USER_INPUT for a cursor that is not one of its.
    pub async fn watch_timeline(
        &self,
        id: MatchId,
        after: Option<i64>,
        spectates: bool,
    ) -> Result<Followers<TimelineEvent>> {
        let bus = self.core.bus.subscribe(Topic::Match(id));
        let row = self.get(id).await?.ok_or(Error::NotFound("match"))?;
        let last = match_events::last_position(self.core.sql.read(), id).await?;
        let after = after.unwrap_or(0);
        if !(0..=last).contains(&after) {
            return Err(Error::bad_input("after", "this cursor is not one of this match's"));
        }
        let (core, db) = (self.core.clone(), self.core.clone());
        let log = Log {
            read: move |after| {
                let core = core.clone();
                async move {
                    let events = match_events::list(core.sql.read(), id, after, CHUNK).await?;
                    Ok(events.into_iter().map(|event| (event.position, event)).collect())
                }
                .boxed()
            },
            pick: |event: &LiveEvent| match event {
                LiveEvent::Timeline { events, .. } => {
                    events.iter().map(|event| (event.position, event.clone())).collect()
                }
                _ => Vec::new(),
            },
        };
        let over = !row.status.is_open();
        let delay_ms = self.past(&row, spectates).delay_ms;
        let Followers { since, entries: mut events } = follow(bus, after, true, log);
        let entries = Box::pin(async_stream::try_stream! {
            let mut shown = after;
            while !(over && shown >= last) {
                let Some(told) = events.next().await else { break };
                let Followed::Entry(place, event) = told? else {
                    yield Followed::CaughtUp;
                    continue;
                };
                let early = event.recorded_at.plus_ms(delay_ms).since(now());
                if let Ok(early) = u64::try_from(early) && delay_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(early)).await;
                }
                let ends = matches!(event.kind.as_str(), "MATCH_COMPLETED" | "MATCH_CANCELLED");
                shown = place;
                yield Followed::Entry(place, event);
                // The last line of every timeline. A game server's own event of that name is not the end.
                if !ends {
                    continue;
                }
                let row = patiently(|| async { matches::by_id(db.sql.read(), id).await }).await?;
                if row.is_none_or(|row| !row.status.is_open()) {
                    break;
                }
            }
        });
        Ok(Followers { since, entries })
    }

    /// Matches as they are made and finished: those that are open now, then each that is made or over.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode.
    pub async fn watch_all(&self, mode: Option<ModeId>) -> Result<Followers<matches::Model>> {
        if let Some(mode) = &mode {
            self.core.mode("mode", mode.as_str())?;
        }
        let mut bus = self.core.bus.subscribe(Topic::Matches);
        let core = self.core.clone();
        let open = matches::open(core.sql.read(), mode.as_ref(), OPEN_MAX).await?;
        let entries = Box::pin(async_stream::try_stream! {
            // Those that were shown open: after a gap, what became of them is shown too.
            let mut shown = HashSet::new();
            for row in open {
                shown.insert(row.id);
                yield Followed::Entry(0, row);
            }
            yield Followed::CaughtUp;
            while let Some(signal) = bus.next().await {
                let mut ids = Vec::new();
                match signal {
                    Signal::Event(event) => {
                        let LiveEvent::Match { match_id, mode: of, status, made, .. } = &*event else {
                            continue;
                        };
                        let wanted = mode.as_ref().is_none_or(|mode| mode == of);
                        if wanted && (*made || !status.is_open()) {
                            ids.push(*match_id);
                        }
                    }
                    Signal::Gap => {
                        let open = || async {
                            matches::open(core.sql.read(), mode.as_ref(), OPEN_MAX).await
                        };
                        let open: HashSet<_> =
                            patiently(open).await?.into_iter().map(|row| row.id).collect();
                        ids.extend(open.symmetric_difference(&shown));
                        ids.sort_unstable();
                    }
                }
                if ids.is_empty() {
                    continue;
                }
                let rows = || async { matches::by_ids(core.sql.read(), &ids).await };
                for row in patiently(rows).await? {
                    // What was made while the open ones were read is among them.
                    let known = if row.status.is_open() {
                        !shown.insert(row.id)
                    } else {
                        shown.remove(&row.id);
                        false
                    };
                    if !known {
                        yield Followed::Entry(0, row);
                    }
                }
            }
        });
        Ok(Followers { since: 0, entries })
    }
}

/// Waits until a match may have changed, and takes what came meanwhile as one change; false when nothing will come.
async fn changed(bus: &mut dyn Subscription) -> bool {
    loop {
        match bus.next().await {
            Some(Signal::Event(event)) if !matches!(&*event, LiveEvent::Match { .. }) => {}
            Some(_) => break,
            None => return false,
        }
    }
    while let Some(Some(_)) = bus.next().now_or_never() {}
    true
}

/// How far from now a match is seen.
#[derive(Clone, Copy)]
struct Past {
    delay_ms: i64,
    ready_check_ms: i64,
}

impl Past {
    /// The match as it stood then, and when that picture of it changes next.
    fn of(self, row: &matches::Model, now: Timestamp) -> (matches::Model, Option<Timestamp>) {
        let mut seen = row.clone();
        if self.delay_ms == 0 {
            return (seen, None);
        }
        // What nobody is shown is no change.
        (seen.result_hash, seen.deadline_at) = (None, None);
        let then = now.plus_ms(-self.delay_ms);
        let later = |at: Option<Timestamp>| at.filter(|at| *at > then);
        let mut next = None;
        if let Some(at) = later(row.voided_at) {
            next = Some(at);
            seen.voided_at = None;
            seen.void_reason = None;
        }
        if let Some(at) = later(row.ended_at) {
            next = Some(at);
            seen.ended_at = None;
            seen.team_results = None;
            seen.reported_by = None;
            seen.cancel_reason = None;
            seen.status = MatchStatus::InProgress;
        }
        let started = row.started_at.is_some_and(|at| at <= then);
        if let Some(at) = later(row.started_at) {
            next = Some(at);
            seen.started_at = None;
        }
        // When everybody had accepted is not written down: the check counts as open for as long as it might have been.
        if seen.status == MatchStatus::InProgress && !started {
            let checked_until = row.created_at.plus_ms(self.ready_check_ms);
            let checking = self.ready_check_ms > 0 && then < checked_until;
            seen.status = if checking { MatchStatus::ReadyCheck } else { MatchStatus::Pending };
            if checking {
                next = Some(next.map_or(checked_until, |at| at.min(checked_until)));
            }
        }
        (seen, next.map(|at| at.plus_ms(self.delay_ms)))
    }
}
