//! All that is kept about somebody, in one document.

use serde_json::{Value, json};

use super::{
    accounts::Accounts,
    core::{Core, now},
    sessions::activity,
};
use crate::{
    backends::sql::Tx,
    entities::{
        audit_log, blocks, engagements, linked_accounts, mails, match_events, match_players, notes,
        oauth_flows, one_time_tokens, parties, party_members, penalties, rank_changes,
        rating_points, season_results, sessions, standings, ticket_players, tickets, users,
    },
    error::{Error, Result},
    game::{
        accounts::{MailKind, SignedIn},
        event::Position,
        ids::{MatchId, UserId},
    },
};

/// The most lines of the trail, notifications and acts in a document: more than is kept of anybody.
const MANY: u64 = 100_000;
/// Rows that are looked for at once.
const TOGETHER: usize = 500;

impl Accounts {
    /// Everything that is kept about the viewer, in one document. That it was taken is written down.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when a store does not answer.
    pub async fn export(&self, who: &SignedIn) -> Result<Value> {
        let document = self.document(who.user).await?;
        let tx = self.core.sql.begin().await?;
        self.core.commit(tx, &[activity(who.user, "DATA_EXPORTED", None, json!({}))]).await?;
        Ok(document)
    }

    async fn document(&self, user: UserId) -> Result<Value> {
        let core = &self.core;
        let tx = core.sql.snapshot().await?;
        let row = users::by_id(&tx, user).await?.ok_or(Error::NotFound("user"))?;
        let played = match_players::of_user(&tx, user).await?;
        let matches: Vec<_> = played.iter().map(|row| row.match_id).collect();
        Ok(json!({
            "exportedAt": now(),
            "profile": {
                "id": row.id, "username": row.username, "email": row.email,
                "emailVerifiedAt": row.email_verified_at, "role": row.role.as_str(),
                "region": row.region, "country": row.country, "avatarUrl": row.avatar_url,
                "bio": row.bio, "createdAt": row.created_at, "suspendedUntil": row.suspended_until,
                "suspendedReason": row.suspended_reason, "deletesAt": row.deletes_at,
                "hasPassword": !row.password_hash.is_empty(),
            },
            "sessions": signed_in(&tx, user).await?,
            "linkedAccounts": linked(&tx, user).await?,
            "mails": mailed(&tx, user).await?,
            "standings": stood(core, &tx, user).await?,
            "seasonResults": placed(&tx, user).await?,
            "matches": played.iter().map(seat).collect::<Vec<_>>(),
            "matchEvents": events(&tx, &matches, user).await?,
            "ratingHistory": ratings(&tx, user).await?,
            "rankChanges": rank_changes::list(&tx, Position(0), None, &[user], MANY).await?,
            "tickets": queued(&tx, user).await?,
            "engagement": engaged(&tx, user).await?,
            "party": party(&tx, user).await?,
            "blockedUsers": blocked(&tx, user).await?,
            "queueLock": lock(&tx, user).await?,
            "notes": noted(&tx, user).await?,
            "acts": acts(&tx, user).await?,
            "activity": trail(core, user).await?,
            "notifications": messages(core, user).await?,
        }))
    }
}

/// A list of what rows tell.
fn list<T>(rows: &[T], tell: impl Fn(&T) -> Value) -> Value {
    rows.iter().map(tell).collect()
}

async fn signed_in(tx: &Tx, user: UserId) -> Result<Value> {
    Ok(list(&sessions::of_user(tx, user).await?, |row| {
        json!({
            "id": row.id, "createdAt": row.created_at, "lastUsedAt": row.last_used_at,
            "expiresAt": row.expires_at, "endedAt": row.ended_at, "device": row.user_agent,
            "address": row.address,
        })
    }))
}

/// What they sign in with elsewhere, and what they have begun to link.
async fn linked(tx: &Tx, user: UserId) -> Result<Value> {
    let linked = list(&linked_accounts::of_user(tx, user).await?, |row| {
        json!({
            "provider": row.provider, "id": row.subject, "name": row.name,
            "linkedAt": row.linked_at, "lastUsedAt": row.last_used_at,
        })
    });
    let begun = list(
        &oauth_flows::of_user(tx, user).await?,
        |row| json!({"provider": row.provider, "redirectUri": row.redirect_uri, "expiresAt": row.expires_at}),
    );
    Ok(json!({"linked": linked, "begun": begun}))
}

