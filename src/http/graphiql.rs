//! GraphiQL, from the binary: nothing on the page comes from anywhere else.
//!
//! The libraries are vendored as they were published, compressed, by `scripts/vendor-graphiql.sh`.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

use super::App;

const PAGE: &str = include_str!("../../assets/graphiql/index.html");
const APP: &str = include_str!("../../assets/graphiql/app.js");
const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// The page runs its own scripts only and talks to its own server only. The editor sets styles on elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

macro_rules! vendored {
    ($name:literal) => {
        include_bytes!(concat!("../../assets/graphiql/", $name, ".gz"))
    };
}

/// The page and its assets.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(page))
        .route("/graphiql", get(page))
        .route("/graphiql/app.js", get(|| async { ([(header::CONTENT_TYPE, JS)], APP) }))
        .route("/graphiql/react.js", get(|| async { packed(JS, vendored!("react.js")) }))
        .route("/graphiql/react-dom.js", get(|| async { packed(JS, vendored!("react-dom.js")) }))
        .route("/graphiql/graphiql.js", get(|| async { packed(JS, vendored!("graphiql.js")) }))
        .route("/graphiql/graphiql.css", get(|| async { packed(CSS, vendored!("graphiql.css")) }))
        .route("/graphiql/graphql-ws.js", get(|| async { packed(JS, vendored!("graphql-ws.js")) }))
}

async fn page() -> Response {
    let mut response = Html(PAGE).into_response();
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Every browser unpacks gzip.
fn packed(content_type: &'static str, bytes: &'static [u8]) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_ENCODING, "gzip"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, bytes)
}
