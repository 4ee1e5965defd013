//! Looks at every engine that is configured, and says what is wrong with it, a line each.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::time::timeout;

use super::{
    core::now,
    leadership::{JANITOR, RELAY, matchmaker},
};
use crate::{
    backends::{
        documents::mongo::MongoDocuments,
        ladder::mirror::Mirror,
        leases::{Leases, redis::RedisLeases, sql::SqlLeases},
        redis::{Connection, Redis},
        sql::Sql,
    },
    entities::{outbox, seasons, standings},
    error::{Error, Result},
    game::mode::Catalog,
};

/// How far a clock may be off.
const SKEW_MS: i64 = 1_000;
/// How old a fact may be that is not everywhere.
const LAG_MS: i64 = 10_000;
/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// What there is to say, or what is wrong.
    pub said: Result<String, String>,
}

/// What is looked at.
pub struct Patient<'a> {
    /// The rules.
    pub catalog: &'a Catalog,
    /// The SQL database, or why there is none.
    pub sql: Result<Sql>,
    /// How many migrations there are, and how many are not applied.
    pub migrations: Result<(usize, usize)>,
    /// Redis, where one is named.
    pub redis: Option<Redis>,
    /// MongoDB, where one is named.
    pub mongodb: Option<MongoDocuments>,
}

/// Looks at everything.
pub async fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    match &patient.sql {
        Err(error) => found.push(Finding { what: "sql", said: Err(cause(error)) }),
        Ok(sql) => examine_sql(patient, sql, &mut found).await,
    }
    if let Some(redis) = &patient.redis {
        examine_redis(patient, redis, &mut found).await;
    }
    if let Some(mongodb) = &patient.mongodb {
        look(&mut found, "mongodb", mongo_version(mongodb)).await;
        look(&mut found, "mongodb clock", async { skew(mongodb.now_ms().await?) }).await;
        look(&mut found, "mongodb indexes", async {
            let missing = mongodb.missing_indexes().await?;
            if missing.is_empty() {
                return Ok("all there, with their expiry".into());
            }
            wrong(format!("{} are missing; they are made at the first write", missing.join(", ")))
        })
        .await;
    }
    found
}

async fn look(
    found: &mut Vec<Finding>,
    what: &'static str,
    answer: impl Future<Output = Result<String>>,
) {
    let said = match timeout(PATIENCE, answer).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => Err(cause(&error)),
        Err(_) => Err("no answer".into()),
    };
    found.push(Finding { what, said });
}

/// To an operator the cause is the message.
fn cause(error: &Error) -> String {
    match error {
        Error::Unavailable { what, source: Some(source) } => {
            format!("the {what} is away: {source}")
        }
        Error::Internal(source) => source.to_string(),
        other => other.to_string(),
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::internal(what.into()))
}

fn skew(theirs_ms: i64) -> Result<String> {
    let apart = theirs_ms - now().0;
    if apart.abs() > SKEW_MS {
        return wrong(format!("{apart} ms from this machine's; {SKEW_MS} are allowed"));
    }
    Ok(format!("{apart} ms from this machine's"))
}

async fn examine_sql(patient: &Patient<'_>, sql: &Sql, found: &mut Vec<Finding>) {
    look(found, "sql", sql_version(sql)).await;
    let migrations = match &patient.migrations {
        Ok((all, 0)) => Ok(format!("all {all} are applied")),
        Ok((all, pending)) => {
            Err(format!("{pending} of {all} are not applied; 'rankedhonor migrate up' does it"))
        }
        Err(error) => Err(cause(error)),
    };
    let ready = migrations.is_ok();
    found.push(Finding { what: "sql migrations", said: migrations });
    look(found, "sql clock", async { skew(sql.now_ms().await?) }).await;
    if !ready {
        return;
    }
    look(found, "outbox", async {
        let (waiting, oldest) = outbox::backlog(sql.read()).await?;
        let age = oldest.map_or(0, |at| now().since(at));
        if age > LAG_MS {
            return wrong(format!(
                "{waiting} facts wait, the oldest for {age} ms: does a server run?"
            ));
        }
        Ok(format!("{waiting} facts wait"))
    })
    .await;
    if patient.redis.is_none() && !sql.is_embedded() {
        look(found, "leases", leases(patient.catalog, &SqlLeases::new(sql.clone()))).await;
    }
}

