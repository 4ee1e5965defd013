//! Every change of a rating, once per match and player: the history that gives exactly the live ratings.

use sea_orm::{
    Order, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Func, Query, WindowStatement},
};

use super::add_all;
use crate::{
    error::Result,
    game::{
        ids::{MatchId, SeasonId, UserId},
        mode::ModeId,
        standing::Place,
        time::Timestamp,
    },
};

/// A row of `rating_points`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rating_points")]
pub struct Model {
    /// The order in which they took effect.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// Whose.
    pub user_id: UserId,
    /// The match that did it.
    pub match_id: MatchId,
    /// In which mode.
    pub mode: ModeId,
    /// In which season.
    pub season_id: SeasonId,
    /// Rating before, at full precision.
    pub rating_before: f64,
    /// Uncertainty before.
    pub deviation_before: f64,
    /// Volatility before.
    pub volatility_before: f64,
    /// Rating after.
    pub rating_after: f64,
    /// Uncertainty after.
    pub deviation_after: f64,
    /// Volatility after.
    pub volatility_after: f64,
    /// When.
    pub at: Timestamp,
    /// How long they had not played, in milliseconds; none in histories that are older than this is kept.
    pub idle_ms: Option<i64>,
    /// The uncertainty with which the match was rated; none in histories that are older than this is kept, as are the others
    /// below.
    pub deviation_at_match: Option<f64>,
    /// Whether the placement matches were played then.
    pub placed: Option<bool>,
    /// Matches won then.
    pub wins: Option<i32>,
    /// When the rating was reached.
    pub reached_at: Option<Timestamp>,
    /// From when on they were not listed unless they played.
    pub lapses_at: Option<Timestamp>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Adds changes.
pub async fn add(db: &impl ConnectionTrait, rows: Vec<ActiveModel>) -> Result<()> {
    add_all(db, rows).await
}

/// A player's changes strictly between two of them, oldest first, or newest first where `descending`.
pub async fn list(
    db: &impl ConnectionTrait,
    (user, mode, season): (UserId, &ModeId, SeasonId),
    after: Option<i64>,
    before: Option<i64>,
    descending: bool,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut query = Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::SeasonId.eq(season))
        .limit(limit);
    if let Some(seq) = after {
        query = query.filter(Column::Seq.gt(seq));
    }
    if let Some(seq) = before {
        query = query.filter(Column::Seq.lt(seq));
    }
    query =
        if descending { query.order_by_desc(Column::Seq) } else { query.order_by_asc(Column::Seq) };
    Ok(query.all(db).await?)
}

/// The changes that these matches made, in the order in which they were made.
pub async fn of_matches(db: &impl ConnectionTrait, ids: &[MatchId]) -> Result<Vec<Model>> {
    let of_these = Column::MatchId.is_in(ids.iter().copied());
    Ok(Entity::find().filter(of_these).order_by_asc(Column::Seq).all(db).await?)
}

/// Whether there are more than so many changes in a mode and season from a moment on.
pub async fn more_than(
    db: &impl ConnectionTrait,
    (mode, season): (&ModeId, SeasonId),
    from: Timestamp,
    changes: u64,
) -> Result<bool> {
    let found: Option<i64> = Entity::find()
        .select_only()
        .column(Column::Seq)
        .filter(Column::SeasonId.eq(season))
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::At.gte(from))
        .order_by_asc(Column::At)
        .offset(changes)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Takes the changes that these matches made out of the history.
pub async fn forget_matches(db: &impl ConnectionTrait, ids: &[MatchId]) -> Result<()> {
    for chunk in ids.chunks(500) {
        Entity::delete_many().filter(Column::MatchId.is_in(chunk.iter().copied())).exec(db).await?;
    }
    Ok(())
}

impl Model {
    /// What the player was ordered by after this change; none while not placed, and in histories that are older than this is
    /// kept.
    pub fn place(&self) -> Option<Place> {
        self.placed.filter(|placed| *placed)?;
        Some(Place {
            rating: self.rating_after,
            deviation: self.deviation_after,
            wins: self.wins?,
            reached_at: self.reached_at?,
            user: self.user_id,
        })
    }
}

/// A player's last change up to a moment.
pub async fn last_at(
    db: &impl ConnectionTrait,
    (user, mode, season): (UserId, &ModeId, SeasonId),
    time: Timestamp,
) -> Result<Option<Model>> {
    Ok(Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::SeasonId.eq(season))
        .filter(Column::At.lte(time))
        .order_by_desc(Column::At)
        .order_by_desc(Column::MatchId)
        .one(db)
        .await?)
}

/// How many stood before a place at a moment: by each player's last change up to then.
pub async fn ahead_at(
    db: &impl ConnectionTrait,
    (mode, season): (&ModeId, SeasonId),
    time: Timestamp,
    place: &Place,
) -> Result<u64> {
    use Column as C;
    let latest = WindowStatement::partition_by(C::UserId)
        .order_by(C::At, Order::Desc)
        .order_by(C::MatchId, Order::Desc)
        .to_owned();
    let ordered = [
        C::UserId,
        C::RatingAfter,
        C::DeviationAfter,
        C::Wins,
        C::ReachedAt,
        C::Placed,
        C::LapsesAt,
    ];
    let last = Query::select()
        .columns(ordered)
        .expr_window_as(Func::cust("ROW_NUMBER"), latest, "back")
        .from(Entity)
        .and_where(C::Mode.eq(mode.clone()))
        .and_where(C::SeasonId.eq(season))
        .and_where(C::At.lte(time))
        .to_owned();
    // Rule 20, from the last that decides to the first.
    let is = |column: C| Expr::col(column);
    let by_id = is(C::UserId).lt(place.user);
    let by_time =
        is(C::ReachedAt).lt(place.reached_at).or(is(C::ReachedAt).eq(place.reached_at).and(by_id));
    let by_wins = is(C::Wins).gt(place.wins).or(is(C::Wins).eq(place.wins).and(by_time));
    let by_deviation = is(C::DeviationAfter)
        .lt(place.deviation)
        .or(is(C::DeviationAfter).eq(place.deviation).and(by_wins));
    let by_rating = is(C::RatingAfter)
        .gt(place.rating)
        .or(is(C::RatingAfter).eq(place.rating).and(by_deviation));
    let count = Query::select()
        .expr_as(Expr::col(C::UserId).count(), "ahead")
        .from_subquery(last, "last")
        .and_where(Expr::col("back").eq(1))
        .and_where(is(C::Placed).eq(true))
        .and_where(is(C::LapsesAt).is_null().or(is(C::LapsesAt).gt(time)))
        .and_where(by_rating)
        .to_owned();
    let row = db.query_one(&count).await?;
    let ahead: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    Ok(ahead.unsigned_abs())
}

/// Every change of a user's ratings, the oldest first.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(user)).order_by_asc(Column::Seq).all(db).await?)
}
