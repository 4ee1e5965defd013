//! Where engines are, as the environment says: what cannot be understood is told without the password.

use std::{error::Error as _, time::Duration};

use proptest::prelude::*;
use rankedhonor::{
    backends::{
        documents::{Documents, mongo::MongoDocuments},
        mail::Mail,
        redis::Redis,
        sql::Sql,
    },
    config::{Config, Settings},
    error::Error,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::tried;
use crate::support::logs;

/// What no error may show.
const PASSWORD: &str = "hunter2-4711";

/// All that an error says, to operators and in its causes.
fn said(error: &Error) -> String {
    let mut all = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(this) = cause {
        all += &format!(" {this} {this:?}");
        cause = this.source();
    }
    all
}

/// URLs with a password in them that lead nowhere, most of them wrong.
fn urls(schemes: &'static [&'static str]) -> impl Strategy<Value = String> {
    let user = prop_oneof![Just(String::new()), "[a-z]{1,8}", "[ -~]{0,8}"];
    let port = prop_oneof![Just(":1".to_owned()), Just(String::new()), ":[0-9a-z]{0,7}"];
    let host =
        prop_oneof![Just("127.0.0.1"), Just("[::1"), Just("["), Just("127.0.0.1:1,127.0.0.1")];
    let rest = prop_oneof![
        Just(String::new()),
        "/[a-z0-9]{0,8}",
        "/[ -~]{0,30}",
        "/x\\?(ssl-mode|sslmode|tls|authMechanism|replicaSet|w|protocol|readPreference|mode)=[a-zA-Z0-9%]{0,10}",
    ];
    let more =
        prop_oneof![Just(""), Just("@"), Just("%zz"), Just("/"), Just("#"), Just("?"), Just(":")];
    (prop::sample::select(schemes.to_vec()), user, more, host, port, rest).prop_map(
        |(scheme, user, more, host, port, rest)| {
            // Whatever host a slip makes of it is on this machine or none.
            let rest = rest.replace('@', "");
            format!("{scheme}{user}:{PASSWORD}{more}@{host}{port}{rest}")
        },
    )
}

const SCHEMES: &[&str] = &[
    "postgres://",
    "postgresql://",
    "mysql://",
    "mariadb://",
    "sqlite://",
    "redis://",
    "rediss://",
    "redis+cluster://",
    "mongodb://",
    "smtp://",
    "smtps://",
    "oracle://",
    "",
    "://",
    "postgres:",
    "smtp",
];

#[test]
fn urls_that_cannot_be_understood_are_told_without_their_password() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let names = prop::sample::select(vec!["DATABASE_URL", "REDIS_URL", "MONGODB_URL", "SMTP_URL"]);
    tried(&runtime, 300, (names, urls(SCHEMES)), async |(name, url)| {
        let loaded = Config::load(|asked| match asked {
            "RANKEDHONOR_DATA_DIR" => Some(dir.path().to_str().unwrap().to_owned()),
            asked => (asked == name).then(|| url.clone()),
        });
        let config = match loaded {
            Err(problems) => {
                assert!(!problems.to_string().contains(PASSWORD), "{problems}");
                return;
            }
            Ok(config) => config,
        };
        assert!(!format!("{config:?}").contains(PASSWORD), "{config:?}");
        let settings = &config.settings;
        if let Some(url) = &config.redis_url
            && let Err(error) = Redis::new(url.expose_secret(), &settings.redis)
        {
            assert!(!said(&error).contains(PASSWORD), "{}", said(&error));
        }
        if let Some(url) = &config.mongodb_url {
            match MongoDocuments::new(url, &settings.mongodb).await {
                Ok(documents) => documents.close().await,
                Err(error) => assert!(!said(&error).contains(PASSWORD), "{}", said(&error)),
            }
        }
        if let Err(error) = Mail::new(&config) {
            assert!(!said(&error).contains(PASSWORD), "{}", said(&error));
        }
    });
}

#[test]
fn a_database_that_cannot_be_opened_is_told_without_its_password() {
    logs::watch();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let servers = &["postgres://", "postgresql://", "mysql://", "mariadb://"];
    tried(&runtime, 30, urls(servers), async |url| {
        let loaded = Config::load(|asked| match asked {
            "RANKEDHONOR_DATA_DIR" => Some(dir.path().to_str().unwrap().to_owned()),
            "DATABASE_URL" => Some(url.clone()),
            _ => None,
        });
        let Ok(mut config) = loaded else { return };
        config.settings = Settings::default();
        config.settings.sql.acquire_timeout_ms = 100;
        // One that can be understood is waited for, which is not what is tried here.
        let opened = timeout(Duration::from_millis(500), Sql::connect(&config)).await;
        if let Ok(Err(error)) = opened {
            assert!(!said(&error).contains(PASSWORD), "{}", said(&error));
        }
    });
}
