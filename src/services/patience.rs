//! Waiting out an engine that is away for a moment, where whoever asked is not waiting for the answer.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long an engine is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// Asks again, a while later each time, while an engine is away or asked by everybody at once: so an outage does not end
/// every open stream, nor one slow answer an hour's work. What is asked must be harmless to repeat.
///
/// # Errors
/// The last one when the engine is away for longer than a minute; any other at once.
pub async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let began = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        match ask().await {
            Err(Error::Unavailable { .. } | Error::Contended(_)) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.5))).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            done => return done,
        }
    }
}
