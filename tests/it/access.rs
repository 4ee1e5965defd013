//! The table of rules holds: every entry point and every private field, as everybody who may come, on what is somebody
//! else's.

use std::{collections::HashMap, fs, path::Path};

use apollo_compiler::{
    Node, Schema,
    ast::{InputValueDefinition, Type},
    schema::ExtendedType,
};
use rankedhonor::{
    game::accounts::Role,
    resolvers::{
        self,
        access::{self, Rule, Seen},
    },
};
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp, client::play};

fn schema() -> Schema {
    Schema::parse_and_validate(resolvers::sdl(), "schema.graphql").unwrap().into_inner()
}

fn entries(schema: &Schema) -> Vec<(&'static str, String, Vec<Node<InputValueDefinition>>, Type)> {
    let roots = [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")];
    let mut found = Vec::new();
    for (word, root) in roots {
        for (name, field) in &schema.get_object(root).unwrap().fields {
            found.push((word, name.to_string(), field.arguments.clone(), field.ty.clone()));
        }
    }
    found
}

#[test]
fn every_entry_point_has_a_rule_and_every_rule_an_entry_point() {
    let schema = schema();
    let mut there: Vec<_> = entries(&schema).into_iter().map(|(_, name, ..)| name).collect();
    there.sort();
    there.dedup();
    let mut ruled: Vec<_> = access::ENTRIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    ruled.sort();
    assert_eq!(there, ruled);
    for (field, _) in access::FIELDS {
        let (of, name) = field.split_once('.').unwrap();
        assert!(schema.get_object(of).unwrap().fields.contains_key(name), "{field}");
    }
}

#[test]
fn the_table_is_documented() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let docs = fs::read_to_string(docs).unwrap();
    for (name, rule) in access::ENTRIES.iter().filter(|(_, rule)| *rule != Rule::Anyone) {
        let row = match rule {
            Rule::SignedIn | Rule::Anyone => "| people with an account |",
            Rule::Moderator => "| moderators and admins |",
            Rule::Admin => "| admins |",
            Rule::ServerOrAdmin => "| game servers and admins |",
        };
        let row =
            docs.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("{row}"));
        assert!(row.contains(&format!("`{name}`")), "{name} in {row}");
    }
    for (field, _) in access::FIELDS {
        assert!(docs.contains(&format!("`{field}`")), "{field}");
    }
}

/// Something of that type that is well formed, and about somebody else.
fn value(schema: &Schema, ty: &Type, name: &str, ids: &HashMap<&str, String>) -> Value {
    if ty.is_list() {
        return json!([value(schema, ty.item_type(), name, ids)]);
    }
    match ty.inner_named_type().as_str() {
        "ID" => {
            let kind = ["match", "session", "season", "user"]
                .into_iter()
                .find(|kind| name.to_lowercase().contains(kind));
            ids[kind.unwrap_or("user")].clone().into()
        }
        "String" => match name {
            "email" => "zz@example.com".into(),
            "username" => "zz-new".into(),
            "endpoint" => "a.example:7777".into(),
            "password" | "currentPassword" => PASSWORD.into(),
            _ => "zz some words zz".into(),
        },
        "Int" => 1.into(),
        "Float" => 1.0.into(),
        "Boolean" => true.into(),
        "DateTime" => "2099-01-01T00:00:00.000Z".into(),
        "ModeId" => "1v1".into(),
        "RegionId" => "eu-west".into(),
        "JSON" => json!({}),
        other => match &schema.types[other] {
            ExtendedType::Enum(words) => words.values.keys().next().unwrap().as_str().into(),
            ExtendedType::InputObject(input) => {
                let one = input.directives.has("oneOf");
                let fields = input.fields.iter().filter(|(_, field)| one || field.ty.is_non_null());
                let fields = fields.take(if one { 1 } else { usize::MAX });
                fields
                    .map(|(name, field)| (name.to_string(), value(schema, &field.ty, name, ids)))
                    .collect()
            }
            other => panic!("{other:?}"),
        },
    }
}

