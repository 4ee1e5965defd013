//! Tokens that let players into a match.

use rankedhonor::game::accounts::Role;
use serde_json::json;

use crate::support::{Client, TestApp};

const MINE: &str = "{ myMatch { id session { joinToken } } }";
const VERIFY: &str = "mutation($token: String!) { verifyJoinToken(input: {token: $token}) { user { id } match { id } expiresAt } }";

#[tokio::test]
async fn a_game_server_learns_who_brought_a_token_and_nobody_else_does() {
    let app = TestApp::start().await;
    let (server, ada, bob) = app.started().await;
    let mine = ada.run(MINE, json!({})).await["myMatch"].clone();
    let token = mine["session"]["joinToken"].as_str().unwrap().to_owned();
    let input = json!({"token": token});
    let root = app.staff("root", Role::Admin).await;
    for asks in [&server, &root] {
        let proven = asks.run(VERIFY, input.clone()).await["verifyJoinToken"].clone();
        assert_eq!((&proven["user"]["id"], &proven["match"]["id"]), (&json!(ada.id), &mine["id"]));
    }
    assert_eq!(bob.fail(VERIFY, input.clone()).await["code"], "FORBIDDEN");
    assert_eq!(app.anonymous().fail(VERIFY, input.clone()).await["code"], "UNAUTHENTICATED");
    // It opens a match and nothing else, and nothing else opens one.
    let as_access = Client::new(app.addr, Some(token.clone()));
    assert_eq!(as_access.fail("{ me { id } }", json!({})).await["code"], "UNAUTHENTICATED");
    let (head, tail) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", tail.chars().rev().collect::<String>());
    for token in [ada.token.clone().unwrap(), forged, "nothing".into(), String::new()] {
        let refused = server.fail(VERIFY, json!({"token": token})).await;
        assert_eq!(refused, json!({"code": "BAD_USER_INPUT", "field": "input.token"}));
    }
    let cancel = "mutation($id: ID!) { cancelMatch(input: {matchId: $id, reason: \"over\"}) { match { id } } }";
    server.run(cancel, json!({"id": mine["id"]})).await;
    assert_eq!(server.fail(VERIFY, input).await["field"], "input.token");
}
