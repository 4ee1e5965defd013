//! What every operation passes before it runs.

use std::time::{Duration, Instant};

use rankedhonor::config::Settings;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

/// Far above what a refusal takes, far below what an exponential walk does.
const QUICK: Duration = Duration::from_secs(20);

#[tokio::test]
async fn fragments_that_spread_each_other_twice_are_refused_at_once() {
    let app = TestApp::start().await;
    let mut bomb = String::from("{ ...f0 }");
    for n in 0..60 {
        bomb += &format!(" fragment f{n} on Query {{ ...f{} ...f{} }}", n + 1, n + 1);
    }
    bomb += " fragment f60 on Query { modes { id } }";
    refused_quickly(&app, &bomb, "QUERY_TOO_COMPLEX").await;
}

#[tokio::test]
async fn fragments_that_spread_themselves_are_refused() {
    let app = TestApp::start().await;
    refused_quickly(
        &app,
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "BAD_USER_INPUT",
    )
    .await;
}

#[tokio::test]
async fn every_bound_is_kept() {
    let app = TestApp::start().await;
    let aliases: String = (0..30).map(|n| format!("a{n}: __typename ")).collect();
    let directives = "@include(if: true) ".repeat(10);
    let deep = format!(
        "{{ matches {{ nodes {{ {} id {} }} }} }}",
        "events { nodes { match { ".repeat(10),
        "} } }".repeat(10)
    );
    for query in [
        format!("{{ {aliases} }}"),
        format!("{{ modes {directives} {{ id }} }}"),
        deep,
        "{".repeat(30_000),
        format!("{{ node(id: {}1{}) {{ id }} }}", "[".repeat(20_000), "]".repeat(20_000)),
        "{ users(first: 100) { nodes { matches(first: 100) { nodes { events(first: 100) { nodes { kind } } } } } } }".into(),
        format!("mutation {{ {} }}", (0..6).map(|n| format!("m{n}: logout {{ success }} ")).collect::<String>()),
        "subscription { a: liveMatches { id } b: liveMatches { id } }".into(),
        format!("{{ {} }}", "modes { id } ".repeat(30)),
        "{ __schema { types { fields { type { possibleTypes { interfaces { name } } } } } } }".into(),
        "{ __type(name: \"Match\") { ...f } } fragment f on __Type { fields { type { fields { type { fields { name } } } } } }".into(),
    ] {
        refused_quickly(&app, &query, "QUERY_TOO_COMPLEX").await;
    }
}

async fn refused_quickly(app: &TestApp, query: &str, code: &str) {
    let began = Instant::now();
    let refused = app.anonymous().send(query, json!({})).await;
    assert!(began.elapsed() < QUICK, "{:?}", began.elapsed());
    assert!(refused.get("data").is_none(), "{refused:#}");
    let shown: String = query.chars().take(60).collect();
    assert_eq!(refused["errors"][0]["extensions"]["code"], code, "{shown} {refused:#}");
}

#[tokio::test]
async fn a_page_of_a_hundred_is_not_too_dear_for_anybody() {
    let app = TestApp::start().await;
    let query = "{ leaderboard(mode: \"1v1\", first: 100) { totalCount edges { cursor node { rank mmr
        user { id username country region { id name } presence }
        standing { mmr uncertainty peakMmr tier { name division label minMmr } wins losses draws streak } } } pageInfo { endCursor } } }";
    assert_eq!(app.anonymous().run(query, json!({})).await["leaderboard"]["totalCount"], 0);
}

#[tokio::test]
async fn wrong_variables_run_nothing_and_are_named() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let query = "mutation($first: UpdateProfileInput!, $token: String!) {
        updateProfile(input: $first) { user { bio } } refreshSession(input: {refreshToken: $token}) { accessToken } }";
    let refused = ada.send(query, json!({"first": {"bio": "changed"}})).await;
    assert!(refused.get("data").is_none());
    assert_eq!(
        refused["errors"][0]["extensions"],
        json!({"code": "BAD_USER_INPUT", "field": "variables.token"})
    );
    assert_eq!(ada.run("{ me { bio } }", json!({})).await["me"]["bio"], json!(null));
    for variables in
        [json!({"id": 7.5}), json!({"id": {"a": 1}}), json!({"id": null}), json!({"id": [[]]})]
    {
        let refused = ada.fail("query($id: ID!) { node(id: $id) { id } }", variables).await;
        assert_eq!(refused["code"], "BAD_USER_INPUT");
    }
    for id in [
        "",
        "user_",
        "user_zzz",
        "match_01h455vb4pex5vsknk084sn02",
        "party_01h455vb4pex5vsknk084sn02q",
        "💥",
    ] {
        let refused =
            ada.fail("query($id: ID!) { match(id: $id) { id } }", json!({"id": id})).await;
        assert_eq!((&refused["code"], &refused["field"]), (&json!("BAD_USER_INPUT"), &json!("id")));
    }
    let nul = json!({"id": "user_\u{0}"});
    let refused = ada.fail("query($id: ID!) { match(id: $id) { id } }", nul).await;
    assert_eq!(refused, json!({"code": "BAD_USER_INPUT", "field": "variables.id"}));
    let unknown = ada.fail("{ queueStats(mode: \"9v9\") { playersSearching } }", json!({})).await;
    assert_eq!(unknown["field"], "mode");
}

