//! The bus within one process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use async_trait::async_trait;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Bus, First, Signal, Subscription};
use crate::{
    error::Result,
    game::event::{Shared, Topic},
};

/// Events that may wait for one listener before it hears of a gap.
const CAPACITY: usize = 1024;

type Topics = Mutex<HashMap<Topic, broadcast::Sender<Told>>>;

/// An event, or none for a gap.
type Told = Option<Shared>;

/// See the module.
#[derive(Default)]
pub struct LocalBus {
    topics: Arc<Topics>,
    first: RwLock<Option<First>>,
}

impl LocalBus {
    async fn precedes(&self, signal: Signal) {
        let first = self.first.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(first) = first {
            first(signal).await;
        }
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, events: &[Shared]) -> Result<()> {
        for event in events {
            self.precedes(Signal::Event(event.clone())).await;
        }
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            for topic in event.topics() {
                if let Some(sender) = topics.get(&topic) {
                    // An error means that nobody listens any more.
                    let _ = sender.send(Some(event.clone()));
                }
            }
        }
        Ok(())
    }

    async fn gap(&self) -> Result<()> {
        self.precedes(Signal::Gap).await;
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in topics.values() {
            let _ = sender.send(None);
        }
        Ok(())
    }

    fn precede(&self, first: First) {
        *self.first.write().unwrap_or_else(PoisonError::into_inner) = Some(first);
    }

    fn subscribe(&self, topic: Topic) -> Box<dyn Subscription> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = topics.entry(topic.clone()).or_insert_with(|| broadcast::channel(CAPACITY).0);
        let receiver = Some(sender.subscribe());
        drop(topics);
        Box::new(LocalSubscription { topic, receiver, topics: self.topics.clone() })
    }
}

struct LocalSubscription {
    topic: Topic,
    receiver: Option<broadcast::Receiver<Told>>,
    topics: Arc<Topics>,
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn next(&mut self) -> Option<Signal> {
        match self.receiver.as_mut()?.recv().await {
            Ok(Some(event)) => Some(Signal::Event(event)),
            Ok(None) | Err(RecvError::Lagged(_)) => Some(Signal::Gap),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for LocalSubscription {
    fn drop(&mut self) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        self.receiver = None;
        if topics.get(&self.topic).is_some_and(|sender| sender.receiver_count() == 0) {
            topics.remove(&self.topic);
        }
    }
}
