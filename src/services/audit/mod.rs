//! The audit log: what was done with privileges or to accounts, by whom, from where, in which request; what was there
//! before and after. It is written by the transaction that did it, so neither is there without the other.
//!
//! Each line's hash is keyed and covers the hash before, and the end of the chain is sealed with the same key, so a line that
//! was changed, added or taken away shows ([`verify`]). What names people stands in a line's details and in its address, of
//! which the chain holds only salted digests: they can be erased for somebody's sake, and the chain still holds. Whoever adds
//! to a log that somebody else has written to says so in a line of its own, and goes on.

mod verify;

use std::{net::IpAddr, sync::Arc};

use sea_orm::ConnectionTrait;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::verify::{Verified, verify};
use super::{
    core::{Core, now},
    paging::{Page, Slice},
};
use crate::{
    backends::sql::Tx,
    entities::{
        audit_log::{self, Filter, Model, head},
        users,
    },
    error::{Error, Result},
    game::{event::Fact, ids::UserId},
};

/// The act with which a log begins.
const BEGUN: &str = "AUDIT_LOG_BEGUN";
/// What is written where somebody else has written to the log.
const TAMPERED: &str = "AUDIT_LOG_TAMPERED";
/// Acts by which nobody shows who they are.
const UNPROVEN: &[&str] = &["REFRESH_TOKEN_REUSED"];
/// Acts whose details name nobody, so that they stay when whom they were done to is deleted.
pub const STAYS: &[&str] = &["ROLE_CHANGED", DELETED];
/// The act by which an account is deleted: what was said about it before may be erased.
pub const DELETED: &str = "ACCOUNT_DELETED";

/// Who acts in a request, and what is known of it.
#[derive(Clone, Debug, Default)]
pub struct Act {
    /// The id of a person or server key, or a word.
    pub actor: Option<String>,
    /// Where from.
    pub address: Option<IpAddr>,
    /// In which request.
    pub request_id: Option<Arc<str>>,
}

impl Act {
    /// What an operator does at the command line.
    pub fn operator() -> Self {
        Self { actor: Some("operator".into()), ..Self::default() }
    }

    /// Whether it is a person who acts, and no game server.
    pub fn is_by_person(&self) -> bool {
        self.actor.as_ref().is_some_and(|actor| actor.parse::<UserId>().is_ok())
    }
}

tokio::task_local! {
    static ACT: Act;
}

/// Whoever acts now; none: the server does by itself.
pub(super) fn current() -> Option<Act> {
    ACT.try_with(Clone::clone).ok()
}

/// Does something in the name of whoever acts: what is audited meanwhile says so.
pub async fn acting<F: Future>(act: Act, what: F) -> F::Output {
    ACT.scope(act, what).await
}

/// An act as it is written down.
pub(super) struct Entry {
    /// Who, where it is not whoever sent the request.
    pub actor: Option<String>,
    /// Such as `ROLE_CHANGED`.
    pub action: String,
    /// To what: an id.
    pub object: String,
    /// Before, after, reason and whatever else is to be known.
    pub data: Value,
    /// Whether it is kept from where the request came: where it is about nobody, nobody's deletion would erase it.
    pub placed: bool,
}

impl Entry {
    /// What whoever sent the request did to something.
    pub fn new(action: &str, object: impl ToString, data: Value) -> Self {
        let (action, object) = (action.into(), object.to_string());
        Self { actor: None, action, object, data, placed: true }
    }

    /// What a fact tells of an act; none: it tells of none.
    fn of(fact: &Fact) -> Option<Self> {
        let Fact::Activity { user, kind, by, data, .. } = fact else { return None };
        if UNPROVEN.contains(&kind.as_str()) {
            return Some(Self {
                actor: Some("anonymous".into()),
                ..Self::new(kind, user, data.clone())
            });
        }
        // Whoever signs in proves who they are only in this request.
        let acts = ACT.try_with(|act| act.actor.is_some()).unwrap_or(false);
        let actor = by.map(|by| by.to_string()).or_else(|| (!acts).then(|| user.to_string()));
        Some(Self { actor, ..Self::new(kind, user, data.clone()) })
    }
}

/// Adds what facts tell of acts to the log.
pub(super) async fn append_facts(core: &Core, tx: &Tx, facts: &[&Fact]) -> Result<()> {
    append(core, tx, facts.iter().filter_map(|fact| Entry::of(fact)).collect()).await
}

