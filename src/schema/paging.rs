//! Relay connections, and the cursors in them: opaque to clients, each kind of list its own.

use async_graphql::SimpleObject;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    error::{Error, Result},
    game::{
        event::Position,
        ids::{MatchId, NotificationId, UserId},
        standing::Place,
        time::Timestamp,
    },
};

/// Where a page begins and ends.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether more follow.
    pub has_next_page: bool,
    /// Whether some stand before.
    pub has_previous_page: bool,
    /// The cursor of the first item; null on an empty page.
    pub start_cursor: Option<String>,
    /// The cursor of the last item; null on an empty page.
    pub end_cursor: Option<String>,
}

impl PageInfo {
    /// Of a page with these cursors.
    pub fn new(has_next_page: bool, has_previous_page: bool, cursors: &[String]) -> Self {
        Self {
            has_next_page,
            has_previous_page,
            start_cursor: cursors.first().cloned(),
            end_cursor: cursors.last().cloned(),
        }
    }
}

/// Declares a connection and its edge.
macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ty $(, $(#[$doc:meta])* $extra:ident: $extra_type:ty)?) => {
        /// A page of a list.
        #[derive(Clone, Debug, async_graphql::SimpleObject)]
        pub struct $connection {
            /// The items with their cursors.
            pub edges: Vec<$edge>,
            /// The items.
            pub nodes: Vec<$node>,
            /// Where the page begins and ends.
            pub page_info: $crate::schema::paging::PageInfo,
            $($(#[$doc])* pub $extra: $extra_type,)?
        }

        /// An item of a list with its cursor.
        #[derive(Clone, Debug, async_graphql::SimpleObject)]
        pub struct $edge {
            /// Where the item stands; opaque.
            pub cursor: String,
            /// The item.
            pub node: $node,
        }

        impl $connection {
            /// The page of these items, each with its cursor.
            pub fn new(
                items: Vec<(String, $node)>,
                (has_next, has_previous): (bool, bool)
                $(, $extra: $extra_type)?
            ) -> Self {
                let cursors: Vec<_> = items.iter().map(|(cursor, _)| cursor.clone()).collect();
                Self {
                    page_info: $crate::schema::paging::PageInfo::new(has_next, has_previous, &cursors),
                    nodes: items.iter().map(|(_, node)| node.clone()).collect(),
                    edges: items.into_iter().map(|(cursor, node)| $edge { cursor, node }).collect(),
                    $($extra,)?
                }
            }
        }
    };
}
pub(crate) use connection;

/// What a list is ordered by, as text within a cursor.
pub trait Cursor: Sized {
    /// Tells cursors of different kinds of lists apart.
    const KIND: &'static str;
    /// As text.
    fn write(&self) -> String;
    /// From text.
    fn read(text: &str) -> Option<Self>;

    /// The cursor as a client sees it.
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}", Self::KIND, self.write()))
    }

    /// The cursor that a client sends in that argument.
    ///
    /// # Errors
    /// BAD_USER_INPUT when it is not one of this kind of list.
    fn decode(field: &str, text: Option<String>) -> Result<Option<Self>> {
        let Some(text) = text else { return Ok(None) };
        let parse = || {
            let bytes = URL_SAFE_NO_PAD.decode(&text).ok().filter(|bytes| bytes.len() <= 256)?;
            let inner = String::from_utf8(bytes).ok()?;
            Self::read(inner.strip_prefix(Self::KIND)?.strip_prefix(':')?)
        };
        parse()
            .map(Some)
            .ok_or_else(|| Error::bad_input(field, "this is not a cursor of this list"))
    }
}

macro_rules! cursor {
    ($type:ty, $kind:literal, $write:expr, $read:expr) => {
        impl Cursor for $type {
            const KIND: &'static str = $kind;
            fn write(&self) -> String {
                let write: fn(&$type) -> String = $write;
                write(self)
            }
            fn read(text: &str) -> Option<Self> {
                let read: fn(&str) -> Option<$type> = $read;
                read(text)
            }
        }
    };
}

/// A place in a match's timeline, or of a change in a player's history.
#[derive(Clone, Copy, Debug)]
pub struct Line(pub i64);

/// A place in the list of users: the folded name.
#[derive(Clone, Debug)]
pub struct Name(pub String);

cursor!(Line, "line", |line| line.0.to_string(), |text| text.parse().ok().map(Line));
cursor!(Name, "name", |name| name.0.clone(), |text| {
    (text.len() <= 20 && text.is_ascii()).then(|| Name(text.to_owned()))
});
cursor!(Position, "log", |at| at.0.to_string(), |text| text.parse().ok().map(Position));
cursor!(MatchId, "match", ToString::to_string, |text| text.parse().ok());
cursor!(NotificationId, "notification", ToString::to_string, |text| text.parse().ok());
cursor!(
    Place,
    "place",
    |place| {
        let (rating, deviation) = (place.rating.to_bits(), place.deviation.to_bits());
        format!("{rating:x},{deviation:x},{},{},{}", place.wins, place.reached_at.0, place.user)
    },
    |text| {
        let mut parts = text.split(',');
        let mut bits = || u64::from_str_radix(parts.next()?, 16).ok().map(f64::from_bits);
        let (rating, deviation) = (bits()?, bits()?);
        let wins = parts.next()?.parse().ok()?;
        let reached_at = Timestamp(parts.next()?.parse().ok()?);
        let user: UserId = parts.next()?.parse().ok()?;
        (parts.next().is_none() && rating.is_finite() && deviation.is_finite()).then_some(Place {
            rating,
            deviation,
            wins,
            reached_at,
            user,
        })
    }
);
