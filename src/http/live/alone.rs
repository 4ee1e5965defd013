//! An operation that runs in a task of its own: a query, a mutation, a stream that is its viewer's own, and one that
//! others follow too until it has found its place among them.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use apollo_compiler::executable::OperationType;
use futures_util::{FutureExt, StreamExt};

use super::{
    Live,
    channel::Reader,
    link::{Gone, Link, Operation, Sent},
};
use crate::{
    error::Error,
    http::{
        App,
        front::{
            Admitted,
            outcome::{Refusal, polish},
        },
        graphql::{Caller, deadline, execute},
    },
    resolvers::{
        self,
        watching::{self, Begin, Nature, Progress},
    },
};

/// See the module.
pub struct Alone {
    pub app: App,
    pub caller: Caller,
    pub link: Arc<Link>,
    pub operation: Operation,
    pub admitted: Arc<Admitted>,
}

/// Runs an operation to its end, or to where it goes on with others.
pub async fn run(alone: Alone) {
    let ran = AssertUnwindSafe(alone.run()).catch_unwind().await;
    if ran.is_err() {
        tracing::error!("an operation panicked");
        let refusal = Refusal::from_error(&Error::internal("panic"));
        // An error means that nobody waits for it.
        let _ = alone.fail(&refusal.errors).await;
    }
}

impl Alone {
    async fn run(&self) -> Result<(), Gone> {
        if self.admitted.kind == OperationType::Subscription {
            return self.stream().await;
        }
        match execute(&self.app, &self.caller, &self.admitted, deadline(&self.app)).await {
            Ok(mut answer) => {
                polish(&mut answer, &self.caller.meta.request_id);
                let answer = answer.extension("cost", self.admitted.cost.into());
                let payload = serde_json::to_string(&answer).unwrap_or_default();
                self.link.send(Sent::Only(self.operation.clone(), payload)).await
            }
            Err(error) => self.fail(&Refusal::from_error(&error).errors).await,
        }
    }

    async fn fail(&self, errors: &[async_graphql::ServerError]) -> Result<(), Gone> {
        let errors = serde_json::to_string(errors).unwrap_or_default();
        self.link.send(Sent::Error(self.operation.clone(), errors.into())).await
    }

    async fn stream(&self) -> Result<(), Gone> {
        if let Some(begin) = self.begins_shared()
            && let Some(reader) = self.app.live.join(&self.admitted, begin, &self.link).await
        {
            return self.goes(reader).await;
        }
        // Many who come back with old cursors take turns until they have begun.
        let turn = match self.shared() {
            Some((Nature::Log, _)) => self.app.live.starts.clone().acquire_owned().await.ok(),
            _ => None,
        };
        let turn = Mutex::new(turn);
        let progress = Progress::new(None, move |_| {
            drop(turn.lock().unwrap_or_else(PoisonError::into_inner).take());
        });
        let (viewer, meta) = (self.caller.viewer.clone(), self.caller.meta.clone());
        let request = resolvers::prepare(self.admitted.request(), &self.app.services, viewer, meta);
        let mut answers = self.app.schema.execute_stream(request.data(progress.clone()));
        while let Some(mut answer) = answers.next().await {
            polish(&mut answer, &self.caller.meta.request_id);
            // A stream that cannot begin, or go on, says so with errors alone.
            if answer.is_err() && answer.data == async_graphql::Value::Null {
                return self.fail(&answer.errors).await;
            }
            let answer = answer.extension("cost", self.admitted.cost.into());
            let payload = serde_json::to_string(&answer).unwrap_or_default();
            self.link.send(Sent::Next(self.operation.clone(), payload)).await?;
            // Where others have been there already, it goes on with them.
            let place = progress.latest().place;
            if place > 0
                && self.begins_shared().is_some()
                && let Some((_, key)) = self.shared()
                && let Some(reader) = self.app.live.join_now(key, Begin::Behind(place), &self.link)
            {
                return self.goes(reader).await;
            }
        }
        self.link.send(Sent::Complete(self.operation.clone())).await
    }

    fn shared(&self) -> Option<&(Nature, Arc<str>)> {
        self.admitted.watched.as_ref()?.shared.as_ref()
    }

    /// Where this stream begins, if others can follow it too.
    fn begins_shared(&self) -> Option<Begin> {
        self.shared().filter(|_| Live::shares_with(&self.caller.viewer))?;
        let watched = self.admitted.watched.as_ref()?;
        watching::begin(&watched.field, watched.after.as_deref())
    }

    async fn goes(&self, reader: Reader) -> Result<(), Gone> {
        self.link.send(Sent::Goes(self.operation.clone(), reader)).await
    }
}
