//! Signing in with accounts at other services, against a service of one's own on this machine.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Form, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rankedhonor::{
    config::{Config, OauthClient},
    game::accounts::Role,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use crate::{
    addresses::told,
    recovery,
    support::{Client, TestApp, logs},
};

const PAGE: &str = "https://play.example/signed-in";
const BEGIN: &str = "mutation($p: String!, $page: String!) { beginSignIn(input: {provider: $p, redirectUri: $page}) { url state secret } }";
const LINK: &str = "mutation($p: String!, $page: String!) { beginAccountLink(input: {provider: $p, redirectUri: $page}) { url state secret } }";
const FINISH: &str = "mutation($input: FinishSignInInput!) { finishSignIn(input: $input) {
    registered auth { accessToken user { id username email emailVerified linkedAccounts { provider subject name } } } } }";
const FINISH_LINK: &str = "mutation($input: FinishAccountLinkInput!) { finishAccountLink(input: $input) { linked { provider subject name } } }";

/// A service that knows people, and gives each a code for a challenge.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<HashMap<String, (String, Value)>>>);

impl Service {
    /// Somebody says yes at that address; what the service sends them back with.
    fn says_yes(&self, url: &str, who: Value) -> (String, String) {
        let url = reqwest::Url::parse(url).unwrap();
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!((&*query["client_id"], &*query["redirect_uri"]), ("our-id", PAGE));
        let code = format!("code-{:020}", rand::random::<u64>());
        logs::keep(&code);
        self.0.lock().unwrap().insert(code.clone(), (query["code_challenge"].clone(), who));
        (query["state"].clone(), code)
    }
}

async fn token(
    State(service): State<Service>,
    Form(form): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let bad = || (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
    let Some((challenge, who)) = service.0.lock().unwrap().remove(&form["code"]) else {
        return bad();
    };
    let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if verifier != challenge || form["client_secret"] != "our-secret" {
        return bad();
    }
    let token = URL_SAFE_NO_PAD.encode(who.to_string());
    // Twitch lists the scopes.
    let body = json!({"access_token": token, "refresh_token": "again", "token_type": "bearer",
        "expires_in": 3600, "scope": ["user:read:email"]});
    (StatusCode::OK, Json(body))
}

async fn user(headers: HeaderMap) -> Json<Value> {
    let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    Json(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap())
}

/// A server on which one can sign in with that service, as with each of the three that are built in.
async fn served() -> (TestApp, Service) {
    let service = Service::default();
    let routes = Router::new()
        .route("/token", post(token))
        .route("/user", get(user))
        .with_state(service.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let app = TestApp::configured(|config| {
        config.settings.oauth.redirect_uris = vec![PAGE.into()];
        config.settings.limits.register_per_address_minute = 0;
        for provider in &mut config.settings.oauth.providers {
            provider.token_url = format!("{base}/token");
            provider.user_url = format!("{base}/user");
        }
        known(config);
    })
    .await;
    (app, service)
}

/// The services know the server.
fn known(config: &mut Config) {
    for provider in &config.settings.oauth.providers {
        let client = OauthClient { id: "our-id".into(), secret: "our-secret".to_owned().into() };
        config.oauth_clients.insert(provider.id.clone(), client);
    }
}

fn twitch(id: &str, name: &str) -> Value {
    json!({"data": [{"id": id, "login": name, "email": format!("{name}@twitch.example")}]})
}

async fn begin(client: &Client, query: &str, provider: &str) -> Value {
    let begun = client.run(query, json!({"p": provider, "page": PAGE})).await;
    begun.as_object().unwrap().values().next().unwrap().clone()
}

async fn finish(client: &Client, service: &Service, who: Value) -> Value {
    let begun = begin(client, BEGIN, "twitch").await;
    let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), who);
    assert_eq!(begun["state"], state.as_str());
    let input = json!({"state": state, "code": code, "secret": begun["secret"]});
    client.run(FINISH, json!({"input": input})).await["finishSignIn"].clone()
}

