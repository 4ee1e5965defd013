//! What happened in a match, line by line.

use super::{
    audit::{self, Entry},
    core::now,
    matches::{Matches, wrong_state},
    paging::{Page, Slice},
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{match_events, match_players, matches},
    error::{Error, Result},
    game::{
        event::{Fact, TimelineEvent},
        ids::{MatchId, UserId},
        matches::MatchStatus,
        time::Timestamp,
    },
};

/// The most events in one report.
pub const EVENTS_MAX: usize = 500;
/// One event as a game server reports it.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The game server's own number for it.
    pub sequence: i32,
    /// What happened: 1 to 64 of `[A-Za-z0-9_.:-]`.
    pub kind: String,
    /// Milliseconds since the match started.
    pub at_ms: i32,
    /// Who did it.
    pub actor: Option<UserId>,
    /// To whom.
    pub target: Option<UserId>,
    /// A JSON object.
    pub data: Option<serde_json::Value>,
}

impl Matches {
    /// A match's timeline, oldest first; the cursor is the place. Spectators see what is older than its mode's delay.
    pub async fn timeline(
        &self,
        row: &matches::Model,
        page: &Page<i64>,
        spectates: bool,
    ) -> Result<Slice<TimelineEvent>> {
        let after = page.after.unwrap_or(0);
        let db = self.core.sql.read();
        let mut events = match_events::list(db, row.id, after, page.fetch()).await?;
        if spectates {
            let delay_ms = self.core.mode("mode", row.mode.as_str())?.spectator_delay_ms;
            let until = now().plus_ms(-delay_ms);
            let shown = events.iter().take_while(|event| event.recorded_at <= until).count();
            events.truncate(if delay_ms == 0 { events.len() } else { shown });
        }
        Ok(page.cut(events))
    }

    /// Adds to a match's timeline what the game server reports; numbers that are recorded already are skipped.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a malformed event, CONFLICT when the match is not in progress.
    pub async fn record(
        &self,
        id: MatchId,
        events: Vec<NewEvent>,
    ) -> Result<(matches::Model, usize)> {
        if events.is_empty() || events.len() > EVENTS_MAX {
            let message = format!("report 1 to {EVENTS_MAX} events at once");
            return Err(Error::bad_input("input.events", message));
        }
        retrying(|| self.try_record(id, &events)).await
    }

    async fn try_record(
        &self,
        id: MatchId,
        events: &[NewEvent],
    ) -> Result<(matches::Model, usize)> {
        let tx = self.core.sql.begin().await?;
        let row = matches::lock(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        let players = match_players::of_matches(&tx, &[id]).await?;
        check_events(events, &players)?;
        let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
        let mut seen: std::collections::HashSet<_> =
            match_events::recorded(&tx, id, &sequences).await?.into_iter().collect();
        let now = now();
        let fresh: Vec<_> = events
            .iter()
            .filter(|event| seen.insert(event.sequence))
            .map(|event| (Some(event.sequence), timeline_event(event.clone(), now)))
            .collect();
        if fresh.is_empty() {
            return Ok((row, 0));
        }
        if row.status != MatchStatus::InProgress {
            return Err(wrong_state("events belong to a match that is IN_PROGRESS", row.status));
        }
        let recorded = fresh.len();
        let told = self.tell(&tx, id, fresh).await?;
        let data = serde_json::json!({"after": {"recorded": recorded}});
        let entry = Entry::new("MATCH_EVENTS_RECORDED", id, data);
        audit::append_of_person(&self.core, &tx, entry).await?;
        self.core.commit(tx, &[told]).await?;
        Ok((row, recorded))
    }

    /// Adds events to a timeline, each at the next place.
    pub(super) async fn tell(
        &self,
        tx: &Tx,
        id: MatchId,
        events: Vec<(Option<i32>, TimelineEvent)>,
    ) -> Result<Fact> {
        let mut told = tell_all(tx, vec![(id, events)]).await?;
        told.pop().ok_or_else(|| Error::internal("nothing was told"))
    }
}

/// What a timeline is to grow by: each event with the game server's own number, where it has one.
pub(super) type Growth = (MatchId, Vec<(Option<i32>, TimelineEvent)>);

/// Adds events to timelines, each at the next place.
pub(super) async fn tell_all(tx: &Tx, growths: Vec<Growth>) -> Result<Vec<Fact>> {
    let ids: Vec<_> = growths.iter().map(|(id, _)| *id).collect();
    let last = match_events::last_positions(tx, &ids).await?;
    let (mut rows, mut facts) = (Vec::new(), Vec::new());
    for (id, events) in growths {
        let mut told = Vec::new();
        for ((sequence, mut event), place) in events.into_iter().zip(1..) {
            event.position = last.get(&id).copied().unwrap_or(0) + place;
            rows.push(match_events::Model {
                match_id: id,
                position: event.position,
                sequence,
                kind: event.kind.clone(),
                at_ms: event.at_ms,
                actor: event.actor,
                target: event.target,
                data: event.data.as_ref().map(ToString::to_string),
                recorded_at: event.recorded_at,
            });
            told.push(event);
        }
        facts.push(Fact::Timeline { match_id: id, events: told });
    }
    match_events::add(tx, rows).await?;
    Ok(facts)
}

/// Milliseconds from a match's start to now.
pub(super) fn since_start(row: &matches::Model, now: Timestamp) -> i32 {
    row.started_at.map_or(0, |at| i32::try_from(now.since(at).max(0)).unwrap_or(i32::MAX))
}

/// An event that the server itself adds to a timeline.
pub(super) fn own_event(kind: &str, at_ms: i32, now: Timestamp) -> (Option<i32>, TimelineEvent) {
    let event = TimelineEvent {
        position: 0,
        kind: kind.into(),
        at_ms,
        actor: None,
        target: None,
        data: None,
        recorded_at: now,
    };
    (None, event)
}

fn timeline_event(event: NewEvent, now: Timestamp) -> TimelineEvent {
    TimelineEvent {
        position: 0,
        kind: event.kind,
        at_ms: event.at_ms,
        actor: event.actor,
        target: event.target,
        data: event.data,
        recorded_at: now,
    }
}

fn check_events(events: &[NewEvent], players: &[match_players::Model]) -> Result<()> {
    let mut at_least = 0;
    for (index, event) in events.iter().enumerate() {
        let refuse = |field: &str, message: &str| {
            Err(Error::bad_input(format!("input.events[{index}].{field}"), message))
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
        if !(1..=64).contains(&event.kind.len()) || !event.kind.chars().all(plain) {
            return refuse(
                "kind",
                "a kind has 1 to 64 of the characters A-Z, a-z, 0-9, _ . : and -",
            );
        }
        if event.sequence < 0 {
            return refuse("sequence", "a sequence is not negative");
        }
        if event.at_ms < at_least {
            return refuse("atMs", "events come in time order, from 0 on");
        }
        at_least = event.at_ms;
        let plays = |user: Option<UserId>| {
            user.is_none_or(|user| players.iter().any(|player| player.user_id == user))
        };
        if !plays(event.actor) {
            return refuse("actorId", "this user does not play in the match");
        }
        if !plays(event.target) {
            return refuse("targetId", "this user does not play in the match");
        }
    }
    Ok(())
}
