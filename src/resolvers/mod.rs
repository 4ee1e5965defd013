//! The verbs of the API: who asks, what they want, hand over, convert.

pub mod access;
mod accounts;
mod admin;
pub mod context;
mod feed;
mod links;
mod loaders;
mod matches;
mod moderation;
mod modes;
mod node;
mod parties;
mod queue;
mod rankings;
mod reports;
mod ruled;
mod users;
pub mod watching;

use std::sync::Arc;

use async_graphql::{MergedObject, MergedSubscription, Request, SDLExportOptions};

pub use self::context::{Cookie, Peer, RequestMeta, cookie_name};
use self::{loaders::Loaders, ruled::Ruled};
use crate::{game::accounts::Viewer, services::Services};

/// The entry points for reading.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    users::UserQuery,
    modes::ModeQuery,
    matches::MatchQuery,
    rankings::RankingQuery,
    parties::PartyQuery,
    queue::QueueQuery,
    feed::FeedQuery,
    links::LinkQuery,
    moderation::ModerationQuery,
);

/// The entry points for changing.
#[derive(MergedObject, Default)]
pub struct Mutation(
    accounts::AccountMutation,
    users::UserMutation,
    parties::PartyMutation,
    queue::QueueMutation,
    matches::MatchMutation,
    reports::ReportMutation,
    feed::FeedMutation,
    admin::AdminMutation,
    links::LinkMutation,
    moderation::ModerationMutation,
);

/// The entry points for watching. Each stream first says how things stand, then each change.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    parties::PartySubscription,
    queue::QueueSubscription,
    matches::MatchSubscription,
    rankings::RankingSubscription,
    feed::FeedSubscription,
);

/// The executable schema.
pub type Schema = async_graphql::Schema<Ruled<Query>, Ruled<Mutation>, Ruled<Subscription>>;

/// The schema over these use cases. It bounds nothing itself: the edge does, before it comes here.
pub fn build(services: Arc<Services>) -> Schema {
    let open = services.config.settings.http.introspection;
    let builder = builder().data(services);
    // Whoever may not look at the schema is not told by errors what it has.
    if open {
        builder.finish()
    } else {
        builder.disable_introspection().disable_suggestions().finish()
    }
}

/// The schema in its definition language.
pub fn sdl() -> String {
    builder().finish().sdl_with_options(SDLExportOptions::new().include_specified_by())
}

fn builder() -> async_graphql::SchemaBuilder<Ruled<Query>, Ruled<Mutation>, Ruled<Subscription>> {
    Schema::build(Ruled::default(), Ruled::default(), Ruled::default())
}

/// Gives a request what belongs to it and its viewer alone.
pub fn prepare(
    request: Request,
    services: &Arc<Services>,
    viewer: Viewer,
    meta: RequestMeta,
) -> Request {
    request.data(viewer).data(meta).data(Loaders::new(services))
}
