//! Matches.

use sea_orm::{QueryOrder, QuerySelect, QueryTrait, entity::prelude::*, sea_query::Expr};

use super::{add_all, match_players, put_all, to_decide};
use crate::{
    error::Result,
    game::{
        ids::{MatchId, SeasonId, UserId},
        matches::MatchStatus,
        mode::{ModeId, RegionId},
        time::Timestamp,
    },
};

/// How far a clock by which ids are made may be from the database's, in milliseconds: far more than clocks ever are.
const CLOCKS_APART_MS: i64 = 60_000;

/// A row of `matches`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "matches")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MatchId,
    /// What is played.
    pub mode: ModeId,
    /// Where.
    pub region: RegionId,
    /// In which season.
    pub season_id: SeasonId,
    /// Where it is in its life.
    pub status: MatchStatus,
    /// Mean rating of the players when it was made.
    pub average_mmr: i32,
    /// Highest less lowest rating when it was made.
    pub mmr_spread: i32,
    /// JSON: each team's predicted chance.
    pub win_probabilities: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the game server started it.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// When it is cancelled unless something happens.
    pub deadline_at: Option<Timestamp>,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// host:port.
    pub endpoint: Option<String>,
    /// What was reported, hashed: tells a repeated report from another one.
    pub result_hash: Option<String>,
    /// JSON: each team's placement and score.
    pub team_results: Option<String>,
    /// The id of the server key, or of the admin, whose report ended it.
    pub reported_by: Option<String>,
    /// When its result was taken back.
    pub voided_at: Option<Timestamp>,
    /// Why.
    pub void_reason: Option<String>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Which matches are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of that mode.
    pub mode: Option<ModeId>,
    /// In that region.
    pub region: Option<RegionId>,
    /// In that state.
    pub status: Option<MatchStatus>,
    /// With that player.
    pub user: Option<UserId>,
    /// Reported with that server key, or by that admin.
    pub reported_by: Option<String>,
}

/// Adds matches.
pub async fn add(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    add_all(db, rows.into_iter().map(|row| ActiveModel::from(row).reset_all()).collect()).await
}

/// The match of that id.
pub async fn by_id(db: &impl ConnectionTrait, id: MatchId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// The match of that id, which nobody else changes until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: MatchId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).lock(to_decide(db)).one(db).await?)
}

/// The matches of these ids, which nobody else changes until the transaction ends.
pub async fn lock_all(db: &impl ConnectionTrait, ids: &[MatchId]) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(Column::Id)
        .lock(to_decide(db))
        .all(db)
        .await?)
}

/// Stores locked matches as they are now.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    put_all(db, &[Column::Id], rows.into_iter().map(ActiveModel::from).collect()).await
}

/// The matches of these ids, in no order.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[MatchId]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Matches strictly between two ids (newer than `newer_than`, older than `older_than`), newest first, or oldest first
/// where `ascending`.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    older_than: Option<MatchId>,
    newer_than: Option<MatchId>,
    ascending: bool,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut query = Entity::find().limit(limit);
    if let Some(mode) = &filter.mode {
        query = query.filter(Column::Mode.eq(mode.clone()));
    }
    if let Some(region) = &filter.region {
        query = query.filter(Column::Region.eq(region.clone()));
    }
    if let Some(status) = filter.status {
        query = query.filter(Column::Status.eq(status));
    }
    if let Some(by) = &filter.reported_by {
        query = query.filter(Column::ReportedBy.eq(by));
    }
    if let Some(user) = filter.user {
        let played = match_players::Entity::find()
            .select_only()
            .column(match_players::Column::MatchId)
            .filter(match_players::Column::UserId.eq(user))
            .into_query();
        query = query.filter(Column::Id.in_subquery(played));
    }
    if let Some(id) = older_than {
        query = query.filter(Column::Id.lt(id));
    }
    if let Some(id) = newer_than {
        query = query.filter(Column::Id.gt(id));
    }
    query =
        if ascending { query.order_by_asc(Column::Id) } else { query.order_by_desc(Column::Id) };
    Ok(query.all(db).await?)
}

/// Matches of a mode (or of all) that are not over, oldest first.
pub async fn open(
    db: &impl ConnectionTrait,
    mode: Option<&ModeId>,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut query = Entity::find()
        .filter(Column::Status.is_in([
            MatchStatus::ReadyCheck,
            MatchStatus::Pending,
            MatchStatus::InProgress,
        ]))
        .order_by_asc(Column::Id)
        .limit(limit);
    if let Some(mode) = mode {
        query = query.filter(Column::Mode.eq(mode.clone()));
    }
    Ok(query.all(db).await?)
}

/// How many matches of a season are not over: of a mode, or of all.
pub async fn open_in_season(
    db: &impl ConnectionTrait,
    season: SeasonId,
    mode: Option<&ModeId>,
) -> Result<u64> {
    let mut query =
        Entity::find().filter(Column::SeasonId.eq(season)).filter(Column::Status.is_in([
            MatchStatus::ReadyCheck,
            MatchStatus::Pending,
            MatchStatus::InProgress,
        ]));
    if let Some(mode) = mode {
        query = query.filter(Column::Mode.eq(mode.clone()));
    }
    Ok(query.count(db).await?)
}

/// Open matches whose deadline has passed.
pub async fn overdue(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<MatchId>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::DeadlineAt.lte(now))
        .order_by_asc(Column::DeadlineAt)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?)
}

/// The completed matches of a mode and season whose results count, in the order in which they take effect.
pub async fn in_effect(
    db: &impl ConnectionTrait,
    mode: &ModeId,
    season: SeasonId,
) -> Result<Vec<MatchId>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::SeasonId.eq(season))
        .filter(Column::Status.eq(MatchStatus::Completed))
        .filter(Column::VoidedAt.is_null())
        .order_by_asc(Column::EndedAt)
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?)
}

/// How many matches of a mode were made since.
pub async fn made_since(
    db: &impl ConnectionTrait,
    mode: &ModeId,
    region: Option<&RegionId>,
    since: Timestamp,
) -> Result<u64> {
    // Ids grow with the time (UUIDv7, RFC 9562), by the clock of whoever makes them: those from long before are not looked at.
    let ms = u128::try_from(since.plus_ms(-CLOCKS_APART_MS).0).unwrap_or(0);
    let first = MatchId::from_uuid(Uuid::from_u128(ms << 80));
    let mut query = Entity::find()
        .filter(Column::Id.gte(first))
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::CreatedAt.gte(since));
    if let Some(region) = region {
        query = query.filter(Column::Region.eq(region.clone()));
    }
    Ok(query.count(db).await?)
}

/// Moves a match from one state to the next with these columns; false when it was not in that state.
pub async fn advance(
    db: &impl ConnectionTrait,
    id: MatchId,
    from: MatchStatus,
    changes: Vec<(Column, Expr)>,
) -> Result<bool> {
    let mut update = Entity::update_many();
    for (column, value) in changes {
        update = update.col_expr(column, value);
    }
    let done = update.filter(Column::Id.eq(id)).filter(Column::Status.eq(from)).exec(db).await?;
    Ok(done.rows_affected == 1)
}
