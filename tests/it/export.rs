//! What people are told of what is kept about them.

use std::collections::{BTreeMap, BTreeSet};

use rankedhonor::game::accounts::Role;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp, client::play, connect, stores::columns};

const EXPORT: &str = "mutation { exportMyData { document } }";

/// Tables of which a user's own rows are in the document, and where in it.
const TOLD: [(&str, &str); 20] = [
    ("users", "/profile"),
    ("sessions", "/sessions"),
    ("linked_accounts", "/linkedAccounts/linked"),
    ("oauth_flows", "/linkedAccounts/begun"),
    ("mails", "/mails/pending"),
    ("one_time_tokens", "/mails/usable"),
    ("standings", "/standings"),
    ("season_results", "/seasonResults"),
    ("match_players", "/matches"),
    ("match_events", "/matchEvents"),
    ("rating_points", "/ratingHistory"),
    ("rank_changes", "/rankChanges"),
    ("ticket_players", "/tickets"),
    ("engagements", "/engagement"),
    ("party_members", "/party"),
    ("blocks", "/blockedUsers"),
    ("penalties", "/queueLock"),
    ("notes", "/notes"),
    ("audit_log", "/acts"),
    ("user_activity", "/activity"),
];

/// The others, and why they are not.
const NOT_TOLD: [(&str, &str); 22] = [
    ("notifications", "in the document under /notifications, from wherever documents are kept"),
    ("tickets", "in the document with those who held them"),
    ("parties", "in the document with their members"),
    ("refresh_tokens", "hashes of what the sessions are renewed with"),
    ("matches", "not about one person; the document names those of the user"),
    ("feed_items", "public, made of the matches that are in the document, and kept for days"),
    ("outbox", "what happened, on its way to the tables that are in the document"),
    ("erasures", "of accounts that are no more"),
    ("barred", "of accounts that are no more"),
    ("login_failures", "keyed by hashes that tell nobody's name"),
    ("corrections", "of matches"),
    ("audit_head", "a number and a hash"),
    ("hero_pick_rates", "counts"),
    ("seasons", "of everybody"),
    ("server_keys", "of game servers"),
    ("log_horizons", "of logs"),
    ("leases", "of instances"),
    ("fences", "of instances"),
    ("secrets", "of the installation"),
    ("seaql_migrations", "of the schema"),
    ("sqlite_sequence", "of the engine"),
    ("sqlite_stat1", "of the engine"),
];

/// Whether a column of that name can name somebody.
fn names_somebody(column: &str) -> bool {
    let words = [
        "user",
        "actor",
        "target",
        "object",
        "author",
        "leader",
        "blocked_id",
        "player",
        "member",
        "owner",
    ];
    words.iter().any(|word| column.contains(word)) || column == "by" || column == "who"
}

#[tokio::test]
async fn of_every_table_it_is_decided_whether_it_is_told() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let document = ada.run(EXPORT, json!({})).await["exportMyData"]["document"].clone();
    let db = connect(app.database_url()).await;
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, column) in columns(&db).await {
        tables.entry(table).or_default().insert(column);
    }
    db.close().await.unwrap();
    for (table, columns) in &tables {
        let told = TOLD.iter().find(|(name, _)| name == table);
        let reason = NOT_TOLD.iter().find(|(name, _)| name == table);
        let naming: Vec<_> = columns.iter().filter(|column| names_somebody(column)).collect();
        assert!(
            told.is_some() != reason.is_some(),
            "{table} (which names people in {naming:?}) is to be told to whom it is about, or listed with a reason why not"
        );
        if let Some((_, at)) = told {
            assert!(*table == "users" || !naming.is_empty(), "{table} names nobody");
            assert!(document.pointer(at).is_some(), "{at} is missing in {document:#}");
        }
    }
    for (table, _) in TOLD {
        assert!(tables.contains_key(table), "{table} is no table");
    }
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
async fn the_document_tells_what_is_easily_forgotten() {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 1;
        crate::support::tolerant(settings, 5_000.0);
    })
    .await;
    let (ada, bob) = app.pair().await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let server = app.game_server().await;
    let join = "mutation { joinQueue(input: {mode: \"1v1\", regions: [{region: \"eu-west\", latencyMs: 23}]}) { ticket { id } } }";
    ada.run(join, json!({})).await;
    bob.run(join, json!({})).await;
    let id = ada.matched().await;
    server.start_match(&id).await;
    let event =
        json!({"sequence": 1, "kind": "KILL", "atMs": 5, "actorId": ada.id, "targetId": bob.id});
    let record = "mutation($id: ID!, $e: MatchEventInput!) { recordMatchEvents(input: {matchId: $id, events: [$e]}) { match { id } } }";
    server.run(record, json!({"id": id, "e": event})).await;
    server.report(&id, 0).await;
    app.anonymous()
        .login("ada", PASSWORD)
        .await
        .run("mutation { logout { success } }", json!({}))
        .await;
    let note = "mutation($id: ID!) { addNote(input: {userId: $id, text: \"keeps asking for boosts\"}) { note { id } } }";
    moderator.run(note, json!({"id": ada.id})).await;
    ada.run("mutation { createParty { party { id } } }", json!({})).await;
    app.told().await;
    let document = ada.run(EXPORT, json!({})).await["exportMyData"]["document"].clone();
    let sessions = document["sessions"].as_array().unwrap();
    let ended: Vec<_> = sessions.iter().filter(|one| !one["endedAt"].is_null()).collect();
    assert_eq!((sessions.len(), ended.len()), (2, 1), "{document:#}");
    assert_eq!(ended[0]["address"], "127.0.0.1");
    let region = &document["tickets"][0]["regions"][0];
    assert_eq!(*region, json!({"region": "eu-west", "roundTripMs": 23}));
    assert_eq!(document["tickets"][0]["match"], id.as_str());
    assert_eq!(
        document["matchEvents"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["kind"] == "KILL")
            .count(),
        1
    );
    assert_eq!(document["party"]["leads"], true);
    assert_eq!(document["ratingHistory"][0]["ratingBefore"], 1500.0);
    assert!(
        document["standings"][0]["peak"].is_f64() && document["standings"][0]["tier"].is_string(),
        "{document:#}"
    );
    assert!(!document["rankChanges"].as_array().unwrap().is_empty());
    assert_eq!(document["notes"][0]["text"], "keeps asking for boosts");
    // Not by whom.
    assert!(!document.to_string().contains(&moderator.id), "{document:#}");
    let trail = document["activity"].as_array().unwrap();
    let signed_in = trail.iter().find(|one| one["kind"] == "SIGNED_IN").unwrap();
    assert_eq!(signed_in["details"]["address"], "127.0.0.1");
    let mails = &document["mails"];
    let waiting =
        mails["pending"].as_array().unwrap().len() + mails["usable"].as_array().unwrap().len();
    assert!(waiting > 0, "{mails:#}");
    let lists = ["linkedAccounts", "seasonResults", "blockedUsers", "queueLock", "engagement"];
    assert!(lists.iter().all(|name| document.get(name).is_some()), "{document:#}");
    let none: &Value = &document["queueLock"];
    assert!(none.is_null());
    // That it was taken is written down.
    let who = app.cell("SELECT actor FROM audit_log WHERE action = 'DATA_EXPORTED'").await;
    assert_eq!(json!(who), ada.id);
}
