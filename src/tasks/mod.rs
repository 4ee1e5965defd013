//! The loops: what runs by itself, from start to stop. A loop that fails says so and goes on.

pub mod corrector;
pub mod follower;
pub mod janitor;
pub mod leader;
pub mod mailer;
pub mod matchmaker;
pub mod relay;

use std::time::Duration;

/// How long a loop rests after a failure.
const PAUSE: Duration = Duration::from_millis(500);
