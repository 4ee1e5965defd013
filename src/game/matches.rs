//! A match's life: which states follow which, and what a result means for each team.

macro_rules! stored_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// The value as it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

pub(crate) use stored_enum;

stored_enum!(
    /// Where a match is in its life.
    MatchStatus {
        /// Waiting for every player to accept.
        ReadyCheck = "READY_CHECK",
        /// All accepted, not started by the game server yet.
        Pending = "PENDING",
        /// Being played.
        InProgress = "IN_PROGRESS",
        /// Over, with a result.
        Completed = "COMPLETED",
        /// Over, without one.
        Cancelled = "CANCELLED",
    }
);

impl MatchStatus {
    /// Whether the match can still change.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::ReadyCheck | Self::Pending | Self::InProgress)
    }
}

stored_enum!(
    /// Where a ticket is in its life; the last three are ends.
    TicketState {
        /// Waiting to be matched.
        Searching = "SEARCHING",
        /// In a match.
        Matched = "MATCHED",
        /// Taken out of the queue.
        Cancelled = "CANCELLED",
        /// Not renewed in time.
        Expired = "EXPIRED",
    }
);

stored_enum!(
    /// What a match was to one team.
    Outcome {
        /// First alone.
        Win = "WIN",
        /// Behind the first.
        Loss = "LOSS",
        /// First together with another team.
        Draw = "DRAW",
    }
);

impl Outcome {
    /// A streak (wins in a row; negative: losses) after this outcome.
    pub fn streak(self, before: i32) -> i32 {
        match self {
            Self::Win => before.max(0).saturating_add(1),
            Self::Loss => before.min(0).saturating_sub(1),
            Self::Draw => 0,
        }
    }
}

/// What a team's placement means beside the others': first alone wins, first together draws, the rest lose.
pub fn outcome(placement: i32, all: &[i32]) -> Outcome {
    let best = all.iter().copied().min().unwrap_or(placement);
    let firsts = all.iter().filter(|&&p| p == best).count();
    if placement > best {
        Outcome::Loss
    } else if firsts > 1 {
        Outcome::Draw
    } else {
        Outcome::Win
    }
}
