//! Where players stand in each mode and season.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use super::{add_all, put_all};
use crate::{
    error::Result,
    game::{
        ids::{SeasonId, UserId},
        mode::{Mode, ModeId},
        rating::Rating,
        standing::{Ladder, Place, Standing},
        time::Timestamp,
    },
};

/// A row of `standings`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "standings")]
pub struct Model {
    /// In which season.
    #[sea_orm(primary_key, auto_increment = false)]
    pub season_id: SeasonId,
    /// In which mode.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mode: ModeId,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// MMR at full precision.
    pub rating: f64,
    /// Its uncertainty.
    pub deviation: f64,
    /// Its volatility.
    pub volatility: f64,
    /// The highest rating so far.
    pub peak: f64,
    /// Matches won.
    pub wins: i32,
    /// Matches lost.
    pub losses: i32,
    /// Matches drawn.
    pub draws: i32,
    /// Positive: wins in a row; negative: losses in a row.
    pub streak: i32,
    /// Kills in all matches.
    pub kills: i32,
    /// Deaths in all matches.
    pub deaths: i32,
    /// Assists in all matches.
    pub assists: i32,
    /// Matches to play before a rank is shown.
    pub placements_left: i32,
    /// Index of the tier; none until placed.
    pub tier: Option<i32>,
    /// Matches played in that tier.
    pub matches_in_tier: i32,
    /// When this rating was reached.
    pub reached_at: Timestamp,
    /// When the last match ended.
    pub last_match_at: Option<Timestamp>,
    /// The highest tier of the season.
    pub best_tier: Option<i32>,
    /// From when on they are not listed unless they play; none: they always are.
    pub lapses_at: Option<Timestamp>,
    /// Whether they are not listed until the next match.
    pub lapsed: bool,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a standing.
    pub fn of(
        user_id: UserId,
        (mode, rules): (&Mode, &Ladder),
        season_id: SeasonId,
        standing: &Standing,
    ) -> Self {
        Self {
            season_id,
            mode: mode.id.clone(),
            user_id,
            rating: standing.rating.value,
            deviation: standing.rating.deviation,
            volatility: standing.rating.volatility,
            peak: standing.peak,
            wins: standing.wins,
            losses: standing.losses,
            draws: standing.draws,
            streak: standing.streak,
            kills: standing.kills,
            deaths: standing.deaths,
            assists: standing.assists,
            placements_left: standing.placements_left,
            tier: standing.tier,
            matches_in_tier: standing.matches_in_tier,
            reached_at: standing.reached_at,
            last_match_at: standing.last_match_at,
            best_tier: standing.best_tier,
            lapses_at: standing.lapses_at(&mode.rating, rules),
            lapsed: standing.lapsed,
        }
    }

    /// The standing in the row.
    pub const fn standing(&self) -> Standing {
        Standing {
            rating: Rating {
                value: self.rating,
                deviation: self.deviation,
                volatility: self.volatility,
            },
            peak: self.peak,
            wins: self.wins,
            losses: self.losses,
            draws: self.draws,
            streak: self.streak,
            kills: self.kills,
            deaths: self.deaths,
            assists: self.assists,
            placements_left: self.placements_left,
            tier: self.tier,
            matches_in_tier: self.matches_in_tier,
            best_tier: self.best_tier,
            lapsed: self.lapsed,
            reached_at: self.reached_at,
            last_match_at: self.last_match_at,
        }
    }

    /// The place in the order of the leaderboard; none while not listed.
    pub fn place(&self) -> Option<Place> {
        self.standing().is_listed().then_some(Place {
            rating: self.rating,
            deviation: self.deviation,
            wins: self.wins,
            reached_at: self.reached_at,
            user: self.user_id,
        })
    }
}

/// The standings of these users in a mode and season, in no order.
pub async fn of_users(
    db: &impl ConnectionTrait,
    season: SeasonId,
    mode: &ModeId,
    users: &[UserId],
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::SeasonId.eq(season))
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::UserId.is_in(users.iter().copied()))
        .all(db)
        .await?)
}

/// The standings of these users in every mode of a season, in no order.
pub async fn in_every_mode(
    db: &impl ConnectionTrait,
    season: SeasonId,
    users: &[UserId],
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::SeasonId.eq(season))
        .filter(Column::UserId.is_in(users.iter().copied()))
        .all(db)
        .await?)
}

/// The placed standings of a season that are listed until then, by mode and user.
pub async fn lapsing(
    db: &impl ConnectionTrait,
    season: SeasonId,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::SeasonId.eq(season))
        .filter(Column::Lapsed.eq(false))
        .filter(Column::LapsesAt.lte(now))
        .order_by_asc(Column::Mode)
        .order_by_asc(Column::UserId)
        .limit(limit)
        .all(db)
        .await?)
}

/// A mode's standings of a season behind a user, by user.
pub async fn behind(
    db: &impl ConnectionTrait,
    (season, mode): (SeasonId, &ModeId),
    user: Option<UserId>,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut query = Entity::find()
        .filter(Column::SeasonId.eq(season))
        .filter(Column::Mode.eq(mode.clone()))
        .order_by_asc(Column::UserId)
        .limit(limit);
    if let Some(user) = user {
        query = query.filter(Column::UserId.gt(user));
    }
    Ok(query.all(db).await?)
}

/// The placed standings of a season.
pub async fn placed(db: &impl ConnectionTrait, season: SeasonId) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::SeasonId.eq(season))
        .filter(Column::PlacementsLeft.lte(0))
        .all(db)
        .await?)
}

/// Where these users stood last in a mode before a season began (ids of seasons grow with time).
pub async fn before_season(
    db: &impl ConnectionTrait,
    season: SeasonId,
    mode: &ModeId,
    users: &[UserId],
) -> Result<Vec<Model>> {
    let mut rows = Entity::find()
        .filter(Column::SeasonId.lt(season))
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::UserId.is_in(users.iter().copied()))
        .order_by_desc(Column::SeasonId)
        .all(db)
        .await?;
    let mut seen = std::collections::HashSet::new();
    rows.retain(|row| seen.insert(row.user_id));
    Ok(rows)
}

/// Adds standings.
pub async fn add(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    add_all(db, rows.into_iter().map(|row| ActiveModel::from(row).reset_all()).collect()).await
}

/// Stores standings, new or changed.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    let key = [Column::SeasonId, Column::Mode, Column::UserId];
    put_all(db, &key, rows.into_iter().map(ActiveModel::from).collect()).await
}

/// Every standing of a mode and season.
pub async fn of_mode(
    db: &impl ConnectionTrait,
    season: SeasonId,
    mode: &ModeId,
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::SeasonId.eq(season))
        .filter(Column::Mode.eq(mode.clone()))
        .all(db)
        .await?)
}

/// Forgets where these users stand, who have not played after all.
pub async fn forget(
    db: &impl ConnectionTrait,
    season: SeasonId,
    mode: &ModeId,
    users: &[UserId],
) -> Result<()> {
    Entity::delete_many()
        .filter(Column::SeasonId.eq(season))
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::UserId.is_in(users.iter().copied()))
        .exec(db)
        .await?;
    Ok(())
}

/// Where a user stands, in every mode and season.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(user)).all(db).await?)
}
