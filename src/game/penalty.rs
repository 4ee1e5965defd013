//! What declining and leaving costs: a queue lock that grows each time, and is forgiven step by step.

use super::{matches::stored_enum, time::Timestamp};

/// Queue locks in milliseconds: the first misdeed is a warning.
const LOCKS_MIN: [i64; 7] = [0, 5, 10, 20, 40, 60, 120];
const MINUTE_MS: i64 = 60_000;
/// Without a misdeed for so long, one step is forgiven, in milliseconds.
const FORGIVEN_MS: i64 = 12 * 60 * MINUTE_MS;

stored_enum!(
    /// What somebody did to the others of a match.
    Misdeed {
        /// Declined a ready check.
        Declined = "DECLINED",
        /// Did not answer a ready check.
        NoAnswer = "NO_ANSWER",
        /// Left a match before its end.
        Abandoned = "ABANDONED",
        /// Whatever a moderator found.
        Conduct = "CONDUCT",
    }
);

/// What is known of somebody's misdeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// How many count, when the last was done.
    pub steps: u32,
    /// When that was.
    pub last_at: Timestamp,
}

impl Record {
    /// How many still count.
    pub fn steps_at(&self, now: Timestamp) -> u32 {
        let forgiven = now.since(self.last_at).max(0) / FORGIVEN_MS;
        self.steps.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

/// What is known after another misdeed, and until when the player may not queue.
pub fn after_misdeed(before: Option<Record>, now: Timestamp) -> (Record, Timestamp) {
    let steps = before.map_or(0, |before| before.steps_at(now));
    let lock = LOCKS_MIN.get(steps as usize).or(LOCKS_MIN.last()).copied().unwrap_or(0);
    let record = Record { steps: steps.saturating_add(1), last_at: now };
    (record, now.plus_ms(lock * MINUTE_MS))
}