#[tokio::test]
async fn answers_keep_the_order_of_the_question() {
    let app = TestApp::start().await;
    let query = json!({"query": "{ regions { name id } modes { teamSize name id } }"}).to_string();
    let text =
        raw(&app, Method::POST, "/graphql", &[("content-type", "application/json")], query).await.1;
    assert!(
        text.starts_with("{\"data\":{\"regions\":[{\"name\":\"Europe West\",\"id\":\"eu-west\"}"),
        "{text}"
    );
}

async fn raw(
    app: &TestApp,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (StatusCode, String, header::HeaderMap) {
    let mut request =
        reqwest::Client::new().request(method, format!("http://{}{path}", app.addr)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, response.text().await.unwrap(), headers)
}

#[tokio::test]
async fn only_json_posts_and_queries_in_the_address_are_run() {
    let app = TestApp::start().await;
    let body = json!({"query": "{ modes { id } }"}).to_string();
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    {
        let (status, text, _) =
            raw(&app, Method::POST, "/graphql", &[("content-type", content_type)], body.clone())
                .await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(
            serde_json::from_str::<Value>(&text).unwrap()["errors"][0]["extensions"]["code"]
                .is_string()
        );
    }
    let (status, ..) = raw(&app, Method::POST, "/graphql", &[], body).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, text, _) =
        raw(&app, Method::GET, "/graphql?query=%7B__typename%7D", &[], String::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("\"__typename\":\"Query\""));
    let (status, _, headers) = raw(
        &app,
        Method::GET,
        "/graphql?query=mutation%7Blogout%7Bsuccess%7D%7D",
        &[],
        String::new(),
    )
    .await;
    assert_eq!(
        (status, headers["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    let json = ("content-type", "application/json");
    let (status, ..) =
        raw(&app, Method::POST, "/graphql", &[json, ("accept", "text/html")], String::new()).await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
    let (_, _, headers) = raw(
        &app,
        Method::POST,
        "/graphql",
        &[json, ("accept", "application/graphql-response+json")],
        "{}".into(),
    )
    .await;
    assert!(
        headers["content-type"].to_str().unwrap().starts_with("application/graphql-response+json")
    );
    for body in [
        "",
        "{",
        "7",
        "\"x\"",
        "[]",
        "{\"query\":7}",
        "{\"query\":\"{ modes { id } }\",\"variables\":[]}",
    ] {
        let (status, text, _) = raw(&app, Method::POST, "/graphql", &[json], body.into()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(text.contains("\"code\""), "{text}");
    }
}

#[tokio::test]
async fn large_bodies_are_refused_unless_a_game_server_sends_them() {
    let app = TestApp::start().await;
    let body = json!({"query": "{ modes { id } }", "extensions": {"pad": "x".repeat(200_000)}})
        .to_string();
    let json = ("content-type", "application/json");
    let (status, ..) = raw(&app, Method::POST, "/graphql", &[json], body.clone()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let key = format!("Bearer {}", app.game_server().await.token.unwrap());
    let (status, ..) =
        raw(&app, Method::POST, "/graphql", &[json, ("authorization", &key)], body).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn many_errors_do_not_make_a_large_answer() {
    let app = TestApp::start().await;
    let query: String = (0..15).map(|n| format!("nothing{n}{} ", "x".repeat(2_000))).collect();
    let body = json!({"query": format!("{{ {query} }}")}).to_string();
    let (status, text, _) =
        raw(&app, Method::POST, "/graphql", &[("content-type", "application/json")], body).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.len() < 10 * 600, "{}", text.len());
}

#[tokio::test]
async fn batches_are_bounded() {
    let app = TestApp::start().await;
    let batch = |n: usize| Value::Array(vec![json!({"query": "{ __typename }"}); n]).to_string();
    let json = ("content-type", "application/json");
    let (status, text, _) = raw(&app, Method::POST, "/graphql", &[json], batch(5)).await;
    assert_eq!(
        (status, serde_json::from_str::<Vec<Value>>(&text).unwrap().len()),
        (StatusCode::OK, 5)
    );
    let (status, ..) = raw(&app, Method::POST, "/graphql", &[json], batch(6)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_batch_has_the_time_of_one_request_and_what_was_begun_is_finished() {
    // A sign-in takes far longer than a request may.
    let slow = |settings: &mut Settings| {
        settings.accounts.argon2_memory_kib = 128 * 1024;
        settings.accounts.argon2_passes = 16;
    };
    let app = TestApp::with(slow).await;
    app.player("ada").await;
    let count = "SELECT CAST(COUNT(*) AS CHAR(8)) FROM sessions";
    let before: u32 = app.cell(count).await.trim().parse().unwrap();
    let app = app
        .restart_with(|settings| {
            slow(settings);
            settings.limits.request_timeout_ms = 100;
        })
        .await;
    let login = format!(
        "mutation {{ login(input: {{login: \"ada\", password: \"{PASSWORD}\"}}) {{ accessToken }} }}"
    );
    let quick = json!({"query": "{ __typename }"});
    let batch = json!([{"query": login}, quick, quick]);
    let json = ("content-type", "application/json");
    let (status, text, _) = raw(&app, Method::POST, "/graphql", &[json], batch.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(answers.len(), 3);
    for late in &answers {
        assert_eq!(late["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{text}");
    }
    let after = (before + 1).to_string();
    app.until(async || app.cell(count).await.trim() == after).await;
}

#[tokio::test]
async fn introspection_passes_and_can_be_turned_off() {
    let app = TestApp::start().await;
    let query = "query IntrospectionQuery { __schema { queryType { name } types { ...T } directives { name args { ...I } } } }
        fragment T on __Type { kind name fields(includeDeprecated: true) { name args { ...I } type { ...R } } inputFields { ...I } enumValues { name } possibleTypes { ...R } }
        fragment I on __InputValue { name type { ...R } defaultValue }
        fragment R on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { name } } } } } } } } }";
    let found = app.anonymous().run(query, json!({})).await;
    assert_eq!(found["__schema"]["queryType"]["name"], "Query");
    let closed = TestApp::with(|settings| settings.http.introspection = false).await;
    assert_eq!(closed.anonymous().fail(query, json!({})).await["code"], "FORBIDDEN");
}

#[tokio::test]
async fn every_page_is_served_from_here_and_carries_its_id() {
    let app = TestApp::with(|settings| settings.http.console = false).await;
    for path in ["/", "/graphiql"] {
        let (status, text, headers) = raw(&app, Method::GET, path, &[], String::new()).await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'")
        );
        assert!(!text.contains("http://") && !text.contains("https://"));
    }
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/schema.graphql",
        "/graphiql/graphiql.js",
        "/graphiql/app.js",
    ] {
        let (status, _, headers) =
            raw(&app, Method::GET, path, &[("x-request-id", "my-own-id-1")], String::new()).await;
        assert_eq!(
            (status, headers["x-request-id"].to_str().unwrap()),
            (StatusCode::OK, "my-own-id-1")
        );
    }
}

