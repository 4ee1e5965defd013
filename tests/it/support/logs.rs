//! Nothing secret is logged: every line that a server in this process logs, down to the debug level, is looked at, and one
//! that holds a secret ends the whole suite.

use std::{io, sync::Once};

use tracing_subscriber::EnvFilter;

/// What secrets begin with, and what tests use as such.
const SECRET: [&str; 11] = [
    "rhk_",
    "rhr_",
    "rhm_",
    "rhf_",
    "eyJ",
    "$argon2",
    "$2b$",
    super::PASSWORD,
    "zorblax quux",
    "our-secret",
    "__Host-rankedhonor=",
];

struct Censor;

impl io::Write for Censor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if SECRET.iter().any(|secret| line.contains(secret)) {
            eprintln!("a secret was logged: {line}");
            std::process::exit(70);
        }
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
