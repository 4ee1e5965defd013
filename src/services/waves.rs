//! Waves: waiting tickets become matches (rules 8, 10 and 12).

use std::{collections::HashSet, sync::Arc};

use uuid::Uuid;

use super::{
    core::now,
    leadership::{LEADERSHIP, Lead, matchmaker},
    pool::{Pool, Waiting},
    queue::Queue,
};
use crate::{
    backends::sql::retrying,
    entities::{engagements, match_players, matches, tickets},
    error::{Error, Result},
    game::{
        event::Fact,
        ids::{MatchId, TicketId},
        matches::MatchStatus,
        mode::Mode,
        pairing::{self, Proposal},
        rating::{Rating, win_probabilities},
        standing::shown,
        time::Timestamp,
    },
};

/// Matches made in one transaction.
const TOGETHER: usize = 128;

/// What became of proposals.
#[derive(Default)]
struct Made {
    matches: usize,
    /// Tickets that wait no more: those in the matches, and those that had ended before.
    gone: Vec<TicketId>,
}

impl Queue {
    /// Makes the matches that can be made now in a mode; says how many.
    pub async fn run_wave(&self, mode: &Arc<Mode>) -> Result<usize> {
        let name = matchmaker(mode.id.as_str());
        let waiting = metrics::gauge!("rankedhonor_queue_tickets", "mode" => mode.id.to_string());
        let pool = self.pool_of(&mode.id);
        let mut held = pool.lock().await;
        let Some(lead) = self.core.leadership.lead(&name) else {
            // Whoever leads says how long the queue is.
            waiting.set(0.0);
            *held = None;
            return Ok(0);
        };
        // Where anything fails it is read anew the next time.
        let mut pool = match held.take() {
            Some(mut pool) if pool.token == lead.token && !pool.is_old() => {
                let whole = pool.follow(&self.core).await?;
                if whole { pool } else { Pool::read(&self.core, mode, lead.token).await? }
            }
            _ => Pool::read(&self.core, mode, lead.token).await?,
        };
        waiting.set(pool.waiting.len() as f64);
        let mut matches = 0;
        if pool.waiting.len() > 0 {
            let proposals = self.propose(mode, &pool.waiting).await?;
            for proposals in proposals.chunks(TOGETHER) {
                let made = retrying(|| self.make(mode, &lead, proposals, &pool.waiting)).await;
                let made = made.inspect_err(|error| {
                    if matches!(error, Error::Unavailable { what: LEADERSHIP, .. }) {
                        self.core.leadership.lost(&name);
                    }
                })?;
                matches += made.matches;
                pool.waiting.remove(made.gone);
            }
        }
        *held = Some(pool);
        Ok(matches)
    }

    async fn propose(&self, mode: &Arc<Mode>, waiting: &Waiting) -> Result<Vec<Proposal>> {
        let (candidates, known) = (waiting.candidates(), self.known(&mode.id).await?);
        let (rules, now) = (self.core.rulebook.of(mode), now());
        let wave = move || pairing::wave(&candidates, now, &rules, &known.demand);
        tokio::task::spawn_blocking(wave).await.map_err(Error::internal)
    }