async fn sql_version(sql: &Sql) -> Result<String> {
    let asked = Instant::now();
    let ask = if sql.is_embedded() { "SELECT sqlite_version()" } else { "SELECT version()" };
    let statement = Statement::from_string(sql.backend(), ask);
    let row = sql.read().query_one_raw(statement).await?;
    let text: String = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    let took = asked.elapsed().as_millis();
    let (name, least) = match sql.backend() {
        DbBackend::MySql if text.contains("MariaDB") => ("MariaDB", (10, 11)),
        DbBackend::MySql => ("MySQL", (8, 0)),
        DbBackend::Postgres => ("PostgreSQL", (14, 0)),
        _ => ("SQLite", (3, 38)),
    };
    let number = text.trim_start_matches("PostgreSQL ").split([' ', '-']).next().unwrap_or(&text);
    at_least(name, number, least, took)
}

fn at_least(name: &str, number: &str, least: (u32, u32), took_ms: u128) -> Result<String> {
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < least {
        return wrong(format!("{name} {number} is too old: {}.{} is the least", least.0, least.1));
    }
    Ok(format!("{name} {number}, answers in {took_ms} ms"))
}

async fn examine_redis(patient: &Patient<'_>, redis: &Redis, found: &mut Vec<Finding>) {
    look(found, "redis", redis_version(redis)).await;
    look(found, "redis clock", async {
        let time = |mut connection: Connection| async move {
            redis::cmd("TIME").query_async::<(i64, i64)>(&mut connection).await
        };
        let (seconds, micros) = redis.ask("doctor", time).await?;
        skew(seconds * 1_000 + micros / 1_000)
    })
    .await;
    look(found, "leases", leases(patient.catalog, &RedisLeases::new(redis.clone()))).await;
    let Ok(sql) = &patient.sql else { return };
    if patient.migrations.as_ref().is_ok_and(|(_, pending)| *pending == 0) {
        look(found, "leaderboards in redis", mirror(patient.catalog, sql, redis)).await;
    }
}

async fn redis_version(redis: &Redis) -> Result<String> {
    let asked = Instant::now();
    let info = |mut connection: Connection| async move {
        redis::cmd("INFO").query_async::<redis::InfoDict>(&mut connection).await
    };
    let info = redis.ask("doctor", info).await;
    let took = asked.elapsed().as_millis();
    // A cluster answers for each of its nodes.
    let Ok(info) = info else {
        redis.ping().await?;
        return Ok(format!("a cluster, answers in {took} ms"));
    };
    let policy: String = info.get("maxmemory_policy").unwrap_or_default();
    if !policy.is_empty() && policy != "noeviction" {
        return wrong(format!(
            "maxmemory-policy is {policy}: leases and leaderboards could vanish; set noeviction"
        ));
    }
    if let Some(version) = info.get::<String>("valkey_version") {
        return at_least("Valkey", &version, (7, 2), took);
    }
    at_least("Redis", &info.get::<String>("redis_version").unwrap_or_default(), (6, 0), took)
}

async fn leases(catalog: &Catalog, leases: &dyn Leases) -> Result<String> {
    let modes = catalog.modes().iter().map(|mode| matchmaker(mode.id.as_str()));
    let (mut held, mut free) = (Vec::new(), Vec::new());
    for name in modes.chain([RELAY.into(), JANITOR.into()]) {
        match leases.holder(&name).await? {
            Some(holder) => held.push((name, holder)),
            None => free.push(name),
        }
    }
    if !free.is_empty() {
        return wrong(format!("nobody leads {}: does a server run?", free.join(", ")));
    }
    let instances: std::collections::HashSet<_> = held.iter().map(|(_, holder)| holder).collect();
    Ok(format!("{} are held, by {} instances", held.len(), instances.len()))
}

async fn mirror(catalog: &Catalog, sql: &Sql, redis: &Redis) -> Result<String> {
    let Some(season) = seasons::current(sql.read()).await? else {
        return Ok("there is no season yet".into());
    };
    let placed = standings::placed(sql.read(), season.id).await?;
    let mirror = Mirror::new(redis.clone());
    let mut total = 0;
    for mode in catalog.modes() {
        let shown = mirror.read(&mode.id).await?.len();
        let placed = placed.iter().filter(|row| row.mode == mode.id).count();
        if shown != placed {
            return wrong(format!(
                "{}: {shown} of {placed} are there; 'rankedhonor rebuild ladder' does it",
                mode.id
            ));
        }
        total += shown;
    }
    Ok(format!("{total} places, as in SQL"))
}

async fn mongo_version(mongodb: &MongoDocuments) -> Result<String> {
    let asked = Instant::now();
    let version = mongodb.version().await?;
    at_least("MongoDB", &version, (4, 4), asked.elapsed().as_millis())
}
