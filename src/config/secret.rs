//! Secrets: those that are given, and those that are made once where none is given and kept in the data directory, for
//! its owner only. The first of several is used; the others are known still, so that it can be replaced while servers run.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use secrecy::{ExposeSecret, SecretString};

/// The shortest, in bytes: as many as the hashes that they key.
pub const SECRET_MIN: usize = 32;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signs access tokens.
    Signing,
    /// Encrypts what other services gave, and keys the chain of the audit log.
    Encryption,
}

impl Purpose {
    /// The name under which a secret is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signing => "jwt",
            Self::Encryption => "encryption",
        }
    }
}

/// One secret.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The secret.
    pub text: SecretString,
    /// When another took its place, in milliseconds since 1970; none: it is in use, or somebody gave it.
    pub retired_at: Option<i64>,
}

/// Secrets for one purpose, the one in use first. None: they are kept in the database.
pub type Secrets = Vec<Secret>;

/// The secrets in a text that is kept: one a line, with the time when it was retired.
pub fn parse(text: &str) -> Secrets {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let text = words.next().filter(|text| text.len() >= SECRET_MIN)?;
        let retired_at = words.next().and_then(|at| at.parse().ok());
        Some(Secret { text: text.into(), retired_at })
    };
    text.lines().filter_map(line).collect()
}

/// The same text with a fresh secret in front, and without those that were retired before `forget`.
pub fn rotated(text: &str, fresh: &str, now: i64, forget: Option<i64>) -> String {
    let mut lines = vec![fresh.to_owned()];
    for secret in parse(text) {
        let retired_at = secret.retired_at.unwrap_or(now);
        if forget.is_none_or(|before| retired_at >= before) {
            lines.push(format!("{} {retired_at}", secret.text.expose_secret()));
        }
    }
    lines.join("\n")
}

/// A secret that nobody has.
pub fn fresh() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

/// The kept secrets. Several processes that start at once end up with the same ones.
///
/// # Errors
/// When the directory cannot be written, or what is kept there is no secret.
pub fn kept_in(data_dir: &Path, purpose: Purpose) -> io::Result<Secrets> {
    let path = data_dir.join(file(purpose));
    if let Some(secrets) = read_in(data_dir, purpose)? {
        return Ok(secrets);
    }
    // Written whole under another name first: the name that counts never shows half a secret, and the first link wins.
    let draft = write_draft(data_dir, purpose, &fresh())?;
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    read_in(data_dir, purpose)?.ok_or_else(|| io::Error::other("the secret vanished"))
}

/// Puts a fresh secret before the kept ones, and forgets those that were retired before `forget`.
///
/// # Errors
/// As [`kept_in`].
pub fn rotate_in(
    data_dir: &Path,
    purpose: Purpose,
    now: i64,
    forget: Option<i64>,
) -> io::Result<()> {
    kept_in(data_dir, purpose)?;
    let path = data_dir.join(file(purpose));
    let text = fs::read_to_string(&path)?;
    let draft = write_draft(data_dir, purpose, &rotated(&text, &fresh(), now, forget))?;
    fs::rename(draft, path)
}

fn file(purpose: Purpose) -> String {
    format!("{}.secret", purpose.name())
}

fn write_draft(data_dir: &Path, purpose: Purpose, text: &str) -> io::Result<std::path::PathBuf> {
    let draft = data_dir.join(format!("{}.{:016x}", file(purpose), rand::random::<u64>()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(draft)
}

/// The kept secrets, if there are any.
///
/// # Errors
/// When they cannot be read, or what is kept is no secret.
pub fn read_in(data_dir: &Path, purpose: Purpose) -> io::Result<Option<Secrets>> {
    let path = data_dir.join(file(purpose));
    match fs::read_to_string(&path) {
        Ok(text) => match parse(&text) {
            secrets if secrets.is_empty() => Err(io::Error::other(format!(
                "{} holds no secret; remove it to have a new one made",
                path.display()
            ))),
            secrets => Ok(Some(secrets)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
