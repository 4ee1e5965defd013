//! Waves: waiting tickets become matches (rules 8, 10 and 12).

use std::collections::HashMap;

use sea_orm::{ActiveModelTrait, EntityTrait};
use uuid::Uuid;

use super::{
    core::now,
    leadership::{LEADERSHIP, Lead, matchmaker},
    queue::Queue,
};
use crate::{
    backends::sql::retrying,
    entities::{engagements, match_players, matches, ticket_players, tickets},
    error::{Error, Result},
    game::{
        event::Fact,
        ids::{MatchId, TicketId, UserId},
        matches::{MatchStatus, TicketState},
        mode::Mode,
        pairing::{self, Candidate, Proposal},
        rating::{Rating, win_probabilities},
        standing::shown,
        time::Timestamp,
    },
};

impl Queue {
    /// Makes the matches that can be made now in a mode; says how many.
    pub async fn run_wave(&self, mode: &Mode) -> Result<usize> {
        let name = matchmaker(mode.id.as_str());
        let Some(lead) = self.core.leadership.lead(&name) else {
            // Whoever leads says how long the queue is.
            metrics::gauge!("rankedhonor_queue_tickets", "mode" => mode.id.to_string()).set(0.0);
            return Ok(0);
        };
        let now = now();
        let db = self.core.sql.read();
        let rows = tickets::searching(db, &mode.id).await?;
        metrics::gauge!("rankedhonor_queue_tickets", "mode" => mode.id.to_string())
            .set(rows.len() as f64);
        if rows.is_empty() {
            return Ok(0);
        }
        let mut holders: HashMap<TicketId, Vec<(UserId, Rating)>> = HashMap::new();
        for row in ticket_players::of_queue(db, &mode.id).await? {
            holders.entry(row.ticket_id).or_default().push((row.user_id, row.rating()));
        }
        let candidates: Vec<_> = rows
            .iter()
            .filter_map(|row| {
                let ratings = holders.get(&row.id)?.iter().map(|(_, rating)| *rating).collect();
                Some(Candidate {
                    ticket: row.id,
                    ratings,
                    mean: row.mmr,
                    joined_at: row.joined_at,
                    regions: row.regions(),
                })
            })
            .collect();
        let rules = mode.clone();
        let proposals = tokio::task::spawn_blocking(move || {
            pairing::wave(&candidates, now, &rules.pairing, &rules.rating)
        })
        .await
        .map_err(Error::internal)?;
        let mut made = 0;
        for proposal in proposals {
            let attempt = || self.make(mode, &lead, &proposal, &holders);
            match retrying(attempt).await {
                Ok(done) => made += usize::from(done),
                Err(error) => {
                    if matches!(error, Error::Unavailable { what: LEADERSHIP, .. }) {
                        self.core.leadership.lost(&name);
                    }
                    return Err(error);
                }
            }
        }
        Ok(made)
    }

    /// Makes one match; false when one of its tickets was gone, in which case nothing happens to the others.
    async fn make(
        &self,
        mode: &Mode,
        lead: &Lead,
        proposal: &Proposal,
        holders: &HashMap<TicketId, Vec<(UserId, Rating)>>,
    ) -> Result<bool> {
        let now = now();
        let id = MatchId::from_uuid(Uuid::now_v7());
        let seats = seats(id, proposal, holders);
        let row = self.match_row(id, mode, proposal, holders, now)?;
        let fact = Fact::MatchMade {
            match_id: id,
            mode: mode.id.clone(),
            players: seats.iter().map(|seat| seat.user_id).collect(),
            ready_check: row.status == MatchStatus::ReadyCheck,
            at: now,
        };
        let tx = self.core.sql.begin().await?;
        matches::Entity::insert(matches::ActiveModel::from(row).reset_all())
            .exec_without_returning(&tx)
            .await?;
        let mut facts = vec![fact];
        for ticket in proposal.teams.iter().flatten() {
            let players = holders.get(ticket).map_or(0, Vec::len) as u64;
            let claimed = tickets::end(&tx, *ticket, TicketState::Matched, Some(id), now).await?
                && engagements::promote(&tx, *ticket, id).await? == players;
            if !claimed {
                return Ok(false);
            }
            let users = holders.get(ticket).into_iter().flatten().map(|(user, _)| *user).collect();
            facts.push(Fact::Ticket { ticket: *ticket, mode: mode.id.clone(), players: users });
        }
        let seats =
            seats.into_iter().map(|seat| match_players::ActiveModel::from(seat).reset_all());
        match_players::Entity::insert_many(seats).exec_without_returning(&tx).await?;
        // Last, so that whoever takes over need not wait for a leader that was cut off in the middle.
        lead.check(&tx).await?;
        self.core.commit(tx, &facts).await?;
        metrics::counter!("rankedhonor_matches_made_total", "mode" => mode.id.to_string())
            .increment(1);
        Ok(true)
    }

    fn match_row(
        &self,
        id: MatchId,
        mode: &Mode,
        proposal: &Proposal,
        holders: &HashMap<TicketId, Vec<(UserId, Rating)>>,
        now: Timestamp,
    ) -> Result<matches::Model> {
        let teams: Vec<Vec<Rating>> = proposal
            .teams
            .iter()
            .map(|team| {
                let players = team.iter().filter_map(|ticket| holders.get(ticket)).flatten();
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

fn seats(
    id: MatchId,
    proposal: &Proposal,
    holders: &HashMap<TicketId, Vec<(UserId, Rating)>>,
) -> Vec<match_players::Model> {
    let mut seats = Vec::new();
    for (tickets, team) in proposal.teams.iter().zip(0..) {
        let players = tickets.iter().flat_map(|ticket| {
            holders.get(ticket).into_iter().flatten().map(move |player| (ticket, player))
        });
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
