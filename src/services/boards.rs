//! What the ladder holds: the boards of a season, filled from SQL when they are first needed.

use std::collections::HashMap;

use super::core::Core;
use crate::{
    backends::ladder::BoardId,
    entities::{outbox, seasons, standings, users},
    error::{Error, Result},
    game::{
        event::Fact,
        ids::{SeasonId, UserId},
        mode::{ModeId, RegionId},
        standing::Place,
    },
};

/// Users whose region is read at once.
const CHUNK: usize = 1_000;

/// Fills the boards of a season unless the ladder holds them. They then show what was relayed and nothing else: who has
/// results that are not relayed yet stands where they stood before the first of those, so relaying them gives the same
/// places whenever it happens.
///
/// # Errors
/// BAD_USER_INPUT for an unknown season.
pub async fn ensure(core: &Core, season: SeasonId) -> Result<()> {
    let mut held = core.boards.lock().await;
    if held.contains(&season) {
        return Ok(());
    }
    // One instant: a result that is among the standings is among the facts.
    let tx = core.sql.snapshot().await?;
    if seasons::by_id(&tx, season).await?.is_none() {
        return Err(Error::bad_input("season", "there is no such season"));
    }
    let mut earlier: HashMap<(ModeId, UserId), Option<Place>> = HashMap::new();
    for recorded in outbox::unsent(&tx, u64::MAX >> 1).await? {
        if let Fact::MatchFinished { mode, season: of, players, .. } = recorded.fact
            && of == season
        {
            for player in players {
                earlier.entry((mode.clone(), player.user)).or_insert(player.before);
            }
        }
    }
    let rows = standings::placed(&tx, season).await?;
    let mut regions = HashMap::new();
    let ids: Vec<_> = rows.iter().map(|row| row.user_id).collect();
    for chunk in ids.chunks(CHUNK) {
        for user in users::by_ids(&tx, chunk).await? {
            regions.insert(user.id, user.region);
        }
    }
    drop(tx);
    let mut boards: HashMap<ModeId, Vec<(Place, Option<RegionId>)>> = HashMap::new();
    for row in rows {
        let key = (row.mode.clone(), row.user_id);
        let place = earlier.get(&key).cloned().unwrap_or_else(|| row.place());
        if let Some(place) = place {
            let region = regions.get(&row.user_id).cloned().flatten();
            boards.entry(row.mode).or_default().push((place, region));
        }
    }
    for (mode, places) in boards {
        core.ladder.rebuild(&BoardId { mode, season }, places).await?;
    }
    held.insert(season);
    Ok(())
}
