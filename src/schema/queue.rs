//! Tickets and queues.

use async_graphql::{Enum, ID, InputObject, SimpleObject};

use super::scalars::DateTime;
use crate::{
    entities::{penalties, tickets},
    game::{
        matches,
        mode::{ModeId, RegionId},
        pairing, penalty,
        standing::shown,
    },
};

/// Where a ticket is in its life; the last three are ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "matches::TicketState")]
pub enum TicketState {
    /// Waiting to be matched.
    Searching,
    /// In a match.
    Matched,
    /// Taken out of the queue.
    Cancelled,
    /// Not renewed in time.
    Expired,
}

/// A place in the matchmaking queue, held by one player or one party.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct QueueTicket {
    /// Its id.
    pub id: ID,
    /// Mean rating of the players.
    pub mmr: i32,
    /// Where it is in its life.
    pub state: TicketState,
    /// When the wait began, kept through matches that fall through.
    pub joined_at: DateTime,
    /// As it is stored.
    #[graphql(skip)]
    pub row: tickets::Model,
}

impl From<tickets::Model> for QueueTicket {
    fn from(row: tickets::Model) -> Self {
        Self {
            id: row.id.to_string().into(),
            mmr: shown(row.mmr),
            state: row.state.into(),
            joined_at: DateTime(row.joined_at),
            row,
        }
    }
}

/// The numbers of one queue.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct QueueStats {
    /// Players who wait.
    pub players_searching: i32,
    /// Tickets that wait.
    pub tickets_searching: i32,
    /// Matches made in the last minute.
    pub matches_last_minute: i32,
    /// Median wait of the tickets matched lately; null where there is no history yet.
    pub median_wait_seconds: Option<f64>,
    /// The wait that 95 of 100 of them stayed under.
    pub p95_wait_seconds: Option<f64>,
    /// How long somebody of middling rating who joins now would wait: half of those like them wait no longer. Null where the
    /// queue has too little history.
    pub estimated_wait_seconds: Option<f64>,
    /// Nine of ten of those like them wait no longer.
    #[graphql(name = "estimatedWaitP90Seconds")]
    pub estimated_wait_p90_seconds: Option<f64>,
    /// When these numbers were read.
    pub updated_at: DateTime,
    /// Of which mode.
    #[graphql(skip)]
    pub mode_id: ModeId,
    /// In which region.
    #[graphql(skip)]
    pub region_id: Option<RegionId>,
}

/// A wish to play.
#[derive(Debug, InputObject)]
pub struct JoinQueueInput {
    /// What to play.
    pub mode: ModeId,
    /// Best first, with the measured round trip where known; empty: the profile's region.
    pub regions: Option<Vec<RegionPreferenceInput>>,
}

/// A region that a player would play in.
#[derive(Debug, InputObject)]
pub struct RegionPreferenceInput {
    /// Which.
    pub region: RegionId,
    /// The measured round trip in milliseconds, 0 to 10,000.
    pub latency_ms: Option<i32>,
}

/// The new ticket.
#[derive(Debug, SimpleObject)]
pub struct JoinQueuePayload {
    /// Where the viewer waits.
    pub ticket: QueueTicket,
}

/// What leaving did.
#[derive(Debug, SimpleObject)]
pub struct LeaveQueuePayload {
    /// The cancelled ticket; null when the viewer was not queued.
    pub ticket: Option<QueueTicket>,
}

/// A rule that keeps tickets out of a match. Of several the first counts, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "pairing::KeptOut")]
pub enum WaitRule {
    /// Somebody has blocked somebody.
    Blocked,
    /// The parties do not fit into the mode's teams.
    PartySize,
    /// There is no region that is near enough for both yet.
    Latency,
    /// They were opponents in their last match, just now.
    RecentlyPlayed,
    /// The ratings are too far apart yet.
    Rating,
}

/// Why a ticket waits. Every other ticket of the mode is counted once: as a candidate, or under the rule that keeps it out.
#[derive(Clone, Debug, SimpleObject)]
pub struct WaitExplanation {
    /// Tickets with which it could be in a match now.
    pub candidates: i32,
    /// The others, by rule.
    pub kept_out: Vec<KeptOutCount>,
    /// When the next are let in; null where time alone lets in nobody within ten minutes.
    pub next_widening: Option<NextWidening>,
    /// The nearest match that is not made; null where nobody could be in it.
    pub nearest: Option<NearestMatch>,
}

/// How many tickets one rule keeps out.
#[derive(Clone, Debug, SimpleObject)]
pub struct KeptOutCount {
    /// Which rule.
    pub rule: WaitRule,
    /// How many tickets.
    pub tickets: i32,
}

/// What time will change.
#[derive(Clone, Debug, SimpleObject)]
pub struct NextWidening {
    /// In how many seconds.
    pub in_seconds: f64,
    /// How many tickets are let in then.
    pub tickets: i32,
}

/// A match that is not made.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct NearestMatch {
    /// Players that it lacks.
    pub missing_players: i32,
    /// How far apart the ratings are, in MMR.
    pub spread: i32,
    /// How far apart they may be now, in MMR.
    pub allowed_spread: i32,
    /// For people: what is missing.
    pub reason: String,
    /// Where.
    #[graphql(skip)]
    pub region_id: RegionId,
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl From<pairing::Explanation> for WaitExplanation {
    fn from(why: pairing::Explanation) -> Self {
        let kept = |rule| {
            let tickets = why.kept_out.iter().filter(|(kept, _)| *kept == rule).count();
            KeptOutCount { rule: rule.into(), tickets: count(tickets) }
        };
        Self {
            candidates: count(why.candidates.len()),
            kept_out: pairing::KeptOut::ALL.map(kept).into(),
            next_widening: why.next.map(|next| NextWidening {
                in_seconds: next.in_ms as f64 / 1000.0,
                tickets: count(next.tickets),
            }),
            nearest: why.nearest.map(Into::into),
        }
    }
}

impl From<pairing::Nearest> for NearestMatch {
    fn from(nearest: pairing::Nearest) -> Self {
        let (spread, allowed) = (shown(nearest.spread), shown(nearest.allowed));
        let reason = if nearest.missing > 0 {
            format!("{} more players are needed", nearest.missing)
        } else if nearest.spread > nearest.allowed {
            format!("the ratings are {spread} MMR apart, and may be {allowed} now")
        } else {
            "it is about to be made, unless its players are needed for a better one".to_owned()
        };
        Self {
            missing_players: count(nearest.missing),
            spread,
            allowed_spread: allowed,
            reason,
            region_id: nearest.region,
        }
    }
}

/// Why somebody may not queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "penalty::Misdeed")]
pub enum PenaltyReason {
    /// They declined a ready check.
    Declined,
    /// They did not answer a ready check that they had seen.
    NoAnswer,
    /// They left a match before its end.
    Abandoned,
    /// A moderator keeps them out.
    Conduct,
}

/// Why somebody may not queue, and until when.
#[derive(Clone, Debug, SimpleObject)]
pub struct QueueLock {
    /// Until when.
    pub until: DateTime,
    /// For what they did last.
    pub reason: PenaltyReason,
    /// How often they did such things: each time the lock is longer, and every twelve hours without one forgives one.
    pub count: i32,
}

impl From<penalties::Model> for QueueLock {
    fn from(row: penalties::Model) -> Self {
        Self { until: DateTime(row.locked_until), reason: row.reason.into(), count: row.steps }
    }
}
