//! Settings: what can be set, its defaults and its bounds. Where they come from is `load.rs`.

mod accounts;
mod check;
mod defaults;
mod limits;
mod load;
mod network;
pub mod private;
pub mod secret;

use std::{collections::HashMap, net::SocketAddr, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use self::secret::Secrets;
pub use self::{
    accounts::{Accounts, MailSettings, OauthSettings, ProviderSettings, Retention},
    limits::{Limits, SocketLimits},
    load::Problems,
    network::Network,
};

/// Everything that a running server was told.
#[derive(Debug)]
pub struct Config {
    /// `RANKEDHONOR_ADDR`: where HTTP is served. Default `127.0.0.1:8080`.
    pub addr: SocketAddr,
    /// `RANKEDHONOR_DATA_DIR`: where the embedded database and the made secret live. Default `./data`.
    pub data_dir: PathBuf,
    /// `DATABASE_URL`. Default: `rankedhonor.db` in the data directory.
    pub database_url: SecretString,
    /// `MONGODB_URL`: where documents are kept; absent: in the SQL database.
    pub mongodb_url: Option<SecretString>,
    /// `REDIS_URL`: bus, ladder mirror and limits shared by instances; absent: in this process.
    pub redis_url: Option<SecretString>,
    /// `JWT_SECRET`: signs access tokens, 32 bytes or more; behind it those of `JWT_SECRET_PREVIOUS`, which are accepted
    /// still. Absent: made once and kept in the data directory, or (then empty here) in the database where that is a
    /// server's, which all instances share.
    pub jwt_secrets: Secrets,
    /// `ENCRYPTION_KEY`: encrypts what other services gave, and keys the chain of the audit log; `ENCRYPTION_KEY_PREVIOUS`
    /// and absence as with `jwt_secrets`.
    pub encryption_keys: Secrets,
    /// `SMTP_URL`: where mails are handed over; absent: they are written into the data directory.
    pub smtp_url: Option<SecretString>,
    /// `OAUTH_<PROVIDER>_ID` and `OAUTH_<PROVIDER>_SECRET`, by the provider's id: who signs people in.
    pub oauth_clients: HashMap<String, OauthClient>,
    /// `RANKEDHONOR_CONFIG`: the TOML file.
    pub file: Option<PathBuf>,
    /// What the TOML file says.
    pub settings: Settings,
}

/// By what a service that people sign in with knows this installation.
#[derive(Clone, Debug)]
pub struct OauthClient {
    /// Public.
    pub id: String,
    /// Not public.
    pub secret: SecretString,
}

impl Config {
    /// Whether the database is part of the process, so that nobody else has it.
    pub fn is_embedded(&self) -> bool {
        self.database_url.expose_secret().starts_with("sqlite:")
    }
}

/// The TOML file named by `RANKEDHONOR_CONFIG`. Every table and key may be left out; an unknown one is refused.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `[[modes]]`: what can be played.
    pub modes: Modes,
    /// `[[regions]]`: where matches are hosted.
    pub regions: Regions,
    /// `[ladder]`: placements and tiers.
    pub ladder: LadderSettings,
    /// `[matchmaking]`
    pub matchmaking: Matchmaking,
    /// `[accounts]`
    pub accounts: Accounts,
    /// `[mail]`
    pub mail: MailSettings,
    /// `[retention]`
    pub retention: Retention,
    /// `[oauth]`
    pub oauth: OauthSettings,
    /// `[http]`
    pub http: Http,
    /// `[sql]`
    pub sql: SqlSettings,
    /// `[redis]`
    pub redis: RedisSettings,
    /// `[mongodb]`
    pub mongodb: MongodbSettings,
    /// `[instances]`
    pub instances: Instances,
    /// `[limits]`
    pub limits: Limits,
}

/// The modes, in the order in which they are shown. Default: 1v1, 2v2 and 4v4.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Modes(pub Vec<ModeSettings>);

/// The regions, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Regions(pub Vec<RegionSettings>);

/// `[[modes]]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModeSettings {
    /// 1 to 32 of `[a-z0-9-]`, such as `1v1`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Players in a team, 1 to 16.
    pub team_size: u8,
    /// Teams in a match, 2 to 16.
    #[serde(default = "two")]
    pub team_count: u8,
    /// Seconds a ready check stays open; 0: none.
    #[serde(default)]
    pub ready_check_seconds: u32,
    /// Seconds a game server may take to start a match.
    #[serde(default = "two_minutes")]
    pub start_deadline_seconds: u32,
    /// Seconds a match may run before it is cancelled.
    #[serde(default = "two_hours")]
    pub play_deadline_seconds: u32,
    /// Seconds after which spectators see what happens in a match: the streams `matchEvents` and `matchUpdated`, and the
    /// timeline. Game servers and moderators see it at once.
    #[serde(default)]
    pub spectator_delay_seconds: u32,
    /// `[modes.rating]`: how results move ratings.
    #[serde(default)]
    pub rating: RatingSettings,
}

/// `[modes.rating]`: Glicko-2.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RatingSettings {
    /// Where a player starts, in MMR.
    pub start_mmr: f64,
    /// The uncertainty a player starts with and never exceeds, in MMR.
    pub start_deviation: f64,
    /// The volatility a player starts with.
    pub start_volatility: f64,
    /// How much volatility may change (the system constant τ).
    pub tau: f64,
    /// Days of not playing that count as one rating period for the growth of uncertainty.
    pub period_days: f64,
    /// The part of a team's change that each member takes; 1 in modes with teams of one.
    pub team_share: f64,
    /// How much the difference of two teams' means counts; 1 in modes with teams of one.
    pub team_scale: f64,
    /// Wins or losses in a row from which on a surprising one moves the rating fast: for those who are much better or worse
    /// than their rating says. 0: never.
    pub guard_streak: u32,
    /// The least uncertainty with which such a match is rated, in MMR.
    pub guard_deviation: f64,
    /// A match was no surprise for whoever had at least this chance of its outcome.
    pub guard_chance_below: f64,
}

