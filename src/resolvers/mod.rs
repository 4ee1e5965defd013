//! Verbs (stub).
use crate::{game::accounts::Viewer, services::Services};
use async_graphql::{Context, Object, Request, Subscription};
use std::sync::Arc;
/// Query
pub struct Query;
#[Object]
impl Query {
    /// echo
    async fn echo(&self, text: String, n: Option<i32>) -> String {
        format!("{text}{n:?}")
    }
    /// self again, for depth
    async fn again(&self) -> Self {
        Query
    }
    /// who
    async fn me(&self, ctx: &Context<'_>) -> Option<String> {
        ctx.data_unchecked::<Viewer>().user_id().map(|id| id.to_string())
    }
}
/// Mutation
pub struct Mutation;
#[Object]
impl Mutation {
    /// touch
    async fn touch(&self) -> bool {
        true
    }
}
/// Subscription
pub struct Subscription_;
#[Subscription(name = "Subscription")]
impl Subscription_ {
    /// count
    async fn count(&self, to: i32) -> impl futures_util::Stream<Item = i32> {
        futures_util::stream::iter(0..to)
    }
}
/// The executable schema.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription_>;
/// build
pub fn build(services: Arc<Services>) -> Schema {
    Schema::build(Query, Mutation, Subscription_).data(services).finish()
}
/// sdl
pub fn sdl() -> String {
    Schema::build(Query, Mutation, Subscription_).finish().sdl()
}
/// What belongs to one request and one viewer.
pub fn prepare(
    request: Request,
    services: &Arc<Services>,
    viewer: Viewer,
    meta: RequestMeta,
) -> Request {
    let _ = services;
    request.data(viewer).data(meta)
}
/// What the edge knows about a request.
#[derive(Clone, Debug)]
pub struct RequestMeta {
    /// Its id, which stands in its log lines, in its response header and in INTERNAL errors.
    pub request_id: Arc<str>,
    /// Where it came from.
    pub address: std::net::IpAddr,
    /// What the client calls itself.
    pub user_agent: Option<Arc<str>>,
}
