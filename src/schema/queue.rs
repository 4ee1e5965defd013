//! Tickets and queues.

use async_graphql::{Enum, ID, InputObject, SimpleObject};

use super::scalars::DateTime;
use crate::{
    entities::tickets,
    game::{
        matches,
        mode::{ModeId, RegionId},
        standing::shown,
    },
};

/// Where a ticket is in its life; the last three are ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "matches::TicketState")]
pub enum TicketState {
    /// Waiting to be matched.
    Searching,
    /// In a match.
    Matched,
    /// Taken out of the queue.
    Cancelled,
    /// Not renewed in time.
    Expired,
}

/// A place in the matchmaking queue, held by one player or one party.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct QueueTicket {
    /// Its id.
    pub id: ID,
    /// Mean rating of the players.
    pub mmr: i32,
    /// Where it is in its life.
    pub state: TicketState,
    /// When the wait began, kept through matches that fall through.
    pub joined_at: DateTime,
    /// As it is stored.
    #[graphql(skip)]
    pub row: tickets::Model,
}

impl From<tickets::Model> for QueueTicket {
    fn from(row: tickets::Model) -> Self {
        Self {
            id: row.id.to_string().into(),
            mmr: shown(row.mmr),
            state: row.state.into(),
            joined_at: DateTime(row.joined_at),
            row,
        }
    }
}

/// The numbers of one queue.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct QueueStats {
    /// Players who wait.
    pub players_searching: i32,
    /// Tickets that wait.
    pub tickets_searching: i32,
    /// Matches made in the last minute.
    pub matches_last_minute: i32,
    /// Median wait of the tickets matched lately; null where there is no history yet.
    pub median_wait_seconds: Option<f64>,
    /// The wait that 95 of 100 of them stayed under.
    pub p95_wait_seconds: Option<f64>,
    /// When these numbers were read.
    pub updated_at: DateTime,
    /// Of which mode.
    #[graphql(skip)]
    pub mode_id: ModeId,
    /// In which region.
    #[graphql(skip)]
    pub region_id: Option<RegionId>,
}

/// A wish to play.
#[derive(Debug, InputObject)]
pub struct JoinQueueInput {
    /// What to play.
    pub mode: ModeId,
    /// Best first, with the measured round trip where known; empty: the profile's region.
    pub regions: Option<Vec<RegionPreferenceInput>>,
}

/// A region that a player would play in.
#[derive(Debug, InputObject)]
pub struct RegionPreferenceInput {
    /// Which.
    pub region: RegionId,
    /// The measured round trip in milliseconds, 0 to 10,000.
    pub latency_ms: Option<i32>,
}

/// The new ticket.
#[derive(Debug, SimpleObject)]
pub struct JoinQueuePayload {
    /// Where the viewer waits.
    pub ticket: QueueTicket,
}

/// What leaving did.
#[derive(Debug, SimpleObject)]
pub struct LeaveQueuePayload {
    /// The cancelled ticket; null when the viewer was not queued.
    pub ticket: Option<QueueTicket>,
}
