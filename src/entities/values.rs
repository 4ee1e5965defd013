//! How domain values are stored: ids and words as text, instants as whole milliseconds.

use sea_orm::{
    ColIdx, ColumnType, DbErr, QueryResult, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, Nullable, StringLen, ValueType, ValueTypeErr},
};

use crate::game::{
    accounts::{MailKind, Role},
    event::Position,
    ids::{
        EventId, MatchId, NoteId, NotificationId, PartyId, SeasonId, ServerKeyId, SessionId,
        TicketId, UserId,
    },
    matches::{MatchStatus, TicketState},
    mode::{ModeId, RegionId},
    penalty::Misdeed,
    time::Timestamp,
};

macro_rules! stored {
    ($type:ty, $raw:ty, $column:expr, $array:expr, $into:expr, $from:expr) => {
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let into: fn($type) -> $raw = $into;
                into(value).into()
            }
        }

        impl TryGetable for $type {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let raw = <$raw>::try_get_by(row, index)?;
                let from: fn(&$raw) -> Option<$type> = $from;
                from(&raw).ok_or_else(|| {
                    DbErr::Type(format!("{raw:?} is not a {}", stringify!($type))).into()
                })
            }
        }

        impl ValueType for $type {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                let raw = <$raw as ValueType>::try_from(value)?;
                let from: fn(&$raw) -> Option<$type> = $from;
                from(&raw).ok_or(ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($type).to_owned()
            }

            fn array_type() -> ArrayType {
                $array
            }

            fn column_type() -> ColumnType {
                $column
            }
        }

        impl Nullable for $type {
            fn null() -> Value {
                <$raw as Nullable>::null()
            }
        }
    };
}

macro_rules! stored_as_text {
    ($($type:ty),+) => {
        $(stored!(
            $type,
            String,
            ColumnType::String(StringLen::N(40)),
            ArrayType::String,
            |value| value.to_string(),
            |raw| raw.parse().ok()
        );)+
    };
}

macro_rules! stored_as_word {
    ($($type:ty),+) => {
        $(stored!(
            $type,
            String,
            ColumnType::String(StringLen::N(20)),
            ArrayType::String,
            |value| value.as_str().to_owned(),
            |raw| raw.parse().ok()
        );)+
    };
}

macro_rules! stored_as_slug {
    ($($type:ident),+) => {
        $(stored!(
            $type,
            String,
            ColumnType::String(StringLen::N(32)),
            ArrayType::String,
            |value| value.as_str().to_owned(),
            |raw| Some($type::new(raw))
        );)+
    };
}

macro_rules! stored_as_number {
    ($($type:ident),+) => {
        $(stored!(
            $type,
            i64,
            ColumnType::BigInteger,
            ArrayType::BigInt,
            |value| value.0,
            |raw| Some($type(*raw))
        );)+
    };
}

stored_as_text!(
    UserId,
    SessionId,
    TicketId,
    PartyId,
    MatchId,
    SeasonId,
    ServerKeyId,
    NotificationId,
    NoteId,
    EventId
);
stored_as_word!(Role, MailKind, MatchStatus, TicketState, Misdeed);
stored_as_slug!(ModeId, RegionId);
stored_as_number!(Timestamp, Position);

macro_rules! keyed_by {
    ($($type:ty),+) => {
        $(impl sea_orm::TryFromU64 for $type {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($type)))
            }
        })+
    };
}

keyed_by!(
    UserId,
    SessionId,
    TicketId,
    PartyId,
    MatchId,
    SeasonId,
    ServerKeyId,
    NotificationId,
    NoteId,
    EventId,
    ModeId,
    Position
);
