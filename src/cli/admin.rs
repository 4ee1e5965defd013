//! `admin`: what takes an operator.

use clap::{Subcommand, ValueEnum};

use super::{made_password, print_line, read_password};
use crate::{
    app,
    config::{Config, secret::Purpose},
    error::{Error, Result},
    game::accounts::Role,
    services::bars::Barred,
};

#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make an account. The password is read from standard input, or made and printed where that is a terminal or empty.
    CreateUser {
        /// 3 to 20 of A-Z, a-z, 0-9, _ and -.
        #[arg(long)]
        username: String,
        /// Their address.
        #[arg(long)]
        email: String,
        /// What they may do.
        #[arg(long, value_enum, ignore_case = true, default_value = "player")]
        role: RoleName,
    },
    /// Make accounts of users from elsewhere: one JSON object a line on standard input, with `username`, `email`,
    /// `passwordHash` (Argon2id or bcrypt, as it is) and, where known, `region`. Lines that cannot be used are told, and left
    /// out.
    ImportUsers,
    /// Put a fresh secret in the place of one that was made here. What the old one signed is good until it runs out, what
    /// it encrypted can be read for ever.
    RotateSecret {
        /// Which.
        #[arg(value_enum)]
        secret: SecretName,
    },
    /// Let the address be used again, or the account at another service, of somebody who was suspended and whose account was
    /// deleted.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    LiftBar {
        /// Their address.
        #[arg(long, group = "what")]
        email: Option<String>,
        /// The service, a colon, and the id that they have there.
        #[arg(long, group = "what", value_name = "PROVIDER:ID", value_parser = elsewhere)]
        linked: Option<(String, String)>,
    },
    /// Make a game server's key and print it, alone, this once.
    CreateServerKey {
        /// What it is called.
        #[arg(long)]
        name: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SecretName {
    /// Signs access tokens.
    Jwt,
    /// Encrypts what other services gave, and keys the audit log.
    Encryption,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleName {
    Player,
    Moderator,
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Player => Self::Player,
            RoleName::Moderator => Self::Moderator,
            RoleName::Admin => Self::Admin,
        }
    }
}

fn elsewhere(text: &str) -> std::result::Result<(String, String), String> {
    let (provider, id) = text.split_once(':').ok_or("expected a service, a colon and an id")?;
    Ok((provider.to_owned(), id.to_owned()))
}

impl Admin {
    pub async fn run(self, config: Config) -> Result<()> {
        match self {
            Self::CreateUser { username, email, role } => {
                let given = read_password()?;
                let password = given.clone().unwrap_or_else(made_password);
                let account = app::new_account(username, email, password.clone(), role.into());
                let id = app::create_user(config, account).await?;
                print_line(&id.to_string())?;
                if given.is_none() {
                    print_line(&password)?;
                }
                Ok(())
            }
            Self::ImportUsers => {
                let (made, left) = app::import_users(config, std::io::stdin().lock()).await?;
                for line in &left {
                    print_line(line)?;
                }
                print_line(&format!("{made} accounts were made, {} lines left out", left.len()))?;
                if left.is_empty() {
                    Ok(())
                } else {
                    Err(Error::internal("not every line was used"))
                }
            }
            Self::RotateSecret { secret } => {
                let (purpose, variable) = match secret {
                    SecretName::Jwt => (Purpose::Signing, "JWT_SECRET"),
                    SecretName::Encryption => (Purpose::Encryption, "ENCRYPTION_KEY"),
                };
                let given = std::env::var_os(variable).is_some();
                let seen = app::rotate_secret(config, purpose, given).await?;
                print_line(if seen {
                    "done; running servers use it within ten seconds"
                } else {
                    "done; servers use it when they are started again"
                })
            }
            Self::LiftBar { email, linked } => {
                let linked = linked.map(|(provider, id)| Barred::Elsewhere(provider, id));
                let what = email.map(Barred::Address).or(linked);
                let what = what.ok_or_else(|| Error::bad_input("email", "say what to let in"))?;
                app::lift_bar(config, &what).await?;
                print_line("done")
            }
            Self::CreateServerKey { name } => {
                let key = app::create_server_key(config, &name).await?;
                print_line(&key)
            }
        }
    }
}
