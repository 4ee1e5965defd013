//! What the ladder holds: the boards of a season, filled from SQL when they are first needed.

use std::collections::{HashMap, HashSet};

use super::{core::Core, leadership::Lead};
use crate::{
    backends::ladder::{BoardId, mirror::Mirror},
    entities::{outbox, seasons, standings, users},
    error::{Error, Result},
    game::{
        event::LadderChange,
        ids::{SeasonId, UserId},
        mode::{Home, ModeId, Scope},
        standing::Place,
    },
};

/// Users whose home is read at once.
const CHUNK: usize = 1_000;

/// Fills the boards of a season unless the ladder holds them. They then show what was relayed and nothing else: who has
/// results that are not relayed yet stands where they stood before the first of those, so relaying them gives the same
/// places whenever it happens.
///
/// # Errors
/// BAD_USER_INPUT for an unknown season.
pub async fn ensure(core: &Core, season: SeasonId) -> Result<()> {
    let mut boards = core.boards.lock().await;
    fill(core, &mut boards, season).await
}

/// The seasons whose boards the ladder holds, and who keeps them.
#[derive(Default)]
pub struct Boards {
    held: HashSet<SeasonId>,
    /// Whether this instance relays, and so moves players itself; else it does what it hears.
    leading: bool,
}

/// Fills the boards anew, for this instance relays from now on.
pub async fn lead(core: &Core) -> Result<()> {
    if let Some(mirror) = &core.mirror {
        mirror.spoil();
    }
    refill(core, &mut *core.boards.lock().await, true).await
}

/// Fills the boards anew, for another instance relays.
pub async fn follow(core: &Core) -> Result<()> {
    refill(core, &mut *core.boards.lock().await, false).await
}

/// Fills the boards anew after something was missed, unless this instance is the one that relays.
pub async fn look_again(core: &Core) -> Result<()> {
    let mut boards = core.boards.lock().await;
    if !boards.leading {
        return refill(core, &mut boards, false).await;
    }
    // Its own ladder missed nothing; a Redis that was away may have lost the mirror.
    if let Some(mirror) = &core.mirror {
        mirror.spoil();
    }
    Ok(())
}

async fn refill(core: &Core, boards: &mut Boards, leading: bool) -> Result<()> {
    boards.leading = leading;
    boards.held.clear();
    fill(core, boards, core.season()?.id).await
}

/// Fills the boards anew when they are next asked for.
pub async fn distrust(core: &Core) {
    let mut boards = core.boards.lock().await;
    if !boards.leading {
        boards.held.clear();
    }
}

/// Does what the instance that relays has done to its ladder.
pub async fn apply(core: &Core, changes: &[LadderChange]) -> Result<()> {
    // Nobody fills a board meanwhile: what is filled after this knows of it from SQL, what was filled before does not.
    let mut boards = core.boards.lock().await;
    if boards.leading {
        return Ok(());
    }
    for change in changes {
        match change {
            LadderChange::Moves { mode, season, players } => {
                fill(core, &mut boards, *season).await?;
                let board = BoardId { mode: mode.clone(), season: *season };
                core.ladder.submit(&board, players).await?;
            }
            LadderChange::Home { user, home } => {
                core.ladder.set_home(*user, home.clone()).await?;
            }
            LadderChange::Season => {
                core.learn_season().await?;
                fill(core, &mut boards, core.season()?.id).await?;
            }
        }
    }
    Ok(())
}

async fn fill(core: &Core, boards: &mut Boards, season: SeasonId) -> Result<()> {
    if boards.held.contains(&season) {
        return Ok(());
    }
    // One instant: a result that is among the standings is among the facts.
    let tx = core.sql.snapshot().await?;
    if seasons::by_id(&tx, season).await?.is_none() {
        return Err(Error::bad_input("season", "there is no such season"));
    }
    let mut earlier: HashMap<(ModeId, UserId), Option<Place>> = HashMap::new();
    for recorded in outbox::unsent(&tx, u64::MAX >> 1).await? {
        if let Some((mode, of, players)) = recorded.fact.moves()
            && of == season
        {
            for player in players {
                earlier.entry((mode.clone(), player.user)).or_insert_with(|| player.before.clone());
            }
        }
    }
    let rows = standings::placed(&tx, season).await?;
    let mut homes = HashMap::new();
    let ids: Vec<_> = rows.iter().map(|row| row.user_id).collect();
    for chunk in ids.chunks(CHUNK) {
        for user in users::by_ids(&tx, chunk).await? {
            homes.insert(user.id, user.home());
        }
    }
    drop(tx);
    // A mode that nobody is placed in has a board too: an empty one.
    let mut places: HashMap<ModeId, Vec<(Place, Home)>> =
        core.catalog.modes().iter().map(|mode| (mode.id.clone(), Vec::new())).collect();
    for row in rows {
        let key = (row.mode.clone(), row.user_id);
        let place = earlier.get(&key).cloned().unwrap_or_else(|| row.place());
        if let Some(place) = place {
            let home = homes.get(&row.user_id).cloned().unwrap_or_default();
            places.entry(row.mode).or_default().push((place, home));
        }
    }
    for (mode, places) in places {
        core.ladder.rebuild(&BoardId { mode, season }, places).await?;
    }
    boards.held.insert(season);
    Ok(())
}

/// Shows the mirror what a batch of facts did, and shows it everything where it missed something. What fails is tried
/// again with the next batch, or by the janitor.
pub async fn mirror(core: &Core, lead: &Lead, changes: &[LadderChange]) {
    let Some(mirror) = &core.mirror else { return };
    let shown = async {
        if mirror.is_stale() || changes.contains(&LadderChange::Season) {
            mirror.mend();
            return remake(core, mirror, lead).await;
        }
        let current = core.season()?.id;
        for change in changes {
            if let LadderChange::Moves { mode, season, players } = change
                && *season == current
            {
                mirror.put(lead.token, mode, players).await?;
            }
        }
        Ok(())
    };
    if let Err(error) = shown.await {
        tracing::debug!(%error, "the mirror of the leaderboards is behind");
        mirror.spoil();
    }
}

async fn remake(core: &Core, mirror: &Mirror, lead: &Lead) -> Result<()> {
    for mode in core.catalog.modes() {
        let board = core.board(&mode.id)?;
        let places = core.ladder.page(&board, &Scope::All, 0, usize::MAX).await?;
        mirror.replace(lead.token, &mode.id, &places).await?;
    }
    Ok(())
}
