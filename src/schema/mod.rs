//! The nouns of the API: what a client can see, and how stored things look to it. What runs when a client asks is in
//! `resolvers`.

pub mod accounts;
pub mod admin;
pub mod feed;
pub mod links;
pub mod matches;
pub mod moderation;
pub mod modes;
pub mod paging;
pub mod parties;
pub mod queue;
pub mod rankings;
pub mod reports;
pub mod scalars;
pub mod users;

use async_graphql::{ID, Interface};

/// Anything that has an id of its own.
#[derive(Clone, Debug, Interface)]
#[graphql(field(name = "id", ty = "&ID", desc = "Its id, unique among everything."))]
#[expect(clippy::large_enum_variant, reason = "made one at a time and shown at once")]
pub enum Node {
    /// A user.
    User(users::User),
    /// A season.
    Season(modes::Season),
    /// A ticket.
    QueueTicket(queue::QueueTicket),
    /// A party.
    Party(parties::Party),
    /// A match.
    Match(matches::Match),
    /// A notification.
    Notification(feed::Notification),
}
