//! What can be played and where: the modes, regions and tiers of one installation.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{pairing::Rules, rating::RatingParams, standing::Ladder};

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a text that the configuration or the database vouches for.
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug!(
    /// The id of a configured mode, such as `1v1`.
    ModeId
);
slug!(
    /// The id of a configured region, such as `eu-west`.
    RegionId
);
slug!(
    /// A country by ISO 3166-1 alpha-2, in capitals, such as `NO`.
    Country
);

impl Country {
    /// The country of that code, in any case; none where it is not two letters.
    pub fn parse(code: &str) -> Option<Self> {
        let letters = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        letters.then(|| Self::new(&code.to_ascii_uppercase()))
    }
}

/// Where a player is at home: the parts of a leaderboard that they stand on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Where they play by default.
    pub region: Option<RegionId>,
    /// Their country.
    #[serde(default)]
    pub country: Option<Country>,
}

/// Whom of a leaderboard one looks at; they are ranked among themselves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody.
    All,
    /// Those who play in a region.
    Region(RegionId),
    /// Those of a country.
    Country(Country),
}

/// A way to play, with all the rules that hold in it.
#[derive(Clone, Debug)]
pub struct Mode {
    /// Its id, unique in the installation.
    pub id: ModeId,
    /// Its name for people.
    pub name: String,
    /// How long players may take to accept a match, in milliseconds; 0 where there is no ready check.
    pub ready_check_ms: i64,
    /// How long a game server may take to start a match, in milliseconds.
    pub start_deadline_ms: i64,
    /// How long a match may run, in milliseconds.
    pub play_deadline_ms: i64,
    /// How long after it happened spectators see what happens in a match, in milliseconds.
    pub spectator_delay_ms: i64,
    /// Who may play whom.
    pub pairing: Rules,
    /// How results move ratings.
    pub rating: RatingParams,
}

impl Mode {
    /// How many players one match has.
    pub fn players(&self) -> usize {
        usize::from(self.pairing.team_size) * usize::from(self.pairing.team_count)
    }
}

/// A place where matches are hosted.
#[derive(Clone, Debug)]
pub struct Region {
    /// Its id, unique in the installation.
    pub id: RegionId,
    /// Its name for people.
    pub name: String,
}

/// Everything that the configuration says about playing.
#[derive(Clone, Debug)]
pub struct Catalog {
    modes: Vec<Arc<Mode>>,
    regions: Vec<Arc<Region>>,
    /// Tiers and placements, the same in every mode: those that the next season begins with.
    pub ladder: Arc<Ladder>,
}

impl Catalog {
    /// A catalogue of what the configuration lists, in its order.
    pub fn new(modes: Vec<Mode>, regions: Vec<Region>, ladder: Ladder) -> Self {
        Self {
            modes: modes.into_iter().map(Arc::new).collect(),
            regions: regions.into_iter().map(Arc::new).collect(),
            ladder: Arc::new(ladder),
        }
    }

    /// All modes, in the order of the configuration.
    pub fn modes(&self) -> &[Arc<Mode>] {
        &self.modes
    }

    /// All regions, in the order of the configuration.
    pub fn regions(&self) -> &[Arc<Region>] {
        &self.regions
    }

    /// The mode of that id.
    pub fn mode(&self, id: &str) -> Option<&Arc<Mode>> {
        self.modes.iter().find(|mode| mode.id.as_str() == id)
    }

    /// The region of that id.
    pub fn region(&self, id: &str) -> Option<&Arc<Region>> {
        self.regions.iter().find(|region| region.id.as_str() == id)
    }
}
