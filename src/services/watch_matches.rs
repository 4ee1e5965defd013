//! What subscribers see of matches.

use std::collections::HashSet;

use futures_util::FutureExt;

use super::{
    matches::Matches,
    watch::{CHUNK, Live, Log, follow, patiently},
};
use crate::{
    backends::bus::Signal,
    entities::{match_events, matches},
    error::{Error, Result},
    game::{
        event::{LiveEvent, TimelineEvent, Topic},
        ids::MatchId,
        mode::ModeId,
    },
};

/// The most matches that `liveMatches` shows at first.
const OPEN_MAX: u64 = 100;

impl Matches {
    /// A match now and at each change of its status.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match.
    pub async fn watch(&self, id: MatchId) -> Result<Live<matches::Model>> {
        let mut bus = self.core.bus.subscribe(Topic::Match(id));
        let first = self.get(id).await?.ok_or(Error::NotFound("match"))?;
        let core = self.core.clone();
        Ok(Box::pin(async_stream::try_stream! {
            let over = !first.status.is_open();
            yield first;
            if over {
                return;
            }
            while let Some(signal) = bus.next().await {
                let matters = match &signal {
                    Signal::Event(event) => matches!(&**event, LiveEvent::Match { .. }),
                    Signal::Gap => true,
                };
                if !matters {
                    continue;
                }
                let row = patiently(|| async { matches::by_id(core.sql.read(), id).await }).await?;
                let Some(row) = row else { break };
                let over = !row.status.is_open();
                yield row;
                if over {
                    break;
                }
            }
        }))
    }

    /// A match's timeline behind `after`, then live; completes when the match is over.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match, BAD_USER_INPUT for a cursor that is not one of its.
    pub async fn watch_timeline(
        &self,
        id: MatchId,
        after: Option<i64>,
    ) -> Result<Live<TimelineEvent>> {
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
        let mut events = follow(bus, after, true, log);
        Ok(Box::pin(async_stream::try_stream! {
            let mut shown = after;
            while !(over && shown >= last) {
                let Some(event) = futures_util::StreamExt::next(&mut events).await else { break };
                let event = event?;
                let ends = matches!(event.kind.as_str(), "MATCH_COMPLETED" | "MATCH_CANCELLED");
                shown = event.position;
                yield event;
                // The last line of every timeline. A game server's own event of that name is not the end.
                if !ends {
                    continue;
                }
                let row = patiently(|| async { matches::by_id(db.sql.read(), id).await }).await?;
                if row.is_none_or(|row| !row.status.is_open()) {
                    break;
                }
            }
        }))
    }

    /// Matches as they are made and finished: those that are open now, then each that is made or over.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode.
    pub async fn watch_all(&self, mode: Option<ModeId>) -> Result<Live<matches::Model>> {
        if let Some(mode) = &mode {
            self.core.mode("mode", mode.as_str())?;
        }
        let mut bus = self.core.bus.subscribe(Topic::Matches);
        let core = self.core.clone();
        let open = matches::open(core.sql.read(), mode.as_ref(), OPEN_MAX).await?;
        Ok(Box::pin(async_stream::try_stream! {
            // Those that were shown open: after a gap, what became of them is shown too.
            let mut shown = HashSet::new();
            for row in open {
                shown.insert(row.id);
                yield row;
            }
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
                    if row.status.is_open() {
                        shown.insert(row.id);
                    } else {
                        shown.remove(&row.id);
                    }
                    yield row;
                }
            }
        }))
    }
}
