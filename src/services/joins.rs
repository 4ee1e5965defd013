//! Tokens that prove to a game server who plays in a match.

use super::{
    accounts::{Accounts, refuse_suspended},
    core::now,
};
use crate::{
    entities::{match_players, matches, users},
    error::{Error, Result},
    game::{
        ids::{MatchId, UserId},
        matches::MatchStatus,
        time::Timestamp,
    },
};

/// How long such a token is good for, in milliseconds.
const JOIN_TOKEN_MS: i64 = 5 * 60 * 1000;

/// What a token proves.
#[derive(Debug)]
pub struct Joins {
    /// Who plays.
    pub user: users::Model,
    /// In which match.
    pub row: matches::Model,
    /// Until when the token is good.
    pub expires_at: Timestamp,
}

impl Accounts {
    /// A token that proves to a game server that this user plays in this match.
    pub fn join_token(&self, user: UserId, match_id: MatchId) -> Result<String> {
        self.signer.join(user, match_id, now().plus_ms(JOIN_TOKEN_MS))
    }

    /// Who plays in which match, as a token proves.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what is no such token, or of a match that nobody can join any more; FORBIDDEN while suspended.
    pub async fn verify_join(&self, token: &str) -> Result<Joins> {
        let refused = || {
            let message = "this is no token that lets anybody into a match, or it has run out";
            Error::bad_input("input.token", message)
        };
        self.learn_key_of(token).await;
        let (user, id, expires_at) = self.signer.verify_join(token, now()).ok_or_else(refused)?;
        let db = self.core.sql.read();
        let row = matches::by_id(db, id).await?.ok_or_else(refused)?;
        let open = matches!(row.status, MatchStatus::Pending | MatchStatus::InProgress);
        let players = match_players::of_matches(db, &[id]).await?;
        if !open || !players.iter().any(|player| player.user_id == user) {
            return Err(refused());
        }
        let user = users::by_id(db, user).await?.ok_or_else(refused)?;
        refuse_suspended(&user)?;
        Ok(Joins { user, row, expires_at })
    }
}
