//! Matches: ready check, start, timeline, result, and what ends them otherwise (rules 13 and 14).

use std::{collections::HashMap, sync::Arc};

use futures_util::FutureExt;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, sea_query::Expr};

use super::{
    Services,
    admin::checked_reason,
    core::{Core, now},
    paging::{Page, Slice},
    watch::{CHUNK, Live, Log, follow},
};
use crate::{
    backends::bus::Signal,
    entities::{engagements, match_events, match_players, matches},
    error::{Error, Reason, Result},
    game::{
        event::{Fact, LiveEvent, TimelineEvent, Topic},
        ids::{MatchId, TicketId, UserId},
        matches::MatchStatus,
        mode::ModeId,
        time::Timestamp,
    },
};

/// The most events in one report.
pub const EVENTS_MAX: usize = 500;
/// The most matches that `liveMatches` shows at first.
const OPEN_MAX: u64 = 100;

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

/// See the module.
pub struct Matches {
    pub(super) core: Arc<Core>,
}

impl Matches {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The match of that id.
    pub async fn get(&self, id: MatchId) -> Result<Option<matches::Model>> {
        matches::by_id(self.core.sql.read(), id).await
    }

    /// The matches of these ids, in no order.
    pub async fn get_many(&self, ids: &[MatchId]) -> Result<Vec<matches::Model>> {
        matches::by_ids(self.core.sql.read(), ids).await
    }