/// What is to be mailed to them, and what was mailed and can still be used.
/// Not what is about an address that is to become theirs: whether that mail goes out depends on who else has the address.
async fn mailed(tx: &Tx, user: UserId) -> Result<Value> {
    let mut pending = mails::of_user(tx, user).await?;
    pending.retain(|row| row.kind != MailKind::ChangeEmail);
    let mut usable = one_time_tokens::of_user(tx, user).await?;
    usable.retain(|row| row.kind != MailKind::ChangeEmail);
    let pending = list(&pending, |row| {
        json!({
            "kind": row.kind.as_str(), "askedAt": row.created_at, "dueAt": row.due_at,
            "attempts": row.attempts,
        })
    });
    let usable = list(
        &usable,
        |row| json!({"kind": row.kind.as_str(), "to": row.email_key, "expiresAt": row.expires_at}),
    );
    Ok(json!({"pending": pending, "usable": usable}))
}

async fn stood(core: &Core, tx: &Tx, user: UserId) -> Result<Value> {
    Ok(list(&standings::of_user(tx, user).await?, |row| {
        let rules = core.rules(row.season_id);
        let label = |tier| rules.tier(tier).map(|tier| tier.label.clone());
        json!({
            "mode": row.mode, "season": row.season_id, "rating": row.rating,
            "deviation": row.deviation, "volatility": row.volatility, "peak": row.peak,
            "wins": row.wins, "losses": row.losses, "draws": row.draws, "streak": row.streak,
            "kills": row.kills, "deaths": row.deaths, "assists": row.assists,
            "placementsLeft": row.placements_left, "tier": row.tier.and_then(label),
            "bestTier": row.best_tier.and_then(label), "matchesInTier": row.matches_in_tier,
            "reachedAt": row.reached_at, "lastMatchAt": row.last_match_at,
            "lapsesAt": row.lapses_at, "lapsed": row.lapsed,
        })
    }))
}

async fn placed(tx: &Tx, user: UserId) -> Result<Value> {
    Ok(list(&season_results::of_user(tx, user).await?, |row| {
        json!({
            "season": row.season_id, "mode": row.mode, "rank": row.rank, "mmr": row.mmr,
            "tier": row.tier, "toldAt": row.told_at,
        })
    }))
}

fn seat(row: &match_players::Model) -> Value {
    json!({
        "match": row.match_id, "ticket": row.ticket_id, "team": row.team, "slot": row.slot,
        "mmrBefore": row.mmr_before, "mmrAfter": row.mmr_after, "askedAt": row.asked_at,
        "accepted": row.accepted, "hero": row.hero, "kills": row.kills, "deaths": row.deaths,
        "assists": row.assists, "abandoned": row.abandoned,
    })
}

/// What they did in matches, or had done to them.
async fn events(tx: &Tx, matches: &[MatchId], user: UserId) -> Result<Value> {
    let mut all = Vec::new();
    for some in matches.chunks(TOGETHER) {
        for (id, event) in match_events::about(tx, some, user).await? {
            all.push(json!({
                "match": id, "kind": event.kind, "atMs": event.at_ms, "actor": event.actor,
                "target": event.target, "data": event.data, "recordedAt": event.recorded_at,
            }));
        }
    }
    Ok(all.into())
}

async fn ratings(tx: &Tx, user: UserId) -> Result<Value> {
    Ok(list(&rating_points::of_user(tx, user).await?, |row| {
        json!({
            "match": row.match_id, "mode": row.mode, "season": row.season_id, "at": row.at,
            "ratingBefore": row.rating_before, "deviationBefore": row.deviation_before,
            "volatilityBefore": row.volatility_before, "rating": row.rating_after,
            "deviation": row.deviation_after, "volatility": row.volatility_after,
            "deviationAtMatch": row.deviation_at_match, "idleMs": row.idle_ms,
            "placed": row.placed, "wins": row.wins, "reachedAt": row.reached_at,
            "lapsesAt": row.lapses_at,
        })
    }))
}

