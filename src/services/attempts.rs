//! What failed sign-ins cost: after a few, the next to the same account has to wait, a second at first and twice as long
//! each time.
//!
//! Failures are counted for the name or address that was typed and the network that they come from; and, with more
//! patience and a shorter longest wait, for the name or address alone, against those who try from many networks. The
//! second count does not bind networks from which the account signed in before: nobody can keep its owner out by failing
//! from elsewhere. Names that nobody has are counted like any other, so the count does not tell which there are.

use std::net::IpAddr;

use super::{
    audit::{self, Entry},
    core::{Core, now},
    network, tokens,
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{
        login_failures::{self, Model},
        sessions, users,
    },
    error::{Error, Result},
    game::time::Timestamp,
};

/// How much longer an account alone is patient.
const WIDE_FREE_TIMES: u32 = 4;
/// The longest wait where only the account is counted, in seconds.
const WIDE_DELAY_S: u32 = 60;
/// Failures are forgotten when none came for so long.
pub const FORGET_MS: i64 = 60 * 60 * 1000;
/// How many of an account's past sessions are looked at for where it signed in before.
const SESSIONS: u64 = 200;

/// One attempt to sign in.
pub struct Attempt<'a> {
    core: &'a Core,
    /// The count of the account and the network, and that of the account.
    ids: [String; 2],
    network: IpAddr,
}

impl<'a> Attempt<'a> {
    /// An attempt with that folded name or address from there.
    pub fn new(core: &'a Core, login: &str, address: IpAddr) -> Self {
        let network = network(address);
        Self { core, ids: ids(login, network), network }
    }

    /// Refuses an attempt that comes too early.
    ///
    /// # Errors
    /// RATE_LIMITED, saying when to come back.
    pub async fn check(&self, user: Option<&users::Model>) -> Result<()> {
        let db = self.core.sql.read();
        let rows = login_failures::of(db, &self.ids).await?;
        let now = now();
        let blocked = |id: &String| {
            let row = rows.iter().find(|row| row.id == *id);
            row.map(|row| row.blocked_until.since(now)).filter(|ms| *ms > 0)
        };
        let refused = |ms: i64| {
            metrics::counter!("rankedhonor_rate_limited_total", "what" => "login").increment(1);
            // One, once that time is over.
            Err(Error::RateLimited { retry_after_ms: ms.unsigned_abs(), limit: 1 })
        };
        if let Some(ms) = blocked(&self.ids[0]) {
            return refused(ms);
        }
        let Some(ms) = blocked(&self.ids[1]) else { return Ok(()) };
        if let Some(user) = user {
            let before = sessions::addresses_of(db, user.id, SESSIONS).await?;
            let mut before = before.iter().filter_map(|address| address.parse().ok());
            if before.any(|address: IpAddr| network(address) == self.network) {
                return Ok(());
            }
        }
        refused(ms)
    }

    /// Counts a failure; the first that slows others down is written down.
    pub async fn failed(&self, user: Option<&users::Model>) -> Result<()> {
        retrying(|| self.try_count(user)).await
    }

    async fn try_count(&self, user: Option<&users::Model>) -> Result<()> {
        let settings = &self.core.config.settings.accounts;
        let (free, most) = (settings.login_failures_free, settings.login_delay_seconds);
        let now = now();
        let tx = self.core.sql.begin().await?;
        let held = login_failures::lock(&tx, &self.ids).await?;
        let wide = (free.saturating_mul(WIDE_FREE_TIMES), most.min(WIDE_DELAY_S));
        let (mut rows, mut slows) = (Vec::new(), false);
        for (id, (free, most)) in self.ids.iter().zip([(free, most), wide]) {
            let before = held.iter().find(|row| row.id == *id);
            let before = before.filter(|row| now.since(row.last_at) < FORGET_MS);
            let failures = before.map_or(0, |row| row.failures).saturating_add(1);
            // As long as nobody has to wait, no clock is asked: another instance's may be behind.
            let blocked_until = match delay_ms(failures, free, most) {
                0 => Timestamp(0),
                ms => now.plus_ms(ms),
            };
            slows |= u32::try_from(failures) == Ok(free.saturating_add(1));
            rows.push(Model { id: id.clone(), failures, last_at: now, blocked_until });
        }
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        login_failures::put(&tx, rows).await?;
        if slows {
            // Of a name that nobody has as well, so that the time does not tell.
            let object = user.map_or_else(|| "nobody".to_owned(), |user| user.id.to_string());
            let network = user.map(|_| &self.network);
            let mut entry =
                Entry::new("SIGN_IN_SLOWED", object, serde_json::json!({"network": network}));
            entry.placed = user.is_some();
            audit::append(self.core, &tx, vec![entry]).await?;
        }
        tx.commit().await
    }

    /// Forgets the failures from this network.
    pub async fn succeeded(&self) -> Result<()> {
        if login_failures::of(self.core.sql.read(), &self.ids[..1]).await?.is_empty() {
            return Ok(());
        }
        let tx = self.core.sql.begin().await?;
        login_failures::clear(&tx, &self.ids[0]).await?;
        tx.commit().await
    }
}

/// How long the next attempt has to wait after so many failures.
fn delay_ms(failures: i32, free: u32, most_s: u32) -> i64 {
    let beyond = u32::try_from(failures).unwrap_or(0).saturating_sub(free);
    if beyond == 0 {
        return 0;
    }
    let seconds = 1_i64.checked_shl(beyond - 1).filter(|s| *s > 0).unwrap_or(i64::MAX);
    seconds.min(most_s.into()) * 1000
}

/// Forgets what is too old to count.
pub(super) async fn sweep(core: &Core, now: Timestamp) -> Result<()> {
    let tx = core.sql.begin().await?;
    login_failures::expire(&tx, now.plus_ms(-FORGET_MS)).await?;
    tx.commit().await
}

/// Forgets the failures of somebody who has proved otherwise who they are.
pub(super) async fn forgive(tx: &Tx, user: &users::Model, address: IpAddr) -> Result<()> {
    for login in [&user.username_key, &user.email_key] {
        for id in ids(login, network(address)) {
            login_failures::clear(tx, &id).await?;
        }
    }
    Ok(())
}

fn ids(login: &str, network: IpAddr) -> [String; 2] {
    [tokens::hash(&format!("login:{login}:{network}")), tokens::hash(&format!("login:{login}"))]
}