/// Something that can be asked of that type without arguments.
fn selection(schema: &Schema, ty: &Type) -> String {
    let Some(of) = schema.get_object(ty.inner_named_type()) else {
        return if schema.get_interface(ty.inner_named_type()).is_some() {
            "{ __typename }".into()
        } else {
            String::new()
        };
    };
    assert!(!of.fields.is_empty());
    "{ __typename }".into()
}

/// The code of the first error, if there is one.
async fn code(client: &Client, word: &str, query: &str, variables: &Value) -> Option<String> {
    let errors = if word == "subscription" {
        let mut socket = client.socket().await;
        socket.subscribe("x", query, variables.clone()).await;
        let message = socket.message("x").await;
        match message["type"].as_str() {
            Some("error") => message["payload"].clone(),
            _ => message["payload"]["errors"].clone(),
        }
    } else {
        client.send(query, variables.clone()).await["errors"].clone()
    };
    errors[0]["extensions"]["code"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn every_entry_point_keeps_its_rule_with_everybody() {
    let app = TestApp::with(|settings| {
        settings.limits.cost_user = 1_000_000;
        settings.limits.login_per_account_minute = 0;
    })
    .await;
    let schema = schema();
    let (victim, other) = (app.player("victim").await, app.player("other").await);
    let server = app.game_server().await;
    let played = play(&server, &victim, &other, "1v1").await;
    let season = app.anonymous().run("{ currentSeason { id } }", json!({})).await;
    let session = victim.run("{ me { sessions { id } } }", json!({})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ids = HashMap::from([
        ("user", victim.id.clone()),
        ("match", played),
        ("season", text(&season["currentSeason"]["id"])),
        ("session", text(&session["me"]["sessions"][0]["id"])),
    ]);
    let mut seats = Vec::new();
    for (word, name, arguments, ty) in entries(&schema) {
        let rule = access::of_entry(&name).unwrap();
        // Each call as somebody new: what one did does not stand in the way of the next.
        let number = seats.len();
        seats.push(name.clone());
        let who = |role: &str| format!("{role}-{number:02}");
        let people = [
            ("anonymous", app.anonymous()),
            ("player", app.player(&who("p")).await),
            ("moderator", app.staff(&who("m"), Role::Moderator).await),
            ("admin", app.staff(&who("a"), Role::Admin).await),
            ("server", server.clone()),
        ];
        let needed: Vec<_> = arguments.iter().filter(|a| a.ty.is_non_null()).collect();
        let heads: Vec<_> = needed.iter().map(|a| format!("${}: {}", a.name, a.ty)).collect();
        let passes: Vec<_> = needed.iter().map(|a| format!("{0}: ${0}", a.name)).collect();
        let brackets = |parts: Vec<String>| {
            if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) }
        };
        let query = format!(
            "{word}{} {{ {name}{} {} }}",
            brackets(heads),
            brackets(passes),
            selection(&schema, &ty)
        );
        let variables: Value = needed
            .iter()
            .map(|a| (a.name.to_string(), value(&schema, &a.ty, &a.name, &ids)))
            .collect();
        for (role, client) in people {
            let may = match rule {
                Rule::Anyone => true,
                Rule::SignedIn => ["player", "moderator", "admin"].contains(&role),
                Rule::Moderator => ["moderator", "admin"].contains(&role),
                Rule::Admin => role == "admin",
                Rule::ServerOrAdmin => ["server", "admin"].contains(&role),
            };
            if may && word == "subscription" {
                // A stream that has nothing to say yet says nothing.
                continue;
            }
            let code = code(&client, word, &query, &variables).await;
            let refused = matches!(code.as_deref(), Some("UNAUTHENTICATED" | "FORBIDDEN"));
            // A sign-in with the wrong password or token is refused as such.
            let credentials = ["login", "refreshSession"].contains(&&*name)
                // An admin gives the role away first.
                || (&*name, role) == ("deleteMyAccount", "admin");
            if may && !credentials {
                assert_ne!(code.as_deref(), Some("INTERNAL"), "{name} as {role}");
                assert!(!refused, "{name} as {role}: {code:?}");
            } else if !may {
                let expected = if role == "anonymous" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
                assert_eq!(code.as_deref(), Some(expected), "{name} as {role}");
            }
        }
    }
    assert!(seats.len() > 70);
}

#[tokio::test]
async fn every_private_field_of_somebody_else_is_null() {
    let app = TestApp::start().await;
    let schema = schema();
    let (server, ada, bob) = app.started().await;
    let mallory = app.player("mallory").await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let admin = app.staff("root", Role::Admin).await;
    let until = json!({"id": ada.id, "until": "2099-01-01T00:00:00.000Z"});
    // So that there is something to see.
    let lock = "mutation($id: ID!, $until: DateTime!) { lockQueue(input: {userId: $id, until: $until, reason: \"x\"}) { user { id } } }";
    moderator.run(lock, until).await;
    moderator
        .run(
            "mutation($id: ID!) { addNote(input: {userId: $id, text: \"x\"}) { note { id } } }",
            json!({"id": ada.id}),
        )
        .await;
    ada.run("mutation { deleteMyAccount(input: {password: \"correct-horse-42-battery\"}) { deletesAt } }", json!({})).await;
    for (field, seen) in access::FIELDS {
        let (of, name) = field.split_once('.').unwrap();
        if of != "User" {
            continue;
        }
        let inner = &schema.get_object("User").unwrap().fields[name].ty;
        let below = if schema.get_object(inner.inner_named_type()).is_some() {
            " { __typename }"
        } else {
            ""
        };
        let query = format!("query($id: ID!) {{ user(by: {{id: $id}}) {{ {name}{below} }} }}");
        let anonymous = app.anonymous();
        let people = [
            (&anonymous, false),
            (&mallory, false),
            (&bob, false),
            (&server, false),
            (&ada, matches!(seen, Seen::Owner | Seen::OwnerAndModerators | Seen::OwnerAndAdmins)),
            (&moderator, matches!(seen, Seen::OwnerAndModerators | Seen::Moderators)),
            (
                &admin,
                matches!(
                    seen,
                    Seen::OwnerAndModerators
                        | Seen::Moderators
                        | Seen::OwnerAndAdmins
                        | Seen::Admins
                ),
            ),
        ];
        for (client, may) in people {
            let found = client.run(&query, json!({"id": ada.id})).await["user"][name].clone();
            if !may {
                assert_eq!(found, Value::Null, "{field}");
            } else if name != "suspension" {
                assert_ne!(found, Value::Null, "{field}");
            }
        }
    }
    // What belongs to others is found as little by its id.
    ada.run("mutation { createParty { party { id } } }", json!({})).await;
    let party = ada.run("{ myParty { id joinCode } }", json!({})).await["myParty"].clone();
    assert!(party["joinCode"].is_string());
    let node = "query($id: ID!) { node(id: $id) { id ... on Party { joinCode } ... on Match { session { joinToken } } ... on Notification { title } } }";
    let open = ada.matched().await;
    app.told().await;
    let mine = ada.run("{ notifications { nodes { id } } }", json!({})).await;
    let message = mine["notifications"]["nodes"][0]["id"].clone();
    for client in [&mallory, &app.anonymous(), &moderator] {
        for id in [&party["id"], &json!(open)] {
            let found = client.run(node, json!({"id": id})).await["node"].clone();
            assert!(found["joinCode"].is_null() && found["session"].is_null(), "{found:#}");
        }
        assert_eq!(client.run(node, json!({"id": message})).await["node"], Value::Null);
    }
}
