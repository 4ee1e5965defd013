//! The console, from the binary: what `web/` was built into. Nothing on its pages comes from anywhere else.
//!
//! Pages are the same small document, which finds out from its address what to show. Everything else has a name that
//! changes with its content, and is kept by browsers for good. A debug build reads the files from `web/dist`.

use std::borrow::Cow;

use axum::{
    Router,
    extract::{Path, Request},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::App;

/// What `npm run build` made; nothing where it did not run.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[exclude = ".*"]
struct Built;

/// The pages run their own scripts and styles only, and talk to their own server only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The editor of GraphiQL makes styles as it goes, and works in workers.
const EXPLORE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// What the page asks its document: whether there is a page to explore the API on.
const EXPLORE_ON: &str = r#"data-explore="on""#;
const EXPLORE_OFF: &str = r#"data-explore="off""#;

/// Addresses that the console knows how to show.
const PAGES: [&str; 13] = [
    "/",
    "/leaderboard",
    "/players",
    "/players/{name}",
    "/matches/{id}",
    "/play",
    "/account",
    "/sign-in",
    "/verify",
    "/reset",
    "/admin",
    "/admin/{section}",
    "/admin/users/{name}",
];

/// Whether the console is in this binary.
pub fn is_built() -> bool {
    Built::get("index.html").is_some()
}

/// What its pages send, as a manifest.
pub fn documents() -> Option<Cow<'static, [u8]>> {
    Built::get("documents.json").map(|file| file.data)
}

/// The pages and their assets; with GraphiQL on `/explore` where that is wanted.
pub fn routes(explore: bool) -> Router<App> {
    let mut routes = Router::new()
        .route("/assets/{*path}", get(asset))
        .route("/favicon.svg", get(|headers| file("favicon.svg", headers)))
        .route("/theme.js", get(|headers| file("theme.js", headers)))
        .route("/licenses.md", get(|headers| file("licenses.md", headers)));
    for path in PAGES {
        routes = routes.route(path, get(move || async move { page(explore) }));
    }
    if explore {
        routes = routes
            .route("/explore", get(explorer))
            .route("/graphiql", get(|| async { Redirect::temporary("/explore") }));
    }
    routes.fallback(move |request: Request| async move {
        // Whoever reads sees the console's own page for what is not there; programs see nothing.
        let reads = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        let seen =
            request.method().is_safe() && reads.is_some_and(|kinds| kinds.contains("text/html"));
        let body = if seen { page(explore) } else { ().into_response() };
        (StatusCode::NOT_FOUND, [(header::VARY, "accept")], body).into_response()
    })
}

fn page(explore: bool) -> Response {
    let Some(file) = Built::get("index.html") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut html = String::from_utf8_lossy(&file.data).into_owned();
    if !explore {
        html = html.replace(EXPLORE_ON, EXPLORE_OFF);
    }
    document(html.into_bytes().into(), POLICY)
}

async fn explorer() -> Response {
    match Built::get("explore.html") {
        Some(file) => document(file.data, EXPLORE_POLICY),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A page is small and names the assets of its version: it is asked for each time.
fn document(html: Cow<'static, [u8]>, policy: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, html).into_response()
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let mut response = file(&format!("assets/{path}"), headers).await;
    if response.status().is_success() {
        let forever = header::HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, forever);
    }
    response
}

/// A file as it was built, compressed where that was worth it and the client takes it; nothing where the client has it.
async fn file(path: &str, asked: HeaderMap) -> Response {
    let packed = takes_gzip(&asked).then(|| Built::get(&format!("{path}.gz"))).flatten();
    let encoding = packed.is_some().then_some((header::CONTENT_ENCODING, "gzip"));
    let Some(EmbeddedFile { data, metadata }) = packed.or_else(|| Built::get(path)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", hex::encode(&metadata.sha256_hash()[..16]));
    let headers = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-encoding"),
    ];
    if asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = [(header::CONTENT_TYPE, content_type(path))];
    (headers, kind, AppendHeaders(encoding), data).into_response()
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| {
        accepted.split(',').any(|one| {
            let mut parts = one.split(';').map(str::trim);
            parts.next() == Some("gzip") && parts.next() != Some("q=0")
        })
    })
}

/// By its name: what the build puts out is of few kinds.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, kind)| kind) {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "ttf" => "font/ttf",
        "woff2" => "font/woff2",
        "md" => "text/markdown; charset=utf-8",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
