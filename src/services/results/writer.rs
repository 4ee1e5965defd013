//! Groups results: those that come while others are being written are written together, in one transaction. A result that
//! comes alone waits for nobody.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tracing::Instrument;

use super::{
    batch::{Applied, Report, apply},
    changes_of,
};
use crate::{
    backends::sql::retrying,
    entities::matches,
    error::{Error, Result},
    game::event::RankChange,
    services::core::{Core, Written},
    telemetry,
};

/// What a report is answered with.
pub enum Answer {
    /// The match is over, and that is what it did to its players.
    Done(Box<matches::Model>, Vec<RankChange>),
    /// It was over, with this result.
    Before(Box<matches::Model>),
    /// Somebody in it has a later result: nothing was changed.
    Late,
}

type Teller = oneshot::Sender<Result<Answer>>;

/// See the module.
pub struct Writer {
    core: Arc<Core>,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    reports: VecDeque<(Arc<Report>, Teller)>,
    /// Lanes that are at work: each goes on until nothing waits.
    lanes: usize,
}

type Batch = (Vec<Arc<Report>>, Vec<Teller>);

impl Writer {
    pub fn new(core: Arc<Core>) -> Self {
        Self { core, queue: Arc::default() }
    }

    /// Applies a report, together with others that come at the same time.
    ///
    /// # Errors
    /// As [`Matches::report`](super::Matches::report).
    pub async fn write(&self, report: Arc<Report>) -> Result<Answer> {
        let (tell, told) = oneshot::channel();
        self.add(report, tell);
        told.await.unwrap_or_else(|gone| Err(Error::unavailable("server", gone)))
    }

    fn add(&self, report: Arc<Report>, tell: Teller) {
        let settings = &self.core.config.settings.sql;
        // An embedded database writes one transaction at a time.
        let lanes = if self.core.sql.is_embedded() { 1 } else { settings.results_lanes };
        let mut waiting = self.queue.held();
        waiting.reports.push_back((report, tell));
        if waiting.lanes < lanes {
            waiting.lanes += 1;
            let together = settings.results_together;
            let lane = Lane { queue: self.queue.clone(), together, open: true };
            tokio::spawn(lane.work(self.core.clone()));
        }
    }
}

impl Queue {
    fn held(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lane {
    queue: Arc<Queue>,
    /// Results in one transaction.
    together: usize,
    open: bool,
}

impl Lane {
    async fn work(mut self, core: Arc<Core>) {
        while let Some((reports, tell)) = self.next() {
            let span = tracing::debug_span!("results", together = reports.len());
            if let Some(trace) = reports.iter().find_map(|report| report.trace.as_deref()) {
                telemetry::follows(&span, trace);
            }
            let applied = write(&core, &reports).instrument(span).await;
            let mut done = Vec::new();
            for (tell, applied) in tell.into_iter().zip(applied) {
                let answer = match applied {
                    Ok(Applied::Now(row, written)) => {
                        done.push((tell, row, written));
                        continue;
                    }
                    Ok(Applied::Before(row)) => Ok(Answer::Before(row)),
                    Ok(Applied::Late) => Ok(Answer::Late),
                    Err(error) => Err(error),
                };
                // An error: the request was given up meanwhile.
                let _ = tell.send(answer);
            }
            if !done.is_empty() {
                // The next ones are written meanwhile.
                tokio::spawn(tell_done(core.clone(), done));
            }
        }
    }

    /// What is to be written next: of a match only the first report, the others see what became of it. The lane ends where
    /// nothing waits.
    fn next(&mut self) -> Option<Batch> {
        let mut waiting = self.queue.held();
        if waiting.reports.is_empty() {
            waiting.lanes -= 1;
            self.open = false;
            return None;
        }
        let mut seen = HashSet::new();
        let (mut reports, mut tell, mut later) = (Vec::new(), Vec::new(), VecDeque::new());
        while let Some((report, teller)) = waiting.reports.pop_front() {
            if reports.len() < self.together && seen.insert(report.id) {
                reports.push(report);
                tell.push(teller);
            } else {
                later.push_back((report, teller));
            }
        }
        waiting.reports = later;
        Some((reports, tell))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Only where the work broke off.
        if self.open {
            self.queue.held().lanes -= 1;
        }
    }
}

/// Answers reports when what they did is everywhere.
async fn tell_done(core: Arc<Core>, done: Vec<(Teller, Box<matches::Model>, Written)>) {
    let (mut tellers, mut written) = (Vec::new(), Vec::new());
    for (tell, row, own) in done {
        tellers.push((tell, row));
        written.push(own.settled());
    }
    join_all(written).await;
    let ids: Vec<_> = tellers.iter().map(|(_, row)| row.id).collect();
    let mut changes = changes_of(&core, &ids).await;
    for (tell, row) in tellers {
        let answer = match &mut changes {
            Ok(changes) => {
                let own = changes.remove(&row.id).unwrap_or_default();
                Ok(Answer::Done(row, own))
            }
            // The result is there all the same: told again, it is answered.
            Err(error) => Err(Error::unavailable("database", error.to_string())),
        };
        let _ = tell.send(answer);
    }
}

async fn write(core: &Core, reports: &[Arc<Report>]) -> Vec<Result<Applied>> {
    match retrying(|| apply(core, reports)).await {
        Ok(answers) => answers,
        Err(error) if reports.len() == 1 => vec![Err(error)],
        Err(Error::Unavailable { what, .. }) => {
            reports.iter().map(|_| Err(Error::Unavailable { what, source: None })).collect()
        }
        // One of them is to blame: each for itself.
        Err(error) => {
            tracing::warn!(%error, together = reports.len(), "results could not be written together");
            let mut answers = Vec::new();
            for report in reports {
                let alone = std::slice::from_ref(report);
                let answer = retrying(|| apply(core, alone)).await;
                answers.push(answer.and_then(|mut answers| {
                    answers.pop().unwrap_or_else(|| Err(Error::internal("no answer")))
                }));
            }
            answers
        }
    }
}