#[tokio::test]
async fn one_signs_in_with_each_service_and_is_the_same_next_time() {
    let (app, service) = served().await;
    let known = app.anonymous().run("{ signInProviders { id name } }", json!({})).await;
    let ids: Vec<_> =
        known["signInProviders"].as_array().unwrap().iter().map(|p| p["id"].clone()).collect();
    assert_eq!(ids, ["discord", "twitch", "youtube"]);
    let people = [
        ("twitch", twitch("77", "ada_live"), Some("ada_live@twitch.example")),
        (
            "youtube",
            json!({"sub": "88", "name": "Ada Ä.", "email": "a@g.example", "email_verified": true}),
            Some("a@g.example"),
        ),
        (
            "discord",
            json!({"id": "99", "username": "ada.l", "email": "d@d.example", "verified": false}),
            None,
        ),
    ];
    for (provider, who, email) in people {
        let mut ids = Vec::new();
        for registered in [true, false] {
            let begun = begin(&app.anonymous(), BEGIN, provider).await;
            let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), who.clone());
            let input = json!({"state": state, "code": code, "secret": begun["secret"]});
            let done =
                app.anonymous().run(FINISH, json!({"input": input})).await["finishSignIn"].clone();
            assert_eq!(done["registered"], registered, "{done:#}");
            ids.push(done["auth"]["user"]["id"].clone());
            let client =
                Client::new(app.addr, done["auth"]["accessToken"].as_str().map(Into::into));
            let me = client
                .run(
                    "{ me { email emailVerified linkedAccounts { provider subject } } }",
                    json!({}),
                )
                .await;
            assert_eq!(me["me"]["email"], json!(email), "{me:#}");
            assert_eq!(me["me"]["emailVerified"], email.is_some());
            assert_eq!(me["me"]["linkedAccounts"][0]["provider"], provider);
        }
        assert_eq!(ids[0], ids[1]);
    }
    // What the services gave is not to be read in the database.
    let sealed = app.cell("SELECT tokens FROM linked_accounts WHERE provider = 'twitch'").await;
    assert!(!sealed.contains("access") && !sealed.contains("again"), "{sealed}");
}

#[tokio::test]
async fn only_who_began_a_sign_in_finishes_it_and_once() {
    let (app, service) = served().await;
    let (mallory, ada) = (app.anonymous(), app.player("ada").await);
    let begun = begin(&mallory, BEGIN, "twitch").await;
    let other = begin(&mallory, BEGIN, "twitch").await;
    let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), twitch("1", "mallory"));
    let finish = |state: &str, secret: &Value| json!({"input": {"state": state, "code": code, "secret": secret}});
    let fails = [
        ("another's secret", finish(&state, &other["secret"])),
        ("no such state", finish("nonsense", &begun["secret"])),
        ("no secret", finish(&state, &json!(""))),
    ];
    for (what, input) in fails {
        let refused = app.anonymous().fail(FINISH, input).await;
        assert_eq!(refused, json!({"code": "BAD_USER_INPUT", "field": "input.state"}), "{what}");
    }
    // What began as a sign-in does not end as a link, nor the other way about.
    let link = finish(&state, &begun["secret"]);
    assert_eq!(ada.fail(FINISH_LINK, link.clone()).await["field"], "input.state");
    app.anonymous().run(FINISH, link.clone()).await;
    assert_eq!(app.anonymous().fail(FINISH, link).await["field"], "input.state");
    let begun = begin(&ada, LINK, "twitch").await;
    let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), twitch("2", "ada_live"));
    let input = json!({"input": {"state": state, "code": code, "secret": begun["secret"]}});
    assert_eq!(app.anonymous().fail(FINISH, input.clone()).await["field"], "input.state");
    let bob = app.player("bob").await;
    assert_eq!(bob.fail(FINISH_LINK, input.clone()).await["field"], "input.state");
    ada.run(FINISH_LINK, input).await;
    let elsewhere = json!({"p": "twitch", "page": "https://evil.example/"});
    assert_eq!(app.anonymous().fail(BEGIN, elsewhere).await["field"], "input.redirectUri");
    let unknown = json!({"p": "myspace", "page": PAGE});
    assert_eq!(app.anonymous().fail(BEGIN, unknown).await["field"], "input.provider");
}

