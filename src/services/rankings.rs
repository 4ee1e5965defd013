//! Leaderboards, standings and their histories.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::FutureExt;

use super::{
    core::{Core, now},
    paging::{Page, Slice},
    watch::{CHUNK, Followers, Log, follow},
};
use crate::{
    backends::documents::{DAY_MS, FEED_DAYS},
    entities::{log_horizons, outbox, rank_changes, rating_points, standings},
    error::{Error, Reason, Result},
    game::{
        event::{LiveEvent, Position, RankChange, Topic},
        ids::{MatchId, SeasonId, UserId},
        mode::ModeId,
        standing::Standing,
        time::Timestamp,
    },
};

const LOG: &str = "ranks";
/// A player's standing, as it is stored or as a newcomer has it.
pub type StandingKey = (UserId, ModeId, SeasonId);

/// See the module.
pub struct Rankings {
    pub(super) core: Arc<Core>,
}

impl Rankings {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The standings of these keys; those who never played are left out.
    pub async fn standings(
        &self,
        keys: &[StandingKey],
    ) -> Result<HashMap<StandingKey, standings::Model>> {
        let mut groups: HashMap<(SeasonId, &ModeId), Vec<UserId>> = HashMap::new();
        for (user, mode, season) in keys {
            groups.entry((*season, mode)).or_default().push(*user);
        }
        let mut found = HashMap::new();
        for ((season, mode), users) in groups {
            for row in standings::of_users(self.core.sql.read(), season, mode, &users).await? {
                found.insert((row.user_id, row.mode.clone(), season), row);
            }
        }
        Ok(found)
    }

    /// The standings of these users in every mode of a season, in the order of the modes' settings.
    pub async fn in_every_mode(
        &self,
        season: SeasonId,
        users: &[UserId],
    ) -> Result<Vec<standings::Model>> {
        let mut rows = standings::in_every_mode(self.core.sql.read(), season, users).await?;
        let modes = self.core.catalog.modes();
        rows.sort_by_key(|row| modes.iter().position(|mode| mode.id == row.mode));
        Ok(rows)
    }

    /// Where a newcomer to a mode stands.
    pub fn newcomer(&self, mode: &ModeId) -> Result<Standing> {
        let mode = self.core.mode("mode", mode.as_str())?;
        let rules = self.core.rules(self.core.season()?.id);
        Ok(Standing::new(&mode.rating, &rules, now()))
    }

    /// A player's place at a moment of a season, by what is known of it now; none while not placed or not listed then.
    ///
    /// # Errors
    /// When the database fails, or takes too long.
    pub async fn rank_at(
        &self,
        (user, mode, season): &StandingKey,
        time: Timestamp,
    ) -> Result<Option<i32>> {
        let time = time.min(self.core.until(*season));
        let tx = self.core.sql.snapshot().await?;
        let Some(own) = rating_points::last_at(&tx, (*user, mode, *season), time).await? else {
            return Ok(None);
        };
        let Some(place) = own.place().filter(|_| own.lapses_at.is_none_or(|at| at > time)) else {
            return Ok(None);
        };
        let ahead = rating_points::ahead_at(&tx, (mode, *season), time, &place).await?;
        Ok(Some(i32::try_from(ahead + 1).unwrap_or(i32::MAX)))
    }

    /// A player's rating changes in a mode and season, oldest first; the cursor is the change's number.
    pub async fn history(
        &self,
        (user, mode, season): StandingKey,
        page: &Page<i64>,
    ) -> Result<Slice<rating_points::Model>> {
        let key = (user, &mode, season);
        let (after, before) = (page.after, page.before);
        let db = self.core.sql.read();
        let rows = rating_points::list(db, key, after, before, page.backward, page.fetch()).await?;
        Ok(page.cut(rows))
    }

    /// What a match did to its players, with their places.
    pub async fn changes_of(&self, id: MatchId) -> Result<Vec<RankChange>> {
        let found = rank_changes::of_matches(self.core.sql.read(), &[id]).await?;
        Ok(found.into_iter().map(|(_, change)| change).collect())
    }

    /// Rating and place changes behind `after`, or from now on, without a gap: of one mode or all, of these users or
    /// (where empty) of everyone.
    ///
    /// # Errors
    /// CONFLICT (CURSOR_EXPIRED) when `after` is older than what is kept.
    pub async fn watch_changes(
        &self,
        mode: Option<ModeId>,
        users: Vec<UserId>,
        after: Option<Position>,
    ) -> Result<Followers<RankChange>> {
        if let Some(mode) = &mode {
            self.core.mode("mode", mode.as_str())?;
        }
        let bus = self.core.bus.subscribe(Topic::Ranks);
        let horizon = log_horizons::of(self.core.sql.read(), LOG).await?;
        let last = checked_cursor(&self.core, after, horizon).await?;
        let core = self.core.clone();
        let (read_mode, read_users) = (mode.clone(), users.clone());
        let wanted: HashSet<_> = users.into_iter().collect();
        let log = Log {
            read: move |last| {
                let (core, mode, users) = (core.clone(), read_mode.clone(), read_users.clone());
                async move {
                    let db = core.sql.read();
                    let changes =
                        rank_changes::list(db, Position(last), mode.as_ref(), &users, CHUNK)
                            .await?;
                    Ok(changes.into_iter().map(|change| (change.position.0, change)).collect())
                }
                .boxed()
            },
            pick: move |event: &LiveEvent| match event {
                LiveEvent::Ranks { mode: of, changes }
                    if mode.as_ref().is_none_or(|mode| mode == of) =>
                {
                    changes
                        .iter()
                        .filter(|change| wanted.is_empty() || wanted.contains(&change.user))
                        .map(|change| (change.position.0, change.clone()))
                        .collect()
                }
                _ => Vec::new(),
            },
        };
        Ok(follow(bus, last.0, after.is_some(), log))
    }

    /// Forgets rank changes and sent facts that are too old at that time to be kept.
    pub async fn expire(&self, now: Timestamp) -> Result<()> {
        let before = now.plus_ms(-FEED_DAYS * DAY_MS);
        let tx = self.core.sql.begin().await?;
        if let Some(forgotten) = rank_changes::forget(&tx, before).await? {
            log_horizons::put(&tx, LOG, forgotten).await?;
        }
        outbox::forget(&tx, before).await?;
        tx.commit().await
    }
}

/// Where a follower of a log begins: behind its cursor, or behind all that is there.
pub async fn checked_cursor(
    core: &Core,
    after: Option<Position>,
    horizon: Position,
) -> Result<Position> {
    let head = Position::of(outbox::last_place(core.sql.read()).await? + 1, 0);
    match after {
        None => Ok(Position(head.0 - 1)),
        Some(after) if after < horizon => Err(Error::conflict(
            Reason::CursorExpired,
            "this cursor is older than what is kept: subscribe without it",
        )),
        Some(after) if after >= head => {
            Err(Error::bad_input("after", "this cursor is not one of this server's"))
        }
        Some(after) => Ok(after),
    }
}
