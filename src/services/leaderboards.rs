//! Leaderboards: pages of them, places on them, and the top as it changes.

use std::time::Duration;

use futures_util::FutureExt;

use super::{
    boards,
    paging::{Page, Slice},
    rankings::Rankings,
    watch::{Live, snapshots},
};
use crate::{
    backends::ladder::{Above, BoardId, Ladder},
    error::{Error, Result},
    game::{
        event::{LiveEvent, Topic},
        ids::{SeasonId, UserId},
        mode::{ModeId, RegionId, Scope},
        standing::{Place, Ties, shown},
    },
};

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

/// Whom of a leaderboard a client asks for.
#[derive(Clone, Debug)]
pub enum Whom {
    /// All of a scope.
    Of(Scope),
    /// These, ranked among themselves.
    These(Vec<UserId>),
}

/// Which leaderboard a client asks for.
#[derive(Clone, Debug)]
pub struct Board {
    /// Of which mode.
    pub mode: ModeId,
    /// Of which season; none: the current one.
    pub season: Option<SeasonId>,
    /// Whom of it.
    pub whom: Whom,
    /// How those are numbered who are shown with the same MMR.
    pub ties: Ties,
}

/// An order of players that a page is cut from.
enum Ranked<'a> {
    /// In the ladder.
    Held(&'a dyn Ladder, BoardId, Scope),
    /// A few, best first.
    Few(Vec<Place>),
}

impl Ranked<'_> {
    async fn len(&self) -> Result<usize> {
        match self {
            Self::Held(ladder, board, scope) => ladder.len(board, scope).await,
            Self::Few(places) => Ok(places.len()),
        }
    }

    async fn ahead_of(&self, place: &Place) -> Result<usize> {
        match self {
            Self::Held(ladder, board, scope) => ladder.ahead_of(board, scope, place).await,
            Self::Few(places) => Ok(places.partition_point(|other| other < place)),
        }
    }

    async fn above(&self, mmr: i32) -> Result<Above> {
        match self {
            Self::Held(ladder, board, scope) => ladder.above(board, scope, mmr).await,
            Self::Few(places) => {
                let above = places.iter().map(|place| shown(place.rating));
                let mut above: Vec<_> = above.take_while(|other| *other > mmr).collect();
                let players = above.len();
                above.dedup();
                Ok(Above { players, ratings: above.len() })
            }
        }
    }

    async fn page(&self, from: usize, limit: usize) -> Result<Vec<Place>> {
        match self {
            Self::Held(ladder, board, scope) => ladder.page(board, scope, from, limit).await,
            Self::Few(places) => Ok(places.iter().skip(from).take(limit).cloned().collect()),
        }
    }

    /// The lines from the `from`-th on.
    async fn entries(&self, from: usize, limit: usize, ties: Ties) -> Result<Vec<Entry>> {
        let places = self.page(from, limit).await?;
        let mut above = match places.first() {
            Some(first) if ties != Ties::Ordinal => self.above(shown(first.rating)).await?,
            _ => Above::default(),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for (place, index) in places.into_iter().zip(from..) {
            let mmr = |entry: &Entry| shown(entry.place.rating);
            if entries.last().is_some_and(|before| mmr(before) != shown(place.rating)) {
                above = Above { players: index, ratings: above.ratings + 1 };
            }
            entries.push(Entry { rank: numbered(index, above, ties), place });
        }
        Ok(entries)
    }
}

/// The number of the `index`-th.
fn numbered(index: usize, above: Above, ties: Ties) -> i32 {
    let before = match ties {
        Ties::Ordinal => index,
        Ties::Competition => above.players,
        Ties::Dense => above.ratings,
    };
    i32::try_from(before + 1).unwrap_or(i32::MAX)
}

impl Rankings {
    async fn board(&self, mode: &ModeId, season: Option<SeasonId>) -> Result<BoardId> {
        self.core.mode("mode", mode.as_str())?;
        let season = season.map_or_else(|| Ok(self.core.season()?.id), Ok::<_, Error>)?;
        boards::ensure(&self.core, season).await?;
        Ok(BoardId { mode: mode.clone(), season })
    }

    async fn ranked(&self, board: &Board) -> Result<Ranked<'_>> {
        let id = self.board(&board.mode, board.season).await?;
        let ladder = &*self.core.ladder;
        match &board.whom {
            Whom::Of(scope) => {
                if let Scope::Region(region) = scope {
                    self.core.region("region", region)?;
                }
                Ok(Ranked::Held(ladder, id, scope.clone()))
            }
            Whom::These(users) => {
                let mut places = Vec::new();
                for user in users {
                    places.extend(ladder.place(&id, *user).await?);
                }
                places.sort();
                places.dedup();
                Ok(Ranked::Few(places))
            }
        }
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
        let ranked = self.ranked(board).await?;
        let total = ranked.len().await?;
        let mut from = 0;
        let mut to = total;
        if let Some(place) = &page.after {
            from = ranked.ahead_of(place).await?;
            let there = ranked.page(from, 1).await?;
            from += usize::from(there.first() == Some(place));
        }
        if let Some(place) = &page.before {
            to = ranked.ahead_of(place).await?;
        }
        if let Some(user) = around {
            let id = self.board(&board.mode, board.season).await?;
            let place = self.core.ladder.place(&id, user).await?.ok_or_else(|| {
                Error::bad_input("around", "this user has no place on this leaderboard yet")
            })?;
            let at = ranked.ahead_of(&place).await?;
            from = at.saturating_sub(page.limit / 2);
        }
        if page.backward {
            from = from.max(to.saturating_sub(page.limit));
        } else {
            to = to.min(from + page.limit);
        }
        let items = ranked.entries(from, to.saturating_sub(from), board.ties).await?;
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
        let scope = region.map_or(Scope::All, Scope::Region);
        let bus = self.core.bus.subscribe(Topic::Boards);
        let core = self.core.clone();
        let watched = mode.clone();
        let matters = move |event: &LiveEvent| match event {
            LiveEvent::Board { mode: changed } => changed.as_ref().is_none_or(|m| *m == watched),
            _ => false,
        };
        let load = move || {
            let (core, mode, scope) = (core.clone(), mode.clone(), scope.clone());
            async move {
                let id = core.board(&mode)?;
                let places = core.ladder.page(&id, &scope, 0, first).await?;
                let entries = (1..).zip(places).map(|(rank, place)| Entry { rank, place });
                Ok((id.season, entries.collect()))
            }
            .boxed()
        };
        Ok(snapshots(bus, BOARD_INTERVAL, matters, load))
    }

    /// A player's place on a leaderboard, 1 is first; none while not placed.
    pub async fn rank(
        &self,
        (user, mode, season): (UserId, &ModeId, SeasonId),
        ties: Ties,
    ) -> Result<Option<i32>> {
        let board = self.board(mode, Some(season)).await?;
        let ladder = &self.core.ladder;
        if ties == Ties::Ordinal {
            return ladder.rank(&board, user).await;
        }
        let Some(place) = ladder.place(&board, user).await? else { return Ok(None) };
        let above = ladder.above(&board, &Scope::All, shown(place.rating)).await?;
        Ok(Some(numbered(0, above, ties)))
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
        let placed = self.core.ladder.len(&board, &Scope::All).await?.max(1) as f64;
        Ok(Some(100.0 * (placed - f64::from(rank)).max(0.0) / placed))
    }
}
