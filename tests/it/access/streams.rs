//! Streams of one's own: they tell nothing of others.

use rankedhonor::game::accounts::Role;
use serde_json::{Value, json};

use super::victim::{Victim, unbounded};
use crate::support::{Socket, TestApp};

const LOCK: &str = "mutation($id: ID!, $until: DateTime!) { lockQueue(input: {userId: $id, until: $until, reason: \"x\"}) { user { id } } }";

/// What comes of one stream up to what this is true of.
async fn heard(socket: &mut Socket, id: &str, last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        all.push(socket.next(id).await);
        if all.last().is_some_and(&last) {
            return all;
        }
    }
}

#[tokio::test]
async fn streams_of_ones_own_tell_of_nobody_else() {
    let app = TestApp::with(unbounded).await;
    let server = app.game_server().await;
    let admin = app.staff("root", Role::Admin).await;
    let mallory = app.player("mallory").await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let mut followers = Vec::new();
    for client in [&mallory, &moderator] {
        client.run("mutation { createParty { party { id } } }", json!({})).await;
        let mut socket = client.socket().await;
        let party =
            "subscription { partyUpdated { id members { ready user { id } } ticket { id } } }";
        socket.subscribe("party", party, json!({})).await;
        let first = socket.next("party").await;
        let ticket = "subscription { queueStatus { id players { id } match { id } } }";
        socket.subscribe("ticket", ticket, json!({})).await;
        let notes = "subscription { notificationReceived { id kind data } }";
        socket.subscribe("notes", notes, json!({})).await;
        // What was subscribed before this is answered runs.
        socket.subscribe("modes", "{ modes { id } }", json!({})).await;
        socket.next("modes").await;
        followers.push((client, socket, first));
    }
    // All that others are told happens, then something of one's own.
    let victim = Victim::of(&app, &server).await;
    app.told().await;
    for (client, mut socket, first) in followers {
        let until = json!({"id": client.id, "until": "2099-01-01T00:00:00.000Z"});
        let ticket = client.join("4v4").await;
        let mut all = vec![first];
        let mine = |told: &Value| told["queueStatus"]["id"] == ticket["id"];
        all.extend(heard(&mut socket, "ticket", mine).await);
        let waits = |told: &Value| told["partyUpdated"]["ticket"]["id"] == ticket["id"];
        all.extend(heard(&mut socket, "party", waits).await);
        admin.run(LOCK, until).await;
        let any = |told: &Value| told["notificationReceived"]["id"].is_string();
        all.extend(heard(&mut socket, "notes", any).await);
        let text = Value::Array(all).to_string();
        let theirs = victim.ids.iter().filter(|(kind, _)| !["name", "season"].contains(*kind));
        for (kind, id) in theirs {
            assert!(!text.contains(&**id), "{kind}: {text}");
        }
    }
    // Their owner does hear of them.
    let mut socket = victim.vera.socket().await;
    socket.subscribe("t", "subscription { queueStatus { id } }", json!({})).await;
    assert_eq!(socket.next("t").await["queueStatus"]["id"], *victim.ids["ticket"]);
}
