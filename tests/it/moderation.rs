//! What moderators look at, and do to people.

use rankedhonor::game::accounts::Role;
use serde_json::{Value, json};

use crate::support::{Client, TestApp};

const ACCOUNTS: &str = "query($filter: AccountFilter) { accounts(filter: $filter, first: 50) { nodes { username suspension { until reason } } } }";

async fn names(by: &Client, filter: Value) -> Vec<String> {
    let found = by.run(ACCOUNTS, json!({"filter": filter})).await;
    let nodes = found["accounts"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|node| node["username"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn accounts_are_found_by_what_is_known_of_them() {
    let app = TestApp::start().await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let root = app.staff("root", Role::Admin).await;
    let ada = app.player("Ada_1").await;
    app.player("ada-2").await;
    app.player("bob").await;
    let suspend = "mutation($id: ID!) { suspendUser(input: {userId: $id, reason: \"toxic\"}) { user { suspension { until reason } } } }";
    let done = moderator.run(suspend, json!({"id": ada.id})).await;
    assert_eq!(
        done["suspendUser"]["user"]["suspension"],
        json!({"until": null, "reason": "toxic"})
    );
    assert_eq!(names(&moderator, json!({"username": "DA"})).await, ["ada-2", "Ada_1"]);
    // What means anything in a pattern means itself.
    assert_eq!(names(&moderator, json!({"username": "_"})).await, ["Ada_1"]);
    assert!(names(&moderator, json!({"username": "%"})).await.is_empty());
    assert_eq!(names(&moderator, json!({"suspended": true})).await, ["Ada_1"]);
    assert_eq!(names(&moderator, json!({"role": "MODERATOR"})).await, ["mod"]);
    assert_eq!(
        names(&moderator, json!({"region": "eu-west", "suspended": false})).await,
        ["ada-2", "bob"]
    );
    assert!(
        names(&moderator, json!({"createdAfter": "2099-01-01T00:00:00.000Z"})).await.is_empty()
    );
    assert_eq!(names(&root, json!({"email": "BOB@"})).await, ["bob"]);
    let refused = moderator.fail(ACCOUNTS, json!({"filter": {"email": "bob"}})).await;
    assert_eq!(refused["code"], "FORBIDDEN");
}

#[tokio::test]
async fn a_moderator_locks_the_queue_notes_why_and_lifts_it() {
    let app = TestApp::start().await;
    let (moderator, other) =
        (app.staff("mod", Role::Moderator).await, app.staff("mod2", Role::Moderator).await);
    let ada = app.player("ada").await;
    ada.join("1v1").await;
    let lock = "mutation($id: ID!, $until: DateTime!) { lockQueue(input: {userId: $id, until: $until, reason: \"smurf\"}) { user { queueLock { reason } } } }";
    let until = |until: &str| json!({"id": ada.id, "until": until});
    let past = moderator.fail(lock, until("2020-01-01T00:00:00.000Z")).await;
    assert_eq!(past["field"], "input.until");
    let done = moderator.run(lock, until("2099-01-01T00:00:00.000Z")).await;
    assert_eq!(done["lockQueue"]["user"]["queueLock"]["reason"], "CONDUCT");
    assert_eq!(ada.run("{ myTicket { id } }", json!({})).await["myTicket"], Value::Null);
    let join = "mutation { joinQueue(input: {mode: \"1v1\"}) { ticket { id } } }";
    assert_eq!(ada.fail(join, json!({})).await["reason"], "QUEUE_LOCKED");
    let equal = json!({"id": other.id, "until": "2099-01-01T00:00:00.000Z"});
    assert_eq!(moderator.fail(lock, equal).await["code"], "FORBIDDEN");
    let note = "mutation($id: ID!, $text: String!) { addNote(input: {userId: $id, text: $text}) { note { id } } }";
    moderator.run(note, json!({"id": ada.id, "text": "plays on two accounts"})).await;
    assert_eq!(
        moderator.fail(note, json!({"id": ada.id, "text": " "})).await["field"],
        "input.text"
    );
    let notes = "query($id: ID!) { user(by: {id: $id}) { notes { text author { username } } } }";
    let seen = other.run(notes, json!({"id": ada.id})).await;
    assert_eq!(
        seen["user"]["notes"],
        json!([{"text": "plays on two accounts", "author": {"username": "mod"}}])
    );
    assert_eq!(ada.run(notes, json!({"id": ada.id})).await["user"]["notes"], Value::Null);
    moderator
        .run(
            "mutation($id: ID!) { liftQueueLock(input: {userId: $id}) { lifted } }",
            json!({"id": ada.id}),
        )
        .await;
    ada.join("1v1").await;
}

#[tokio::test]
async fn a_suspension_ends_by_itself_and_can_be_lifted() {
    let app = TestApp::start().await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let ada = app.player("ada").await;
    let suspend = "mutation($id: ID!, $until: DateTime) { suspendUser(input: {userId: $id, until: $until, reason: \"no\"}) { user { id } } }";
    moderator.run(suspend, json!({"id": ada.id, "until": "2099-01-01T00:00:00.000Z"})).await;
    let login =
        "mutation($p: String!) { login(input: {login: \"ada\", password: $p}) { accessToken } }";
    let password = json!({"p": crate::support::PASSWORD});
    assert_eq!(app.anonymous().fail(login, password.clone()).await["code"], "FORBIDDEN");
    let lift = "mutation($id: ID!) { liftSuspension(input: {userId: $id, reason: \"appeal\"}) { user { suspension { until } } } }";
    let lifted = moderator.run(lift, json!({"id": ada.id})).await;
    assert_eq!(lifted["liftSuspension"]["user"]["suspension"], Value::Null);
    app.anonymous().run(login, password).await;
    let keys = "{ serverKeys { name revokedAt } }";
    assert_eq!(moderator.fail(keys, json!({})).await["code"], "FORBIDDEN");
    let root = app.staff("root", Role::Admin).await;
    app.game_server().await;
    assert_eq!(
        root.run(keys, json!({})).await["serverKeys"],
        json!([{"name": "test", "revokedAt": null}])
    );
}
