//! The censor of the suite's logs sees what is secret, and nothing else.

use std::process::Command;

use serde_json::json;

use crate::support::{PASSWORD, Process, logs};

const ALONE: &str = "CENSOR_IS_TRIED";

#[test]
fn the_censor_sees_each_kind_of_secret_and_nothing_else() {
    logs::keep_told(
        &json!({"data": {"begin": {"state": "a-state-0123456789", "secret": "a-secret-0123456789"},
        "login": [{"csrfToken": "a-csrf-0123456789"}]}}),
    );
    logs::keep_password("postgres://user:a-password-0123456789@host:5432/database");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("jwt.secret"), "made-0123456789-made-0123456789\n").unwrap();
    logs::keep_made(dir.path());
    for secret in [
        "rhk_0123456789",
        "rhr_0123456789",
        "rhm_0123456789",
        "rhf_0123456789",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        "$2b$04$abcdefghijklmnopqrstuv",
        "authorization: Bearer whatever",
        "cookie: __Host-rankedhonor=rhr_0123456789",
        "x-csrf-token: whatever",
        PASSWORD,
        "a-state-0123456789",
        "a-secret-0123456789",
        "a-csrf-0123456789",
        "a-password-0123456789",
        "made-0123456789-made-0123456789",
    ] {
        assert!(
            logs::secret_in(&format!("INFO it says {secret}, and goes on")).is_some(),
            "{secret}"
        );
    }
    for plain in [
        "INFO rankedhonor::app: listening addr=127.0.0.1:8080",
        "user_01h455vb4pex5vsknk084sn02q signed in",
        "postgres://user@host:5432/database",
        "the audit log ends seq=4 hash=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ] {
        assert_eq!(logs::secret_in(plain), None, "{plain}");
    }
}

/// Runs one of the tests below in a suite of its own; the status with which it ends.
fn ends_with(test: &str) -> Option<i32> {
    let suite = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(ALONE, "yes")
        .output()
        .unwrap();
    suite.status.code()
}

#[test]
fn a_logged_secret_ends_the_suite() {
    if std::env::var_os(ALONE).is_some() {
        logs::watch();
        tracing::info!("a player came with rhr_0123456789");
        return;
    }
    assert_eq!(ends_with("censor::a_logged_secret_ends_the_suite"), Some(70));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_another_process_logged_ends_the_suite() {
    if std::env::var_os(ALONE).is_some() {
        let process = Process::start("").await;
        let log = std::fs::read_to_string(process.log()).unwrap();
        assert!(log.contains("INFO"), "{log}");
        // What it made itself; on a database server that is kept there.
        let made = std::fs::read_to_string(process.dir().join("data/jwt.secret"));
        let made = made.unwrap_or_else(|_| "rhk_0123456789".into());
        std::fs::write(process.log(), format!("{log}\nINFO it signs with {made}")).unwrap();
        return;
    }
    let ended = tokio::task::spawn_blocking(|| {
        ends_with("censor::a_secret_that_another_process_logged_ends_the_suite")
    });
    assert_eq!(ended.await.unwrap(), Some(70));
}
