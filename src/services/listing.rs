//! Who leaves the leaderboard without playing: those who are away for too long, and everybody at the end of a season, who
//! is told where they stood.

use std::collections::HashMap;

use super::{core::now, rankings::Rankings, results::place_of};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{matches, season_results, seasons, standings, users},
    error::Result,
    game::{
        event::{Fact, FinalPlace, PlayerMove},
        ids::UserId,
        mode::ModeId,
        standing::shown,
    },
};

/// Players in one transaction, and in one fact.
const CHUNK: usize = 500;

impl Rankings {
    /// Takes those off the leaderboards of the current season who have not played for so long, or have become so uncertain,
    /// that they are not listed. Says how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lapse(&self) -> Result<usize> {
        let mut lapsed = 0;
        loop {
            let some = retrying(|| self.try_lapse()).await?;
            lapsed += some;
            if some < CHUNK {
                return Ok(lapsed);
            }
        }
    }

    async fn try_lapse(&self) -> Result<usize> {
        let season = self.core.season()?.id;
        if standings::lapsing(self.core.sql.read(), season, now(), 1).await?.is_empty() {
            return Ok(0);
        }
        let tx = self.core.sql.begin().await?;
        seasons::share(&tx, season).await?;
        let now = now();
        let found = standings::lapsing(&tx, season, now, CHUNK as u64).await?;
        let ids: Vec<_> = found.iter().map(|row| row.user_id).collect();
        // Nobody's result moves them meanwhile; whoever has just played is not among them any more.
        let people: HashMap<_, _> =
            users::lock(&tx, &ids).await?.into_iter().map(|user| (user.id, user)).collect();
        let mut rows = standings::lapsing(&tx, season, now, CHUNK as u64).await?;
        rows.retain(|row| people.contains_key(&row.user_id));
        let moves = moves_off(&mut rows, &people);
        let looked_at = found.len();
        standings::put(&tx, rows).await?;
        let facts: Vec<_> = moves
            .into_iter()
            .map(|(mode, players)| Fact::Lapsed { mode, season, players, at: now })
            .collect();
        self.core.commit(tx, &facts).await?;
        Ok(looked_at)
    }

    /// Tells everybody who was listed at the end of a season where they stood, once the last match of it is over. Whoever
    /// hands out rewards reads that from the outbox; cut off anywhere, it goes on with those who were not told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_seasons(&self) -> Result<()> {
        for season in seasons::unsettled(self.core.sql.read()).await? {
            if matches::open_in_season(self.core.sql.read(), season.id, None).await? > 0 {
                continue;
            }
            let mut boards: HashMap<ModeId, Vec<standings::Model>> = HashMap::new();
            for row in standings::placed(self.core.sql.read(), season.id).await? {
                boards.entry(row.mode.clone()).or_default().push(row);
            }
            for (mode, rows) in boards {
                self.tell_places(&season, &mode, rows).await?;
            }
            let tx = self.core.sql.begin().await?;
            seasons::settle(&tx, season.id, now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn tell_places(
        &self,
        season: &seasons::Model,
        mode: &ModeId,
        rows: Vec<standings::Model>,
    ) -> Result<()> {
        let told = season_results::told(self.core.sql.read(), season.id, mode).await?;
        let rules = self.core.rules(season.id);
        let tiers: HashMap<UserId, Option<i32>> =
            rows.iter().map(|row| (row.user_id, row.tier)).collect();
        let mut order: Vec<_> = rows.iter().filter_map(standings::Model::place).collect();
        order.sort();
        let places = order.into_iter().zip(1..).map(|(place, rank)| {
            let tier = tiers.get(&place.user).copied().flatten();
            let tier = tier.and_then(|tier| rules.tier(tier)).map(|tier| tier.label.clone());
            FinalPlace { user: place.user, rank, mmr: shown(place.rating), tier }
        });
        let places: Vec<_> = places.filter(|place| !told.contains(&place.user)).collect();
        for players in places.chunks(CHUNK) {
            let tx = self.core.sql.begin().await?;
            self.tell_some(tx, season, mode, players.to_vec()).await?;
        }
        Ok(())
    }

    async fn tell_some(
        &self,
        tx: Tx,
        season: &seasons::Model,
        mode: &ModeId,
        players: Vec<FinalPlace>,
    ) -> Result<()> {
        let at = now();
        let row = |player: &FinalPlace| season_results::Model {
            season_id: season.id,
            mode: mode.clone(),
            user_id: player.user,
            rank: player.rank,
            mmr: player.mmr,
            tier: player.tier.clone(),
            told_at: at,
        };
        season_results::put(&tx, players.iter().map(row).collect()).await?;
        let (season, name, mode) = (season.id, season.name.clone(), mode.clone());
        let fact = Fact::SeasonPlaced { season, name, mode, players, at };
        self.core.commit(tx, &[fact]).await.map(drop)
    }
}

/// Takes standings off their leaderboards; says who leaves which.
pub(super) fn moves_off(
    rows: &mut [standings::Model],
    people: &HashMap<UserId, users::Model>,
) -> HashMap<ModeId, Vec<PlayerMove>> {
    let mut moves: HashMap<ModeId, Vec<PlayerMove>> = HashMap::new();
    for row in rows {
        let before = row.standing();
        row.lapsed = true;
        let Some(user) = people.get(&row.user_id) else { continue };
        // Whoever is not placed has no place to leave.
        let Some(place) = place_of(row.user_id, &before) else { continue };
        moves.entry(row.mode.clone()).or_default().push(PlayerMove {
            user: user.id,
            home: user.home(),
            username: user.username.clone(),
            mmr_before: before.mmr(),
            mmr_after: before.mmr(),
            before: Some(place),
            after: None,
            tier_before: before.tier,
            tier_after: before.tier,
            best_before: before.best_tier,
            streak: before.streak,
            hero: None,
        });
    }
    moves
}
