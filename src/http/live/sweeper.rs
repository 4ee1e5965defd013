//! What happens to connections by itself: pings, and the ends of greetings, tokens and patience. One task and one wheel do
//! it for all of them.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::time::DelayQueue;

use super::link::Link;

/// Looks at connections when something may be due.
#[derive(Clone, Debug)]
pub struct Sweeper(mpsc::UnboundedSender<(Weak<Link>, Option<Duration>)>);

impl Sweeper {
    /// A sweeper whose task ends with it.
    pub fn start() -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(sweep(told));
        Self(tell)
    }

    /// Looks after a connection for as long as it lives.
    pub fn keep(&self, link: &Arc<Link>) {
        // An error means that the server stops.
        let _ = self.0.send((Arc::downgrade(link), None));
    }

    /// Looks at a connection once more, then.
    pub fn look_in(&self, link: &Arc<Link>, wait: Duration) {
        let _ = self.0.send((Arc::downgrade(link), Some(wait)));
    }
}

async fn sweep(mut told: mpsc::UnboundedReceiver<(Weak<Link>, Option<Duration>)>) {
    let mut wheel: DelayQueue<(Weak<Link>, bool)> = DelayQueue::new();
    loop {
        tokio::select! {
            one = told.recv() => {
                let Some((link, once)) = one else { return };
                match once {
                    Some(wait) => drop(wheel.insert((link, true), wait)),
                    None => look(link, &mut wheel),
                }
            }
            Some(due) = wheel.next(), if !wheel.is_empty() => {
                let (link, once) = due.into_inner();
                if !once {
                    look(link, &mut wheel);
                } else if let Some(link) = link.upgrade() {
                    link.look();
                }
            }
        }
    }
}

fn look(link: Weak<Link>, wheel: &mut DelayQueue<(Weak<Link>, bool)>) {
    let next = link.upgrade().and_then(|link| link.look());
    if let Some(ms) = next {
        wheel.insert((link, false), Duration::from_millis(ms));
    }
}
