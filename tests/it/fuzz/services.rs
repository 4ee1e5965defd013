//! Services that people sign in with, and those who claim to come from them.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::Response,
    routing,
};
use proptest::prelude::*;
use rankedhonor::config::OauthClient;
use serde_json::json;
use tokio::net::TcpListener;

use super::{coded, jsons, served, texts, tried};
use crate::support::TestApp;

const PAGE: &str = "https://play.example/signed-in";
const BEGIN: &str = "mutation($page: String!) { beginSignIn(input: {provider: \"twitch\", redirectUri: $page}) { state secret } }";
const FINISH: &str =
    "mutation($input: FinishSignInInput!) { finishSignIn(input: $input) { registered } }";

/// What a service answers: its status, its type, its body; none: a body without an end.
type Answer = (u16, &'static str, Option<Vec<u8>>);

/// The answers to come, by path.
#[derive(Clone, Default)]
struct Hostile(Arc<Mutex<[Option<Answer>; 2]>>);

fn said((status, kind, body): Answer) -> Response {
    let body = body.map_or_else(
        || {
            let more = futures_util::stream::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 8192]))
            });
            Body::from_stream(more)
        },
        Body::from,
    );
    Response::builder().status(status).header("content-type", kind).body(body).unwrap()
}

async fn hostile() -> (TestApp, Hostile) {
    let service = Hostile::default();
    let answer = |at: usize| {
        routing::any(move |State(service): State<Hostile>| async move {
            let answer = service.0.lock().unwrap()[at].clone();
            said(answer.unwrap())
        })
    };
    let routes = Router::new()
        .route("/token", answer(0))
        .route("/user", answer(1))
        .with_state(service.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let app = TestApp::configured(|config| {
        config.settings.oauth.redirect_uris = vec![PAGE.into()];
        for provider in &mut config.settings.oauth.providers {
            provider.token_url = format!("{base}/token");
            provider.user_url = format!("{base}/user");
            let client =
                OauthClient { id: "our-id".into(), secret: "our-secret".to_owned().into() };
            config.oauth_clients.insert(provider.id.clone(), client);
        }
    })
    .await;
    (app, service)
}

fn answers(right: serde_json::Value) -> impl Strategy<Value = Answer> {
    let status = prop::sample::select(vec![200, 200, 200, 204, 400, 401, 404, 418, 500, 503]);
    let kind = prop::sample::select(vec!["application/json", "application/json", "text/html", "x"]);
    let near = (
        jsons(),
        prop::sample::select(vec![
            "/access_token",
            "/token_type",
            "/scope",
            "/data",
            "/data/0",
            "/data/0/id",
            "/data/0/login",
            "/data/0/email",
        ]),
    );
    let near = near.prop_map(move |(json, at)| {
        let mut right = right.clone();
        if let Some(found) = right.pointer_mut(at) {
            *found = json;
        }
        Some(right.to_string().into_bytes())
    });
    let body = prop_oneof![
        4 => near,
        2 => jsons().prop_map(|json| Some(json.to_string().into_bytes())),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Some),
        1 => (1..4_000_usize).prop_map(|levels| Some("[".repeat(levels).into_bytes())),
        1 => Just(Some(vec![b'x'; 3_000_000])),
        1 => Just(None),
    ];
    (status, kind, body)
}

#[test]
fn whatever_a_service_answers_a_sign_in_ends_with_a_code() {
    let (runtime, (app, service)) = {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let made = runtime.block_on(hostile());
        (runtime, made)
    };
    let token = json!({"access_token": "a-token", "token_type": "bearer", "expires_in": 3600, "scope": ["x"]});
    let who = json!({"data": [{"id": "77", "login": "ada", "email": "ada@twitch.example"}]});
    let client = app.anonymous();
    let token = prop_oneof![
        answers(token.clone()),
        Just((200, "application/json", Some(token.to_string().into_bytes())))
    ];
    tried(&runtime, 60, (token, answers(who)), async |(token, who)| {
        *service.0.lock().unwrap() = [Some(token), Some(who)];
        let begun = client.run(BEGIN, json!({"page": PAGE})).await["beginSignIn"].clone();
        let input = json!({"state": begun["state"], "code": "whatever", "secret": begun["secret"]});
        let answer = client.send(FINISH, json!({"input": input})).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str();
        let known = [None, Some("BAD_USER_INPUT"), Some("SERVICE_UNAVAILABLE"), Some("CONFLICT")];
        assert!(known.contains(&code), "{answer:#}");
    });
}

#[test]
fn whoever_made_up_what_a_service_sent_back_is_refused_with_a_code() {
    let (runtime, app) = served(async || hostile().await.0);
    let client = app.anonymous();
    let part = || prop_oneof![texts(), Just(String::new()), Just("\u{0}".into()), ".{0,2000}"];
    tried(&runtime, 60, (part(), part(), part(), 0..3_u8), async |(state, code, secret, right)| {
        let begun = client.run(BEGIN, json!({"page": PAGE})).await["beginSignIn"].clone();
        // One of the two is right, which is not enough.
        let state = if right == 1 { begun["state"].clone() } else { json!(state) };
        let secret = if right == 2 { begun["secret"].clone() } else { json!(secret) };
        let input = json!({"state": state, "code": code, "secret": secret});
        let answer = client.send(FINISH, json!({"input": input})).await;
        coded(&answer);
        assert!(answer["errors"].is_array(), "{answer:#}");
    });
}
