//! Whether the log is what was written.
//!
//! Who can write to the database can also put back an older state of all of it, end included. That shows against a line that
//! was noted elsewhere: once a minute the last one's number and hash are logged and kept in the data directory.

use std::{collections::HashSet, fs, io, path::PathBuf};

use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Audit, BEGUN, DELETED, STAYS, TAMPERED, digest, ending, is_sealed, line};
use crate::{
    backends::sql::Sql,
    config::Config,
    entities::audit_log::{self, Model},
    error::{Error, Result},
    game::time::Timestamp,
    services::{secrets, tokens, vault::Vault},
};

/// Lines that are verified at once.
const CHUNK: u64 = 1_000;

/// A chain that holds.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// How many lines it has.
    pub lines: u64,
    /// Of how many something was erased.
    pub erased: u64,
    /// The last line's number.
    pub seq: i64,
    /// The last line's hash.
    pub hash: String,
    /// When it begins.
    pub begun_at: Timestamp,
    /// How many accounts there were then.
    pub accounts_before: u64,
    /// Whether the key is kept in the database that it protects.
    pub key_is_there: bool,
}

fn wrong(seq: i64, what: &str) -> Error {
    Error::internal(format!("line {seq} {what}"))
}

/// Walks the whole log as it is at one instant, and changes nothing. `noted`: a line's number and hash that must be in it, beside
/// the one that is noted in the data directory.
///
/// # Errors
/// INTERNAL, saying which line is wrong, and how; SERVICE_UNAVAILABLE when the database does not answer.
pub async fn verify(config: &Config, sql: &Sql, noted: Option<(i64, String)>) -> Result<Verified> {
    let keys = secrets::encryption(config, sql.read()).await?;
    let keys = keys.ok_or_else(|| Error::internal("there is no key: nothing ran here yet"))?;
    let mut noted: Vec<_> = noted.into_iter().collect();
    noted.extend(read_note(config).map_err(Error::internal)?);
    let walk = Walk {
        vault: Vault::new(&keys)?,
        noted,
        found: Verified::default(),
        erased: Vec::new(),
        deleted: HashSet::new(),
        tampered: None,
    };
    let mut found = walk.whole(sql).await?;
    found.key_is_there = config.encryption_keys.is_empty();
    Ok(found)
}

struct Walk {
    vault: Vault,
    noted: Vec<(i64, String)>,
    found: Verified,
    /// Lines of which something was erased: which, and whose deletion would explain it.
    erased: Vec<(i64, Vec<String>)>,
    deleted: HashSet<String>,
    /// The first line that says that somebody else has written to the log.
    tampered: Option<i64>,
}

