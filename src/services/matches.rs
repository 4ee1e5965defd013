//! Matches: ready check, start, and what ends them without a result (rule 13).

use std::{collections::HashMap, sync::Arc};

use sea_orm::sea_query::Expr;

use super::{
    Services,
    admin::checked_reason,
    audit::{self, Entry},
    core::{Core, Written, now},
    paging::{Page, Slice},
    penalties::punish,
    results::Writer,
    timelines::{own_event, since_start},
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{engagements, match_players, matches, users},
    error::{Error, Reason, Result},
    game::{
        event::Fact,
        ids::{MatchId, TicketId, UserId},
        matches::MatchStatus,
        penalty::Misdeed,
        time::Timestamp,
    },
};

/// See the module.
pub struct Matches {
    pub(super) core: Arc<Core>,
    pub(super) writer: Writer,
}

impl Matches {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { writer: Writer::new(core.clone()), core }
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
        retrying(|| self.try_respond(services, user, id, accept)).await
    }

    async fn try_respond(
        &self,
        services: &Services,
        user: UserId,
        id: MatchId,
        accept: bool,
    ) -> Result<matches::Model> {
        let tx = self.core.sql.begin().await?;
        let row = matches::lock(&tx, id).await?.ok_or(Error::NotFound("match"))?;
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
        retrying(|| self.try_start(id, endpoint.as_ref())).await
    }

    async fn try_start(&self, id: MatchId, endpoint: Option<&String>) -> Result<matches::Model> {
        let tx = self.core.sql.begin().await?;
        let row = matches::lock(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        if row.status == MatchStatus::InProgress && row.endpoint.as_ref() == endpoint {
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
            (matches::Column::Endpoint, Expr::value(endpoint.cloned())),
        ];
        matches::advance(&tx, id, MatchStatus::Pending, changes).await?;
        let told = self.tell(&tx, id, vec![own_event("MATCH_STARTED", 0, now)]).await?;
        let players = match_players::of_matches(&tx, &[id]).await?;
        let data = serde_json::json!({
            "before": {"status": row.status.as_str()},
            "after": {"status": MatchStatus::InProgress.as_str(), "endpoint": endpoint},
        });
        let entry = Entry::new("MATCH_STARTED", id, data);
        audit::append_of_person(&self.core, &tx, entry).await?;
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
        retrying(|| self.try_cancel(services, id, &reason, by_server)).await
    }

    async fn try_cancel(
        &self,
        services: &Services,
        id: MatchId,
        reason: &str,
        by_server: bool,
    ) -> Result<matches::Model> {
        let tx = self.core.sql.begin().await?;
        let row = matches::lock(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        match row.status {
            MatchStatus::Cancelled if row.cancel_reason.as_deref() == Some(reason) => {
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
        let data = serde_json::json!({
            "before": {"status": row.status.as_str()},
            "after": {"status": MatchStatus::Cancelled.as_str()},
            "reason": reason,
        });
        audit::append(&self.core, &tx, vec![Entry::new("MATCH_CANCELLED", id, data)]).await?;
        self.cancel_in(services, tx, row, (&players, Vec::new()), reason, &back).await
    }

    /// Cancels matches whose deadline has passed (rule 13); says how many.
    pub async fn cancel_overdue(&self, services: &Services) -> Result<usize> {
        let overdue = matches::overdue(self.core.sql.read(), now(), 200).await?;
        for id in &overdue {
            retrying(|| self.cancel_if_overdue(services, *id)).await?;
        }
        Ok(overdue.len())
    }

    async fn cancel_if_overdue(&self, services: &Services, id: MatchId) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let Some(row) = matches::lock(&tx, id).await? else { return Ok(()) };
        if !row.status.is_open() || row.deadline_at.is_none_or(|at| at > now()) {
            return Ok(());
        }
        let players = match_players::of_matches(&tx, &[id]).await?;
        match row.status {
            MatchStatus::ReadyCheck => {
                let reason = "not everybody accepted in time";
                self.fall_through(services, tx, row, &players, reason).await?;
            }
            MatchStatus::Pending => {
                let back = whole_tickets(&players, |_| true);
                let reason = "no game server started the match in time";
                self.cancel_in(services, tx, row, (&players, Vec::new()), reason, &back).await?;
            }
            _ => {
                let reason = "no result was reported in time";
                self.cancel_in(services, tx, row, (&players, Vec::new()), reason, &[]).await?;
            }
        }
        Ok(())
    }

    /// A ready check failed: those who did nothing wrong go back into the queue. Who declined did wrong; once the time is
    /// up, who did not answer did too.
    async fn fall_through(
        &self,
        services: &Services,
        tx: Tx,
        row: matches::Model,
        players: &[match_players::Model],
        reason: &str,
    ) -> Result<matches::Model> {
        let late = row.deadline_at.is_some_and(|at| at <= now());
        let innocent = |player: &match_players::Model| player.accepted.unwrap_or(!late);
        let back = whole_tickets(players, innocent);
        let deeds: Vec<_> = players.iter().filter_map(|player| misdeed(player, late)).collect();
        let ids: Vec<_> = deeds.iter().map(|(user, _)| *user).collect();
        users::lock(&tx, &ids).await?;
        let told = punish(&tx, &deeds, now()).await?;
        self.cancel_in(services, tx, row, (players, told), reason, &back).await
    }

    /// A player is shown a match; where it has a ready check, they know of it from now on.
    pub async fn shown_to(&self, user: UserId, row: &matches::Model) -> Result<()> {
        if row.status != MatchStatus::ReadyCheck {
            return Ok(());
        }
        let seats = match_players::of_matches(self.core.sql.read(), &[row.id]).await?;
        let seat = seats.iter().find(|seat| seat.user_id == user);
        if seat.is_none_or(|seat| seat.asked_at.is_some()) {
            return Ok(());
        }
        let tx = self.core.sql.begin().await?;
        match_players::asked(&tx, row.id, user, now()).await?;
        tx.commit().await
    }

    async fn cancel_in(
        &self,
        services: &Services,
        tx: Tx,
        row: matches::Model,
        (players, mut told): (&[match_players::Model], Vec<Fact>),
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
        engagements::release_matches(&tx, &[id]).await?;
        let at_ms = since_start(&row, now);
        let event = own_event("MATCH_CANCELLED", at_ms, now);
        told.push(self.tell(&tx, id, vec![event]).await?);
        told.extend(services.queue.requeue(&tx, back).await?);
        self.finish_change(tx, id, players, told).await.map(|(row, _)| row)
    }

    /// Commits a change of a match together with the facts that tell of it.
    pub(super) async fn finish_change(
        &self,
        tx: Tx,
        id: MatchId,
        players: &[match_players::Model],
        more: impl IntoIterator<Item = Fact>,
    ) -> Result<(matches::Model, Written)> {
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
        let written = self.core.commit(tx, &facts).await?;
        Ok((row, written))
    }
}

/// A match is in a state that does not allow something.
pub(super) fn wrong_state(what: &str, status: MatchStatus) -> Error {
    Error::conflict(Reason::MatchState, format!("{what}; it is {}", status.as_str()))
}

/// What a player did to the others of a ready check: nothing, where they accepted or could not know of it.
fn misdeed(player: &match_players::Model, late: bool) -> Option<(UserId, Misdeed)> {
    let deed = match player.accepted {
        Some(true) => None,
        Some(false) => Some(Misdeed::Declined),
        None => (late && player.asked_at.is_some()).then_some(Misdeed::NoAnswer),
    };
    deed.map(|deed| (player.user_id, deed))
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
