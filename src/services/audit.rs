//! The audit log: what was done with privileges or to accounts, by whom, from where, in which request; what was there
//! before and after. It is written by the transaction that did it, so neither is there without the other.
//!
//! Each line's hash is keyed and covers the hash before, so a line that was changed, added or taken away shows
//! ([`Audit::verify`]). What names people stands in the line's details, of which the chain holds only a salted digest:
//! they can be erased for somebody's sake, and the chain still holds. Lines that were cut off at the end show against a
//! line that was noted elsewhere: the last one's number and hash are logged once a minute ([`Audit::note`]).

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    core::{Core, now},
    paging::{Page, Slice},
};
use crate::{
    backends::sql::Tx,
    entities::audit_log::{self, Filter, Model},
    error::{Error, Result},
    game::event::Fact,
};

/// Lines that are verified at once.
const CHUNK: u64 = 1_000;
/// The act by which an account is deleted: what was said about it before may be erased.
pub const DELETED: &str = "ACCOUNT_DELETED";

/// Who acts in a request, and what is known of it.
#[derive(Clone, Debug)]
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
        Self { actor: Some("operator".into()), address: None, request_id: None }
    }
}

tokio::task_local! {
    static ACT: Act;
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
}

impl Entry {
    /// What whoever sent the request did to something.
    pub fn new(action: &str, object: impl ToString, data: Value) -> Self {
        Self { actor: None, action: action.into(), object: object.to_string(), data }
    }

    /// What a fact tells of an act; none: it tells of none.
    fn of(fact: &Fact) -> Option<Self> {
        let Fact::Activity { user, kind, by, data, .. } = fact else { return None };
        // Whoever signs in proves who they are only in this request.
        let acts = ACT.try_with(|act| act.actor.is_some()).unwrap_or(false);
        let actor = by.map(|by| by.to_string()).or_else(|| (!acts).then(|| user.to_string()));
        Some(Self { actor, action: kind.clone(), object: user.to_string(), data: data.clone() })
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
    let act = ACT.try_with(Clone::clone).ok();
    let (mut seq, mut hash) = first_or_last(tx).await?;
    let mut rows = Vec::new();
    for mut entry in entries {
        seq += 1;
        let actor = entry.actor.or_else(|| act.as_ref().and_then(|act| act.actor.clone()));
        if let Some(data) = entry.data.as_object_mut()
            && let Some(address) = act.as_ref().and_then(|act| act.address)
        {
            data.insert("address".into(), address.to_string().into());
        }
        let salt = hex::encode(rand::random::<[u8; 16]>());
        let details = entry.data.to_string();
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
            hash: String::new(),
        };
        hash = core.vault.chain(&line(&hash, &row));
        row.hash.clone_from(&hash);
        rows.push(row);
    }
    audit_log::append(tx, rows).await
}

async fn first_or_last(tx: &Tx) -> Result<(i64, String)> {
    let head = match audit_log::lock_head(tx).await? {
        Some(head) => Some(head),
        None => {
            audit_log::begin(tx).await?;
            audit_log::lock_head(tx).await?
        }
    };
    let head = head.ok_or_else(|| Error::internal("the audit log has no head"))?;
    Ok((head.seq, head.hash))
}

fn digest(salt: &str, details: &str) -> String {
    hex::encode(Sha256::digest([salt.as_bytes(), details.as_bytes()].concat()))
}

/// What a line's hash covers. Each part is told apart from the next by its length.
fn line(before: &str, row: &Model) -> Vec<u8> {
    let (seq, at) = (row.seq.to_string(), row.at.0.to_string());
    let request = row.request_id.as_deref().unwrap_or_default();
    let parts = [before, &seq, &at, &row.actor, &row.action, &row.object, request, &row.digest];
    let mut line = Vec::new();
    for part in parts {
        line.extend((part.len() as u64).to_be_bytes());
        line.extend(part.as_bytes());
    }
    line
}

/// A chain that holds.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// How many lines it has.
    pub lines: u64,
    /// Of how many the details were erased.
    pub erased: u64,
    /// The last line's number; 0: there is none.
    pub seq: i64,
    /// The last line's hash.
    pub hash: String,
}

/// See the module.
pub struct Audit {
    core: Arc<Core>,
    /// The last line that was logged from here.
    logged: AtomicI64,
}

impl Audit {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core, logged: AtomicI64::new(0) }
    }

    /// Logs the last line's number and hash where there is a new one, so that it is known elsewhere.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when the database does not answer.
    pub async fn note(&self) -> Result<()> {
        if let Some(head) = audit_log::head(self.core.sql.read()).await?
            && self.logged.swap(head.seq, Ordering::Relaxed) != head.seq
        {
            tracing::info!(seq = head.seq, hash = head.hash, "the audit log ends");
        }
        Ok(())
    }

    /// The log, newest first.
    pub async fn page(&self, filter: &Filter, page: &Page<i64>) -> Result<Slice<Model>> {
        let rows = audit_log::list(self.core.sql.read(), filter, page.after, page.fetch()).await?;
        Ok(page.cut(rows))
    }

    /// Walks the whole chain. `noted`: a line's number and hash that must be in it.
    ///
    /// # Errors
    /// INTERNAL, saying which line is wrong, and how.
    pub async fn verify(&self, noted: Option<(i64, &str)>) -> Result<Verified> {
        let db = self.core.sql.read();
        // What comes while this is read is not looked at.
        let head = audit_log::head(db).await?;
        let (last, last_hash) = head.map_or((0, String::new()), |head| (head.seq, head.hash));
        let wrong = |seq: i64, what: &str| Error::internal(format!("line {seq} {what}"));
        let mut found = Verified::default();
        let (mut erased, mut deleted) = (Vec::new(), HashSet::new());
        while found.seq < last {
            let rows = audit_log::since(db, found.seq, CHUNK).await?;
            if rows.is_empty() {
                return Err(wrong(found.seq + 1, "is missing, and all behind it"));
            }
            for row in rows.into_iter().take_while(|row| row.seq <= last) {
                if row.seq != found.seq + 1 {
                    return Err(wrong(found.seq + 1, "is missing"));
                }
                match (&row.details, &row.salt) {
                    (Some(details), Some(salt)) if digest(salt, details) != row.digest => {
                        return Err(wrong(row.seq, "has other details than it was written with"));
                    }
                    (Some(_), Some(_)) => {}
                    _ => {
                        found.erased += 1;
                        erased.push((row.seq, [row.actor.clone(), row.object.clone()]));
                    }
                }
                if !self.core.vault.is_chained(&line(&found.hash, &row), &row.hash) {
                    return Err(wrong(row.seq, "is not what was written"));
                }
                if noted.is_some_and(|(seq, hash)| seq == row.seq && hash != row.hash) {
                    return Err(wrong(row.seq, "is not the one that was noted"));
                }
                if row.action == DELETED {
                    deleted.insert(row.object.clone());
                }
                found.lines += 1;
                found.seq = row.seq;
                found.hash = row.hash;
            }
        }
        if found.hash != last_hash {
            return Err(wrong(found.seq, "is not the one that the chain ends with"));
        }
        if let Some((seq, _)) = noted.filter(|(seq, _)| *seq > found.seq) {
            return Err(wrong(seq, "was noted and is gone"));
        }
        for (seq, about) in erased {
            if !about.iter().any(|somebody| deleted.contains(somebody)) {
                return Err(wrong(seq, "has no details, and nobody in it was deleted"));
            }
        }
        Ok(found)
    }
}
