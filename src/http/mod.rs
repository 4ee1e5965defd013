//! The edge: who asks, within which bounds, over which transport.

mod answer;
mod auth;
mod console;
mod events;
mod forwarded;
mod front;
mod graphiql;
mod graphql;
mod live;
mod negotiation;
mod rates;
mod router;
mod server;
mod socket;

use std::{ops::Deref, sync::Arc};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    console::is_built as console_is_built, forwarded::client_address, router::router, server::serve,
};
use self::{
    front::Front,
    live::{Live, connections::Connections},
};
use crate::{
    error::Result,
    resolvers::{self, Schema},
    services::Services,
};

/// What every handler has.
#[derive(Clone)]
pub struct App(Arc<Edge>);

impl Deref for App {
    type Target = Edge;

    fn deref(&self) -> &Edge {
        &self.0
    }
}

/// See [`App`].
pub struct Edge {
    services: Arc<Services>,
    schema: Schema,
    sdl: Arc<str>,
    front: Arc<Front>,
    live: Arc<Live>,
    connections: Arc<Connections>,
    metrics: PrometheusHandle,
    /// Cancelled when the server is to stop: no new work is taken.
    draining: CancellationToken,
    /// Open sockets, which are waited for when the server stops.
    sockets: TaskTracker,
}

impl App {
    /// The edge over these use cases.
    ///
    /// # Errors
    /// When the schema cannot be read by the validator, which is a fault of ours.
    pub fn new(
        services: Arc<Services>,
        metrics: PrometheusHandle,
        draining: CancellationToken,
    ) -> Result<Self> {
        let sdl: Arc<str> = resolvers::sdl().into();
        let settings = &services.config.settings;
        let own = settings.http.console.then(console::documents).flatten();
        let front = Front::new(&sdl, settings, own.as_deref())?;
        let schema = resolvers::build(services.clone());
        let live = Live::new(services.clone(), schema.clone(), &settings.limits.socket);
        Ok(Self(Arc::new(Edge {
            schema,
            live: Arc::new(live),
            connections: Connections::start(services.clone()),
            front: Arc::new(front),
            sdl,
            services,
            metrics,
            draining,
            sockets: TaskTracker::new(),
        })))
    }
}
