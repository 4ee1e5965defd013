//! The bus between instances: one channel, one message an instance for each batch of events, decoded once and handed to
//! the listeners within the process. Redis keeps nothing for those who are away, so every way in which something can be
//! missed ends in a gap: a new connection, a message that was not understood, one that could not be published.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt;
use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Notify,
    time::{interval, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{Bus, First, Subscription, local::LocalBus};
use crate::{
    backends::redis::Redis,
    error::{Error, Result},
    game::event::{LiveEvent, Shared, Topic},
};

/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(100);
/// Between two looks whether a listening connection still is one.
const PULSE: Duration = Duration::from_secs(1);

#[derive(Serialize)]
enum Said<'a> {
    Events(&'a [Shared]),
    Gap,
}

#[derive(Deserialize)]
enum Heard {
    Events(Vec<LiveEvent>),
    Gap,
}

/// See the module.
pub struct RedisBus {
    redis: Redis,
    here: Arc<LocalBus>,
    owes: Arc<Owed>,
    _reader: AbortOnDropHandle<()>,
    _debtor: AbortOnDropHandle<()>,
}

/// A gap that is still to be told.
#[derive(Default)]
struct Owed {
    gap: AtomicBool,
    wake: Notify,
}

impl RedisBus {
    /// Listens from now on, or as soon as Redis is there.
    pub fn new(redis: Redis) -> Self {
        let here = Arc::new(LocalBus::default());
        let owes = Arc::new(Owed::default());
        let reader = AbortOnDropHandle::new(tokio::spawn(read(redis.clone(), here.clone())));
        let debtor = AbortOnDropHandle::new(tokio::spawn(pay(redis.clone(), owes.clone())));
        Self { redis, here, owes, _reader: reader, _debtor: debtor }
    }

    async fn say(&self, what: &Said<'_>) -> Result<()> {
        if say(&self.redis, what).await.is_err() {
            // It is not lost: who listens reads the log as soon as they can be told to.
            self.owes.gap.store(true, Ordering::Relaxed);
            self.owes.wake.notify_one();
        }
        Ok(())
    }
}

async fn say(redis: &Redis, what: &Said<'_>) -> Result<()> {
    let text = serde_json::to_string(what).map_err(Error::internal)?;
    let channel = redis.key("bus");
    redis
        .ask("publish", |mut connection| async move {
            connection.publish::<_, _, i64>(channel, text).await
        })
        .await
        .map(drop)
}

/// Tells everybody of a gap when something could not be published.
async fn pay(redis: Redis, owes: Arc<Owed>) {
    loop {
        owes.wake.notified().await;
        while owes.gap.swap(false, Ordering::Relaxed) {
            if say(&redis, &Said::Gap).await.is_err() {
                owes.gap.store(true, Ordering::Relaxed);
                sleep(AGAIN).await;
            }
        }
    }
}

/// Hands on what arrives, for ever.
async fn read(redis: Redis, here: Arc<LocalBus>) {
    loop {
        let ended = listen(&redis, &here).await;
        if let Err(error) = ended {
            tracing::warn!(%error, "the bus is away");
        }
        metrics::gauge!("rankedhonor_bus_connected").set(0.0);
        sleep(AGAIN).await;
    }
}

async fn listen(redis: &Redis, here: &LocalBus) -> Result<()> {
    let listener = redis.listener().await?;
    let (mut ask, mut messages) = listener.split();
    timeout(redis.limit(), ask.subscribe(redis.key("bus")))
        .await
        .map_err(|late| Error::unavailable("redis", late))?
        .map_err(|error| Error::unavailable("redis", error))?;
    metrics::gauge!("rankedhonor_bus_connected").set(1.0);
    // Whatever was said before this moment was not heard here, also by those who listened before there was a connection.
    here.gap().await?;
    let mut pulse = interval(PULSE);
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else {
                    return Err(Error::Unavailable { what: "redis", source: None });
                };
                match serde_json::from_slice(message.get_payload_bytes()) {
                    Ok(Heard::Events(events)) => {
                        let events: Vec<_> = events.into_iter().map(Arc::new).collect();
                        here.publish(&events).await?;
                    }
                    Ok(Heard::Gap) => here.gap().await?,
                    // An instance of another version: what it did is in the log.
                    Err(error) => {
                        tracing::warn!(%error, "a message on the bus was not understood");
                        here.gap().await?;
                    }
                }
            }
            _ = pulse.tick() => {
                // A connection may be dead without anybody saying so. A frozen Redis is one that may come back.
                let alive = timeout(redis.limit() * 4, ask.ping::<redis::Value>()).await;
                alive
                    .map_err(|late| Error::unavailable("redis", late))?
                    .map_err(|error| Error::unavailable("redis", error))?;
            }
        }
    }
}

#[async_trait]
impl Bus for RedisBus {
    async fn publish(&self, events: &[Shared]) -> Result<()> {
        self.say(&Said::Events(events)).await
    }

    async fn gap(&self) -> Result<()> {
        self.say(&Said::Gap).await
    }

    fn subscribe(&self, topic: Topic) -> Box<dyn Subscription> {
        self.here.subscribe(topic)
    }

    fn precede(&self, first: First) {
        self.here.precede(first);
    }
}
