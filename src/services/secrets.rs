//! Where the installation's secrets are found: given, in the data directory, or in the database that all instances share.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;
use secrecy::ExposeSecret;

use crate::{
    backends::sql::Sql,
    config::{
        Config,
        secret::{self, Purpose, Secrets},
    },
    entities::secrets,
    error::{Error, Result},
};

use super::{core::now, sessions::access_ms};

/// The secrets for a purpose, the one in use first. Where there are none yet, one is made.
pub(super) async fn load(config: &Config, sql: &Sql, purpose: Purpose) -> Result<Secrets> {
    let given = match purpose {
        Purpose::Signing => &config.jwt_secrets,
        Purpose::Encryption => &config.encryption_keys,
    };
    if !given.is_empty() {
        return Ok(given.clone());
    }
    let kept = secrets::get(sql.read(), purpose.name()).await?;
    let kept = match kept {
        Some(kept) => kept,
        None => {
            let tx = sql.begin().await?;
            let kept = secrets::kept(&tx, purpose.name(), secret::fresh()).await?;
            tx.commit().await?;
            kept
        }
    };
    Ok(secret::parse(&kept))
}

/// The secrets that key the audit log; none: nothing ran here yet. Makes nothing.
pub(super) async fn encryption(
    config: &Config,
    db: &impl ConnectionTrait,
) -> Result<Option<Secrets>> {
    if !config.encryption_keys.is_empty() {
        return Ok(Some(config.encryption_keys.clone()));
    }
    let kept = secrets::get(db, Purpose::Encryption.name()).await?;
    Ok(kept.map(|kept| secret::parse(&kept)))
}

/// The secrets that seal and key by now, where they are kept: somebody may have put another in front since this process
/// began. None: they were given, and stay.
pub(super) async fn sealing(config: &Config, db: &impl ConnectionTrait) -> Result<Option<Secrets>> {
    if config.encryption_keys.is_empty() {
        return encryption(config, db).await;
    }
    // Those of an embedded database are in a file, which forgets none of them.
    let kept = secret::read_in(&config.data_dir, Purpose::Encryption).map_err(Error::internal)?;
    let texts = |secrets: &Secrets| -> HashSet<String> {
        secrets.iter().map(|one| one.text.expose_secret().to_owned()).collect()
    };
    let known = texts(&config.encryption_keys);
    Ok(kept.filter(|kept| texts(kept).is_superset(&known)))
}

/// Puts a fresh secret in the place of the one in use. What the others signed is accepted until it runs out; what they
/// encrypted can be read for ever. Says whether running servers see it by themselves.
///
/// # Errors
/// BAD_USER_INPUT where the secret was given: then only who gave it can change it.
pub async fn rotate(config: &Config, sql: &Sql, purpose: Purpose, given: bool) -> Result<bool> {
    if given {
        return Err(Error::bad_input(
            purpose.name(),
            "this secret comes from the environment: give another there, and this one as _PREVIOUS",
        ));
    }
    let now = now();
    let forget = match purpose {
        Purpose::Signing => Some(now.plus_ms(-2 * access_ms(config)).0),
        Purpose::Encryption => None,
    };
    if config.is_embedded() {
        secret::rotate_in(&config.data_dir, purpose, now.0, forget).map_err(Error::internal)?;
        return Ok(purpose == Purpose::Encryption);
    }
    let tx = sql.begin().await?;
    let kept = secrets::kept(&tx, purpose.name(), secret::fresh()).await?;
    let rotated = secret::rotated(&kept, &secret::fresh(), now.0, forget);
    secrets::replace(&tx, purpose.name(), &kept, rotated).await?;
    tx.commit().await?;
    Ok(true)
}
