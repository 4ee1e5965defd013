//! One suite a port: what its documentation promises, over every implementation.

pub mod bus;
pub mod documents;
pub mod ladder;
pub mod leases;
pub mod limiter;
pub mod presence;

use rankedhonor::game::{
    ids::{MatchId, SeasonId, UserId},
    time::Timestamp,
};
use uuid::Uuid;

/// The `n`-th id of a kind, greater than those before.
pub const fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + n)
}

pub const fn user(n: u128) -> UserId {
    UserId::from_uuid(uuid(n))
}

pub const fn match_id(n: u128) -> MatchId {
    MatchId::from_uuid(uuid(n))
}

pub const fn season(n: u128) -> SeasonId {
    SeasonId::from_uuid(uuid(n))
}

pub const fn at(ms: i64) -> Timestamp {
    Timestamp(1_780_000_000_000 + ms)
}