#[tokio::test]
async fn what_was_sealed_opens_after_another_key() {
    let (app, service) = served().await;
    let begun = begin(&app.anonymous(), BEGIN, "twitch").await;
    let (done, said) = app.command(&["admin", "rotate-secret", "encryption"], "").await;
    assert!(done, "{said}");
    let app = app.restart_configured(known).await;
    let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), twitch("1", "ada"));
    let input = json!({"state": state, "code": code, "secret": begun["secret"]});
    let done = app.anonymous().run(FINISH, json!({"input": input})).await["finishSignIn"].clone();
    assert_eq!(done["registered"], true, "{done:#}");
}

#[tokio::test]
async fn accounts_are_linked_and_unlinked_but_for_the_last_way_in() {
    let (app, service) = served().await;
    let ada = app.player("ada").await;
    let link = async |client: &Client, who: Value| -> Value {
        let begun = begin(client, LINK, "twitch").await;
        let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), who);
        let input = json!({"state": state, "code": code, "secret": begun["secret"]});
        client.send(FINISH_LINK, json!({"input": input})).await
    };
    let linked = link(&ada, twitch("5", "ada_live")).await;
    assert_eq!(linked["data"]["finishAccountLink"]["linked"]["name"], "ada_live", "{linked:#}");
    let reason = |answer: &Value| answer["errors"][0]["extensions"]["reason"].clone();
    let bob = app.player("bob").await;
    assert_eq!(reason(&link(&bob, twitch("5", "ada_live")).await), "ACCOUNT_LINKED");
    assert_eq!(reason(&link(&ada, twitch("6", "another")).await), "ACCOUNT_LINKED");
    let done = finish(&app.anonymous(), &service, twitch("5", "ada_live")).await;
    assert_eq!(
        (&done["registered"], &done["auth"]["user"]["username"]),
        (&json!(false), &json!("ada"))
    );
    let unlink = "mutation { unlinkAccount(input: {provider: \"twitch\"}) { unlinked } }";
    assert_eq!(ada.run(unlink, json!({})).await["unlinkAccount"]["unlinked"], true);
    assert_eq!(ada.run(unlink, json!({})).await["unlinkAccount"]["unlinked"], false);
    // Whoever came by the service alone cannot lock themselves out.
    let done = finish(&app.anonymous(), &service, twitch("7", "carla")).await;
    let carla = Client::new(app.addr, done["auth"]["accessToken"].as_str().map(Into::into));
    assert_eq!(carla.fail(unlink, json!({})).await["reason"], "LAST_SIGN_IN");
    let login = "mutation { login(input: {login: \"carla\", password: \"\"}) { accessToken } }";
    assert_eq!(app.anonymous().fail(login, json!({})).await["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_address_that_a_service_tells_opens_no_account_that_is_there() {
    let (app, service) = served().await;
    let ada = app.player("ada").await;
    let begun = begin(&app.anonymous(), BEGIN, "youtube").await;
    let who =
        json!({"sub": "1", "name": "mallory", "email": "ADA@example.com", "email_verified": true});
    let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), who);
    let input = json!({"state": state, "code": code, "secret": begun["secret"]});
    let refused = app.anonymous().fail(FINISH, json!({"input": input})).await;
    assert_eq!(refused["reason"], "EMAIL_TAKEN");
    assert_eq!(
        ada.run("{ me { linkedAccounts { provider } } }", json!({})).await["me"]["linkedAccounts"],
        json!([])
    );
    // A taken name gets a number, a suspended account stays closed.
    let done = finish(&app.anonymous(), &service, twitch("9", "ada")).await;
    let name = done["auth"]["user"]["username"].as_str().unwrap();
    assert!(name.starts_with("ada-"), "{name}");
    let moderator = app.staff("mod", Role::Moderator).await;
    let suspend =
        "mutation($id: ID!) { suspendUser(input: {userId: $id, reason: \"no\"}) { user { id } } }";
    moderator.run(suspend, json!({"id": done["auth"]["user"]["id"]})).await;
    let begun = begin(&app.anonymous(), BEGIN, "twitch").await;
    let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), twitch("9", "ada"));
    let input = json!({"state": state, "code": code, "secret": begun["secret"]});
    assert_eq!(app.anonymous().fail(FINISH, json!({"input": input})).await["code"], "FORBIDDEN");
}

