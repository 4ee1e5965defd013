//! Tells whoever listens, now. Nothing is kept: a listener that missed something hears [`Signal::Gap`] and reads on
//! from the durable log.

pub mod local;

use async_trait::async_trait;

use crate::{
    error::Result,
    game::event::{Shared, Topic},
};

/// What a listener hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// An event, in the order of publication within its topic.
    Event(Shared),
    /// Some events were missed, because the listener was too slow or the bus was away.
    Gap,
}

/// A bus between those who change something and those who show it.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Tells every listener of the events' topics, in order. Publishing the same event twice tells it twice.
    async fn publish(&self, events: &[Shared]) -> Result<()>;

    /// Listens to a topic from now on.
    fn subscribe(&self, topic: Topic) -> Box<dyn Subscription>;
}

/// One listener.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next signal; none: the bus is gone.
    async fn next(&mut self) -> Option<Signal>;
}
