//! Leaderboards, standings and their histories.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;

use super::{
    boards,
    core::{Core, now},
    feed::KEPT_DAYS,
    paging::{Page, Slice},
    watch::{CHUNK, Live, Log, follow, snapshots},
};
use crate::{
    backends::ladder::BoardId,
    entities::{log_horizons, outbox, rank_changes, rating_points, standings},
    error::{Error, Reason, Result},
    game::{
        event::{LiveEvent, Position, RankChange, Topic},
        ids::{MatchId, SeasonId, UserId},
        mode::{ModeId, RegionId},
        standing::{Place, Standing},
    },
};

const LOG: &str = "ranks";
/// The fewest milliseconds between two pictures of a leaderboard.
const BOARD_INTERVAL: Duration = Duration::from_millis(250);

/// A line of a leaderboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// 1 is first.
    pub rank: i32,
    /// Who, and by what they are ordered.
    pub place: Place,
}

/// Which leaderboard a client asks for.
#[derive(Clone, Debug)]
pub struct Board {
    /// Of which mode.
    pub mode: ModeId,
    /// Of which season; none: the current one.
    pub season: Option<SeasonId>,
    /// Only players of that region, ranked among themselves.
    pub region: Option<RegionId>,
}

/// A player's standing, as it is stored or as a newcomer has it.
pub type StandingKey = (UserId, ModeId, SeasonId);

/// See the module.
pub struct Rankings {
    core: Arc<Core>,
}

impl Rankings {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    async fn board(&self, mode: &ModeId, season: Option<SeasonId>) -> Result<BoardId> {
        self.core.mode("mode", mode.as_str())?;
        let season = season.map_or_else(|| Ok(self.core.season()?.id), Ok::<_, Error>)?;
        boards::ensure(&self.core, season).await?;
        Ok(BoardId { mode: mode.clone(), season })
    }

    /// A page of a leaderboard, best first, and how many stand on it.
    ///
    /// # Errors
    /// BAD_USER_INPUT when `around` names somebody without a place.
    pub async fn page(
        &self,
        board: &Board,
        around: Option<UserId>,
        page: &Page<Place>,
    ) -> Result<(Slice<Entry>, usize)> {
        let (id, region) = (self.board(&board.mode, board.season).await?, board.region.as_ref());
        if let Some(region) = region {
            self.core.region("region", region)?;
        }
        let ladder = &self.core.ladder;
        let total = ladder.len(&id, region).await?;
        let mut from = 0;
        let mut to = total;
        if let Some(place) = &page.after {
            from = ladder.ahead_of(&id, region, place).await?;
            let there = ladder.page(&id, region, from, 1).await?;
            from += usize::from(there.first() == Some(place));
        }
        if let Some(place) = &page.before {
            to = ladder.ahead_of(&id, region, place).await?;
        }
        if let Some(user) = around {
            let place = ladder.place(&id, user).await?.ok_or_else(|| {
                Error::bad_input("around", "this user has no place on this leaderboard yet")
            })?;
            let at = ladder.ahead_of(&id, region, &place).await?;
            from = at.saturating_sub(page.limit / 2);
        }
        if page.backward {
            from = from.max(to.saturating_sub(page.limit));
        } else {
            to = to.min(from + page.limit);
        }
        let places = ladder.page(&id, region, from, to.saturating_sub(from)).await?;
        let entries = places.into_iter().enumerate().map(|(i, place)| Entry {
            rank: i32::try_from(from + i + 1).unwrap_or(i32::MAX),
            place,
        });
        let items: Vec<_> = entries.collect();
        let slice = Slice { has_next: from + items.len() < total, has_previous: from > 0, items };
        Ok((slice, total))
    }

    /// The top of a mode's current leaderboard, or of a region's part of it, with its season: now and whenever it changes,
    /// at most four times a second.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode or region.
    pub async fn watch_board(
        &self,
        mode: ModeId,
        region: Option<RegionId>,
        first: usize,
    ) -> Result<Live<(SeasonId, Vec<Entry>)>> {
        self.board(&mode, None).await?;
        if let Some(region) = &region {
            self.core.region("region", region)?;
        }
        let bus = self.core.bus.subscribe(Topic::Boards);
        let core = self.core.clone();
        let watched = mode.clone();
        let matters = move |event: &LiveEvent| match event {
            LiveEvent::Board { mode: changed } => changed.as_ref().is_none_or(|m| *m == watched),
            _ => false,
        };
        let load = move || {
            let (core, mode, region) = (core.clone(), mode.clone(), region.clone());
            async move {
                let id = core.board(&mode)?;
                let places = core.ladder.page(&id, region.as_ref(), 0, first).await?;
                let entries = (1..).zip(places).map(|(rank, place)| Entry { rank, place });
                Ok((id.season, entries.collect()))
            }
            .boxed()
        };
        Ok(snapshots(bus, BOARD_INTERVAL, matters, load))
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

    /// The standings of these users in every mode of a season.
    pub async fn in_every_mode(
        &self,
        season: SeasonId,
        users: &[UserId],
    ) -> Result<Vec<standings::Model>> {
        standings::in_every_mode(self.core.sql.read(), season, users).await
    }

    /// Where a newcomer to a mode stands.
    pub fn newcomer(&self, mode: &ModeId) -> Result<Standing> {
        let mode = self.core.mode("mode", mode.as_str())?;
        Ok(Standing::new(&mode.rating, &self.core.catalog.ladder, now()))
    }

    /// A player's place on a leaderboard, 1 is first; none while not placed.
    pub async fn rank(&self, user: UserId, mode: &ModeId, season: SeasonId) -> Result<Option<i32>> {
        let board = self.board(mode, Some(season)).await?;
        self.core.ladder.rank(&board, user).await
    }

    /// The part of a leaderboard that stands behind a player, in percent: 0 for the last, just under 100 for the first of
    /// many; none while not placed.
    pub async fn percentile(
        &self,
        user: UserId,
        mode: &ModeId,
        season: SeasonId,
    ) -> Result<Option<f64>> {
        let board = self.board(mode, Some(season)).await?;
        let Some(rank) = self.core.ladder.rank(&board, user).await? else { return Ok(None) };
        let placed = self.core.ladder.len(&board, None).await?.max(1) as f64;
        Ok(Some(100.0 * (placed - f64::from(rank)).max(0.0) / placed))
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
        rank_changes::of_match(self.core.sql.read(), id).await
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
    ) -> Result<Live<RankChange>> {
        if let Some(mode) = &mode {
            self.core.mode("mode", mode.as_str())?;
        }
        let bus = self.core.bus.subscribe(Topic::Ranks);
        let horizon = log_horizons::of(self.core.sql.read(), LOG).await?;
        let last = checked_cursor(&self.core, after, horizon)?;
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

    /// Forgets rank changes and sent facts that are older than is kept.
    pub async fn expire(&self) -> Result<()> {
        let before = now().plus_ms(-KEPT_DAYS * 86_400_000);
        let tx = self.core.sql.begin().await?;
        if let Some(forgotten) = rank_changes::forget(&tx, before).await? {
            log_horizons::put(&tx, LOG, forgotten).await?;
        }
        outbox::forget(&tx, before).await?;
        Ok(tx.commit().await?)
    }
}

/// Where a follower of a log begins: behind its cursor, or behind all that is there.
pub fn checked_cursor(core: &Core, after: Option<Position>, horizon: Position) -> Result<Position> {
    let head = Position::of(*core.relayed.borrow() + 1, 0);
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
