//! How long others waited, what that says of a ticket's wait, and the numbers of a queue.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::{
    core::now,
    queue::{Queue, waited_ms},
};
use crate::{
    entities::{matches, ticket_players, tickets},
    error::Result,
    game::{
        matches::TicketState,
        mode::{ModeId, RegionId},
    },
};

/// How many of the last waits an estimate is made from, and how far back.
const WAITS: u64 = 128;
const WAITS_WITHIN_MS: i64 = 60 * 60 * 1000;
/// How long the numbers of a queue are good for.
pub(super) const FRESH: Duration = Duration::from_millis(500);

/// The numbers of one queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// Of which mode.
    pub mode: ModeId,
    /// In which region; none: in all.
    pub region: Option<RegionId>,
    /// Players who wait.
    pub players: i32,
    /// Tickets that wait.
    pub tickets: i32,
    /// Matches made in the last minute.
    pub matches_last_minute: i32,
    /// Median of the last waits, in seconds.
    pub median_wait_s: Option<f64>,
    /// The wait that 95 of 100 of the last tickets stayed under, in seconds.
    pub p95_wait_s: Option<f64>,
}

/// How long a ticket waited, in milliseconds, and in which regions.
pub(super) type Wait = (i64, Vec<RegionId>);

impl Queue {
    /// How much longer a ticket will probably wait, in seconds: the median of the last waits that were longer than its
    /// own so far. None without such.
    pub async fn estimated_wait_s(&self, ticket: &tickets::Model) -> Result<Option<f64>> {
        if ticket.state != TicketState::Searching {
            return Ok(None);
        }
        let waited = waited_ms(ticket);
        let waits = self.recent_waits(&ticket.mode).await?;
        let longer: Vec<_> = waits.iter().map(|(ms, _)| *ms).filter(|ms| *ms > waited).collect();
        Ok(quantile(&longer, 0.5).map(|ms| (ms - waited) as f64 / 1000.0))
    }

    async fn recent_waits(&self, mode: &ModeId) -> Result<Arc<Vec<Wait>>> {
        if let Some(waits) = self.waits.get(mode).await {
            return Ok(waits);
        }
        let since = now().plus_ms(-WAITS_WITHIN_MS);
        let rows = tickets::recent_waits(self.core.sql.read(), mode, since, WAITS).await?;
        let mut waits: Vec<_> = rows
            .into_iter()
            .map(|(joined, ended, regions)| {
                let regions: Vec<(RegionId, Option<u32>)> =
                    serde_json::from_str(&regions).unwrap_or_default();
                let ms = ended.map_or(0, |ended| ended.since(joined).max(0));
                (ms, regions.into_iter().map(|(region, _)| region).collect())
            })
            .collect();
        waits.sort_by_key(|(ms, _)| *ms);
        let waits = Arc::new(waits);
        self.waits.insert(mode.clone(), waits.clone()).await;
        Ok(waits)
    }

    /// The numbers of one queue.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode or region.
    pub async fn stats(&self, mode: &str, region: Option<&RegionId>) -> Result<Stats> {
        let mode = self.core.mode("mode", mode)?.id.clone();
        if let Some(region) = region {
            self.core.region("region", region)?;
        }
        let db = self.core.sql.read();
        let here = |regions: &[(RegionId, Option<u32>)]| {
            region.is_none_or(|region| regions.iter().any(|(named, _)| named == region))
        };
        let rows = tickets::searching(db, &mode).await?;
        let waiting: HashSet<_> =
            rows.iter().filter(|row| here(&row.regions())).map(|row| row.id).collect();
        let players = ticket_players::of_queue(db, &mode).await?;
        let players = players.iter().filter(|player| waiting.contains(&player.ticket_id)).count();
        let made = matches::made_since(db, &mode, region, now().plus_ms(-60_000)).await?;
        let waits = self.recent_waits(&mode).await?;
        let waits: Vec<_> = waits
            .iter()
            .filter(|(_, regions)| region.is_none_or(|region| regions.contains(region)))
            .map(|(ms, _)| *ms)
            .collect();
        let seconds = |part| quantile(&waits, part).map(|ms| ms as f64 / 1000.0);
        Ok(Stats {
            players: i32::try_from(players).unwrap_or(i32::MAX),
            tickets: i32::try_from(waiting.len()).unwrap_or(i32::MAX),
            matches_last_minute: i32::try_from(made).unwrap_or(i32::MAX),
            median_wait_s: seconds(0.5),
            p95_wait_s: seconds(0.95),
            region: region.cloned(),
            mode,
        })
    }
}

/// The value that `part` of ascending values stay at or under.
fn quantile(ascending: &[i64], part: f64) -> Option<i64> {
    let last = ascending.len().checked_sub(1)?;
    ascending.get((last as f64 * part).round() as usize).copied()
}
