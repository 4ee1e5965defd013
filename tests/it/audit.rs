//! The audit log: every act is in it, and what was tampered with shows.

use std::{collections::HashSet, fs};

use rankedhonor::{
    config::secret::Secret,
    game::accounts::Role,
    resolvers::access::{Rule, entries},
};
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
    let started = tell_of(&app, &root).await;
    let mutations = [
        "voidMatch(input: {matchId: $match, reason: \"cheat\"}) { match { id } }",
        "cancelMatch(input: {matchId: $open, reason: \"crash\"}) { match { id } }",
        "suspendUser(input: {userId: $id, until: $until, reason: \"toxic\"}) { user { id } }",
        "liftSuspension(input: {userId: $id, reason: \"appeal\"}) { user { id } }",
        "lockQueue(input: {userId: $id, until: $until, reason: \"smurf\"}) { user { id } }",
        "liftQueueLock(input: {userId: $id, reason: \"appeal\"}) { lifted }",
        "addNote(input: {userId: $id, text: \"watch\"}) { note { id } }",
        "setRole(input: {userId: $id, role: MODERATOR}) { user { id } }",
        "revokeServerKey(input: {id: $key}) { id }",
        "planSeasonEnd(input: {nextName: \"Next\"}) { season { id } }",
        "startSeason(input: {name: \"Second\"}) { season { id } }",
    ];
    // No act that takes a role is left out here.
    let tried: HashSet<_> = mutations.iter().map(|one| one.split('(').next().unwrap()).collect();
    let elsewhere = HashSet::from([
        "createServerKey",
        "startMatch",
        "recordMatchEvents",
        "reportMatchResult",
        "verifyJoinToken",
        // It takes a file of settings: `reload` looks for its line.
        "reloadMatchmaking",
    ]);
    let takes_a_role =
        |rule: &Rule| matches!(rule, Rule::Moderator | Rule::Admin | Rule::ServerOrAdmin);
    for (name, _) in entries().filter(|(_, rule)| takes_a_role(rule)) {
        let reads = ["accounts", "auditLog", "serverKeys"].contains(&name);
        assert!(reads || tried.contains(name) || elsewhere.contains(name), "{name} is not tried");
    }
    for mutation in mutations {
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
            "MATCH_STARTED",
            "MATCH_EVENTS_RECORDED",
            "MATCH_REPORTED",
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
    let whole = |action: &str| {
        let line = lines.iter().find(|line| line["action"] == action).unwrap();
        [line["before"].clone(), line["after"].clone(), line["reason"].clone()]
    };
    for action in
        ["SUSPENDED", "SUSPENSION_LIFTED", "QUEUE_LOCKED", "MATCH_VOIDED", "MATCH_CANCELLED"]
    {
        assert!(whole(action).iter().all(|part| !part.is_null()), "{action}");
    }
    assert_eq!(whole("QUEUE_LOCK_LIFTED")[2], "appeal");
    assert!(whole("QUEUE_LOCK_LIFTED")[0]["lockedUntil"].is_number());
    for action in ["SEASON_STARTED", "SEASON_END_PLANNED", "MATCH_STARTED", "MATCH_REPORTED"] {
        assert!(whole(action)[..2].iter().all(|part| part.is_object()), "{action}");
    }
    // Who reported what, for admins alone: what a stolen key told can be found, and taken back.
    let find = "query($by: ID) { matches(filter: {reportedBy: $by}) { nodes { id reportedBy } } }";
    let found = root.run(find, json!({"by": root.id})).await;
    assert_eq!(found["matches"]["nodes"], json!([{"id": started, "reportedBy": root.id}]));
    assert_eq!(bob.fail(find, json!({"by": root.id})).await["code"], "FORBIDDEN");
    let see = "query($id: ID!) { match(id: $id) { reportedBy } }";
    let key = root.run(see, json!({"id": id})).await["match"]["reportedBy"].clone();
    assert!(key.as_str().unwrap().starts_with("key_"), "{key}");
    assert_eq!(bob.run(see, json!({"id": id})).await["match"]["reportedBy"], Value::Null);
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

/// An admin does what game servers do with a match of two others; its id.
async fn tell_of(app: &TestApp, admin: &Client) -> String {
    let (carla, dave) = (app.player("carla").await, app.player("dave").await);
    carla.join("1v1").await;
    dave.join("1v1").await;
    let id = carla.matched().await;
    admin.start_match(&id).await;
    let record = "mutation($id: ID!) { recordMatchEvents(input: {matchId: $id, events: [{sequence: 1, kind: \"KILL\", atMs: 5}]}) { recorded } }";
    admin.run(record, json!({"id": id})).await;
    admin.report(&id, 0).await;
    id
}

const MODERATE: [&str; 5] = [
    "suspendUser(input: {userId: $id, reason: \"x\"}) { user { id } }",
    "liftSuspension(input: {userId: $id, reason: \"x\"}) { user { id } }",
    "lockQueue(input: {userId: $id, until: \"2099-01-01T00:00:00.000Z\", reason: \"x\"}) { user { id } }",
    "liftQueueLock(input: {userId: $id}) { lifted }",
    "addNote(input: {userId: $id, text: \"x\"}) { note { id } }",
];

#[tokio::test]
async fn moderators_act_on_those_below_them_alone() {
    let app = TestApp::start().await;
    let root = app.staff("root", Role::Admin).await;
    let (mod1, mod2) =
        (app.staff("mod1", Role::Moderator).await, app.staff("mod2", Role::Moderator).await);
    let until = "2099-01-01T00:00:00.000Z";
    let lock = "mutation($id: ID!, $until: DateTime!) { lockQueue(input: {userId: $id, until: $until, reason: \"x\"}) { user { id } } }";
    root.run(lock, json!({"id": mod1.id, "until": until})).await;
    root.run(
        "mutation($id: ID!) { addNote(input: {userId: $id, text: \"x\"}) { note { id } } }",
        json!({"id": mod1.id}),
    )
    .await;
    for act in MODERATE {
        let act = format!("mutation($id: ID!) {{ {act} }}");
        for other in [&mod1, &mod2, &root] {
            assert_eq!(
                mod1.fail(&act, json!({"id": other.id})).await["code"],
                "FORBIDDEN",
                "{act}"
            );
        }
    }
    let see = "query($id: ID!) { user(by: {id: $id}) { queueLock { until } notes { text } } }";
    let seen = mod1.run(see, json!({"id": mod1.id})).await["user"].clone();
    assert_eq!(seen["queueLock"]["until"], until);
    assert_eq!(seen["notes"], Value::Null, "nobody reads what is noted about them");
    assert_eq!(mod2.run(see, json!({"id": mod1.id})).await["user"]["notes"][0]["text"], "x");
}

#[tokio::test]
async fn of_two_admins_who_depose_each_other_one_stays() {
    let app = TestApp::start().await;
    let (root, toor) = (app.staff("root", Role::Admin).await, app.staff("toor", Role::Admin).await);
    let depose =
        "mutation($id: ID!) { setRole(input: {userId: $id, role: PLAYER}) { user { role } } }";
    for _ in 0..3 {
        tokio::join!(
            root.send(depose, json!({"id": toor.id})),
            toor.send(depose, json!({"id": root.id})),
        );
    }
    let mut admins = 0;
    for one in [&root, &toor] {
        let me = one.send("{ me { role } }", json!({})).await;
        admins += usize::from(me["data"]["me"]["role"] == "ADMIN");
    }
    assert_eq!(admins, 1);
}

#[tokio::test]
async fn what_was_tampered_with_shows() {
    let app = TestApp::start().await;
    let root = app.staff("root", Role::Admin).await;
    for name in ["ada", "bob", "carla"] {
        app.player(name).await;
    }
    let verify = async |noted: Option<&str>| {
        let noted = noted.map(|noted| ["--noted", noted]);
        let mut arguments = vec!["audit", "verify"];
        arguments.extend(noted.iter().flatten());
        app.command(&arguments, "").await
    };
    let (holds, said) = verify(None).await;
    assert!(holds && said.contains("9 lines, 0 erased") && said.contains("0 accounts"), "{said}");
    let lines = log(&root, json!({})).await;
    assert_eq!(lines[8]["action"], "AUDIT_LOG_BEGUN");
    let last = format!("{}:{}", lines[0]["seq"], lines[0]["hash"].as_str().unwrap());
    assert!(said.contains(&last), "{said}");
    assert!(verify(Some(&last)).await.0);
    let before = lines[1]["hash"].as_str().unwrap();
    let back = format!("UPDATE audit_head SET seq = 8, hash = '{before}'");
    let forged = |seq: i32| {
        format!(
            "INSERT INTO audit_log SELECT {seq}, at, actor, action, object, request_id, details, salt, digest, whence, whence_salt, whence_digest, hash FROM audit_log WHERE seq = 9"
        )
    };
    for (tamper, word) in [
        (
            vec!["UPDATE audit_log SET actor = 'system' WHERE seq = 4".into()],
            "line 4 is not what was written",
        ),
        (
            vec!["UPDATE audit_log SET details = '{}' WHERE seq = 3".into()],
            "line 3 has other details",
        ),
        (
            vec!["UPDATE audit_log SET details = '{}', salt = NULL WHERE seq = 3".into()],
            "line 3 has other details",
        ),
        (
            vec![
                "UPDATE audit_log SET whence = '9.9.9.9', whence_salt = NULL WHERE seq = 3".into(),
            ],
            "line 3 has other details",
        ),
        (
            // It never had one.
            vec!["UPDATE audit_log SET whence = '9.9.9.9' WHERE seq = 1".into()],
            "line 1 has other details",
        ),
        (
            vec!["UPDATE audit_log SET whence = '9.9.9.9' WHERE seq = 3".into()],
            "line 3 has other details",
        ),
        (
            vec!["UPDATE audit_log SET details = NULL, salt = NULL WHERE seq = 5".into()],
            "line 5 has lost",
        ),
        (
            vec!["UPDATE audit_log SET whence = NULL, whence_salt = NULL WHERE seq = 9".into()],
            "line 9 has lost",
        ),
        (vec!["UPDATE audit_head SET seq = 8".into()], "line 9 is behind the end"),
        (vec!["UPDATE audit_head SET seq = 10".into()], "line 10 is missing"),
        (vec!["DELETE FROM audit_log WHERE seq = 6".into()], "line 6 is missing"),
        (vec!["DELETE FROM audit_log WHERE seq = 9".into()], "line 9 is missing"),
        // Who adds a line does not have the key, before, behind or in between.
        (vec![forged(10)], "line 10 is not what was written"),
        (vec![forged(0)], "line 0 was never written"),
        // Who cuts the end off, and puts the head back to what was the end once, does not either.
        (
            vec!["DELETE FROM audit_log WHERE seq = 9".into(), back.clone()],
            "line 8 is not the one that the log ended with",
        ),
        (vec!["DELETE FROM audit_head".into()], "the end of the log was taken away"),
        (vec!["UPDATE audit_head SET seq = 0, hash = ''".into()], "line 1 is behind the end"),
        (
            vec!["DELETE FROM audit_log".into(), "DELETE FROM audit_head".into()],
            "the end of the log was taken away",
        ),
    ] {
        app.change("CREATE TABLE kept AS SELECT * FROM audit_log").await;
        app.change("CREATE TABLE kept_head AS SELECT * FROM audit_head").await;
        for statement in &tamper {
            app.change(statement).await;
        }
        let (holds, said) = verify(None).await;
        assert!(!holds && said.contains(word), "{tamper:?}: {said}");
        for statement in [
            "DELETE FROM audit_log",
            "INSERT INTO audit_log SELECT * FROM kept",
            "DELETE FROM audit_head",
            "INSERT INTO audit_head SELECT * FROM kept_head",
            "DROP TABLE kept",
            "DROP TABLE kept_head",
        ] {
            app.change(statement).await;
        }
        assert!(verify(None).await.0, "{tamper:?}");
    }
}

#[tokio::test]
async fn a_log_that_was_tampered_with_goes_on_and_says_so_for_ever() {
    let app = TestApp::start().await;
    let root = app.staff("root", Role::Admin).await;
    app.player("ada").await;
    // The end is cut off, and what was the end once is the end again.
    let lines = log(&root, json!({})).await;
    let (last, before) = (lines[0]["seq"].as_i64().unwrap(), lines[1]["hash"].as_str().unwrap());
    app.change(&format!("DELETE FROM audit_log WHERE seq = {last}")).await;
    app.change(&format!("UPDATE audit_head SET seq = {}, hash = '{before}'", last - 1)).await;
    app.player("bob").await;
    let said = app.command(&["audit", "verify"], "").await;
    assert!(!said.0 && said.1.contains("somebody else had written to the log"), "{said:?}");
    assert_eq!(log(&root, json!({"action": "AUDIT_LOG_TAMPERED"})).await.len(), 1);
    // Everything is taken away, and a line added that nobody wrote: people can still sign in.
    app.change("DELETE FROM audit_head").await;
    app.player("carla").await;
    app.change("INSERT INTO audit_log SELECT seq + 1, at, actor, action, object, request_id, details, salt, digest, whence, whence_salt, whence_digest, hash FROM audit_log ORDER BY seq DESC LIMIT 1").await;
    app.player("dave").await;
    assert!(!app.command(&["audit", "verify"], "").await.0);
}

#[tokio::test]
async fn an_older_state_of_the_whole_log_shows_against_what_was_noted() {
    let app = TestApp::start().await;
    let root = app.staff("root", Role::Admin).await;
    app.player("ada").await;
    app.change("CREATE TABLE kept AS SELECT * FROM audit_log").await;
    app.change("CREATE TABLE kept_head AS SELECT * FROM audit_head").await;
    app.player("bob").await;
    let lines = log(&root, json!({})).await;
    let last = format!("{}:{}", lines[0]["seq"], lines[0]["hash"].as_str().unwrap());
    app.services.audit.note().await.unwrap();
    assert!(app.command(&["audit", "verify"], "").await.0);
    for statement in [
        "DELETE FROM audit_log",
        "INSERT INTO audit_log SELECT * FROM kept",
        "DELETE FROM audit_head",
        "INSERT INTO audit_head SELECT * FROM kept_head",
    ] {
        app.change(statement).await;
    }
    let gone = format!("line {} was noted and is gone", lines[0]["seq"]);
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(!holds && said.contains(&gone), "{said}");
    let (holds, said) = app.command(&["audit", "verify", "--noted", &last], "").await;
    assert!(!holds && said.contains(&gone), "{said}");
    // What was noted is not written over by what took its place.
    app.player("carla").await;
    app.services.audit.note().await.unwrap();
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(!holds && said.contains("is not the one that was noted"), "{said}");
}

#[tokio::test]
async fn what_somebody_did_to_others_stays_when_their_account_goes() {
    let app = TestApp::with(|settings| settings.accounts.deletion_grace_days = 0).await;
    let root = app.staff("root", Role::Admin).await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let ada = app.player("ada").await;
    let suspend = "mutation($id: ID!) { suspendUser(input: {userId: $id, reason: \"toxic\"}) { user { id } } }";
    moderator.run(suspend, json!({"id": ada.id})).await;
    let role = "mutation($id: ID!) { setRole(input: {userId: $id, role: PLAYER}) { user { id } } }";
    root.run(role, json!({"id": moderator.id})).await;
    let moderator = app.anonymous().login("mod", PASSWORD).await;
    let delete = "mutation($password: String!) { deleteMyAccount(input: {password: $password}) { deletesAt } }";
    moderator.run(delete, json!({"password": PASSWORD})).await;
    app.until(async || {
        app.services.accounts.delete_due(&app.services).await.unwrap();
        !log(&root, json!({"action": "ACCOUNT_DELETED"})).await.is_empty()
    })
    .await;
    let lines = log(&root, json!({"actor": moderator.id, "action": "SUSPENDED"})).await;
    assert_eq!((&lines[0]["reason"], &lines[0]["object"]), (&json!("toxic"), &json!(ada.id)));
    assert_eq!((&lines[0]["address"], &lines[0]["erased"]), (&Value::Null, &json!(true)));
    let lines = log(&root, json!({"object": moderator.id, "action": "ROLE_CHANGED"})).await;
    assert_eq!(lines[0]["before"], json!({"role": "MODERATOR"}));
    let lines = log(&root, json!({"object": moderator.id, "action": "REGISTERED"})).await;
    assert_eq!((&lines[0]["after"], &lines[0]["erased"]), (&Value::Null, &json!(true)));
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(holds, "{said}");
}

#[tokio::test]
async fn the_chain_holds_under_many_at_once_and_after_another_key() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..24).map(|n| format!("player{n}")).collect();
    let players = names.iter().map(|name| app.player(name));
    futures_util::future::join_all(players).await;
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(holds && said.contains("49 lines"), "{said}");
    let (done, said) = app.command(&["admin", "rotate-secret", "encryption"], "").await;
    assert!(done, "{said}");
    // Others use the new one at once, and what runs already takes it up from them.
    let (done, said) = app.command(&["admin", "create-server-key", "--name", "x"], "").await;
    assert!(done, "{said}");
    app.player("late").await;
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(holds && said.contains("53 lines"), "{said}");
    let app = app.restart().await;
    app.player("later").await;
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(holds && said.contains("55 lines"), "{said}");
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
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn a_key_that_was_given_stays_known_beside_one_that_is_in_the_file_too() {
    let given = |texts: &[&str]| -> Vec<Secret> {
        let one = |text: &&str| Secret { text: text.repeat(8).into(), retired_at: None };
        texts.iter().map(one).collect()
    };
    let app = TestApp::configured(|config| config.encryption_keys = given(&["old-"])).await;
    fs::write(app.dir().join("encryption.secret"), "old-".repeat(8)).unwrap();
    // Whoever tried another, and goes back to the one from before.
    let app =
        app.restart_configured(|config| config.encryption_keys = given(&["new-", "old-"])).await;
    app.player("ada").await;
    let app =
        app.restart_configured(|config| config.encryption_keys = given(&["old-", "new-"])).await;
    app.services.accounts.load_keys().await.unwrap();
    app.player("bob").await;
    let root = app.staff("root", Role::Admin).await;
    assert!(log(&root, json!({"action": "AUDIT_LOG_TAMPERED"})).await.is_empty());
}
