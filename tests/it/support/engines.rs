//! The engines that a test runs on: the embedded ones, or those that the environment names. Each test has a database, a
//! prefix in Redis and a database in MongoDB of its own, by the name of its directory.

use std::path::Path;

use sea_orm::ConnectionTrait;
use toml::{Table, Value, map::Entry};

use super::connect;

/// A database server, with a database to connect to, such as `postgres://root@127.0.0.1:5432/postgres`.
const SQL: &str = "TEST_DATABASE_URL";
const REDIS: &str = "TEST_REDIS_URL";
const MONGODB: &str = "TEST_MONGODB_URL";

/// How long the document store is waited for, in milliseconds.
pub const STORE_MS: u64 = 10_000;

/// What a server is set to where a busy machine may stall it.
const PATIENT: &str = "[limits]\nrequest_timeout_ms = 30000\n[limits.socket]\ninit_timeout_ms = 30000\nping_ms = 600000\n[sql]\nacquire_timeout_ms = 10000\nstatement_timeout_ms = 10000\n[redis]\ntimeout_ms = 5000\n";

/// Settings, and where they say nothing, those of a server that a busy machine may stall.
pub fn patient(settings: &str) -> String {
    over(settings, PATIENT)
}

/// Settings, and where they say nothing, others. What cannot be read is left as it is.
pub fn over(settings: &str, others: &str) -> String {
    let Ok(mut all) = settings.parse::<Table>() else { return settings.to_owned() };
    fill(&mut all, others.parse().unwrap());
    all.to_string()
}

fn fill(table: &mut Table, others: Table) {
    for (key, other) in others {
        match (table.entry(key), other) {
            (Entry::Vacant(missing), other) => {
                missing.insert(other);
            }
            (Entry::Occupied(mut known), Value::Table(other)) => {
                if let Value::Table(known) = known.get_mut() {
                    fill(known, other);
                }
            }
            (Entry::Occupied(_), _) => {}
        }
    }
}

/// What one test runs on.
pub struct Engines {
    name: String,
    file: String,
    sql: Option<String>,
    redis: Option<String>,
    mongodb: Option<String>,
}

fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|url| !url.is_empty())
}

/// Where the engines are that the environment names.
pub fn urls() -> impl Iterator<Item = String> {
    [SQL, REDIS, MONGODB].into_iter().filter_map(named)
}

/// The engines of the test that has this directory, with a database for it. Asked again, they are the same.
pub fn of(dir: &Path) -> Engines {
    let name = dir.file_name().unwrap().to_str().unwrap();
    let name: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("rh_{name}");
    let sql = named(SQL).map(|server| {
        let (address, _) = server.rsplit_once('/').unwrap();
        make_database(&server, &name);
        format!("{address}/{name}")
    });
    // Commands that have no settings of their own use these.
    let settings = dir.join("engines.toml");
    let file = settings.to_str().unwrap().to_owned();
    let engines = Engines { name, file, sql, redis: named(REDIS), mongodb: named(MONGODB) };
    // Written once: a server may be reading it.
    if !settings.exists() {
        std::fs::write(&settings, engines.settings()).unwrap();
    }
    engines
}

/// Makes a database unless it is there; from any thread, within a runtime or without one.
fn make_database(server: &str, name: &str) {
    let (server, name) = (server.to_owned(), name.to_owned());
    let made = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let db = connect(server.clone()).await;
            let (exists, make) = if server.starts_with("postgres") {
                let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
                (exists, format!("CREATE DATABASE {name}"))
            } else {
                let exists = format!(
                    "SELECT 1 FROM information_schema.schemata WHERE schema_name = '{name}'"
                );
                (exists, format!("CREATE DATABASE {name}"))
            };
            let exists = sea_orm::Statement::from_string(db.get_database_backend(), exists);
            if db.query_one_raw(exists).await.unwrap().is_none() {
                db.execute_unprepared(&make).await.unwrap();
            }
            db.close().await.unwrap();
        });
    });
    made.join().unwrap();
}

impl Engines {
    /// The environment of a server on these engines.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        let mongodb = self.mongodb.as_ref().map(|url| {
            let (address, options) =
                url.split_once('?').map_or((url.as_str(), ""), |(a, o)| (a, o));
            format!("{}/{}?{options}", address.trim_end_matches('/'), self.name)
        });
        [
            ("RANKEDHONOR_CONFIG", Some(self.file.clone())),
            ("DATABASE_URL", self.sql.clone()),
            ("REDIS_URL", self.redis.clone()),
            ("MONGODB_URL", mongodb),
        ]
        .into_iter()
        .filter_map(|(name, url)| Some((name, url?)))
    }

    /// What a server's settings say of these engines. The document store that many tests share may be slow, and so may
    /// everything else.
    pub fn settings(&self) -> String {
        let Self { name, .. } = self;
        let own = format!("[redis]\nprefix = \"{name}:\"\n[mongodb]\ntimeout_ms = {STORE_MS}\n");
        patient(&own)
    }

    /// Whether nobody but the server itself has the data.
    pub const fn are_embedded(&self) -> bool {
        self.sql.is_none()
    }

    /// What this test's keys in Redis begin with.
    pub fn prefix(&self) -> String {
        format!("{}:", self.name)
    }

    /// Where the rows of a server with that data directory are.
    pub fn database_url(&self, data_dir: &Path) -> String {
        let embedded = || format!("sqlite://{}", data_dir.join("rankedhonor.db").display());
        self.sql.clone().unwrap_or_else(embedded)
    }
}
