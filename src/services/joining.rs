//! Joining the queue: who may, with which rating, and where they play.

use uuid::Uuid;

use super::{
    core::now,
    parties::{self, Party},
    penalties,
    queue::{Queue, enqueue, ticket_fact},
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{engagements, standings, tickets, users},
    error::{Error, Reason, Result},
    game::{
        ids::{TicketId, UserId},
        matches::TicketState,
        mode::{Mode, RegionId},
        rating::Rating,
    },
};

/// A round trip that no client measures, in milliseconds.
const LATENCY_MAX_MS: i32 = 10_000;

impl Queue {
    /// Queues a player, or the party that they lead. Without regions, the profile's counts.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode or region, or a party that is larger than a team; FORBIDDEN for a member who does not
    /// lead; CONFLICT (ALREADY_QUEUED, IN_MATCH, PARTY_NOT_READY, QUEUE_LOCKED) where somebody is engaged, not ready, or locked.
    pub async fn join(
        &self,
        user: UserId,
        mode: &str,
        regions: Vec<(RegionId, Option<i32>)>,
    ) -> Result<tickets::Model> {
        retrying(|| self.try_join(user, mode, &regions)).await
    }

    async fn try_join(
        &self,
        user: UserId,
        mode: &str,
        regions: &[(RegionId, Option<i32>)],
    ) -> Result<tickets::Model> {
        let mode = self.core.mode("input.mode", mode)?.clone();
        let tx = self.core.sql.begin().await?;
        let party = parties::locked_of(&tx, user).await?;
        let members = match &party {
            Some(party) => ready_members(party, user, &mode)?,
            None => vec![user],
        };
        let profiles = users::lock(&tx, &members).await?;
        let profile = profiles.iter().find(|profile| profile.id == user);
        let profile =
            profile.ok_or_else(|| Error::Unauthenticated("this account is gone".into()))?;
        if let Some(suspended) = profiles.iter().find(|profile| profile.is_suspended(now())) {
            let whose = called(suspended.id, user, &suspended.username);
            return Err(Error::Forbidden(format!("the account of {whose} is suspended")));
        }
        let regions = self.checked_regions(regions.to_vec(), profile.region.clone())?;
        for engaged in engagements::of_users(&tx, &members).await? {
            refuse_engaged(&engaged, user)?;
        }
        let now = now();
        penalties::refuse_locked(&tx, user, &profiles, now).await?;
        let mut holders = Vec::with_capacity(members.len());
        for member in &members {
            holders.push((*member, self.rating_of(&tx, *member, &mode).await?));
        }
        let ratings: Vec<_> = holders.iter().map(|(_, rating)| *rating).collect();
        let ticket = tickets::Model {
            id: TicketId::from_uuid(Uuid::now_v7()),
            mode: mode.id.clone(),
            state: TicketState::Searching,
            regions: serde_json::to_string(&regions).map_err(Error::internal)?,
            mmr: self.core.rulebook.of(&mode).queue_rating(&ratings),
            joined_at: now,
            expires_at: self.expiry(now),
            ended_at: None,
            match_id: None,
            party_id: party.map(|party| party.row.id),
        };
        enqueue(&tx, &ticket, &holders).await?;
        let fact = ticket_fact(&ticket, members);
        self.core.commit(tx, &[fact]).await?;
        Ok(ticket)
    }

    async fn rating_of(&self, tx: &Tx, user: UserId, mode: &Mode) -> Result<Rating> {
        let season = self.core.season()?.id;
        if let Some(row) = standings::of_users(tx, season, &mode.id, &[user]).await?.first() {
            return Ok(row.standing().rating);
        }
        let carried = self.core.carried(tx, season, mode, &[user]).await?;
        Ok(carried.get(&user).map_or_else(|| mode.rating.start(), |standing| standing.rating))
    }

    fn checked_regions(
        &self,
        regions: Vec<(RegionId, Option<i32>)>,
        profile: Option<RegionId>,
    ) -> Result<Vec<(RegionId, Option<u32>)>> {
        if regions.len() > self.core.catalog.regions().len() {
            return Err(Error::bad_input("input.regions", "name each region once at most"));
        }
        let mut checked: Vec<(RegionId, Option<u32>)> = Vec::new();
        for (index, (region, latency)) in regions.into_iter().enumerate() {
            self.core.region(&format!("input.regions[{index}].region"), &region)?;
            if checked.iter().any(|(named, _)| *named == region) {
                return Err(Error::bad_input(
                    format!("input.regions[{index}].region"),
                    "this region is named twice",
                ));
            }
            let latency = match latency {
                None => None,
                Some(ms @ 0..=LATENCY_MAX_MS) => u32::try_from(ms).ok(),
                Some(_) => {
                    return Err(Error::bad_input(
                        format!("input.regions[{index}].latencyMs"),
                        format!("a round trip takes 0 to {LATENCY_MAX_MS} ms"),
                    ));
                }
            };
            checked.push((region, latency));
        }
        if checked.is_empty() {
            // A profile without a region plays where the list of regions begins.
            let first = self.core.catalog.regions().first().map(|region| region.id.clone());
            checked.extend(profile.or(first).map(|region| (region, None)));
        }
        Ok(checked)
    }
}

/// What a message calls a member of a party.
pub(super) fn called(who: UserId, viewer: UserId, username: &str) -> String {
    if who == viewer { "you".into() } else { username.into() }
}

/// The members of a party, whom only its leader queues, and only when all others are ready.
fn ready_members(party: &Party, user: UserId, mode: &Mode) -> Result<Vec<UserId>> {
    if party.row.leader_id != user {
        return Err(Error::Forbidden("only the party's leader queues".into()));
    }
    let (size, most) = (party.members.len(), usize::from(mode.pairing.team_size));
    if size > most {
        let message = format!("your party has {size} members; a team of {} has {most}", mode.name);
        return Err(Error::bad_input("input.mode", message));
    }
    if party.members.iter().any(|member| !member.ready && member.user_id != user) {
        let message = "not everybody in your party is ready";
        return Err(Error::conflict(Reason::PartyNotReady, message));
    }
    Ok(party.users())
}

fn refuse_engaged(engaged: &engagements::Model, viewer: UserId) -> Result<()> {
    let own = engaged.user_id == viewer;
    let who = if own { "you are" } else { "somebody in your party is" };
    Err(if engaged.match_id.is_some() {
        Error::conflict(Reason::InMatch, format!("{who} in a match that is not over"))
    } else {
        Error::conflict(Reason::AlreadyQueued, format!("{who} in the queue already"))
    })
}
