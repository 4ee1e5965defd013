//! The bounds of the settings.

use std::{collections::HashSet, fmt::Display, ops::RangeInclusive};

use super::{ModeSettings, Settings, load::Problems};

/// Adds what is out of bounds.
pub fn settings(settings: &Settings, problems: &mut Problems) {
    modes(settings, problems);
    ids("regions", settings.regions.0.iter().map(|region| &*region.id), problems);
    ladder(settings, problems);
    matchmaking(settings, problems);
    accounts(settings, problems);
    origins(&settings.http.allowed_origins, problems);
    oauth(settings, problems);
    engines(settings, problems);
    limits(settings, problems);
}

fn within<T: PartialOrd + Display>(
    name: &str,
    value: T,
    range: RangeInclusive<T>,
    problems: &mut Problems,
) {
    if !range.contains(&value) {
        let (low, high) = (range.start(), range.end());
        problems.add(name, format!("expected {low} to {high}, not {value}"));
    }
}

fn ids<'a>(table: &str, ids: impl Iterator<Item = &'a str>, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (index, id) in ids.enumerate() {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&id.len()) || !id.bytes().all(plain) {
            problems.add(
                format!("{table}[{index}].id"),
                "expected 1 to 32 of the characters a-z, 0-9 and -",
            );
        }
        if !seen.insert(id) {
            problems.add(format!("{table}[{index}].id"), format!("{id} is there twice"));
        }
    }
    if seen.is_empty() {
        problems.add(table, "at least one is needed");
    }
}

fn modes(settings: &Settings, problems: &mut Problems) {
    let modes = &settings.modes.0;
    ids("modes", modes.iter().map(|mode| &*mode.id), problems);
    for (index, mode) in modes.iter().enumerate() {
        let key = |name: &str| format!("modes[{index}].{name}");
        within(&key("team_size"), mode.team_size, 1..=16, problems);
        within(&key("team_count"), mode.team_count, 2..=16, problems);
        within(&key("ready_check_seconds"), mode.ready_check_seconds, 0..=300, problems);
        within(&key("start_deadline_seconds"), mode.start_deadline_seconds, 1..=3_600, problems);
        within(&key("play_deadline_seconds"), mode.play_deadline_seconds, 1..=172_800, problems);
        within(&key("spectator_delay_seconds"), mode.spectator_delay_seconds, 0..=3_600, problems);
        rating(mode, &key("rating"), problems);
    }
}

fn rating(mode: &ModeSettings, key: &str, problems: &mut Problems) {
    let rating = &mode.rating;
    let mut check =
        |name: &str, value: f64, range| within(&format!("{key}.{name}"), value, range, problems);
    check("start_mmr", rating.start_mmr, 0.0..=10_000.0);
    check("start_deviation", rating.start_deviation, 30.0..=1_000.0);
    check("start_volatility", rating.start_volatility, 0.0001..=1.0);
    check("tau", rating.tau, 0.01..=2.0);
    check("period_days", rating.period_days, 0.01..=365.0);
    check("team_share", rating.team_share, 0.01..=1.0);
    check("team_scale", rating.team_scale, 0.1..=16.0);
    check("guard_deviation", rating.guard_deviation, 30.0..=1_000.0);
    check("guard_chance_below", rating.guard_chance_below, 0.5..=1.0);
    within(&format!("{key}.guard_streak"), rating.guard_streak, 0..=100, problems);
}

fn ladder(settings: &Settings, problems: &mut Problems) {
    let ladder = &settings.ladder;
    within("ladder.placements", ladder.placements, 0..=100, problems);
    within("ladder.placements_short", ladder.placements_short, 0..=100, problems);
    within("ladder.demotion_margin_mmr", ladder.demotion_margin_mmr, 0.0..=1_000.0, problems);
    within("ladder.inactive_after_days", ladder.inactive_after_days, 0..=3_650, problems);
    let above = ladder.unlisted_above_deviation;
    within("ladder.unlisted_above_deviation", above, 0.0..=1_000.0, problems);
    if ladder.tiers.is_empty() {
        problems.add("ladder.tiers", "at least one is needed");
    }
    for (index, tier) in ladder.tiers.iter().enumerate() {
        within(&format!("ladder.tiers[{index}].divisions"), tier.divisions, 1..=10, problems);
    }
    for (index, pair) in ladder.tiers.windows(2).enumerate() {
        if pair[1].from_mmr.partial_cmp(&pair[0].from_mmr) != Some(std::cmp::Ordering::Greater) {
            problems.add(format!("ladder.tiers[{}].from_mmr", index + 1), "tiers ascend");
        }
    }
}

