//! graphql-transport-ws: how sockets are kept, bounded and closed.

use serde_json::json;

use crate::support::{Client, Socket, TestApp, ws::Came};

#[tokio::test]
async fn a_socket_that_never_greets_is_closed() {
    let app = TestApp::with(|settings| settings.limits.socket.init_timeout_ms = 50).await;
    assert_eq!(Socket::open(app.addr).await.closed().await, 4408);
}

#[tokio::test]
async fn asking_before_greeting_is_unauthorized() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.addr).await;
    socket.subscribe("1", "{ modes { id } }", json!({})).await;
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test]
async fn a_bad_token_is_forbidden() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.addr).await;
    socket
        .say(json!({"type": "connection_init", "payload": {"Authorization": "Bearer nonsense"}}))
        .await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn a_second_greeting_is_one_too_many() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    socket.say(json!({"type": "connection_init"})).await;
    assert_eq!(socket.closed().await, 4429);
}

#[tokio::test]
async fn an_id_that_runs_cannot_be_used_again_until_it_is_complete() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    for _ in 0..20 {
        socket.subscribe("1", "{ modes { id } }", json!({})).await;
        socket.next("1").await;
        assert_eq!(socket.message("1").await["type"], "complete");
    }
    let query = "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }";
    socket.subscribe("1", query, json!({})).await;
    socket.next("1").await;
    socket.say(json!({"id": "1", "type": "complete"})).await;
    socket.subscribe("1", query, json!({})).await;
    socket.next("1").await;
    socket.subscribe("1", query, json!({})).await;
    assert_eq!(socket.closed().await, 4409);
}

#[tokio::test]
async fn messages_that_are_none_close_the_socket() {
    let app = TestApp::start().await;
    for text in [
        "",
        "{",
        "[]",
        "{\"type\":\"dance\"}",
        "{\"type\":\"subscribe\",\"id\":7}",
        "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{}}",
    ] {
        let mut socket = app.anonymous().socket().await;
        socket.say_text(text).await;
        assert_eq!(socket.closed().await, 4400, "{text}");
    }
}

#[tokio::test]
async fn refused_documents_are_errors_and_leave_the_socket_open() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    for (id, query) in
        [("a", "{ nothing }"), ("b", "{"), ("c", "subscription { queueStatus { id } }")]
    {
        socket.subscribe(id, query, json!({})).await;
        let refused = socket.message(id).await;
        assert_eq!(refused["type"], "error");
        assert!(refused["payload"][0]["extensions"]["code"].is_string());
    }
    socket.say(json!({"type": "ping"})).await;
    let Came::Message(pong) = socket.hear().await else { panic!("closed") };
    assert_eq!(pong, json!({"type": "pong"}));
}

