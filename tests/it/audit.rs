//! The audit log: every act is in it, and what was tampered with shows.

use rankedhonor::game::accounts::Role;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp, client::play, tolerant};

const LOG: &str = "query($filter: AuditFilter, $after: String) { auditLog(filter: $filter, first: 100, after: $after) {
    nodes { seq actor action object address requestId before after reason data erased hash } pageInfo { hasNextPage endCursor } } }";

async fn log(admin: &Client, filter: Value) -> Vec<Value> {
    let found = admin.run(LOG, json!({"filter": filter})).await;
    found["auditLog"]["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_privileged_act_is_written_down_with_what_it_changed() {
    let app = TestApp::with(|settings| tolerant(settings, 5_000.0)).await;
    let root = app.staff("root", Role::Admin).await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let id = play(&server, &ada, &bob, "1v1").await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    let open = bob.matched().await;
    let key = "mutation { createServerKey(input: {name: \"eu-2\"}) { id } }";
    let key = root.run(key, json!({})).await["createServerKey"]["id"].clone();
    let user = json!({"id": ada.id, "key": key, "match": id, "open": open, "until": "2099-01-01T00:00:00.000Z"});
    for mutation in [
        "voidMatch(input: {matchId: $match, reason: \"cheat\"}) { match { id } }",
        "cancelMatch(input: {matchId: $open, reason: \"crash\"}) { match { id } }",
        "suspendUser(input: {userId: $id, until: $until, reason: \"toxic\"}) { user { id } }",
        "liftSuspension(input: {userId: $id, reason: \"appeal\"}) { user { id } }",
        "lockQueue(input: {userId: $id, until: $until, reason: \"smurf\"}) { user { id } }",
        "liftQueueLock(input: {userId: $id}) { lifted }",
        "addNote(input: {userId: $id, text: \"watch\"}) { note { id } }",
        "setRole(input: {userId: $id, role: MODERATOR}) { user { id } }",
        "revokeServerKey(input: {id: $key}) { id }",
        "planSeasonEnd(input: {nextName: \"Next\"}) { season { id } }",
        "startSeason(input: {name: \"Second\"}) { season { id } }",
    ] {
        let named = |name: &str, kind: &str| {
            if mutation.contains(&format!("${name}")) {
                format!("${name}: {kind} ")
            } else {
                String::new()
            }
        };
        let variables = [
            ("id", "ID!"),
            ("key", "ID!"),
            ("match", "ID!"),
            ("open", "ID!"),
            ("until", "DateTime"),
        ];
        let head: String = variables.iter().map(|(name, kind)| named(name, kind)).collect();
        let head = if head.is_empty() { head } else { format!("({head})") };
        root.run(&format!("mutation{head} {{ {mutation} }}"), user.clone()).await;
    }
    let lines = log(&root, json!({"actor": root.id})).await;
    let acts: Vec<_> = lines.iter().rev().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(
        acts,
        [
            "REGISTERED",
            "SIGNED_IN",
            "SERVER_KEY_CREATED",
            "MATCH_VOIDED",
            "MATCH_CANCELLED",
            "SUSPENDED",
            "SUSPENSION_LIFTED",
            "QUEUE_LOCKED",
            "QUEUE_LOCK_LIFTED",
            "NOTE_ADDED",
            "ROLE_CHANGED",
            "SERVER_KEY_REVOKED",
            "SEASON_END_PLANNED",
            "SEASON_STARTED",
        ]
    );
    let role = lines.iter().find(|line| line["action"] == "ROLE_CHANGED").unwrap();
    assert_eq!(
        (&role["before"], &role["after"]),
        (&json!({"role": "PLAYER"}), &json!({"role": "MODERATOR"}))
    );
    assert_eq!((&role["object"], &role["address"]), (&json!(ada.id), &json!("127.0.0.1")));
    assert!(role["requestId"].is_string());
    let voided = lines.iter().find(|line| line["action"] == "MATCH_VOIDED").unwrap();
    assert_eq!((&voided["object"], &voided["reason"]), (&json!(id), &json!("cheat")));
    // Nothing in it is a secret, and nobody else reads it.
    let text = json!(log(&root, json!({})).await).to_string();
    assert!(!text.contains(PASSWORD) && !text.contains("rhk_") && !text.contains("rhr_"), "{text}");
    assert_eq!(bob.fail(LOG, json!({})).await["code"], "FORBIDDEN");
}

#[tokio::test]
async fn what_was_tampered_with_shows() {
    let app = TestApp::start().await;
    let root = app.staff("root", Role::Admin).await;
    for name in ["ada", "bob", "carla"] {
        app.player(name).await;
    }
    let verify = async |noted: Option<String>| {
        let noted = noted.map(|noted| ["--noted".to_owned(), noted]);
        let mut arguments = vec!["audit", "verify"];
        arguments.extend(noted.iter().flatten().map(String::as_str));
        app.command(&arguments, "").await
    };
    let (holds, said) = verify(None).await;
    assert!(holds && said.contains("8 lines, 0 erased"), "{said}");
    let lines = log(&root, json!({})).await;
    let last = format!("{}:{}", lines[0]["seq"], lines[0]["hash"].as_str().unwrap());
    assert!(said.contains(&last), "{said}");
    assert!(verify(Some(last.clone())).await.0);
    for (tamper, mend, word) in [
        (
            "UPDATE audit_log SET actor = 'system' WHERE seq = 4",
            None,
            "line 4 is not what was written",
        ),
        ("UPDATE audit_log SET details = '{}' WHERE seq = 3", None, "line 3 has other details"),
        (
            "UPDATE audit_log SET details = NULL, salt = NULL WHERE seq = 5",
            None,
            "line 5 has no details",
        ),
        (
            "UPDATE audit_head SET seq = 7",
            Some("UPDATE audit_head SET seq = 8"),
            "line 7 is not the one",
        ),
        ("DELETE FROM audit_log WHERE seq = 6", None, "line 6 is missing"),
        ("DELETE FROM audit_log WHERE seq = 8", None, "line 8 is missing"),
    ] {
        app.change("CREATE TABLE kept AS SELECT * FROM audit_log").await;
        app.change(tamper).await;
        let (holds, said) = verify(None).await;
        assert!(!holds && said.contains(word), "{tamper}: {said}");
        app.change("DELETE FROM audit_log").await;
        app.change("INSERT INTO audit_log SELECT * FROM kept").await;
        app.change("DROP TABLE kept").await;
        if let Some(mend) = mend {
            app.change(mend).await;
        }
        assert!(verify(None).await.0, "{tamper}");
    }
    // Whoever cuts the end off, and the head back to it, is found against a line that was noted.
    let before = lines[1]["hash"].as_str().unwrap();
    app.change("DELETE FROM audit_log WHERE seq = 8").await;
    app.change(&format!("UPDATE audit_head SET seq = 7, hash = '{before}'")).await;
    assert!(verify(None).await.0);
    let (holds, said) = verify(Some(last)).await;
    assert!(!holds && said.contains("line 8 was noted and is gone"), "{said}");
}

#[tokio::test]
async fn the_chain_holds_under_many_at_once_and_after_another_key() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..24).map(|n| format!("player{n}")).collect();
    let players = names.iter().map(|name| app.player(name));
    futures_util::future::join_all(players).await;
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(holds && said.contains("48 lines"), "{said}");
    let (done, said) = app.command(&["admin", "rotate-secret", "encryption"], "").await;
    assert!(done, "{said}");
    let app = app.restart().await;
    app.player("late").await;
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(holds && said.contains("50 lines"), "{said}");
}

#[tokio::test]
async fn pages_and_filters_of_the_log() {
    let app = TestApp::start().await;
    let root = app.staff("root", Role::Admin).await;
    let ada = app.player("ada").await;
    let about = log(&root, json!({"object": ada.id})).await;
    assert_eq!(about.len(), 2);
    assert_eq!(log(&root, json!({"action": "REGISTERED"})).await.len(), 2);
    assert!(log(&root, json!({"since": "2099-01-01T00:00:00.000Z"})).await.is_empty());
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let query = "query($after: String) { auditLog(first: 1, after: $after) { nodes { seq } pageInfo { hasNextPage endCursor } } }";
        let page = root.run(query, json!({"after": after})).await["auditLog"].clone();
        seen.push(page["nodes"][0]["seq"].as_i64().unwrap());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, [4, 3, 2, 1]);
}
