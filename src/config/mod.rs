//! Settings: what can be set, its defaults and its bounds. Where they come from is `load.rs`.

mod check;
mod defaults;
mod load;
mod secret;

use std::{net::SocketAddr, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

pub use self::load::Problems;

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
    /// `JWT_SECRET`: signs access tokens, 32 bytes or more. Absent: made once and kept in the data directory, or in the
    /// database where that is a server's, which all instances share.
    pub jwt_secret: Option<SecretString>,
    /// `RANKEDHONOR_CONFIG`: the TOML file.
    pub file: Option<PathBuf>,
    /// What the TOML file says.
    pub settings: Settings,
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

/// `[accounts]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Life of an access token in seconds.
    pub access_token_seconds: u32,
    /// Life of a refresh token in seconds.
    pub refresh_token_seconds: u32,
    /// Memory of one password hash in KiB, 19,456 or more.
    pub argon2_memory_kib: u32,
    /// Passes of one password hash, 2 or more.
    pub argon2_passes: u32,
    /// Password hashes computed at once; 0: as many as there are cores.
    pub argon2_parallel: usize,
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Addresses of proxies whose `X-Forwarded-For` is believed. Empty: the socket's address counts.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// Origins that browsers may call from; the server's own is always allowed.
    pub allowed_origins: Vec<String>,
    /// Whether introspection is answered.
    pub introspection: bool,
    /// Whether GraphiQL is served.
    pub graphiql: bool,
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

/// `[limits]`: what one request, socket or client may cost.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of a request's body where a game server's key came with it.
    pub server_body_bytes: usize,
    /// Milliseconds one request may take.
    pub request_timeout_ms: u64,
    /// A voided match or late result that can reach more matches than this is worked out in the background.
    pub correction_matches: u32,
    /// Operations in one batched request; 0 and 1: no batches.
    pub batch: usize,
    /// Levels of nested fields.
    pub depth: usize,
    /// Cost of an operation for anonymous callers: one a field, times what its lists may hold.
    pub cost_anonymous: usize,
    /// Cost of an operation for people.
    pub cost_user: usize,
    /// Cost of an operation for game servers.
    pub cost_server: usize,
    /// Aliased fields in one operation.
    pub aliases: usize,
    /// Root fields of one query.
    pub query_root_fields: usize,
    /// Root fields of one mutation.
    pub mutation_root_fields: usize,
    /// Directives on one field, fragment or operation.
    pub directives: usize,
    /// Fields of one operation after its fragments are spread.
    pub expanded_fields: usize,
    /// Lexical tokens of one document.
    pub tokens: usize,
    /// Whether clients on this machine are spared the limits per address.
    pub exempt_loopback: bool,
    /// Requests a minute from one address without credentials.
    pub anonymous_per_minute: u32,
    /// Requests a minute of one account.
    pub user_per_minute: u32,
    /// Sign-ins a minute to one account.
    pub login_per_account_minute: u32,
    /// Sign-ins a minute from one address (IPv6: from one /64).
    pub login_per_address_minute: u32,
    /// New accounts a minute from one address.
    pub register_per_address_minute: u32,
    /// Refreshed sessions a minute from one address.
    pub refresh_per_address_minute: u32,
    /// Megabytes that the server may hold before it takes no more connections; 0: four fifths of what the machine has.
    pub memory_mb: u64,
    /// `[limits.socket]`
    pub socket: SocketLimits,
}

/// `[limits.socket]`: what a live connection may cost: a WebSocket, or a stream of server-sent events.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SocketLimits {
    /// Milliseconds from the upgrade to `connection_init`.
    pub init_timeout_ms: u64,
    /// Milliseconds between the server's pings; a socket that says nothing for two of them is closed.
    pub ping_ms: u64,
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Live operations on one socket.
    pub operations: usize,
    /// Messages from one client in 20 seconds.
    pub messages_per_20s: u32,
    /// Connections of one account.
    pub per_user: usize,
    /// Connections from one address (IPv6: from one /64).
    pub per_address: usize,
    /// Connections in all.
    pub total: usize,
    /// New connections a second; twice as many at once.
    pub handshakes_per_second: u32,
    /// Bytes that may wait for a slow reader. Whoever is further behind a stream of events is closed with 4408; of what only
    /// the newest matters, the newest waits. As many are kept of each stream for those who come back.
    pub queue_bytes: usize,
    /// Milliseconds that a peer may take nothing of what is written to it before it is closed with 4408.
    pub write_timeout_ms: u64,
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