#[tokio::test]
async fn somebody_who_comes_twice_at_once_gets_one_account() {
    let (app, service) = served().await;
    let mut inputs = Vec::new();
    for _ in 0..6 {
        let begun = begin(&app.anonymous(), BEGIN, "twitch").await;
        let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), twitch("3", "carla"));
        inputs.push(json!({"input": {"state": state, "code": code, "secret": begun["secret"]}}));
    }
    let client = app.anonymous();
    let sent = inputs.into_iter().map(|input| client.send(FINISH, input));
    let answers = futures_util::future::join_all(sent).await;
    let registered = answers.iter().filter(|one| one["data"]["finishSignIn"]["registered"] == true);
    assert_eq!(registered.count(), 1, "{answers:#?}");
    let root = app.staff("root", Role::Admin).await;
    let found = root
        .run(
            "{ accounts(filter: {role: PLAYER}) { nodes { id linkedAccounts { subject } } } }",
            json!({}),
        )
        .await;
    assert_eq!(found["accounts"]["nodes"].as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!(found["accounts"]["nodes"][0]["linkedAccounts"], json!([{"subject": "3"}]));
}

#[tokio::test]
async fn who_was_suspended_and_deleted_does_not_come_back_through_a_service() {
    let (app, service) = served().await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let done = finish(&app.anonymous(), &service, twitch("77", "ada_live")).await;
    let id = done["auth"]["user"]["id"].as_str().unwrap().to_owned();
    let suspend = "mutation($id: ID!) { suspendUser(input: {userId: $id, reason: \"toxic\"}) { user { id } } }";
    moderator.run(suspend, json!({"id": id})).await;
    app.change(&format!("UPDATE users SET deletes_at = 1 WHERE id = '{id}'")).await;
    let links = "SELECT CAST(COUNT(*) AS CHAR(8)) FROM linked_accounts";
    app.until(async || {
        // The janitor may have been first.
        app.services.accounts.delete_due(&app.services).await.unwrap();
        app.cell(links).await.trim() == "0"
    })
    .await;
    // With another address and name there, and by linking it to another account.
    let ada = app.player("ada").await;
    for (client, query, field) in [(app.anonymous(), BEGIN, FINISH), (ada, LINK, FINISH_LINK)] {
        let begun = begin(&client, query, "twitch").await;
        let who = twitch("77", "somebody_else");
        let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), who);
        let input = json!({"state": state, "code": code, "secret": begun["secret"]});
        let refused = client.fail(field, json!({"input": input})).await;
        assert_eq!(refused, json!({"code": "FORBIDDEN", "reason": "SUSPENDED"}));
    }
    // Others there come as before.
    let other = finish(&app.anonymous(), &service, twitch("78", "bob_live")).await;
    assert_eq!(other["registered"], true);
}

