//! Every entry point, as everybody who may come, on what is somebody else's.

use rankedhonor::{
    game::accounts::Role,
    resolvers::access::{self, Rule},
};
use serde_json::{Value, json};

use super::{
    shape::{entries, schema},
    victim::{Victim, unbounded},
};
use crate::support::{Client, TestApp, ws::Came};

/// What somebody hears to one operation, as far as it is said before the answer to the next.
async fn answer(client: &Client, word: &str, query: &str, variables: &Value) -> Value {
    if word != "subscription" {
        return client.send(query, variables.clone()).await;
    }
    let mut socket = client.socket().await;
    socket.subscribe("x", query, variables.clone()).await;
    socket.subscribe("y", "{ modes { id } }", json!({})).await;
    let mut heard = Value::Null;
    loop {
        let Came::Message(message) = socket.hear().await else { panic!("{query}: closed") };
        match (message["id"].as_str(), message["type"].as_str()) {
            (Some("x"), Some("error")) => return json!({"errors": message["payload"]}),
            (Some("x"), Some("next")) if message["payload"]["errors"].is_array() => {
                return message["payload"].clone();
            }
            (Some("x"), Some("next")) => heard = message["payload"].clone(),
            (Some("y"), Some("complete")) => return heard,
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_entry_point_keeps_its_rule_with_everybody() {
    let app = TestApp::with(unbounded).await;
    let schema = schema();
    let server = app.game_server().await;
    let victim = Victim::of(&app, &server).await;
    let decoy = Victim::decoy(&app, &server, &victim.ids).await;
    let state = victim.state(&app).await;
    let all = entries(&schema);
    assert!(all.len() > 70);
    for (number, entry) in all.iter().enumerate() {
        let name = &*entry.name;
        let rule = access::of_entry(name);
        // Each call as somebody new: what one did does not stand in the way of the next.
        let who = |role: &str| format!("{role}-{number:02}");
        let player = app.player(&who("p")).await;
        // With a party of their own they come further with somebody else's member.
        player.run("mutation { createParty { party { id } } }", json!({})).await;
        let people = [
            ("anonymous", app.anonymous()),
            ("player", player),
            ("moderator", app.staff(&who("m"), Role::Moderator).await),
            ("admin", app.staff(&who("a"), Role::Admin).await),
            ("server", server.clone()),
        ];
        for (role, client) in people {
            let may = match rule {
                Rule::Anyone => true,
                Rule::SignedIn => ["player", "moderator", "admin"].contains(&role),
                Rule::Moderator => ["moderator", "admin"].contains(&role),
                Rule::Admin => role == "admin",
                Rule::ServerOrAdmin => ["server", "admin"].contains(&role),
            };
            // Privileges are for acting on others: that others are not those whose state is compared.
            let privileged = may && !matches!(rule, Rule::Anyone | Rule::SignedIn);
            let ids = if privileged { &decoy } else { &victim.ids };
            let (query, variables) = entry.question(&schema, ids);
            let answer = answer(&client, entry.word, &query, &variables).await;
            let code = answer["errors"][0]["extensions"]["code"].as_str();
            let refused = matches!(code, Some("UNAUTHENTICATED" | "FORBIDDEN"));
            // A sign-in with the wrong password or token is refused as such.
            let credentials = ["login", "refreshSession"].contains(&name)
                // Who has a role gives it up first.
                || name == "deleteMyAccount" && ["moderator", "admin"].contains(&role);
            if may {
                assert_ne!(code, Some("INTERNAL"), "{name} as {role}: {answer:#}");
                assert_ne!(code, Some("GRAPHQL_VALIDATION_FAILED"), "{query}: {answer:#}");
                assert!(credentials || !refused, "{name} as {role}: {answer:#}");
            } else {
                let expected = if role == "anonymous" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
                assert_eq!(code, Some(expected), "{name} as {role}");
                let data = &answer["data"][name];
                assert!(data.is_null(), "{name} as {role}: {answer:#}");
            }
            if !["moderator", "admin"].contains(&role) {
                let text = answer.to_string();
                let told = victim.secrets.iter().find(|secret| text.contains(&***secret));
                assert_eq!(told, None, "{name} as {role}: {answer:#}");
            }
        }
        let now = victim.state(&app).await;
        assert_eq!(now, state, "{name} changed what is somebody else's");
    }
}
