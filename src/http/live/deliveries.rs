//! The operations of one connection, and what is to be written next.

use std::sync::Arc;

use apollo_compiler::executable::OperationType;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Live,
    alone::{self, Alone},
    channel::{End, Read, Reader},
    dialect::Dialect,
    link::{Link, Operation, Sent},
};
use crate::{
    error::Error,
    http::{
        App,
        front::{self, outcome::Refusal},
        graphql::Caller,
        rates,
    },
    resolvers::watching,
};

/// Where an operation's answers come from.
enum Source {
    /// A task of its own.
    Own(#[allow(dead_code)] AbortOnDropHandle<()>),
    /// An execution that it shares.
    Shared(Reader),
}

struct Running {
    operation: Operation,
    head: Box<str>,
    source: Source,
}

/// What is to be written.
pub enum Out {
    /// This.
    Frame(String),
    /// Nothing for now.
    Nothing,
    /// The peer did not keep up: what it would have to be told next is not kept any more.
    Lost,
}

/// See the module.
pub struct Deliveries {
    app: App,
    link: Arc<Link>,
    dialect: Dialect,
    /// Few: looked through one by one.
    running: Vec<Running>,
    begun: u64,
}

impl Deliveries {
    /// For a connection.
    pub fn new(app: App, link: Arc<Link>, dialect: Dialect) -> Self {
        Self { app, link, dialect, running: Vec::new(), begun: 0 }
    }

    /// Whether an operation of that id runs.
    pub fn runs(&self, id: &str) -> bool {
        self.running.iter().any(|running| &*running.operation.id == id)
    }

    /// How many operations run.
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Stops an operation.
    pub fn stop(&mut self, id: &str) {
        if let Some(at) = self.running.iter().position(|running| &*running.operation.id == id) {
            self.running.swap_remove(at);
            metrics::gauge!("rankedhonor_subscriptions").decrement(1.0);
        }
    }

    /// Stops all of them, and what others have for them.
    pub fn stop_all(&mut self) {
        metrics::gauge!("rankedhonor_subscriptions").decrement(self.running.len() as f64);
        self.running.clear();
        self.link.close();
    }

    /// Begins an operation that was counted; what becomes of it is what is written.
    pub async fn begin(
        &mut self,
        id: &str,
        caller: &Caller,
        asked: Result<front::Operation, Refusal>,
    ) {
        let id: Arc<str> = id.into();
        self.begun += 1;
        let operation = Operation { id: id.clone(), number: self.begun };
        let admitted = match asked.and_then(|asked| self.app.front.admit(asked, &caller.viewer)) {
            Ok(admitted) => admitted,
            Err(refusal) => return self.refuse(operation, &refusal),
        };
        let alone = Alone {
            app: self.app.clone(),
            caller: caller.clone(),
            link: self.link.clone(),
            operation: operation.clone(),
            admitted: Arc::new(admitted),
        };
        let shared = self.shared(&alone);
        // What runs already costs nothing more.
        if shared.is_none()
            && let Err(error) = self.spend(caller, alone.admitted.cost).await
        {
            return self.refuse(operation, &Refusal::from_error(&error));
        }
        let source = match shared {
            Some(reader) => Source::Shared(reader),
            None => Source::Own(AbortOnDropHandle::new(tokio::spawn(alone::run(alone)))),
        };
        metrics::gauge!("rankedhonor_subscriptions").increment(1.0);
        self.running.reserve_exact(1);
        self.running.push(Running { operation, head: self.dialect.head(&id), source });
    }

    /// A place in an execution that runs already, where all that is wanted is there.
    fn shared(&self, wanted: &Alone) -> Option<Reader> {
        if wanted.admitted.kind != OperationType::Subscription {
            return None;
        }
        let watched = wanted.admitted.watched.as_ref()?;
        let (_, key) = watched.shared.as_ref()?;
        if !Live::shares_with(&wanted.caller.viewer) {
            return None;
        }
        let begin = watching::begin(&watched.field, watched.after.as_deref())?;
        self.app.live.join_now(key, begin, &self.link)
    }

    fn refuse(&self, operation: Operation, refusal: &Refusal) {
        let errors = serde_json::to_string(&refusal.errors).unwrap_or_default();
        self.link.push(Sent::Control(self.dialect.error(&operation.id, &errors)));
    }

    /// Refuses an operation before it begins.
    pub fn refuse_one_more(&self, id: &str, refusal: &Refusal) {
        self.refuse(Operation { id: id.into(), number: 0 }, refusal);
    }

    /// What operations may cost counts, however they come.
    async fn spend(&self, caller: &Caller, cost: usize) -> Result<(), Error> {
        rates::spend(&self.app.services, &caller.viewer, caller.meta.peer, cost).await
    }

    /// Whether the peer is so far behind that it cannot catch up.
    pub fn is_lost(&self) -> bool {
        self.running.iter().any(|running| match &running.source {
            Source::Shared(reader) => reader.is_lost(),
            Source::Own(_) => false,
        })
    }

    /// What is to be written next.
    pub fn next(&mut self) -> Out {
        while let Some(sent) = self.link.take() {
            if let Some(frame) = self.frame(sent) {
                return Out::Frame(frame);
            }
        }
        for running in &mut self.running {
            let Source::Shared(reader) = &mut running.source else { continue };
            match reader.read() {
                Read::Nothing => {}
                Read::Lost => return Out::Lost,
                Read::Item(item) => {
                    if reader.is_timed() {
                        self.app.live.time(&item);
                    }
                    return Out::Frame(self.dialect.next(&running.head, &item.payload));
                }
                Read::Ended(end) => {
                    let id = running.operation.id.clone();
                    self.stop(&id);
                    return Out::Frame(match end {
                        End::Complete | End::Void => self.dialect.complete(&id),
                        End::Error(errors) => self.dialect.error(&id, &errors),
                    });
                }
            }
        }
        Out::Nothing
    }

    /// An operation that was not stopped meanwhile.
    fn current(&mut self, operation: &Operation) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| running.operation == *operation)
    }

    /// What an operation's own task sent, as it is written; none for one that was stopped.
    fn frame(&mut self, sent: Sent) -> Option<String> {
        let dialect = self.dialect;
        match sent {
            Sent::Control(text) => Some(text),
            Sent::Next(operation, payload) => {
                let running = self.current(&operation)?;
                let frame = dialect.next(&running.head, &payload);
                self.app.live.delivered_own();
                Some(frame)
            }
            Sent::Only(operation, payload) => {
                self.current(&operation)?;
                // The id is free before the client hears that it is.
                self.stop(&operation.id);
                self.link.push(Sent::Control(self.dialect.complete(&operation.id)));
                Some(self.dialect.next(&self.dialect.head(&operation.id), &payload))
            }
            Sent::Error(operation, errors) => {
                self.current(&operation)?;
                self.stop(&operation.id);
                Some(self.dialect.error(&operation.id, &errors))
            }
            Sent::Complete(operation) => {
                self.current(&operation)?;
                self.stop(&operation.id);
                Some(self.dialect.complete(&operation.id))
            }
            Sent::Goes(operation, reader) => {
                self.current(&operation)?.source = Source::Shared(reader);
                None
            }
        }
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.stop_all();
    }
}
