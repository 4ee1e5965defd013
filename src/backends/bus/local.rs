//! The bus within one process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Bus, Signal, Subscription};
use crate::{
    error::Result,
    game::event::{Shared, Topic},
};

/// Events that may wait for one listener before it hears of a gap.
const CAPACITY: usize = 1024;

type Topics = Mutex<HashMap<Topic, broadcast::Sender<Shared>>>;

/// See the module.
#[derive(Default)]
pub struct LocalBus {
    topics: Arc<Topics>,
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, events: &[Shared]) -> Result<()> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            for topic in event.topics() {
                if let Some(sender) = topics.get(&topic) {
                    // An error means that nobody listens any more.
                    let _ = sender.send(event.clone());
                }
            }
        }
        Ok(())
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
    receiver: Option<broadcast::Receiver<Shared>>,
    topics: Arc<Topics>,
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn next(&mut self) -> Option<Signal> {
        match self.receiver.as_mut()?.recv().await {
            Ok(event) => Some(Signal::Event(event)),
            Err(RecvError::Lagged(_)) => Some(Signal::Gap),
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
