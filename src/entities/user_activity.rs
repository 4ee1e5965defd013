//! The audit trail, where the SQL database keeps the documents.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*, sea_query::OnConflict};

use crate::{
    error::Result,
    game::{
        event::Activity,
        ids::{EventId, UserId},
        time::Timestamp,
    },
};

/// A row of `user_activity`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_activity")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    /// Whose account.
    pub user_id: UserId,
    /// What happened.
    pub kind: String,
    /// Who did it, where it was somebody else.
    pub by_user: Option<UserId>,
    /// JSON: details.
    pub data: String,
    /// When.
    pub at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Activity {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            user: row.user_id,
            kind: row.kind,
            by: row.by_user,
            data: serde_json::from_str(&row.data).unwrap_or_default(),
            at: row.at,
        }
    }
}

/// Adds to the trail; what is there already stays as it is.
pub async fn append(db: &impl ConnectionTrait, activities: &[Activity]) -> Result<()> {
    for chunk in activities.chunks(500) {
        let rows = chunk.iter().map(|activity| {
            ActiveModel::from(Model {
                id: activity.id,
                user_id: activity.user,
                kind: activity.kind.clone(),
                by_user: activity.by,
                data: activity.data.to_string(),
                at: activity.at,
            })
            .reset_all()
        });
        Entity::insert_many(rows)
            .on_conflict(OnConflict::column(Column::Id).do_nothing_on([Column::Id]).to_owned())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// A user's trail, newest first.
pub async fn list(db: &impl ConnectionTrait, user: UserId, limit: u64) -> Result<Vec<Activity>> {
    let query =
        Entity::find().filter(Column::UserId.eq(user)).order_by_desc(Column::Id).limit(limit);
    Ok(query.all(db).await?.into_iter().map(Into::into).collect())
}

/// Forgets what is older than `before`.
pub async fn forget(db: &impl ConnectionTrait, before: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::At.lt(before)).exec(db).await?;
    Ok(())
}

/// Forgets everything about a user.
pub async fn erase(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
