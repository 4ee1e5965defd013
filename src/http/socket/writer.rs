//! The writing half of a socket, behind a bounded queue.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt, stream::SplitSink};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::protocol::Ending;

/// The writing half.
pub struct Writer {
    sink: SplitSink<WebSocket, Message>,
    /// How long one write may take before the peer counts as gone.
    patience: Duration,
}

impl Writer {
    /// Writes there.
    pub const fn new(sink: SplitSink<WebSocket, Message>, patience: Duration) -> Self {
        Self { sink, patience }
    }

    /// Writes what is queued, and at last why the socket ends; a peer that was too slow for the queue gets only that.
    pub async fn run(
        mut self,
        mut queue: mpsc::Receiver<Message>,
        mut last: oneshot::Receiver<Ending>,
    ) {
        let ending = loop {
            let message = tokio::select! {
                biased;
                ending = &mut last => break ending.ok(),
                Some(message) = queue.recv() => message,
            };
            if !self.put(message).await {
                return;
            }
        };
        let slow = matches!(ending, Some(Ending::TooSlow));
        while let Ok(message) = queue.try_recv() {
            if !slow && !self.put(message).await {
                return;
            }
        }
        if let Some(ending) = ending {
            self.put(ending.frame()).await;
        }
        let _ = timeout(self.patience, self.sink.close()).await;
    }

    async fn put(&mut self, message: Message) -> bool {
        matches!(timeout(self.patience, self.sink.send(message)).await, Ok(Ok(())))
    }
}