    /// Makes these matches, in one transaction; one of whose tickets is gone is left out, and nothing happens to its others.
    async fn make(
        &self,
        mode: &Mode,
        lead: &Lead,
        proposals: &[Proposal],
        waiting: &Waiting,
    ) -> Result<Made> {
        let now = now();
        let tx = self.core.sql.begin().await?;
        let wanted: Vec<_> =
            proposals.iter().flat_map(|proposal| proposal.teams.concat()).collect();
        let there: HashSet<_> = tickets::lock_searching(&tx, &wanted).await?.into_iter().collect();
        let mut made = Made {
            gone: wanted.into_iter().filter(|ticket| !there.contains(ticket)).collect(),
            ..Made::default()
        };
        let (mut rows, mut players, mut claims, mut facts) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for proposal in proposals {
            if !proposal.teams.iter().flatten().all(|ticket| there.contains(ticket)) {
                continue;
            }
            let id = MatchId::from_uuid(Uuid::now_v7());
            let seats = seats(id, proposal, waiting);
            let row = self.match_row(id, mode, proposal, waiting, now)?;
            facts.push(Fact::MatchMade {
                match_id: id,
                mode: mode.id.clone(),
                players: seats.iter().map(|seat| seat.user_id).collect(),
                ready_check: row.status == MatchStatus::ReadyCheck,
                at: now,
            });
            for ticket in proposal.teams.iter().flatten() {
                let users = waiting.holders(*ticket).iter().map(|(user, _)| *user).collect();
                facts.push(Fact::Ticket { ticket: *ticket, mode: mode.id.clone(), players: users });
                claims.push((*ticket, id));
            }
            rows.push(row);
            players.extend(seats);
        }
        if rows.is_empty() {
            return Ok(made);
        }
        let seated = players.len() as u64;
        (made.matches, made.gone) =
            (rows.len(), made.gone.into_iter().chain(claims.iter().map(|(id, _)| *id)).collect());
        matches::add(&tx, rows).await?;
        match_players::add(&tx, players).await?;
        tickets::claim(&tx, &claims, now).await?;
        if engagements::promote(&tx, &claims).await? != seated {
            return Err(Error::internal("the holders of a waiting ticket are engaged elsewhere"));
        }
        // Last, so that whoever takes over need not wait for a leader that was cut off in the middle.
        lead.check(&tx).await?;
        self.core.commit(tx, &facts).await?;
        metrics::counter!("rankedhonor_matches_made_total", "mode" => mode.id.to_string())
            .increment(made.matches as u64);
        Ok(made)
    }

    fn match_row(
        &self,
        id: MatchId,
        mode: &Mode,
        proposal: &Proposal,
        waiting: &Waiting,
        now: Timestamp,
    ) -> Result<matches::Model> {
        let teams: Vec<Vec<Rating>> = proposal
            .teams
            .iter()
            .map(|team| {
                let players = team.iter().flat_map(|ticket| waiting.holders(*ticket));
                players.map(|(_, rating)| *rating).collect()
            })
            .collect();
        let values: Vec<_> = teams.iter().flatten().map(|rating| rating.value).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let chances = win_probabilities(&teams, &mode.rating);
        let (status, deadline_ms) = if mode.ready_check_ms > 0 {
            (MatchStatus::ReadyCheck, mode.ready_check_ms)
        } else {
            (MatchStatus::Pending, mode.start_deadline_ms)
        };
        Ok(matches::Model {
            reported_by: None,
            id,
            mode: mode.id.clone(),
            region: proposal.region.clone(),
            season_id: self.core.season()?.id,
            status,
            average_mmr: shown(values.iter().sum::<f64>() / values.len().max(1) as f64),
            mmr_spread: shown(high - low),
            win_probabilities: serde_json::to_string(&chances).map_err(Error::internal)?,
            created_at: now,
            started_at: None,
            ended_at: None,
            deadline_at: Some(now.plus_ms(deadline_ms)),
            cancel_reason: None,
            endpoint: None,
            result_hash: None,
            team_results: None,
            voided_at: None,
            void_reason: None,
        })
    }
}

fn seats(id: MatchId, proposal: &Proposal, waiting: &Waiting) -> Vec<match_players::Model> {
    let mut seats = Vec::new();
    for (tickets, team) in proposal.teams.iter().zip(0..) {
        let players = tickets
            .iter()
            .flat_map(|ticket| waiting.holders(*ticket).iter().map(move |player| (ticket, player)));
        for ((ticket, (user, rating)), slot) in players.zip(0..) {
            seats.push(match_players::Model {
                match_id: id,
                user_id: *user,
                ticket_id: *ticket,
                team,
                slot,
                mmr_before: shown(rating.value),
                mmr_after: None,
                accepted: None,
                asked_at: None,
                kills: 0,
                deaths: 0,
                assists: 0,
                hero: None,
                abandoned: false,
            });
        }
    }
    seats
}
