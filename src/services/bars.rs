//! What a deleted account keeps others, and whom it belonged to, from taking: its name for a while; and until a suspension
//! ends that it was under, its address and its accounts at other services. Only keyed hashes are kept of them.

use sea_orm::ConnectionTrait;

use super::{
    accounts::Accounts,
    audit::{self, Entry},
    core::{Core, now},
};
use crate::{
    backends::documents::DAY_MS,
    entities::{barred, linked_accounts, users},
    error::{Error, Reason, Result},
    game::{accounts::fold, time::Timestamp},
};

const NAME: &str = "name";
const ADDRESS: &str = "address";
const ELSEWHERE: &str = "elsewhere";

fn elsewhere(provider: &str, subject: &str) -> String {
    format!("{provider}:{subject}")
}

/// What somebody who was suspended had, and cannot use for another account.
#[derive(Clone, Debug)]
pub enum Barred {
    /// An address.
    Address(String),
    /// An account at another service: which service, and whom it calls so.
    Elsewhere(String, String),
}

impl Accounts {
    /// Lets it be used again, before the suspension would have ended.
    ///
    /// # Errors
    /// NOT_FOUND where it is not barred.
    pub async fn lift_bar(&self, what: &Barred) -> Result<()> {
        let (kind, text) = match what {
            Barred::Address(address) => (ADDRESS, fold(address.trim())),
            Barred::Elsewhere(provider, subject) => (ELSEWHERE, elsewhere(provider, subject)),
        };
        let tx = self.core.sql.begin().await?;
        if !barred::lift(&tx, kind, self.core.vault.marks(kind, &text)).await? {
            return Err(Error::NotFound("bar"));
        }
        // Whose it was is known to nobody any more.
        let entry = Entry::new("BAR_LIFTED", kind, serde_json::json!({}));
        audit::append(&self.core, &tx, vec![entry]).await?;
        tx.commit().await
    }
}

/// Bars what an account leaves that is deleted now.
pub async fn raise(
    core: &Core,
    db: &impl ConnectionTrait,
    user: &users::Model,
    linked: &[linked_accounts::Model],
    now: Timestamp,
) -> Result<()> {
    let mut bars = Vec::new();
    let mut bar = |kind: &str, text: &str, until: Timestamp| {
        // By the key in use.
        let mark = core.vault.marks(kind, text).into_iter().next();
        bars.extend(mark.map(|mark| barred::Model { kind: kind.into(), mark, until_ms: until }));
    };
    let days = i64::from(core.config.settings.retention.names_days);
    if days > 0 {
        bar(NAME, &user.username_key, now.plus_ms(days * DAY_MS));
    }
    if let Some(until) = user.suspended_until.filter(|until| *until > now) {
        bar(ADDRESS, &user.email_key, until);
        for linked in linked {
            bar(ELSEWHERE, &elsewhere(&linked.provider, &linked.subject), until);
        }
    }
    for bar in &mut bars {
        // What was barred for longer stays so.
        let before = barred::until(db, &bar.kind, vec![bar.mark.clone()], now).await?;
        bar.until_ms = bar.until_ms.max(before.unwrap_or(bar.until_ms));
    }
    barred::put(db, bars).await
}

/// Refuses a name, folded, that is not free yet.
pub async fn refuse_name(core: &Core, db: &impl ConnectionTrait, name: &str) -> Result<()> {
    if barred::until(db, NAME, core.vault.marks(NAME, name), now()).await?.is_some() {
        let message = "this username belonged to an account that was deleted lately";
        return Err(Error::conflict(Reason::UsernameTaken, message));
    }
    Ok(())
}

/// Refuses an address, folded, whose account was suspended.
pub async fn refuse_address(core: &Core, db: &impl ConnectionTrait, address: &str) -> Result<()> {
    refuse(core, db, (ADDRESS, address), "address").await
}

/// Refuses an account at another service whose account here was suspended.
pub async fn refuse_elsewhere(
    core: &Core,
    db: &impl ConnectionTrait,
    provider: &str,
    subject: &str,
) -> Result<()> {
    let text = elsewhere(provider, subject);
    refuse(core, db, (ELSEWHERE, &text), "account at another service").await
}

async fn refuse(
    core: &Core,
    db: &impl ConnectionTrait,
    (kind, text): (&str, &str),
    what: &str,
) -> Result<()> {
    if barred::until(db, kind, core.vault.marks(kind, text), now()).await?.is_some() {
        let message = format!("this {what} belonged to an account that is suspended");
        return Err(Error::Suspended(message));
    }
    Ok(())
}
