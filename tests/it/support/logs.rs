//! Nothing secret is logged: every line that a server in this process logs, down to the debug level, is looked at, and so is
//! every line of the servers in processes of their own. One that holds a secret ends the whole suite.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    sync::{Mutex, Once, PoisonError},
};

use serde_json::Value;
use tracing_subscriber::EnvFilter;

/// What secrets begin with, what comes before them, and what tests use as such.
const SECRET: [&str; 17] = [
    // keys of servers; tokens that renew, are mailed, finish a sign-in
    "rhk_",
    "rhr_",
    "rhm_",
    "rhf_",
    // access and join tokens
    "eyJ",
    // hashes of passwords
    "$argon2",
    "$2a$",
    "$2b$",
    "$2y$",
    // values of headers
    "Bearer ",
    "bearer ey",
    "rankedhonor=rh",
    "csrf-token:",
    super::PASSWORD,
    "zorblax quux",
    "our-secret",
    "hunter2-4711",
];

/// Names under which answers tell secrets that do not show what they are.
const NAMES: [&str; 4] = ["csrfToken", "secret", "state", "password"];
/// The shortest that is looked for: what is shorter can be part of something else.
const SHORTEST: usize = 16;

/// Secrets of this run.
static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Looks for this, too, from now on.
pub fn keep(secret: &str) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if secret.len() >= SHORTEST && !known.iter().any(|kept| kept == secret) {
        known.push(secret.to_owned());
    }
}

/// Looks for the secrets in this answer, too.
pub fn keep_told(answer: &Value) {
    match answer {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if NAMES.contains(&name.as_str()) => keep(text),
                    value => keep_told(value),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(keep_told),
        _ => {}
    }
}

/// Looks for the password in this URL, too.
pub fn keep_password(url: &str) {
    let user = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    if let Some((_, password)) = user.and_then(|(user, _)| user.split_once(':')) {
        keep(password);
    }
}

/// Looks for the secrets that a server made and keeps in this directory, too.
pub fn keep_made(data_dir: &Path) {
    for name in ["jwt.secret", "encryption.secret"] {
        let made = fs::read_to_string(data_dir.join(name)).unwrap_or_default();
        made.split_whitespace().for_each(keep);
    }
}

/// The secret in a line, if there is one.
pub fn secret_in(line: &str) -> Option<String> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.iter().map(String::as_str);
    SECRET.into_iter().chain(known).find(|secret| line.contains(secret)).map(str::to_owned)
}

/// Ends the suite when a line holds a secret.
pub fn look_at(text: &str) {
    for line in text.lines() {
        if let Some(secret) = secret_in(line) {
            // Past what keeps the output of tests that pass.
            let told = format!("a secret was logged ({secret}): {line}\n");
            let _ = io::stderr().write_all(told.as_bytes());
            std::process::exit(70);
        }
    }
}

/// Ends the suite when a line of that file holds a secret.
pub fn look_at_file(path: &Path) {
    let log = fs::read(path).unwrap_or_default();
    look_at(&String::from_utf8_lossy(&log));
}

struct Censor;

impl Write for Censor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        look_at(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Looks at what is logged from now on.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = tracing_subscriber::fmt().with_writer(|| Censor).with_ansi(false);
        log.with_env_filter(EnvFilter::new("debug")).try_init().expect("nobody else logs");
        tracing::debug!("what is logged is looked at");
    });
}