fn matchmaking(settings: &Settings, problems: &mut Problems) {
    let matchmaking = &settings.matchmaking;
    within("matchmaking.tick_ms", matchmaking.tick_ms, 50..=60_000, problems);
    let mmr = 0.0..=100_000.0;
    within("matchmaking.tolerance_start_mmr", matchmaking.tolerance_start_mmr, mmr, problems);
    within(
        "matchmaking.tolerance_least_mmr",
        matchmaking.tolerance_least_mmr,
        1.0..=100_000.0,
        problems,
    );
    within(
        "matchmaking.tolerance_most_mmr",
        matchmaking.tolerance_most_mmr,
        matchmaking.tolerance_least_mmr.max(1.0)..=100_000.0,
        problems,
    );
    let seconds = 1..=3_600;
    let widens = matchmaking.tolerance_widens_seconds;
    within("matchmaking.tolerance_widens_seconds", widens, seconds.clone(), problems);
    within("matchmaking.mmr_per_second", matchmaking.mmr_per_second, 0.01..=1_000.0, problems);
    within("matchmaking.starves_seconds", matchmaking.starves_seconds, seconds, problems);
    within("matchmaking.premade_mmr", matchmaking.premade_mmr, -1_000.0..=1_000.0, problems);
    let rematch = matchmaking.rematch_after_seconds;
    within("matchmaking.rematch_after_seconds", rematch, 0..=3_600, problems);
    within("matchmaking.ticket_ttl_seconds", matchmaking.ticket_ttl_seconds, 1..=86_400, problems);
    for (index, pair) in matchmaking.latency.windows(2).enumerate() {
        if pair[1].from_seconds <= pair[0].from_seconds || pair[1].max_ms < pair[0].max_ms {
            problems.add(format!("matchmaking.latency[{}]", index + 1), "steps ascend");
        }
    }
}

fn accounts(settings: &Settings, problems: &mut Problems) {
    let accounts = &settings.accounts;
    within("accounts.access_token_seconds", accounts.access_token_seconds, 1..=86_400, problems);
    within(
        "accounts.refresh_token_seconds",
        accounts.refresh_token_seconds,
        60..=31_536_000,
        problems,
    );
    within("accounts.argon2_memory_kib", accounts.argon2_memory_kib, 19_456..=1_048_576, problems);
    within("accounts.argon2_passes", accounts.argon2_passes, 2..=16, problems);
    within("accounts.argon2_parallel", accounts.argon2_parallel, 0..=1_024, problems);
    within("accounts.clock_skew_seconds", accounts.clock_skew_seconds, 0..=300, problems);
    within("accounts.login_failures_free", accounts.login_failures_free, 0..=1_000, problems);
    within("accounts.login_delay_seconds", accounts.login_delay_seconds, 0..=3_600, problems);
    within("accounts.deletion_grace_days", accounts.deletion_grace_days, 0..=365, problems);
    within("mail.token_seconds", settings.mail.token_seconds, 60..=604_800, problems);
    let retention = &settings.retention;
    within("retention.sessions_days", retention.sessions_days, 1..=3_650, problems);
    within("retention.tickets_days", retention.tickets_days, 1..=3_650, problems);
    within("retention.mail_files_days", retention.mail_files_days, 1..=3_650, problems);
    within("retention.names_days", retention.names_days, 0..=3_650, problems);
    for (name, url) in [
        ("mail.verify_url", &settings.mail.verify_url),
        ("mail.reset_url", &settings.mail.reset_url),
    ] {
        if !url.starts_with("http") || !url.contains("{token}") {
            problems.add(name, "expected an http address with {token} in it");
        }
    }
}

/// Browsers name a page's origin to the letter, without a path: what is written otherwise is never met.
fn origins(origins: &[String], problems: &mut Problems) {
    for (index, origin) in origins.iter().enumerate() {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]_".contains(&b);
        let named = origin.split_once("://").is_some_and(|(scheme, host)| {
            let letter =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
            let (scheme_ok, host_ok) = (scheme.bytes().all(letter), host.bytes().all(plain));
            !scheme.is_empty() && !host.is_empty() && scheme_ok && host_ok
        });
        if !named {
            problems.add(
                format!("http.allowed_origins[{index}]"),
                "expected an origin such as https://play.example, in small letters, without a path or a slash at its end",
            );
        }
    }
}

