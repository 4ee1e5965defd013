//! What an operator does to accounts, keys and secrets at the command line.

use std::io::{BufRead, ErrorKind};

use super::working;
use crate::{
    backends::sql,
    config::{Config, secret::Purpose},
    error::{Error, Result},
    game::{accounts::Role, ids::UserId, mode::RegionId},
    services::{
        accounts::NewAccount,
        audit::{self, Act},
        bars::Barred,
        secrets,
    },
};

/// An account of that role, as an operator makes it.
pub const fn new_account(
    username: String,
    email: String,
    password: String,
    role: Role,
) -> NewAccount {
    NewAccount { username, email, password, region: None, role }
}

/// Makes an account.
///
/// # Errors
/// As [`crate::services::accounts::Accounts::create`].
pub async fn create_user(config: Config, account: NewAccount) -> Result<UserId> {
    working(config, async |services| {
        let user = audit::acting(Act::operator(), services.accounts.create(account)).await?;
        Ok(user.id)
    })
    .await
}

/// Makes a game server's key.
///
/// # Errors
/// As [`crate::services::accounts::Accounts::create_server_key`].
pub async fn create_server_key(config: Config, name: &str) -> Result<String> {
    working(config, async |services| {
        let make = services.accounts.create_server_key(name);
        Ok(audit::acting(Act::operator(), make).await?.1)
    })
    .await
}

/// As [`crate::services::accounts::Accounts::lift_bar`].
///
/// # Errors
/// The same.
pub async fn lift_bar(config: Config, what: &Barred) -> Result<()> {
    working(config, async |services| {
        audit::acting(Act::operator(), services.accounts.lift_bar(what)).await
    })
    .await
}

/// What a line of imported users says.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Imported {
    username: String,
    email: String,
    password_hash: String,
    region: Option<String>,
}

/// Makes accounts of users from elsewhere, one a line; says how many, and why the others were left out.
///
/// # Errors
/// When the database cannot be opened.
pub async fn import_users(config: Config, lines: impl BufRead) -> Result<(usize, Vec<String>)> {
    working(config, async |services| {
        let (mut made, mut left) = (0, Vec::new());
        for (line, number) in lines.lines().zip(1..) {
            let line = match line {
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    left.push(format!("line {number}: not text (UTF-8)"));
                    continue;
                }
                line => line.map_err(Error::internal)?,
            };
            if line.trim().is_empty() {
                continue;
            }
            let parsed: Result<Imported, _> = serde_json::from_str(&line);
            let done = match parsed {
                Ok(user) => {
                    let account = NewAccount {
                        username: user.username,
                        email: user.email,
                        password: String::new(),
                        region: user.region.map(|id| RegionId::new(&id)),
                        role: Role::Player,
                    };
                    let import = services.accounts.import(account, user.password_hash);
                    audit::acting(Act::operator(), import).await.map_err(|error| error.to_string())
                }
                // What it says could show the line, which holds a hash.
                Err(error) => Err(format!("not such a JSON object (column {})", error.column())),
            };
            match done {
                Ok(_) => made += 1,
                Err(why) => left.push(format!("line {number}: {why}")),
            }
        }
        Ok((made, left))
    })
    .await
}

/// Puts a fresh secret in the place of one that was made here; says whether running servers see it by themselves.
///
/// # Errors
/// As [`secrets::rotate`].
pub async fn rotate_secret(config: Config, purpose: Purpose, given: bool) -> Result<bool> {
    working(config, async |services| {
        let sql = sql::Sql::connect(&services.config).await?;
        let seen = secrets::rotate(&services.config, &sql, purpose, given).await;
        sql.close().await;
        if seen.is_ok() {
            let nothing = serde_json::json!({});
            services.audit.operator("SECRET_ROTATED", purpose.name(), nothing).await?;
        }
        seen
    })
    .await
}

/// Walks the audit log, and changes nothing.
///
/// # Errors
/// As [`audit::verify`].
pub async fn verify_audit(
    config: &Config,
    noted: Option<(i64, String)>,
) -> Result<audit::Verified> {
    let sql = sql::Sql::connect(config).await?;
    let found = audit::verify(config, &sql, noted).await;
    sql.close().await;
    found
}
