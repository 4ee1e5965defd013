//! Pages of other origins, and what browsers are told of those that may come.

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::support::TestApp;

const LISTED: &str = "https://play.example";
const STRANGE: &str = "https://evil.example";

async fn send(
    app: &TestApp,
    method: Method,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, HeaderMap, String) {
    let url = format!("http://{}/graphql", app.addr);
    let mut request = reqwest::Client::new().request(method, url).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.headers().clone(), response.text().await.unwrap())
}

async fn served() -> TestApp {
    TestApp::with(|settings| settings.http.allowed_origins = vec![LISTED.into()]).await
}

#[tokio::test]
async fn pages_of_listed_origins_alone_are_let_in_by_browsers() {
    let app = served().await;
    let asks = |origin: &'static str, wanted: &'static str| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", wanted),
        ]
    };
    let wanted = "authorization,content-type,x-session-mode,x-csrf-token";
    let (_, told, _) = send(&app, Method::OPTIONS, &asks(LISTED, wanted), "").await;
    assert_eq!(told["access-control-allow-origin"], LISTED);
    assert_eq!(told["access-control-allow-credentials"], "true");
    for name in wanted.split(',') {
        assert!(told["access-control-allow-headers"].to_str().unwrap().contains(name), "{name}");
    }
    let (_, told, _) = send(&app, Method::OPTIONS, &asks(STRANGE, wanted), "").await;
    assert!(!told.contains_key("access-control-allow-origin"));
    let json = ("content-type", "application/json");
    let body = json!({"query": "{ modes { id } }"}).to_string();
    let (_, told, _) = send(&app, Method::POST, &[json, ("origin", LISTED)], &body).await;
    let exposed = told["access-control-expose-headers"].to_str().unwrap();
    assert!(
        exposed.contains("ratelimit-remaining") && exposed.contains("retry-after"),
        "{exposed}"
    );
    let (_, told, _) = send(&app, Method::POST, &[json, ("origin", STRANGE)], &body).await;
    assert!(!told.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn what_a_page_can_send_without_asking_changes_nothing_and_uses_no_cookie() {
    let app = served().await;
    app.player("ada").await;
    let login = json!({"query": "mutation { login(input: {login: \"ada\", password: \"correct-horse-42-battery\"}) { accessToken } }"});
    let bodies = [
        ("text/plain", login.to_string()),
        (
            "application/x-www-form-urlencoded",
            format!("query={}", "mutation%7Blogout%7Bsuccess%7D%7D"),
        ),
        (
            "multipart/form-data; boundary=x",
            format!(
                "--x\r\ncontent-disposition: form-data; name=\"operations\"\r\n\r\n{login}\r\n--x--"
            ),
        ),
        ("", login.to_string()),
    ];
    for (kind, body) in bodies {
        let headers =
            [("content-type", kind), ("origin", STRANGE), ("cookie", "rankedhonor=rhr_x")];
        let headers = if kind.is_empty() { &headers[1..] } else { &headers[..] };
        let (status, told, text) = send(&app, Method::POST, headers, &body).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}: {text}");
        assert!(!told.contains_key("set-cookie"));
    }
    // A page that did ask is told by the server as well that its cookies are not for it.
    let headers =
        [("content-type", "application/json"), ("origin", STRANGE), ("x-session-mode", "cookie")];
    let (status, told, text) = send(&app, Method::POST, &headers, &login.to_string()).await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{status} {text}");
    assert!(!told.contains_key("set-cookie"));
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let app = TestApp::with(|settings| settings.http.strict_transport = true).await;
    for path in ["/graphql?query=%7B__typename%7D", "/", "/healthz", "/metrics", "/nowhere"] {
        let told = reqwest::get(format!("http://{}{path}", app.addr)).await.unwrap();
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age="),
        ] {
            let found = told.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert!(
                found.as_ref().is_some_and(|found| found.contains(value)),
                "{path} {name}: {found:?}"
            );
        }
    }
    let usual = TestApp::start().await;
    let told = reqwest::get(format!("http://{}/healthz", usual.addr)).await.unwrap();
    assert!(!told.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn the_servers_own_pages_are_known_over_http_2_too() {
    let app = served().await;
    let http = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let body = json!({"query": "mutation { logout { success } }"});
    let own = format!("http://{}", app.addr);
    for (origin, expected) in
        [(&*own, "UNAUTHENTICATED"), (LISTED, "UNAUTHENTICATED"), (STRANGE, "FORBIDDEN")]
    {
        let request = http.post(format!("{own}/graphql")).json(&body);
        let request = request.header("origin", origin).header("x-session-mode", "cookie");
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], expected, "{origin} {answer:#}");
    }
}