fn oauth(settings: &Settings, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (index, provider) in settings.oauth.providers.iter().enumerate() {
        let key = |name: &str| format!("oauth.providers[{index}].{name}");
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=20).contains(&provider.id.len()) || !provider.id.bytes().all(plain) {
            problems.add(key("id"), "expected 1 to 20 of the characters a-z, 0-9 and -");
        }
        if !seen.insert(&provider.id) {
            problems.add(key("id"), format!("{} is there twice", provider.id));
        }
        for (name, url) in [
            ("authorize_url", &provider.authorize_url),
            ("token_url", &provider.token_url),
            ("user_url", &provider.user_url),
        ] {
            // Without encryption only on this machine: a code or a token that others read is theirs.
            let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
            if !url.starts_with("https://") && !local.iter().any(|start| url.starts_with(start)) {
                problems.add(key(name), "expected an https address");
            }
        }
        for (name, pointer) in [("subject", &provider.subject), ("username", &provider.username)] {
            if !pointer.starts_with('/') {
                problems.add(key(name), "expected a JSON pointer, such as /id");
            }
        }
    }
}

fn engines(settings: &Settings, problems: &mut Problems) {
    let (sql, redis, mongodb) = (&settings.sql, &settings.redis, &settings.mongodb);
    within("sql.connections", sql.connections, 2..=1_000, problems);
    within("sql.results_together", sql.results_together, 1..=256, problems);
    within("sql.results_lanes", sql.results_lanes, 1..=64, problems);
    within("sql.acquire_timeout_ms", sql.acquire_timeout_ms, 100..=60_000, problems);
    within("sql.statement_timeout_ms", sql.statement_timeout_ms, 100..=60_000, problems);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
    if redis.prefix.len() > 64 || !redis.prefix.bytes().all(plain) {
        problems
            .add("redis.prefix", "expected 0 to 64 of the characters A-Z, a-z, 0-9, _ - . and :");
    }
    within("redis.timeout_ms", redis.timeout_ms, 50..=60_000, problems);
    let named = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    if !(1..=38).contains(&mongodb.database.len()) || !mongodb.database.bytes().all(named) {
        problems
            .add("mongodb.database", "expected 1 to 38 of the characters A-Z, a-z, 0-9, _ and -");
    }
    within("mongodb.timeout_ms", mongodb.timeout_ms, 50..=60_000, problems);
    within("instances.lease_ms", settings.instances.lease_ms, 500..=60_000, problems);
}

fn limits(settings: &Settings, problems: &mut Problems) {
    let limits = &settings.limits;
    within("limits.body_bytes", limits.body_bytes, 1_024..=16_777_216, problems);
    within("limits.server_body_bytes", limits.server_body_bytes, 1_024..=16_777_216, problems);
    within("limits.request_timeout_ms", limits.request_timeout_ms, 100..=600_000, problems);
    within("limits.header_timeout_ms", limits.header_timeout_ms, 100..=600_000, problems);
    within("limits.unread_timeout_ms", limits.unread_timeout_ms, 100..=600_000, problems);
    within("limits.connections", limits.connections, 1..=1_000_000, problems);
    within("limits.correction_matches", limits.correction_matches, 0..=100_000, problems);
    within("limits.batch", limits.batch, 0..=100, problems);
    within("limits.depth", limits.depth, 15..=100, problems);
    within("limits.variables_depth", limits.variables_depth, 5..=100, problems);
    within("limits.tokens", limits.tokens, 1_000..=1_000_000, problems);
    within("limits.memory_mb", limits.memory_mb, 0..=1_048_576, problems);
    let socket = &limits.socket;
    within("limits.socket.init_timeout_ms", socket.init_timeout_ms, 10..=600_000, problems);
    within("limits.socket.ping_ms", socket.ping_ms, 10..=600_000, problems);
    within("limits.socket.message_bytes", socket.message_bytes, 1_024..=16_777_216, problems);
    within("limits.socket.operations", socket.operations, 1..=10_000, problems);
    within("limits.socket.per_address", socket.per_address, 1..=1_000_000, problems);
    within("limits.socket.total", socket.total, 1..=1_000_000, problems);
    let handshakes = socket.handshakes_per_second;
    within("limits.socket.handshakes_per_second", handshakes, 1..=1_000_000, problems);
    within("limits.socket.queue_bytes", socket.queue_bytes, 1_024..=16_777_216, problems);
    within("limits.socket.write_timeout_ms", socket.write_timeout_ms, 100..=600_000, problems);
}
