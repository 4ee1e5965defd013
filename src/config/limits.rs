//! What can be set of limits: what a request, a socket or a client may cost.

use serde::{Deserialize, Serialize};

/// `[limits]`: what one request, socket or client may cost.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of a request's body where a game server's key came with it.
    pub server_body_bytes: usize,
    /// Milliseconds one request may take; up to four fifths of it to wait for its turn at an embedded database, up to two
    /// fifths for its turn at checking a password, up to one fifth for what it wrote to be everywhere.
    pub request_timeout_ms: u64,
    /// Milliseconds in which a request's headers must come; a connection without a request is closed after as many, one of
    /// HTTP/2 told to go.
    pub header_timeout_ms: u64,
    /// Milliseconds after which a client that takes nothing of what it is sent is cut off (TCP_USER_TIMEOUT, on Linux), or
    /// does not go when it is told to.
    pub unread_timeout_ms: u64,
    /// Connections that may be open at once, sockets not counted; who comes then waits to be taken.
    pub connections: usize,
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
    /// Root fields of one query, each as often as its fragments bring it.
    pub query_root_fields: usize,
    /// Root fields of one mutation.
    pub mutation_root_fields: usize,
    /// Directives on one field, fragment or operation.
    pub directives: usize,
    /// Fields of a document's operations after their fragments are spread.
    pub expanded_fields: usize,
    /// Lexical tokens of one document.
    pub tokens: usize,
    /// Whether clients on this machine are spared the limits per address; not those that a proxy on it speaks for.
    pub exempt_loopback: bool,
    /// Requests, and operations over sockets, a minute from one address (IPv6: from one /64) without credentials, or with
    /// bad ones.
    pub anonymous_per_minute: u32,
    /// Requests, and operations over sockets, a minute of one account.
    pub user_per_minute: u32,
    /// Sign-ins a minute to one account from one address.
    pub login_per_account_minute: u32,
    /// Sign-ins a minute from one address (IPv6: from one /64).
    pub login_per_address_minute: u32,
    /// New accounts a minute from one address.
    pub register_per_address_minute: u32,
    /// Refreshed sessions a minute from one address.
    pub refresh_per_address_minute: u32,
    /// Mails a minute to one account, asked for from one address.
    pub mail_per_account_minute: u32,
    /// Mails a minute asked for from one address.
    pub mail_per_address_minute: u32,
    /// Requests, and operations over sockets, a minute with one game server's key.
    pub server_per_minute: u32,
    /// Cost of all operations a minute from one address without credentials.
    pub cost_anonymous_per_minute: u32,
    /// Cost of all operations a minute of one account.
    pub cost_user_per_minute: u32,
    /// Levels of nested lists and objects in the variables.
    pub variables_depth: usize,
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

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1024,
            server_body_bytes: 1024 * 1024,
            request_timeout_ms: 5_000,
            header_timeout_ms: 10_000,
            unread_timeout_ms: 60_000,
            connections: 50_000,
            correction_matches: 500,
            batch: 5,
            depth: 15,
            cost_anonymous: 20_000,
            cost_user: 30_000,
            cost_server: 50_000,
            aliases: 15,
            query_root_fields: 20,
            mutation_root_fields: 5,
            directives: 5,
            expanded_fields: 2_000,
            tokens: 10_000,
            exempt_loopback: true,
            anonymous_per_minute: 600,
            user_per_minute: 3_000,
            login_per_account_minute: 10,
            login_per_address_minute: 30,
            register_per_address_minute: 10,
            refresh_per_address_minute: 60,
            mail_per_account_minute: 3,
            mail_per_address_minute: 10,
            server_per_minute: 600_000,
            cost_anonymous_per_minute: 600_000,
            cost_user_per_minute: 3_000_000,
            variables_depth: 20,
            memory_mb: 0,
            socket: SocketLimits::default(),
        }
    }
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            init_timeout_ms: 3_000,
            ping_ms: 20_000,
            message_bytes: 64 * 1024,
            operations: 20,
            messages_per_20s: 100,
            per_user: 10,
            per_address: 200,
            total: 50_000,
            handshakes_per_second: 10_000,
            queue_bytes: 256 * 1024,
            write_timeout_ms: 10_000,
        }
    }
}
