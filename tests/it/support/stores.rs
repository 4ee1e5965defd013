//! What the stores of a server hold.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use mongodb::bson::Document;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};

use super::{TestApp, connect, engines};

/// Every place where one of these words, in lower case, stands: in SQL, MongoDB or Redis.
pub async fn found(app: &TestApp, words: &[&str]) -> Vec<String> {
    let mut places = Vec::new();
    let db = connect(app.database_url()).await;
    let backend = db.get_database_backend();
    let quote = if backend == DbBackend::MySql { '`' } else { '"' };
    let text = if backend == DbBackend::MySql { "CHAR" } else { "TEXT" };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in columns(&db).await {
        tables.entry(table).or_default().push(format!("{quote}{column}{quote}"));
    }
    for (table, columns) in tables {
        for word in words {
            let holds = |column| format!("LOWER(CAST({column} AS {text})) LIKE '%{word}%'");
            let holds = columns.iter().map(holds).collect::<Vec<_>>().join(" OR ");
            let query = format!("SELECT COUNT(*) FROM {quote}{table}{quote} WHERE {holds}");
            let row =
                db.query_one_raw(Statement::from_string(backend, query)).await.unwrap().unwrap();
            if row.try_get_by_index::<i64>(0).unwrap() > 0 {
                places.push(format!("{word} in {table}"));
            }
        }
    }
    db.close().await.unwrap();
    let engines = engines::of(app.dir());
    let url =
        |name: &str| engines.variables().find(|(known, _)| *known == name).map(|(_, url)| url);
    if let Some(url) = url("MONGODB_URL") {
        let client = mongodb::Client::with_uri_str(&url).await.unwrap();
        let database = client.default_database().unwrap_or_else(|| client.database("rankedhonor"));
        for name in database.list_collection_names().await.unwrap() {
            let all = database.collection::<Document>(&name).find(Document::new()).await.unwrap();
            let all: Vec<Document> = all.try_collect().await.unwrap();
            let text = format!("{all:?}").to_lowercase();
            places.extend(
                words
                    .iter()
                    .filter(|word| text.contains(*word))
                    .map(|word| format!("{word} in {name}")),
            );
        }
    }
    if let Some(url) = url("REDIS_URL") {
        let kept = redis_texts(&url, &engines.prefix()).await.to_lowercase();
        let found = words.iter().filter(|word| kept.contains(**word));
        places.extend(found.map(|word| format!("{word} in Redis")));
    }
    places
}

/// Every file in the server's directory, however deep, in which that word stands. Another process looks: one that closes a
/// file loses all its locks on it, and the server is in this one.
pub async fn files(app: &TestApp, word: &str) -> Vec<String> {
    let mut grep = tokio::process::Command::new("grep");
    let looked = grep.args(["-r", "-l", "-a", "-i", word]).arg(app.dir()).output().await.unwrap();
    // It ends with 2 where a file was gone before it was looked at.
    let said = String::from_utf8(looked.stdout).unwrap();
    let mut found: Vec<_> = said.lines().map(Into::into).collect();
    if looked.status.code() == Some(2) {
        found.push(String::from_utf8(looked.stderr).unwrap());
    }
    found
}

/// Every column of every table.
pub async fn columns(db: &DatabaseConnection) -> Vec<(String, String)> {
    let backend = db.get_database_backend();
    let columns = match backend {
        DbBackend::Sqlite => {
            "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'"
        }
        DbBackend::MySql => {
            "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR) FROM information_schema.columns WHERE table_schema = DATABASE()"
        }
        _ => {
            "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema()"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(backend, columns)).await.unwrap();
    assert!(rows.len() > 100);
    let text = |row: &QueryResult, at| row.try_get_by_index::<String>(at).unwrap();
    rows.iter().map(|row| (text(row, 0), text(row, 1))).collect()
}

/// Every key of a Redis, or of all nodes of a cluster, with what it holds.
async fn redis_texts(url: &str, prefix: &str) -> String {
    let first = url.replace("redis+cluster://", "redis://");
    let first = first.split(',').next().unwrap().to_owned();
    let mut nodes = vec![first.clone()];
    if url.starts_with("redis+cluster://") {
        let mut redis = connected(&first).await;
        let told: String =
            redis::cmd("CLUSTER").arg("NODES").query_async(&mut redis).await.unwrap();
        let masters = told.lines().filter(|line| line.contains("master"));
        let address =
            |line: &str| line.split(' ').nth(1).unwrap().split('@').next().unwrap().to_owned();
        nodes = masters.map(|line| format!("redis://{}", address(line))).collect();
    }
    let mut all: Vec<String> = Vec::new();
    for node in nodes {
        let mut redis = connected(&node).await;
        let pattern = format!("{prefix}*");
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(pattern).query_async(&mut redis).await.unwrap();
        for key in keys {
            all.push(format!("{key} {}", value(&mut redis, &key).await));
        }
    }
    all.join(" ")
}

async fn connected(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// What a key holds.
async fn value(redis: &mut redis::aio::MultiplexedConnection, key: &str) -> String {
    let kind: String = redis::cmd("TYPE").arg(key).query_async(redis).await.unwrap();
    let ask = match kind.as_str() {
        "string" => redis::cmd("GET").arg(key).to_owned(),
        "hash" => redis::cmd("HGETALL").arg(key).to_owned(),
        "set" => redis::cmd("SMEMBERS").arg(key).to_owned(),
        "list" => redis::cmd("LRANGE").arg(key).arg(0).arg(-1).to_owned(),
        "zset" => redis::cmd("ZRANGE").arg(key).arg(0).arg(-1).to_owned(),
        "stream" => redis::cmd("XRANGE").arg(key).arg("-").arg("+").to_owned(),
        // It was gone by then.
        "none" => return String::new(),
        other => panic!("{key} is a {other}"),
    };
    let held: redis::Value = ask.query_async(redis).await.unwrap();
    texts(&held)
}

fn texts(value: &redis::Value) -> String {
    match value {
        redis::Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        redis::Value::Array(all) | redis::Value::Set(all) => {
            all.iter().map(texts).collect::<Vec<_>>().join(" ")
        }
        redis::Value::Map(all) => all
            .iter()
            .map(|(k, v)| format!("{} {}", texts(k), texts(v)))
            .collect::<Vec<_>>()
            .join(" "),
        other => format!("{other:?}"),
    }
}