/// What they queued with: where they would play, how far that is for them, and how well they played then.
async fn queued(tx: &Tx, user: UserId) -> Result<Value> {
    let mut all = Vec::new();
    for some in ticket_players::of_user(tx, user).await?.chunks(TOGETHER) {
        let ids: Vec<_> = some.iter().map(|row| row.ticket_id).collect();
        let found = tickets::by_ids(tx, &ids).await?;
        for held in some {
            let Some(ticket) = found.iter().find(|ticket| ticket.id == held.ticket_id) else {
                continue;
            };
            let regions =
                list(&ticket.regions(), |(id, ping)| json!({"region": id, "roundTripMs": ping}));
            all.push(json!({
                "id": ticket.id, "mode": ticket.mode, "state": ticket.state,
                "regions": regions, "joinedAt": ticket.joined_at, "endedAt": ticket.ended_at,
                "match": ticket.match_id, "party": ticket.party_id, "mmr": ticket.mmr,
                "rating": held.rating, "deviation": held.deviation,
                "volatility": held.volatility,
            }));
        }
    }
    Ok(all.into())
}

async fn engaged(tx: &Tx, user: UserId) -> Result<Value> {
    let row = engagements::of_user(tx, user).await?;
    Ok(json!(row.map(|row| json!({"ticket": row.ticket_id, "match": row.match_id}))))
}

async fn party(tx: &Tx, user: UserId) -> Result<Value> {
    let Some(row) = party_members::of_user(tx, user).await? else { return Ok(Value::Null) };
    let party = parties::by_id(tx, row.party_id).await?;
    Ok(json!({
        "id": row.party_id, "ready": row.ready, "joinedAt": row.joined_at,
        "leads": party.is_some_and(|party| party.leader_id == user),
    }))
}

async fn blocked(tx: &Tx, user: UserId) -> Result<Value> {
    let rows = blocks::latest(tx, user, MANY).await?;
    Ok(list(&rows, |row| json!({"user": row.blocked_id, "at": row.created_at})))
}

async fn lock(tx: &Tx, user: UserId) -> Result<Value> {
    let row = penalties::of_users(tx, &[user]).await?.pop();
    Ok(json!(row.map(|row| {
        json!({
            "until": row.locked_until, "reason": row.reason, "steps": row.steps,
            "lastAt": row.last_at,
        })
    })))
}

/// What moderators noted about them; not who did.
async fn noted(tx: &Tx, user: UserId) -> Result<Value> {
    let rows = notes::about(tx, user, MANY).await?;
    Ok(list(&rows, |row| json!({"text": row.text, "at": row.created_at})))
}

/// What they did, or had done to them. What somebody else did shows neither who that was nor from where, but for what was tried
/// to get into the account.
async fn acts(tx: &Tx, user: UserId) -> Result<Value> {
    let user = user.to_string();
    Ok(list(&audit_log::about(tx, &user, MANY).await?, |line| {
        let details: Option<Value> =
            line.details.as_ref().and_then(|details| serde_json::from_str(details).ok());
        let own = line.actor == user;
        json!({
            "at": line.at, "action": line.action, "own": own, "details": details,
            "object": own.then_some(&line.object), "address": line.whence.as_ref().filter(|_| own),
        })
    }))
}

async fn trail(core: &Core, user: UserId) -> Result<Value> {
    let trail = core.documents.activity(user, MANY).await?;
    Ok(list(&trail, |one| json!({"at": one.at, "kind": one.kind, "details": one.data})))
}

async fn messages(core: &Core, user: UserId) -> Result<Value> {
    let messages = core.documents.notifications(user, false, None, MANY).await?;
    Ok(list(&messages, |one| {
        json!({
            "at": one.created_at, "kind": one.kind, "title": one.title, "body": one.body,
            "data": one.data, "readAt": one.read_at,
        })
    }))
}