#[tokio::test]
async fn the_console_is_on_its_pages_where_it_is_built_and_graphiql_where_it_is_not() {
    let app = TestApp::start().await;
    let page = async |path: &str, accept: &str| {
        let headers = [("accept", accept), ("accept-encoding", "gzip")];
        let url = format!("http://{}{path}", app.addr);
        let mut request = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
            .get(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.headers().clone(), answer.bytes().await.unwrap())
    };
    let (status, headers, html) = page("/", "text/html").await;
    assert_eq!(status, 200);
    let html = String::from_utf8(html.to_vec()).unwrap();
    if !std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/web/dist/index.html")).exists() {
        assert!(html.contains("GraphiQL"), "{html}");
        return;
    }
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("unsafe") && policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(headers["cache-control"], "no-cache");
    for known in ["/leaderboard", "/players/ada", "/matches/match_1", "/play", "/admin/audit"] {
        let (status, _, same) = page(known, "text/html").await;
        assert_eq!((status, same == html.as_bytes()), (200, true), "{known}");
    }
    // Its parts have names that change with them, are compressed, and are kept for good.
    let script = html.split('"').find(|part| part.starts_with("/assets/")).unwrap();
    let (status, headers, _) = page(script, "*/*").await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    // What keeps its name is asked for each time, and sent where it has changed.
    let (_, headers, _) = page("/theme.js", "*/*").await;
    assert_eq!(headers["cache-control"], "no-cache");
    let again = reqwest::Client::new()
        .get(format!("http://{}/theme.js", app.addr))
        .header("accept-encoding", "gzip")
        .header("if-none-match", &headers["etag"]);
    assert_eq!(again.send().await.unwrap().status(), 304);
    // Whoever reads is told so by the console where nothing is, whoever programs by the status alone.
    assert_eq!(page("/nonsense", "text/html").await.0, 404);
    assert!(page("/nonsense", "application/json").await.2.is_empty());
    for outside in [
        "/assets/nonsense.js",
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        "/assets//etc/passwd",
    ] {
        assert_eq!(page(outside, "*/*").await.0, 404, "{outside}");
    }
    assert_eq!(page("/graphiql", "text/html").await.1["location"], "/explore");
    assert_eq!(page("/explore", "text/html").await.0, 200);

    let closed = TestApp::with(|settings| settings.http.graphiql = false).await;
    let url = format!("http://{}", closed.addr);
    let html = reqwest::get(&url).await.unwrap().text().await.unwrap();
    assert!(html.contains("data-explore=\"off\""), "{html}");
    assert_eq!(reqwest::get(format!("{url}/explore")).await.unwrap().status(), 404);
}