impl Walk {
    async fn whole(mut self, sql: &Sql) -> Result<Verified> {
        let db = sql.snapshot().await?;
        let head = audit_log::head(&db).await?;
        if let Some(first) = audit_log::first_seq(&db).await?.filter(|first| *first < 1) {
            return Err(wrong(first, "was never written"));
        }
        loop {
            let rows = audit_log::since(&db, self.found.seq, CHUNK).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                self.step(row)?;
            }
        }
        let last = self.found.seq;
        let head = head.ok_or_else(|| Error::internal("the end of the log was taken away"))?;
        if head.seq > last {
            return Err(wrong(last + 1, "is missing, and all behind it"));
        }
        if head.seq < last {
            return Err(wrong(head.seq + 1, "is behind the end of the log"));
        }
        if head.hash != self.found.hash
            || !self.vault.is_chained(&ending(head.seq, &head.hash), &head.seal)
        {
            return Err(wrong(last, "is not the one that the log ended with"));
        }
        if last == 0 {
            return Err(Error::internal("the log is empty: its first line is missing"));
        }
        if let Some((seq, _)) = self.noted.iter().find(|(seq, _)| *seq > last) {
            return Err(wrong(*seq, "was noted and is gone"));
        }
        for (seq, whose) in &self.erased {
            if !whose.iter().any(|somebody| self.deleted.contains(somebody)) {
                return Err(wrong(*seq, "has lost what it said, and nobody in it was deleted"));
            }
        }
        if let Some(seq) = self.tampered {
            return Err(wrong(seq, "says that somebody else had written to the log before it"));
        }
        Ok(self.found)
    }

    fn step(&mut self, row: Model) -> Result<()> {
        let found = &mut self.found;
        if row.seq != found.seq + 1 {
            return Err(wrong(found.seq + 1, "is missing"));
        }
        if !self.vault.is_chained(&line(&found.hash, &row), &row.hash) {
            let what = "is not what was written";
            return Err(match row.seq {
                1 => wrong(1, &format!("{what}, or was written with another ENCRYPTION_KEY")),
                seq => wrong(seq, what),
            });
        }
        // None: it was erased, or there never was any.
        let holds =
            |salt: &Option<String>, text: &Option<String>, digested: &str| match (salt, text) {
                (None, None) => None,
                (Some(salt), Some(text)) => Some(digest(salt, text) == digested),
                _ => Some(false),
            };
        let details = holds(&row.salt, &row.details, &row.digest);
        let whence = holds(&row.whence_salt, &row.whence, &row.whence_digest);
        if details == Some(false) || whence == Some(false) {
            return Err(wrong(row.seq, "has other details than it was written with"));
        }
        let mut whose = None;
        if whence.is_none() && !row.whence_digest.is_empty() {
            whose = Some(vec![row.actor.clone(), row.object.clone()]);
        }
        if details.is_none() {
            if STAYS.contains(&row.action.as_str()) {
                return Err(wrong(row.seq, "has lost what it said, which is never erased"));
            }
            // What somebody did to others stays.
            whose = Some(vec![row.object.clone()]);
        }
        if let Some(whose) = whose {
            found.erased += 1;
            self.erased.push((row.seq, whose));
        }
        if self.noted.iter().any(|(seq, hash)| *seq == row.seq && *hash != row.hash) {
            return Err(wrong(row.seq, "is not the one that was noted"));
        }
        match row.action.as_str() {
            DELETED => {
                self.deleted.insert(row.object.clone());
            }
            TAMPERED => self.tampered = self.tampered.or(Some(row.seq)),
            BEGUN => {
                let details = row.details.as_deref().unwrap_or_default();
                let details: Value = serde_json::from_str(details).unwrap_or_default();
                found.begun_at = row.at;
                found.accounts_before = details["accounts"].as_u64().unwrap_or(0);
            }
            _ => {}
        }
        found.lines += 1;
        found.seq = row.seq;
        found.hash = row.hash;
        Ok(())
    }
}

impl Audit {
    /// Notes the last line's number and hash elsewhere, where there is a new one: in the server's own log, and in the data
    /// directory. What was noted before stays where it is no longer there.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when the database does not answer, INTERNAL when the file cannot be written.
    pub async fn note(&self) -> Result<()> {
        let (db, config) = (self.core.sql.read(), &self.core.config);
        let Some(head) = audit_log::head(db).await? else { return Ok(()) };
        if !is_sealed(&self.core, db, &head).await? {
            tracing::error!(seq = head.seq, "the audit log does not end where it ended");
            return Ok(());
        }
        if let Some((seq, hash)) = read_note(config).map_err(Error::internal)? {
            if (seq, &hash) == (head.seq, &head.hash) {
                return Ok(());
            }
            if audit_log::by_seq(db, seq).await?.is_none_or(|row| row.hash != hash) {
                tracing::error!(seq, hash, "a line of the audit log that was noted is gone");
                metrics::counter!("rankedhonor_audit_tampered_total").increment(1);
                return Ok(());
            }
        }
        tracing::info!(seq = head.seq, hash = head.hash, "the audit log ends");
        let path = note_path(config);
        let draft = path.with_extension("new");
        fs::write(&draft, format!("{}:{}\n", head.seq, head.hash))
            .and_then(|()| fs::rename(&draft, path))
            .map_err(Error::internal)
    }
}

/// Where the end of this database's log is noted: another database with the same directory has another.
fn note_path(config: &Config) -> PathBuf {
    let url = config.database_url.expose_secret();
    let place = url.rsplit_once('@').map_or(url, |(_, place)| place);
    config.data_dir.join(format!("audit-{}.noted", &tokens::hash(place)[..12]))
}

fn read_note(config: &Config) -> io::Result<Option<(i64, String)>> {
    match fs::read_to_string(note_path(config)) {
        Ok(text) => Ok(text
            .trim()
            .split_once(':')
            .and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.to_owned())))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
