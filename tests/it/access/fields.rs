//! Every private field, as everybody who may come: null for those who may not see it, and only for them.

use rankedhonor::{
    game::accounts::Role,
    resolvers::access::{self, Seen},
};
use serde_json::{Value, json};

use super::{
    shape::{schema, selection},
    victim::{Victim, unbounded},
};
use crate::support::TestApp;

#[tokio::test]
async fn every_private_field_is_null_for_those_alone_who_may_not_see_it() {
    let app = TestApp::with(unbounded).await;
    let schema = schema();
    let server = app.game_server().await;
    let victim = Victim::of(&app, &server).await;
    let (anonymous, stranger) = (app.anonymous(), app.player("mallory").await);
    let moderator = app.staff("mod", Role::Moderator).await;
    let admin = app.staff("root", Role::Admin).await;
    let mut asked = 0;
    for ((of, name), seen) in access::fields().filter(|(_, seen)| *seen != Seen::Everybody) {
        let (id, own) = match of {
            "User" => (&victim.ids["user"], vec!["vera"]),
            "Party" => (&victim.ids["party"], vec!["vera", "pat"]),
            "QueueTicket" => (&victim.ids["ticket"], vec!["vera", "pat"]),
            "Match" => (&victim.ids["match"], vec!["max"]),
            other => panic!("who owns a {other}?"),
        };
        let ty = &schema.get_object(of).unwrap().fields[name].ty;
        let below = selection(&schema, ty.inner_named_type(), 2);
        let query =
            format!("query($id: ID!) {{ node(id: $id) {{ ... on {of} {{ {name} {below} }} }} }}");
        let people = [
            ("anonymous", &anonymous),
            ("stranger", &stranger),
            ("vera", &victim.vera),
            ("pat", &victim.pat),
            ("max", &victim.max),
            ("moderator", &moderator),
            ("admin", &admin),
            ("server", &server),
        ];
        for (who, client) in people {
            let others: &[&str] = match seen {
                Seen::Everybody | Seen::Owner => &[],
                Seen::OwnerAndModerators | Seen::Moderators => &["moderator", "admin"],
                Seen::OwnerAndAdmins | Seen::Admins => &["admin"],
                Seen::OwnerAndServers => &["server"],
            };
            let owned = !matches!(seen, Seen::Moderators | Seen::Admins) && own.contains(&who);
            let may = owned || others.contains(&who);
            let found = &client.run(&query, json!({"id": id})).await["node"][name];
            assert_eq!(!found.is_null(), may, "{of}.{name} as {who}: {found:#}");
            asked += 1;
        }
    }
    assert!(asked >= 8 * 13, "{asked}");
}

#[tokio::test]
async fn whatever_is_asked_of_what_is_somebody_elses_tells_nothing_private() {
    let app = TestApp::with(unbounded).await;
    let schema = schema();
    let server = app.game_server().await;
    let victim = Victim::of(&app, &server).await;
    let (anonymous, stranger) = (app.anonymous(), app.player("mallory").await);
    let strangers = [("anonymous", &anonymous), ("stranger", &stranger), ("server", &server)];
    for (of, kind) in [
        ("User", "user"),
        ("Party", "party"),
        ("QueueTicket", "ticket"),
        ("Match", "match"),
        ("Notification", "notification"),
    ] {
        let all = selection(&schema, of, 4);
        for (who, client) in strangers {
            for field in ["node(id: $id)", "nodes(ids: [$id])"] {
                let query = format!("query($id: ID!) {{ {field} {{ ... on {of} {all} }} }}");
                let variables = json!({"id": victim.ids[kind]});
                let found = client.run(&query, variables).await;
                let text = found.to_string();
                let told = victim.secrets.iter().find(|secret| text.contains(&***secret));
                assert_eq!(told, None, "{of} as {who}: {found:#}");
                let hidden = access::of_node(of) != Seen::Everybody;
                let node = found.get("node").unwrap_or(&found["nodes"][0]);
                assert_eq!(*node == Value::Null, hidden, "{of} as {who}: {found:#}");
            }
        }
    }
}

#[tokio::test]
async fn somebody_who_is_out_of_a_party_sees_no_more_what_its_members_do() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let made = ada.run("mutation { createParty { party { id joinCode } } }", json!({})).await;
    let party = made["createParty"]["party"].clone();
    let join = "mutation($code: String!) { joinParty(input: {joinCode: $code}) { party { id } } }";
    bob.run(join, json!({"code": party["joinCode"]})).await;
    let kick = "mutation($id: ID!) { kickFromParty(input: {userId: $id}) { party { id } } }";
    ada.run(kick, json!({"id": bob.id})).await;
    let ticket = ada.join("2v2").await;
    let query = "query($id: ID!) { node(id: $id) { ... on Party { joinCode ticket { id } members { user { id } } } } }";
    let found = bob.run(query, json!({"id": party["id"]})).await;
    let expected = json!({"joinCode": null, "ticket": null, "members": [{"user": {"id": ada.id}}]});
    assert_eq!(found["node"], expected);
    let found = ada.run(query, json!({"id": party["id"]})).await;
    assert_eq!(found["node"]["ticket"]["id"], ticket["id"]);
    let by_id = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(bob.run(by_id, json!({"id": ticket["id"]})).await["node"], Value::Null);
}