/// `[[regions]]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegionSettings {
    /// 1 to 32 of `[a-z0-9-]`, such as `eu-west`.
    pub id: String,
    /// For people.
    pub name: String,
}

/// `[ladder]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LadderSettings {
    /// Matches to play before a rank is shown.
    pub placements: u32,
    /// Matches to play where the uncertainty is already below `placements_short_below`.
    pub placements_short: u32,
    /// In MMR.
    pub placements_short_below: f64,
    /// A tier is lost only this far below its line, in MMR …
    pub demotion_margin_mmr: f64,
    /// … and after this many matches in it.
    pub demotion_after_matches: u32,
    /// Days without a match after which a player is not listed until the next one; 0: never.
    pub inactive_after_days: u32,
    /// The uncertainty above which a player is not listed until the next match, in MMR; 0: any.
    pub unlisted_above_deviation: f64,
    /// `[[ladder.tiers]]`, lowest first.
    pub tiers: Vec<TierSettings>,
}

/// `[[ladder.tiers]]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TierSettings {
    /// Such as Gold.
    pub name: String,
    /// The MMR at which it begins. The lowest division of the lowest tier also takes everybody below.
    pub from_mmr: f64,
    /// Equal parts it is cut into, the highest number lowest; 1: none.
    #[serde(default = "one")]
    pub divisions: u8,
}

/// `[matchmaking]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matchmaking {
    /// Milliseconds between two waves of a mode, 50 to 60,000.
    pub tick_ms: u64,
    /// MMR by which opponents may differ at first, while too little is known of who arrives.
    pub tolerance_start_mmr: f64,
    /// The least first tolerance, where many arrive, in MMR.
    pub tolerance_least_mmr: f64,
    /// The greatest first tolerance, where few arrive, in MMR.
    pub tolerance_most_mmr: f64,
    /// Seconds of waiting that add the first tolerance once more.
    pub tolerance_widens_seconds: u32,
    /// How many MMR of distance are as bad as a second of waiting.
    pub mmr_per_second: f64,
    /// Seconds of waiting after which the most tolerant ticket of a match decides alone.
    pub starves_seconds: u32,
    /// What a party's rating has added for each member beyond the first, in MMR.
    pub premade_mmr: f64,
    /// Seconds that players wait rather than meet the opponents of their last match again.
    pub rematch_after_seconds: u32,
    /// `[[matchmaking.latency]]`: what round trip is accepted from which wait on, ascending in both.
    pub latency: Vec<LatencyStep>,
    /// Seconds after which a ticket that nobody renews expires.
    pub ticket_ttl_seconds: u32,
}

/// `[[matchmaking.latency]]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyStep {
    /// Seconds waited.
    pub from_seconds: u32,
    /// Round trip accepted from then on, in milliseconds.
    pub max_ms: u32,
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Addresses and networks of proxies whose `X-Forwarded-For` is believed. Empty: the socket's address counts.
    pub trusted_proxies: Vec<Network>,
    /// Origins that browsers may call from; the server's own is always allowed.
    pub allowed_origins: Vec<String>,
    /// Whether queries in the address are answered; else everything is sent by POST.
    pub get: bool,
    /// Whether introspection is answered.
    pub introspection: bool,
    /// Whether GraphiQL is served: on `/explore` of the console, or on `/` where that is not.
    pub graphiql: bool,
    /// Whether the console is served on `/`, by a binary that has it.
    pub console: bool,
    /// Whether a document can be sent once and named by its hash from then on (automatic persisted queries).
    pub persisted_queries: bool,
    /// A manifest of documents; where there is one, no other document runs. Empty: any does.
    pub trusted_documents: PathBuf,
    /// Whether cookies are for encrypted connections only; clients on this machine are spared that.
    pub secure_cookies: bool,
    /// Whether browsers are told to come back over encrypted connections only (HSTS).
    pub strict_transport: bool,
}

/// `[sql]`: how a database server is used. SQLite, being part of the process, has no use for it but for
/// `results_together`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqlSettings {
    /// Connections of one instance.
    pub connections: u32,
    /// Milliseconds to wait for a free connection.
    pub acquire_timeout_ms: u64,
    /// Milliseconds to wait for the answer to one statement.
    pub statement_timeout_ms: u64,
    /// The most results that are written in one transaction.
    pub results_together: usize,
    /// Transactions of results at a time.
    pub results_lanes: usize,
}

/// `[redis]`: how Redis is used.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSettings {
    /// What every key and channel begins with, so that several installations can share one Redis.
    pub prefix: String,
    /// Milliseconds to wait for an answer or a connection.
    pub timeout_ms: u64,
}

/// `[mongodb]`: how MongoDB is used.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MongodbSettings {
    /// The database where the URL names none.
    pub database: String,
    /// Milliseconds to wait for an answer.
    pub timeout_ms: u64,
}

/// `[instances]`: how several instances share the work.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instances {
    /// Milliseconds after which a leader that is not heard of is replaced. It renews its lease three times as often.
    pub lease_ms: u64,
}

const fn one() -> u8 {
    1
}

const fn two() -> u8 {
    2
}

const fn two_minutes() -> u32 {
    120
}

const fn two_hours() -> u32 {
    7_200
}
