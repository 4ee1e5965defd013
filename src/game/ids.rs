//! Identities: each a UUIDv7 shown as a TypeID (`user_01h…`), each a type of its own.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de::Error as _};
use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

/// The text is not a TypeID of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {prefix} id: expected {prefix}_ and 26 characters of base32")]
pub struct BadId {
    /// The prefix that was wanted.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        const _: () = {
            #[derive(Default)]
            struct Prefix;
            impl StaticType for Prefix {
                const TYPE: &'static str = $prefix;
            }

            impl $name {
                /// What stands before the underscore.
                pub const PREFIX: &'static str = $prefix;

                /// An id of this kind for a UUIDv7 that the caller made.
                pub const fn from_uuid(uuid: Uuid) -> Self {
                    Self(uuid)
                }

                /// The UUID within.
                pub const fn uuid(self) -> Uuid {
                    self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    TypeSafeId::<Prefix>::from_uuid(self.0).fmt(f)
                }
            }

            impl FromStr for $name {
                type Err = BadId;
                fn from_str(text: &str) -> Result<Self, BadId> {
                    TypeSafeId::<Prefix>::from_str(text)
                        .map(|id| Self(id.uuid()))
                        .map_err(|_| BadId { prefix: $prefix })
                }
            }
        };

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

id!(
    /// A person with an account.
    UserId, "user"
);
id!(
    /// One signed-in device of a user.
    SessionId, "session"
);
id!(
    /// A place in a queue.
    TicketId, "ticket"
);
id!(
    /// A match, from the moment it was made.
    MatchId, "match"
);
id!(
    /// People who queue together.
    PartyId, "party"
);
id!(
    /// A stretch of time with standings of its own.
    SeasonId, "season"
);
id!(
    /// A game server's credential.
    ServerKeyId, "key"
);
id!(
    /// A message to one user.
    NotificationId, "notification"
);
id!(
    /// A fact that left a transaction through the outbox.
    EventId, "event"
);
id!(
    /// What a moderator noted about somebody.
    NoteId, "note"
);