#[tokio::test]
async fn operations_on_one_socket_are_bounded() {
    let app = TestApp::with(|settings| settings.limits.socket.operations = 2).await;
    let mut socket = app.anonymous().socket().await;
    for id in ["a", "b"] {
        socket
            .subscribe(
                id,
                "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }",
                json!({}),
            )
            .await;
        socket.next(id).await;
    }
    socket.subscribe("c", "{ modes { id } }", json!({})).await;
    assert_eq!(socket.message("c").await["payload"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX");
}

#[tokio::test]
async fn messages_are_bounded_in_number() {
    let app = TestApp::with(|settings| settings.limits.socket.messages_per_20s = 5).await;
    let mut socket = app.anonymous().socket().await;
    for _ in 0..5 {
        socket.say(json!({"type": "ping"})).await;
    }
    assert_eq!(socket.closed().await, 4429);
}

#[tokio::test]
async fn the_end_of_a_session_closes_its_sockets() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let mut socket = ada.socket().await;
    ada.run("mutation { logout { success } }", json!({})).await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn a_server_key_that_is_revoked_closes_its_sockets_and_no_others() {
    let app = TestApp::start().await;
    let root = app.staff("root", rankedhonor::game::accounts::Role::Admin).await;
    let (server, other) = (app.game_server().await, app.game_server().await);
    let make = "mutation { createServerKey(input: {name: \"eu-1\"}) { id key } }";
    let made = root.run(make, json!({})).await["createServerKey"].clone();
    let key = made["key"].as_str().map(Into::into);
    let revoked = Client::new(app.addr, key);
    let mut socket = revoked.socket().await;
    let mut header = Socket::try_open_as(app.addr, revoked.token.as_deref()).await.unwrap();
    header.greet(None).await;
    let mut others = [server.socket().await, other.socket().await];
    let start =
        "mutation { startMatch(input: {matchId: \"x\", endpoint: \"x:1\"}) { match { id } } }";
    for socket in [&mut socket, &mut header].into_iter().chain(&mut others) {
        socket.subscribe("s", start, json!({})).await;
        let answer = socket.message("s").await;
        let code = &answer["payload"]["errors"][0]["extensions"]["code"];
        assert_eq!(code, "BAD_USER_INPUT", "{answer:#}");
        assert_eq!(socket.message("s").await["type"], "complete");
    }
    let revoke = "mutation($id: ID!) { revokeServerKey(input: {id: $id}) { id } }";
    root.run(revoke, json!({"id": made["id"]})).await;
    assert_eq!(socket.closed().await, 4403);
    assert_eq!(header.closed().await, 4403);
    for socket in &mut others {
        socket.subscribe("s", "{ modes { id } }", json!({})).await;
        socket.next("s").await;
    }
    // It opens nothing any more.
    let mut late = Socket::open(app.addr).await;
    let authorization = format!("Bearer {}", revoked.token.unwrap());
    late.say(json!({"type": "connection_init", "payload": {"authorization": authorization}})).await;
    assert_eq!(late.closed().await, 4403);
}

#[tokio::test]
async fn a_key_that_is_revoked_behind_the_servers_back_closes_its_sockets_too() {
    let app = TestApp::start().await;
    let server = app.game_server().await;
    let mut socket = server.socket().await;
    let now = rankedhonor::services::now().0;
    app.change(&format!("UPDATE server_keys SET revoked_at = {now}")).await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn the_end_of_a_token_closes_its_socket() {
    let app = TestApp::with(|settings| settings.accounts.access_token_seconds = 1).await;
    let ada = app.player("ada").await;
    assert_eq!(ada.socket().await.closed().await, 4401);
}

#[tokio::test]
async fn a_client_that_is_done_is_let_go() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    socket
        .subscribe(
            "s",
            "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }",
            json!({}),
        )
        .await;
    socket.next("s").await;
    socket.say_goodbye().await;
    assert_eq!(socket.closed().await, 1000);
}

#[tokio::test]
async fn a_stopping_server_sends_its_sockets_elsewhere() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    app.stop();
    assert_eq!(socket.closed().await, 1001);
}

#[tokio::test]
async fn a_page_of_another_site_gets_no_socket() {
    let app = TestApp::start().await;
    let upgrade = |origin: String| {
        reqwest::Client::new()
            .get(format!("http://{}/graphql", app.addr))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", "graphql-transport-ws")
            .header("origin", origin)
            .send()
    };
    assert_eq!(upgrade("https://evil.example".into()).await.unwrap().status(), 403);
    assert_eq!(upgrade(format!("http://{}", app.addr)).await.unwrap().status(), 101);
}

#[tokio::test]
async fn a_client_of_the_older_subprotocol_is_understood() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let mut socket = Socket::try_open(app.addr, "graphql-ws").await.unwrap();
    let token = format!("Bearer {}", ada.token.as_ref().unwrap());
    socket.say(json!({"type": "connection_init", "payload": {"Authorization": token}})).await;
    let Came::Message(ack) = socket.hear().await else { panic!("closed") };
    assert_eq!(ack["type"], "connection_ack");
    let start =
        |id: &str, query: &str| json!({"type": "start", "id": id, "payload": {"query": query}});
    socket.say(start("1", "{ me { username } }")).await;
    let answer = socket.message("1").await;
    assert_eq!(
        (&answer["type"], &answer["payload"]["data"]["me"]["username"]),
        (&json!("data"), &json!("ada"))
    );
    assert_eq!(socket.message("1").await["type"], "complete");
    socket.say(start("2", "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }")).await;
    assert_eq!(socket.message("2").await["type"], "data");
    socket.say(json!({"type": "stop", "id": "2"})).await;
    socket.say(start("3", "{ nothing }")).await;
    assert_eq!(socket.message("3").await["type"], "error");
    socket.say(json!({"type": "connection_terminate"})).await;
    assert_eq!(socket.closed().await, 1000);
    // Whoever is refused hears so in its words.
    let mut socket = Socket::try_open(app.addr, "graphql-ws").await.unwrap();
    socket.say(json!({"type": "connection_init", "payload": {"authorization": "Bearer no"}})).await;
    let Came::Message(refused) = socket.hear().await else { panic!("closed") };
    assert_eq!(refused["type"], "connection_error");
    assert_eq!(socket.closed().await, 4403);
    assert_eq!(Socket::try_open(app.addr, "mqtt").await.err(), Some(400));
}

#[tokio::test]
async fn a_socket_lives_on_with_a_newer_token() {
    let app = TestApp::with(|settings| settings.accounts.access_token_seconds = 10).await;
    let (ada, bob) = app.pair().await;
    let mut socket = ada.socket().await;
    let stranger = bob.token.clone().unwrap();
    let renewed = ada.renewed().await;
    let began = std::time::Instant::now();
    let mut tokens = vec![renewed.token.clone().unwrap()];
    let mut current = renewed;
    // Twice as long as one token is good for.
    while began.elapsed() < std::time::Duration::from_secs(20) {
        let token = format!("Bearer {}", tokens.last().unwrap());
        socket.say(json!({"type": "ping", "payload": {"authorization": token}})).await;
        let Came::Message(pong) = socket.hear().await else { panic!("closed") };
        assert_eq!(pong["type"], "pong");
        assert!(pong["payload"]["expiresInMs"].as_u64().unwrap() <= 10_000);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        current = current.renewed().await;
        tokens.push(current.token.clone().unwrap());
    }
    // Somebody else's token is no reason to go on.
    let token = format!("Bearer {}", bob.renewed().await.token.unwrap());
    let mut other = current.renewed().await.socket().await;
    assert_ne!(token, stranger);
    other.say(json!({"type": "ping", "payload": {"authorization": token}})).await;
    assert_eq!(other.closed().await, 4403);
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test]
async fn too_large_and_binary_messages_are_told_so() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    socket
        .say_text(&format!(
            "{{\"type\":\"ping\",\"payload\":{{\"x\":\"{}\"}}}}",
            "x".repeat(300_000)
        ))
        .await;
    assert_eq!(socket.closed().await, 4400);
    let mut socket = app.anonymous().socket().await;
    socket.say_bytes(b"{}").await;
    assert_eq!(socket.closed().await, 4400);
}