/// Adds to the log. The head of the chain is locked until the transaction ends, so this comes late.
pub(super) async fn append(core: &Core, tx: &Tx, entries: Vec<Entry>) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let act = current();
    let (end, tampered) = end(core, tx).await?;
    let (mut seq, mut hash) = end;
    let mut rows = Vec::new();
    for entry in tampered.into_iter().chain(entries) {
        seq += 1;
        let actor = entry.actor.or_else(|| act.as_ref().and_then(|act| act.actor.clone()));
        let (salt, details) = (fresh_salt(), entry.data.to_string());
        let act = act.as_ref();
        let from = act.filter(|_| entry.placed).and_then(|act| act.address);
        let whence = from.map(|address| address.to_string());
        let whence_salt = whence.as_ref().map(|_| fresh_salt());
        let mut row = Model {
            seq,
            at: now(),
            actor: actor
                .unwrap_or_else(|| if act.is_some() { "anonymous" } else { "system" }.into()),
            action: entry.action,
            object: entry.object,
            request_id: act.as_ref().and_then(|act| act.request_id.as_deref().map(Into::into)),
            digest: digest(&salt, &details),
            details: Some(details),
            salt: Some(salt),
            whence_digest: whence
                .as_ref()
                .zip(whence_salt.as_ref())
                .map_or_else(String::new, |(whence, salt)| digest(salt, whence)),
            whence,
            whence_salt,
            hash: String::new(),
        };
        hash = core.vault.chain(&line(&hash, &row));
        row.hash.clone_from(&hash);
        rows.push(row);
    }
    let seal = core.vault.chain(&ending(seq, &hash));
    audit_log::append(tx, rows, seal).await
}

/// Adds what a person did with a match. What game servers do stands in the match and its timeline, not here: it is all they do.
pub(super) async fn append_of_person(core: &Core, tx: &Tx, entry: Entry) -> Result<()> {
    match current() {
        Some(act) if act.is_by_person() => append(core, tx, vec![entry]).await,
        _ => Ok(()),
    }
}

/// Where the chain ends, which is locked now; and what there is to say of it where that is not where this program left it.
async fn end(core: &Core, tx: &Tx) -> Result<((i64, String), Option<Entry>)> {
    let there = audit_log::lock_head(tx).await?;
    let last = audit_log::last_seq(tx).await?.unwrap_or(0);
    if let Some(head) = &there
        && head.seq == last
        && is_sealed(core, tx, head).await?
    {
        return Ok(((head.seq, head.hash.clone()), None));
    }
    let head = match there {
        Some(head) => head,
        None => {
            audit_log::begin(tx, String::new()).await?;
            let head = audit_log::lock_head(tx).await?;
            head.ok_or_else(|| Error::internal("the audit log has no head"))?
        }
    };
    tracing::error!(end = head.seq, last, "somebody else has written to the audit log");
    metrics::counter!("rankedhonor_audit_tampered_total").increment(1);
    let data = serde_json::json!({"end": head.seq, "last": last});
    let told = Entry { actor: Some("system".into()), ..Entry::new(TAMPERED, "audit_log", data) };
    Ok(((head.seq.max(last).max(0), head.hash), Some(told)))
}

/// Whether this program left the end so; by a key, perhaps, that another process has made meanwhile.
async fn is_sealed(core: &Core, db: &impl ConnectionTrait, head: &head::Model) -> Result<bool> {
    let ending = ending(head.seq, &head.hash);
    if core.vault.is_chained(&ending, &head.seal) {
        return Ok(true);
    }
    core.learn_secrets(db).await?;
    Ok(core.vault.is_chained(&ending, &head.seal))
}

fn fresh_salt() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

fn digest(salt: &str, text: &str) -> String {
    hex::encode(Sha256::digest([salt.as_bytes(), text.as_bytes()].concat()))
}

/// What a line's hash covers.
fn line(before: &str, row: &Model) -> Vec<u8> {
    let (seq, at) = (row.seq.to_string(), row.at.0.to_string());
    let request = row.request_id.as_deref().unwrap_or_default();
    let (whence, digest) = (&row.whence_digest, &row.digest);
    parts(&[before, &seq, &at, &row.actor, &row.action, &row.object, request, digest, whence])
}

/// What the seal of the end covers.
fn ending(seq: i64, hash: &str) -> Vec<u8> {
    parts(&["end", &seq.to_string(), hash])
}

/// Texts in a row, each told apart from the next by its length.
fn parts(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

/// See the module.
pub struct Audit {
    core: Arc<Core>,
}

impl Audit {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Begins the log of a new installation. Its first line says how many accounts there were before.
    pub(super) async fn begin(&self) -> Result<()> {
        if audit_log::head(self.core.sql.read()).await?.is_some() {
            return Ok(());
        }
        let tx = self.core.sql.begin().await?;
        audit_log::begin(&tx, self.core.vault.chain(&ending(0, ""))).await?;
        // Of several instances that start at once one does it.
        if audit_log::lock_head(&tx).await?.is_some_and(|head| head.seq == 0) {
            let data = serde_json::json!({"accounts": users::count(&tx).await?});
            append(&self.core, &tx, vec![Entry::new(BEGUN, "audit_log", data)]).await?;
        }
        tx.commit().await
    }

    /// Writes down what an operator is about to do at the command line, which has no transaction of its own.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when the database does not answer.
    pub async fn operator(&self, action: &str, object: &str, data: Value) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let entries = vec![Entry::new(action, object, data)];
        acting(Act::operator(), append(&self.core, &tx, entries)).await?;
        tx.commit().await
    }

    /// The log, newest first.
    pub async fn page(&self, filter: &Filter, page: &Page<i64>) -> Result<Slice<Model>> {
        let rows = audit_log::list(self.core.sql.read(), filter, page.after, page.fetch()).await?;
        Ok(page.cut(rows))
    }
}
