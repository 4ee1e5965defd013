//! Tells whoever listens, now. Nothing is kept: a listener that missed something hears [`Signal::Gap`] and reads on
//! from the durable log.

pub mod local;
pub mod redis;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

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

/// What an instance does with everything that arrives before any of its listeners hears of it.
pub type First = Arc<dyn Fn(Signal) -> BoxFuture<'static, ()> + Send + Sync>;

/// A bus between those who change something and those who show it, on every instance.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Tells every listener of the events' topics, in order. Publishing the same event twice tells it twice. What cannot
    /// be told is a gap for everybody as soon as it can.
    async fn publish(&self, events: &[Shared]) -> Result<()>;

    /// Tells everybody that something may have been missed.
    async fn gap(&self) -> Result<()>;

    /// Listens to a topic from now on.
    fn subscribe(&self, topic: Topic) -> Box<dyn Subscription>;

    /// Sets what this instance does first.
    fn precede(&self, first: First);
}

/// One listener.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next signal; none: the bus is gone.
    async fn next(&mut self) -> Option<Signal>;
}