const PASSWORD_CHANGE: &str = "mutation($old: String!) {
    changePassword(input: {currentPassword: $old, newPassword: \"zorblax quux 19\"}) { accessToken } }";

#[tokio::test]
async fn whoever_came_by_a_service_gives_themselves_a_password_soon_after_signing_in() {
    let (app, service) = served().await;
    let done = finish(&app.anonymous(), &service, twitch("7", "carla")).await;
    let carla = Client::new(app.addr, done["auth"]["accessToken"].as_str().map(Into::into));
    let ago = "UPDATE sessions SET created_at = created_at - 1000000";
    app.change(ago).await;
    let late = carla.fail(PASSWORD_CHANGE, json!({"old": ""})).await;
    assert_eq!(late, json!({"code": "BAD_USER_INPUT", "field": "input.currentPassword"}));
    let link = json!({"p": "youtube", "page": PAGE});
    assert_eq!(carla.fail(LINK, link.clone()).await["field"], "input.password");
    let done = finish(&app.anonymous(), &service, twitch("7", "carla")).await;
    let carla = Client::new(app.addr, done["auth"]["accessToken"].as_str().map(Into::into));
    carla.run(PASSWORD_CHANGE, json!({"old": ""})).await;
    let carla = app.anonymous().login("carla", "zorblax quux 19").await;
    // With a password that is what is asked for, unless one has just signed in.
    app.change(ago).await;
    assert_eq!(carla.fail(LINK, link.clone()).await["field"], "input.password");
    let with = "mutation($p: String!, $page: String!, $password: String!) {
        beginAccountLink(input: {provider: $p, redirectUri: $page, password: $password}) { url } }";
    let say = |password: &str| json!({"p": "youtube", "page": PAGE, "password": password});
    assert_eq!(carla.fail(with, say("not it at all")).await["field"], "input.password");
    carla.run(with, say("zorblax quux 19")).await;
}

#[tokio::test]
async fn what_was_linked_before_an_address_was_proven_does_not_outlive_a_reset() {
    let (app, service) = served().await;
    let ada = app.player("ada").await;
    let begun = begin(&ada, LINK, "twitch").await;
    let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), twitch("13", "mallory"));
    let input = json!({"state": state, "code": code, "secret": begun["secret"]});
    ada.run(FINISH_LINK, json!({"input": input})).await;
    told(&app, "ada@example.com", "Another way to sign in was added").await;
    // Another link is under way.
    let begun = begin(&ada, LINK, "discord").await;
    let (state, code) = service
        .says_yes(begun["url"].as_str().unwrap(), json!({"id": "13", "username": "mallory"}));
    let ask = "mutation { requestPasswordReset(input: {email: \"ada@example.com\"}) { accepted } }";
    let reset = "mutation($token: String!) {
        resetPassword(input: {token: $token, newPassword: \"zorblax quux 19\"}) { accessToken user { id linkedAccounts { name } } } }";
    app.anonymous().run(ask, json!({})).await;
    let token = recovery::token(&app, "To choose another password", &[]).await;
    let done = app.anonymous().run(reset, json!({"token": token})).await["resetPassword"].clone();
    assert_eq!(done["user"]["linkedAccounts"], json!([]), "{done:#}");
    told(&app, "ada@example.com", "A way to sign in was taken away").await;
    let owner = Client::new(app.addr, done["accessToken"].as_str().map(Into::into));
    let input = json!({"state": state, "code": code, "secret": begun["secret"]});
    let refused = owner.fail(FINISH_LINK, json!({"input": input})).await;
    assert_eq!(refused["field"], "input.state");
    let mallory = finish(&app.anonymous(), &service, twitch("13", "mallory")).await;
    assert_eq!(mallory["registered"], true, "{mallory:#}");
    assert_ne!(mallory["auth"]["user"]["id"], done["user"]["id"]);
    // What was linked after that stays.
    let begun = begin(&owner, LINK, "twitch").await;
    let (state, code) = service.says_yes(begun["url"].as_str().unwrap(), twitch("14", "ada_live"));
    let input = json!({"state": state, "code": code, "secret": begun["secret"]});
    owner.run(FINISH_LINK, json!({"input": input})).await;
    app.anonymous().run(ask, json!({})).await;
    let token = recovery::token(&app, "To choose another password", &[token]).await;
    let done = app.anonymous().run(reset, json!({"token": token})).await["resetPassword"].clone();
    assert_eq!(done["user"]["linkedAccounts"], json!([{"name": "ada_live"}]), "{done:#}");
}
