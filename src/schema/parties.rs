//! People who queue together.

use async_graphql::{ID, InputObject, SimpleObject};

use super::scalars::DateTime;
use crate::{entities::party_members, game::ids::UserId};

/// People who queue together. The leader queues for all; no match ever splits them.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Party {
    /// Its id.
    pub id: ID,
    /// When it was made.
    pub created_at: DateTime,
    /// Who leads it.
    #[graphql(skip)]
    pub leader_id: UserId,
    /// Shown to members.
    #[graphql(skip)]
    pub private_code: String,
    /// Who is in it.
    #[graphql(skip)]
    pub rows: Vec<party_members::Model>,
}

/// Somebody in a party.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct PartyMember {
    /// Whether they are ready to queue. The leader says so by queueing.
    pub ready: bool,
    /// Since when they are in it.
    pub joined_at: DateTime,
    /// Who.
    #[graphql(skip)]
    pub user_id: UserId,
}

impl From<party_members::Model> for PartyMember {
    fn from(row: party_members::Model) -> Self {
        Self { ready: row.ready, joined_at: DateTime(row.joined_at), user_id: row.user_id }
    }
}

/// The party, as it is now.
#[derive(Debug, SimpleObject)]
pub struct PartyPayload {
    /// The viewer's party.
    pub party: Party,
}

/// What leaving did.
#[derive(Debug, SimpleObject)]
pub struct LeavePartyPayload {
    /// False when the viewer was in none.
    pub left: bool,
}

/// A party to join.
#[derive(Debug, InputObject)]
pub struct JoinPartyInput {
    /// What a member was shown, in any case.
    pub join_code: String,
}

/// A member of the viewer's party.
#[derive(Debug, InputObject)]
pub struct PartyMemberInput {
    /// Who.
    pub user_id: ID,
}

/// Whether the viewer is ready.
#[derive(Debug, InputObject)]
pub struct SetPartyReadyInput {
    /// Ready to queue.
    pub ready: bool,
}
