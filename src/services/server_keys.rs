//! The keys of game servers (rule 5).

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, EntityTrait};
use uuid::Uuid;

use super::{
    accounts::Accounts,
    audit::{self, Entry},
    core::now,
    tokens,
};
use crate::{
    entities::server_keys,
    error::{Error, Result},
    game::{accounts::Credential, event::LiveEvent, ids::ServerKeyId},
};

/// What stands before a game server's key.
pub(super) const SERVER_KEY_PREFIX: &str = "rhk_";

impl Accounts {
    /// Makes a key for a game server, which is shown this once.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a name that is empty or longer than 100 characters.
    pub async fn create_server_key(&self, name: &str) -> Result<(ServerKeyId, String)> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(Error::bad_input("input.name", "a key's name has 1 to 100 characters"));
        }
        let key = tokens::random(SERVER_KEY_PREFIX);
        let id = ServerKeyId::from_uuid(Uuid::now_v7());
        let row = server_keys::Model {
            id,
            name: name.into(),
            hash: tokens::hash(&key),
            created_at: now(),
            revoked_at: None,
        };
        let tx = self.core.sql.begin().await?;
        let row = server_keys::ActiveModel::from(row).reset_all();
        server_keys::Entity::insert(row).exec_without_returning(&tx).await?;
        let data = serde_json::json!({"after": {"name": name}});
        let entry = Entry::new("SERVER_KEY_CREATED", id, data);
        audit::append(&self.core, &tx, vec![entry]).await?;
        tx.commit().await?;
        Ok((id, key))
    }

    /// Takes a game server's key back: what it opened is closed, on every instance.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown one.
    pub async fn revoke_server_key(&self, id: ServerKeyId) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let key = server_keys::Entity::find_by_id(id).one(&tx).await?;
        let key = key.ok_or(Error::NotFound("server key"))?;
        if server_keys::revoke(&tx, id, now()).await? {
            let data = serde_json::json!({"before": {"name": key.name}});
            let entry = Entry::new("SERVER_KEY_REVOKED", id, data);
            audit::append(&self.core, &tx, vec![entry]).await?;
        }
        tx.commit().await?;
        self.core.revoked.end(Credential::ServerKey(id), now());
        // The others find it out by themselves as well, a moment later.
        let event = LiveEvent::ServerKeyRevoked { key: id };
        if let Err(error) = self.core.bus.publish(&[Arc::new(event)]).await {
            tracing::warn!(%error, %id, "the other instances were not told of a key that was taken back");
        }
        Ok(())
    }

    /// Every server key, the newest first.
    pub async fn server_keys(&self) -> Result<Vec<server_keys::Model>> {
        server_keys::all(self.core.sql.read()).await
    }
}