    /// The players of these matches, by team and slot.
    pub async fn players_of(
        &self,
        ids: &[MatchId],
    ) -> Result<HashMap<MatchId, Vec<match_players::Model>>> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for row in match_players::of_matches(self.core.sql.read(), ids).await? {
            found.entry(row.match_id).or_default().push(row);
        }
        Ok(found)
    }

    /// The player's match that is not over.
    pub async fn mine(&self, user: UserId) -> Result<Option<matches::Model>> {
        let engaged = engagements::of_user(self.core.sql.read(), user).await?;
        let Some(id) = engaged.and_then(|row| row.match_id) else { return Ok(None) };
        self.get(id).await
    }

    /// Matches, newest first; the cursor is the id.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode or region.
    pub async fn page(
        &self,
        filter: &matches::Filter,
        page: &Page<MatchId>,
    ) -> Result<Slice<matches::Model>> {
        if let Some(mode) = &filter.mode {
            self.core.mode("filter.mode", mode.as_str())?;
        }
        if let Some(region) = &filter.region {
            self.core.region("filter.region", region)?;
        }
        let db = self.core.sql.read();
        let (older, newer) = (page.after, page.before);
        let rows = matches::list(db, filter, older, newer, page.backward, page.fetch()).await?;
        Ok(page.cut(rows))
    }

    /// A match's timeline, oldest first; the cursor is the place.
    pub async fn timeline(&self, id: MatchId, page: &Page<i64>) -> Result<Slice<TimelineEvent>> {
        let after = page.after.unwrap_or(0);
        Ok(page.cut(match_events::list(self.core.sql.read(), id, after, page.fetch()).await?))
    }

    /// A player's answer to the ready check. The same answer again changes nothing.
    ///
    /// # Errors
    /// NOT_FOUND for a match that the player is not in, CONFLICT when it is past its ready check or was answered otherwise.
    pub async fn respond(
        &self,
        services: &Services,
        user: UserId,
        id: MatchId,
        accept: bool,
    ) -> Result<matches::Model> {
        let tx = self.core.sql.begin().await?;
        let row = matches::by_id(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        let mut players = match_players::of_matches(&tx, &[id]).await?;
        let seat = players.iter_mut().find(|player| player.user_id == user);
        let seat = seat.ok_or(Error::NotFound("match"))?;
        match seat.accepted {
            Some(given) if given == accept => return Ok(row),
            Some(_) => {
                return Err(Error::conflict(
                    Reason::AlreadyResponded,
                    "you answered this ready check already",
                ));
            }
            None => {}
        }
        if row.status != MatchStatus::ReadyCheck || row.deadline_at.is_some_and(|at| at <= now()) {
            return Err(wrong_state("the ready check of this match is over", row.status));
        }
        match_players::answer(&tx, id, user, accept).await?;
        seat.accepted = Some(accept);
        if !accept {
            return self.fall_through(services, tx, row, &players, "a player declined").await;
        }
        let mode = self.core.mode("mode", row.mode.as_str())?.clone();
        if players.iter().all(|player| player.accepted == Some(true)) {
            let deadline = now().plus_ms(mode.start_deadline_ms);
            let changes = vec![
                (matches::Column::Status, Expr::value(MatchStatus::Pending)),
                (matches::Column::DeadlineAt, Expr::value(deadline)),
            ];
            matches::advance(&tx, id, MatchStatus::ReadyCheck, changes).await?;
        }
        self.finish_change(tx, id, &players, []).await.map(|(row, _)| row)
    }

    /// A game server has started a match. Starting it again with the same endpoint changes nothing.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match, CONFLICT when it is not PENDING, BAD_USER_INPUT for a malformed endpoint.
    pub async fn start(&self, id: MatchId, endpoint: Option<String>) -> Result<matches::Model> {
        if let Some(endpoint) = &endpoint {
            check_endpoint(endpoint)?;
        }
        let tx = self.core.sql.begin().await?;
        let row = matches::by_id(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        if row.status == MatchStatus::InProgress && row.endpoint == endpoint {
            return Ok(row);
        }
        if row.status != MatchStatus::Pending {
            return Err(wrong_state("only a match that is PENDING can start", row.status));
        }
        let now = now();
        let mode = self.core.mode("mode", row.mode.as_str())?;
        let changes = vec![
            (matches::Column::Status, Expr::value(MatchStatus::InProgress)),
            (matches::Column::StartedAt, Expr::value(now)),
            (matches::Column::DeadlineAt, Expr::value(now.plus_ms(mode.play_deadline_ms))),
            (matches::Column::Endpoint, Expr::value(endpoint)),
        ];
        matches::advance(&tx, id, MatchStatus::Pending, changes).await?;
        let told = self.tell(&tx, id, vec![own_event("MATCH_STARTED", 0, now)]).await?;
        let players = match_players::of_matches(&tx, &[id]).await?;
        self.finish_change(tx, id, &players, [told]).await.map(|(row, _)| row)
    }

    /// A game server or an admin cancels a match that is not over. Where a game server gives up on one that it never
    /// started, its players go back into the queue with their seniority.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match, CONFLICT when it is over.
    pub async fn cancel(
        &self,
        services: &Services,
        id: MatchId,
        reason: &str,
        by_server: bool,
    ) -> Result<matches::Model> {
        let reason = checked_reason("input.reason", reason)?;
        let tx = self.core.sql.begin().await?;
        let row = matches::by_id(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        match row.status {
            MatchStatus::Cancelled if row.cancel_reason.as_deref() == Some(&reason) => {
                return Ok(row);
            }
            status if !status.is_open() => {
                return Err(wrong_state("this match is over", status));
            }
            _ => {}
        }
        let players = match_players::of_matches(&tx, &[id]).await?;
        let back = if by_server && row.status != MatchStatus::InProgress {
            whole_tickets(&players, |_| true)
        } else {
            Vec::new()
        };
        self.cancel_in(services, tx, row, &players, &reason, &back).await
    }

    /// Cancels matches whose deadline has passed (rule 13); says how many.
    pub async fn cancel_overdue(&self, services: &Services) -> Result<usize> {
        let overdue = matches::overdue(self.core.sql.read(), now(), 200).await?;
        for id in &overdue {
            let tx = self.core.sql.begin().await?;
            let Some(row) = matches::by_id(&tx, *id).await? else { continue };
            if !row.status.is_open() || row.deadline_at.is_none_or(|at| at > now()) {
                continue;
            }
            let players = match_players::of_matches(&tx, &[*id]).await?;
            match row.status {
                MatchStatus::ReadyCheck => {
                    let reason = "not everybody accepted in time";
                    self.fall_through(services, tx, row, &players, reason).await?;
                }
                MatchStatus::Pending => {
                    let back = whole_tickets(&players, |_| true);
                    let reason = "no game server started the match in time";
                    self.cancel_in(services, tx, row, &players, reason, &back).await?;
                }
                _ => {
                    let reason = "no result was reported in time";
                    self.cancel_in(services, tx, row, &players, reason, &[]).await?;
                }
            }
        }
        Ok(overdue.len())
    }

    /// A ready check failed: those who did nothing wrong go back into the queue. Who declined did wrong; once the time is
    /// up, who did not answer did too.
    async fn fall_through(
        &self,
        services: &Services,
        tx: DatabaseTransaction,
        row: matches::Model,
        players: &[match_players::Model],
        reason: &str,
    ) -> Result<matches::Model> {
        let late = row.deadline_at.is_some_and(|at| at <= now());
        let innocent = |player: &match_players::Model| player.accepted.unwrap_or(!late);
        let back = whole_tickets(players, innocent);
        self.cancel_in(services, tx, row, players, reason, &back).await
    }

    async fn cancel_in(
        &self,
        services: &Services,
        tx: DatabaseTransaction,
        row: matches::Model,
        players: &[match_players::Model],
        reason: &str,
        back: &[TicketId],
    ) -> Result<matches::Model> {
        let (id, now) = (row.id, now());
        let changes = vec![
            (matches::Column::Status, Expr::value(MatchStatus::Cancelled)),
            (matches::Column::EndedAt, Expr::value(now)),
            (matches::Column::DeadlineAt, Expr::value(None::<Timestamp>)),
            (matches::Column::CancelReason, Expr::value(reason)),
        ];
        matches::advance(&tx, id, row.status, changes).await?;
        engagements::release_match(&tx, id).await?;
        let at_ms = since_start(&row, now);
        let event = own_event("MATCH_CANCELLED", at_ms, now);
        let mut told = vec![self.tell(&tx, id, vec![event]).await?];
        told.extend(services.queue.requeue(&tx, back).await?);
        self.finish_change(tx, id, players, told).await.map(|(row, _)| row)
    }

    /// Commits a change of a match together with the facts that tell of it.
    pub(super) async fn finish_change(
        &self,
        tx: DatabaseTransaction,
        id: MatchId,
        players: &[match_players::Model],
        more: impl IntoIterator<Item = Fact>,
    ) -> Result<(matches::Model, i64)> {
        let row = matches::by_id(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        let mut facts = vec![Fact::MatchChanged {
            match_id: id,
            mode: row.mode.clone(),
            status: row.status,
            players: players.iter().map(|player| player.user_id).collect(),
            reason: row.cancel_reason.clone(),
            at: now(),
        }];
        facts.extend(more);
        let seq = self.core.commit(tx, &facts).await?;
        Ok((row, seq))
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
        let tx = self.core.sql.begin().await?;
        let row = matches::by_id(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        let players = match_players::of_matches(&tx, &[id]).await?;
        check_events(&events, &players)?;
        let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
        let mut seen: std::collections::HashSet<_> =
            match_events::recorded(&tx, id, &sequences).await?.into_iter().collect();
        let now = now();
        let fresh: Vec<_> = events
            .into_iter()
            .filter(|event| seen.insert(event.sequence))
            .map(|event| (Some(event.sequence), timeline_event(event, now)))
            .collect();
        if fresh.is_empty() {
            return Ok((row, 0));
        }
        if row.status != MatchStatus::InProgress {
            return Err(wrong_state("events belong to a match that is IN_PROGRESS", row.status));
        }
        let recorded = fresh.len();
        let told = self.tell(&tx, id, fresh).await?;
        self.core.commit(tx, &[told]).await?;
        Ok((row, recorded))
    }

    /// Adds events to a timeline, each at the next place.
    pub(super) async fn tell(
        &self,
        tx: &DatabaseTransaction,
        id: MatchId,
        events: Vec<(Option<i32>, TimelineEvent)>,
    ) -> Result<Fact> {
        let mut position = match_events::last_position(tx, id).await?;
        let mut rows = Vec::new();
        let mut told = Vec::new();
        for (sequence, mut event) in events {
            position += 1;
            event.position = position;
            rows.push(
                match_events::ActiveModel::from(match_events::Model {
                    match_id: id,
                    position,
                    sequence,
                    kind: event.kind.clone(),
                    at_ms: event.at_ms,
                    actor: event.actor,
                    target: event.target,
                    data: event.data.as_ref().map(ToString::to_string),
                    recorded_at: event.recorded_at,
                })
                .reset_all(),
            );
            told.push(event);
        }
        match_events::Entity::insert_many(rows).exec_without_returning(tx).await?;
        Ok(Fact::Timeline { match_id: id, events: told })
    }

    /// A match now and at each change of its status.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match.
    pub async fn watch(&self, id: MatchId) -> Result<Live<matches::Model>> {
        let mut bus = self.core.bus.subscribe(Topic::Match(id));
        let first = self.get(id).await?.ok_or(Error::NotFound("match"))?;
        let core = self.core.clone();
        Ok(Box::pin(async_stream::try_stream! {
            let over = !first.status.is_open();
            yield first;
            if over {
                return;
            }
            while let Some(signal) = bus.next().await {
                let matters = match &signal {
                    Signal::Event(event) => matches!(&**event, LiveEvent::Match { .. }),
                    Signal::Gap => true,
                };
                if !matters {
                    continue;
                }
                let Some(row) = matches::by_id(core.sql.read(), id).await? else { break };
                let over = !row.status.is_open();
                yield row;
                if over {
                    break;
                }
            }
        }))
    }

    /// A match's timeline behind `after`, then live; completes when the match is over.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match, BAD_USER_INPUT for a cursor that is not one of its.
    pub async fn watch_timeline(
        &self,
        id: MatchId,
        after: Option<i64>,
    ) -> Result<Live<TimelineEvent>> {
        let bus = self.core.bus.subscribe(Topic::Match(id));
        let row = self.get(id).await?.ok_or(Error::NotFound("match"))?;
        let last = match_events::last_position(self.core.sql.read(), id).await?;
        let after = after.unwrap_or(0);
        if !(0..=last).contains(&after) {
            return Err(Error::bad_input("after", "this cursor is not one of this match's"));
        }
        let (core, db) = (self.core.clone(), self.core.clone());
        let log = Log {
            read: move |after| {
                let core = core.clone();
                async move {
                    let events = match_events::list(core.sql.read(), id, after, CHUNK).await?;
                    Ok(events.into_iter().map(|event| (event.position, event)).collect())
                }
                .boxed()
            },
            pick: |event: &LiveEvent| match event {
                LiveEvent::Timeline { events, .. } => {
                    events.iter().map(|event| (event.position, event.clone())).collect()
                }
                _ => Vec::new(),
            },
        };
        let over = !row.status.is_open();
        let mut events = follow(bus, after, true, log);
        Ok(Box::pin(async_stream::try_stream! {
            let mut shown = after;
            while !(over && shown >= last) {
                let Some(event) = futures_util::StreamExt::next(&mut events).await else { break };
                let event = event?;
                let ends = matches!(event.kind.as_str(), "MATCH_COMPLETED" | "MATCH_CANCELLED");
                shown = event.position;
                yield event;
                // The last line of every timeline. A game server's own event of that name is not the end.
                if ends && matches::by_id(db.sql.read(), id).await?.is_none_or(|row| !row.status.is_open()) {
                    break;
                }
            }
        }))
    }

    /// Matches as they are made and finished: those that are open now, then each that is made or over.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode.
    pub async fn watch_all(&self, mode: Option<ModeId>) -> Result<Live<matches::Model>> {
        if let Some(mode) = &mode {
            self.core.mode("mode", mode.as_str())?;
        }
        let mut bus = self.core.bus.subscribe(Topic::Matches);
        let core = self.core.clone();
        let open = matches::open(core.sql.read(), mode.as_ref(), OPEN_MAX).await?;
        Ok(Box::pin(async_stream::try_stream! {
            for row in open {
                yield row;
            }
            while let Some(signal) = bus.next().await {
                let Signal::Event(event) = signal else { continue };
                let LiveEvent::Match { match_id, mode: of, status, made, .. } = &*event else { continue };
                let wanted = mode.as_ref().is_none_or(|mode| mode == of) && (*made || !status.is_open());
                let row = if wanted { matches::by_id(core.sql.read(), *match_id).await? } else { None };
                if let Some(row) = row {
                    yield row;
                }
            }
        }))
    }
}

/// A match is in a state that does not allow something.
pub(super) fn wrong_state(what: &str, status: MatchStatus) -> Error {
    Error::conflict(Reason::MatchState, format!("{what}; it is {}", status.as_str()))
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

/// The tickets all of whose players are so.
fn whole_tickets(
    players: &[match_players::Model],
    so: impl Fn(&match_players::Model) -> bool,
) -> Vec<TicketId> {
    let mut tickets: Vec<_> = players.iter().map(|player| player.ticket_id).collect();
    tickets.dedup();
    tickets.retain(|ticket| players.iter().filter(|p| p.ticket_id == *ticket).all(&so));
    tickets
}

fn check_endpoint(endpoint: &str) -> Result<()> {
    let (host, port) = endpoint.rsplit_once(':').unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    let good = !host.is_empty()
        && endpoint.len() <= 300
        && host.chars().all(plain)
        && port.parse::<u16>().is_ok_and(|port| port > 0);
    good.then_some(()).ok_or_else(|| Error::bad_input("input.endpoint", "an endpoint is host:port"))
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
