//! What people may ask of what is kept about them.

use futures_util::TryStreamExt;
use mongodb::bson::Document;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp, client::play, engines};

const EXPORT: &str = "mutation { exportMyData { document } }";
const DELETE: &str =
    "mutation($p: String!) { deleteMyAccount(input: {password: $p}) { deletesAt } }";

/// Every place where one of these words stands: in SQL, MongoDB or Redis.
async fn found(app: &TestApp, words: &[&str]) -> Vec<String> {
    let mut places = Vec::new();
    let db = crate::support::connect(app.database_url()).await;
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
    for row in rows {
        let (table, column) = (
            row.try_get_by_index::<String>(0).unwrap(),
            row.try_get_by_index::<String>(1).unwrap(),
        );
        let quote = if backend == DbBackend::MySql { '`' } else { '"' };
        let text = if backend == DbBackend::MySql { "CHAR" } else { "TEXT" };
        for word in words {
            let query = format!(
                "SELECT COUNT(*) FROM {quote}{table}{quote} WHERE LOWER(CAST({quote}{column}{quote} AS {text})) LIKE '%{word}%'"
            );
            let row =
                db.query_one_raw(Statement::from_string(backend, query)).await.unwrap().unwrap();
            if row.try_get_by_index::<i64>(0).unwrap() > 0 {
                places.push(format!("{word} in {table}.{column}"));
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
        let words = words.iter();
        let keys = keys(&url, &engines.prefix()).await.to_lowercase();
        places.extend(
            words
                .filter(|word| keys.contains(**word))
                .map(|word| format!("{word} in a key of Redis")),
        );
    }
    places
}

/// Every key of a Redis, or of all nodes of a cluster.
async fn keys(url: &str, prefix: &str) -> String {
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
    let mut all = Vec::new();
    for node in nodes {
        let mut redis = connected(&node).await;
        let pattern = format!("{prefix}*");
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(pattern).query_async(&mut redis).await.unwrap();
        all.extend(keys);
    }
    all.join(" ")
}

async fn connected(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn everything_that_is_kept_comes_in_one_document() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let id = play(&server, &ada, &bob, "1v1").await;
    app.told().await;
    let document = ada.run(EXPORT, json!({})).await["exportMyData"]["document"].clone();
    assert_eq!(document["profile"]["email"], "ada@example.com");
    assert_eq!(document["matches"][0]["match"], id.as_str());
    assert_eq!(document["ratingHistory"].as_array().unwrap().len(), 1);
    assert_eq!(document["standings"][0]["wins"], 1);
    assert_eq!(document["sessions"].as_array().unwrap().len(), 1);
    assert!(document["acts"].as_array().unwrap().iter().any(|act| act["action"] == "REGISTERED"));
    assert!(
        document["notifications"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["kind"] == "MATCH_FOUND")
    );
    let text = document.to_string();
    for word in ["bob@example.com", "$argon2", "rhr_", PASSWORD] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    assert_eq!(app.anonymous().fail(EXPORT, json!({})).await["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_deletion_can_be_taken_back_until_it_is_due() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let wrong = ada.fail(DELETE, json!({"p": "not it at all"})).await;
    assert_eq!(wrong["field"], "input.password");
    let planned =
        ada.run(DELETE, json!({"p": PASSWORD})).await["deleteMyAccount"]["deletesAt"].clone();
    let again =
        ada.run(DELETE, json!({"p": PASSWORD})).await["deleteMyAccount"]["deletesAt"].clone();
    assert_eq!(planned, again);
    app.services.accounts.delete_due(&app.services).await.unwrap();
    assert_eq!(ada.run("{ me { deletesAt } }", json!({})).await["me"]["deletesAt"], planned);
    let cancel = "mutation { cancelAccountDeletion { cancelled } }";
    assert_eq!(ada.run(cancel, json!({})).await["cancelAccountDeletion"]["cancelled"], true);
    assert_eq!(ada.run(cancel, json!({})).await["cancelAccountDeletion"]["cancelled"], false);
    assert_eq!(ada.run("{ me { deletesAt } }", json!({})).await["me"]["deletesAt"], Value::Null);
    let root = app.staff("root", rankedhonor::game::accounts::Role::Admin).await;
    assert_eq!(root.fail(DELETE, json!({"p": PASSWORD})).await["code"], "FORBIDDEN");
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_that_names_it() {
    let app = TestApp::with(|settings| {
        settings.accounts.deletion_grace_days = 0;
        settings.ladder.placements = 1;
        settings.matchmaking.rematch_after_seconds = 0;
        crate::support::tolerant(settings, 5_000.0);
    })
    .await;
    let name = "zaphodbbx";
    let (ada, bob) = (app.player(name).await, app.player("bob").await);
    let server = app.game_server().await;
    let first = play(&server, &ada, &bob, "1v1").await;
    let id = play(&server, &ada, &bob, "1v1").await;
    let carla = app.player("carla").await;
    let profile = "mutation { updateProfile(input: {bio: \"zaphodbbx was here\", country: \"NO\"}) { user { id } } }";
    ada.run(profile, json!({})).await;
    carla
        .run(
            "mutation($id: ID!) { blockUser(input: {userId: $id}) { user { id } } }",
            json!({"id": ada.id}),
        )
        .await;
    ada.run("mutation { createParty { party { id } } }", json!({})).await;
    let mut socket = ada.socket().await;
    app.told().await;
    let board = "{ leaderboard(mode: \"1v1\") { nodes { user { username } } } }";
    let listed = app.anonymous().run(board, json!({})).await.to_string();
    assert!(listed.contains(name), "{listed}");
    assert!(!found(&app, &[name]).await.is_empty());
    ada.run(DELETE, json!({"p": PASSWORD})).await;
    while app.services.accounts.delete_due(&app.services).await.unwrap() == 0 {
        // The janitor may have been first.
        let gone = app
            .anonymous()
            .run("query($id: ID!) { user(by: {id: $id}) { username } }", json!({"id": ada.id}))
            .await;
        if gone["user"]["username"] != name {
            break;
        }
    }
    assert_eq!(socket.closed().await, 4403);
    app.told().await;
    app.until(async || found(&app, &[name]).await.is_empty()).await;
    // Nor do its files, once the journal was written back. Another process looks: one that closes a file loses all its locks
    // on it, and the server is in this one.
    app.until(async || {
        let files = std::fs::read_dir(app.dir()).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.is_file());
        let looked =
            tokio::process::Command::new("grep").args(["-l", "-a", name]).args(files).output();
        let looked = looked.await.unwrap();
        looked.status.code() == Some(1)
    })
    .await;
    // History holds, under a name that is nobody's.
    let query = "query($id: ID!) { match(id: $id) { status teams { players { user { username email bio country } mmrAfter } } } }";
    let history = bob.run(query, json!({"id": id})).await.to_string();
    assert!(history.contains("deleted-") && history.contains("COMPLETED"), "{history}");
    let listed = app.anonymous().run(board, json!({})).await.to_string();
    assert!(listed.contains("bob") && !listed.contains("deleted-"), "{listed}");
    let search =
        app.anonymous().run("{ users { nodes { username } } }", json!({})).await.to_string();
    assert!(search.contains("bob") && !search.contains("deleted-"), "{search}");
    assert_eq!(ada.fail("{ me { id } }", json!({})).await["code"], "UNAUTHENTICATED");
    let login = "mutation($l: String!, $p: String!) { login(input: {login: $l, password: $p}) { accessToken } }";
    assert_eq!(
        app.anonymous().fail(login, json!({"l": name, "p": PASSWORD})).await["code"],
        "UNAUTHENTICATED"
    );
    let root = app.staff("root", rankedhonor::game::accounts::Role::Admin).await;
    let void =
        "mutation($id: ID!) { voidMatch(input: {matchId: $id, reason: \"cheat\"}) { pending } }";
    root.run(void, json!({"id": first})).await;
    app.told().await;
    let listed = app.anonymous().run(board, json!({})).await.to_string();
    assert!(listed.contains("bob") && !listed.contains("deleted-"), "{listed}");
    // The name and the address are free, and the audit log holds without what named anybody.
    let again: Client = app.player(name).await;
    assert_ne!(again.id, ada.id);
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(holds && !said.contains(" 0 erased"), "{said}");
    let taken = "mutation { register(input: {username: \"deleted-abc\", email: \"x@example.com\", password: \"correct-horse-42\"}) { accessToken } }";
    assert_eq!(app.anonymous().fail(taken, json!({})).await["field"], "input.username");
}
