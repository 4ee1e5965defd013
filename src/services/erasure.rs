//! What people may ask of what is kept about them: all of it in one document, and that it goes.
//!
//! A deleted account leaves matches, ratings and places of seasons that are over, under a name that is nobody's. All else
//! goes: in SQL with the transaction, in the document store and on the leaderboards of all instances by the fact that it
//! writes.

use std::sync::atomic::Ordering;

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Services,
    accounts::{Accounts, DELETED_PREFIX},
    audit::{self, DELETED},
    core::now,
    listing::moves_off,
    passwords::Verdict,
    sessions::activity,
};
use crate::{
    backends::{
        documents::{DAY_MS, FEED_DAYS, NOBODY},
        sql::retrying,
    },
    entities::{
        audit_log, blocks, engagements, erasures, linked_accounts, mails, match_players, notes,
        oauth_flows, one_time_tokens, outbox, penalties, rating_points, refresh_tokens, seasons,
        sessions, standings, users,
    },
    error::{Error, Result},
    game::{
        accounts::{Credential, DELETED_ADDRESS, Role, SignedIn},
        event::Fact,
        ids::UserId,
        time::Timestamp,
    },
};

/// Accounts that are deleted at once.
const CHUNK: u64 = 20;
/// Facts of the outbox that are looked through in one transaction.
const FACTS: i64 = 5_000;
/// Such transactions in one go.
const CHUNKS: usize = 20;
/// The most lines of the trail, notifications and acts in a document: more than is kept of anybody.
const MANY: u64 = 100_000;

impl Accounts {
    /// Everything that is kept about the viewer, in one document.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when a store does not answer.
    pub async fn export(&self, who: &SignedIn) -> Result<Value> {
        let (user, core) = (who.user, &self.core);
        let tx = core.sql.snapshot().await?;
        let row = users::by_id(&tx, user).await?.ok_or(Error::NotFound("user"))?;
        let sessions = sessions::live_rows(&tx, user, Timestamp(0)).await?;
        let sessions = sessions.iter().map(|row| {
            json!({
                "id": row.id, "createdAt": row.created_at, "lastUsedAt": row.last_used_at,
                "device": row.user_agent, "address": row.address,
            })
        });
        let linked = linked_accounts::of_user(&tx, user).await?;
        let linked = linked.iter().map(|row| {
            json!({
                "provider": row.provider, "id": row.subject, "name": row.name,
                "linkedAt": row.linked_at, "lastUsedAt": row.last_used_at,
            })
        });
        let standings = standings::of_user(&tx, user).await?;
        let standings = standings.iter().map(|row| {
            json!({
                "mode": row.mode, "season": row.season_id, "rating": row.rating,
                "deviation": row.deviation, "wins": row.wins, "losses": row.losses,
                "draws": row.draws,
            })
        });
        let matches = match_players::of_user(&tx, user).await?;
        let matches = matches.iter().map(|row| {
            json!({
                "match": row.match_id, "team": row.team, "hero": row.hero, "kills": row.kills,
                "deaths": row.deaths, "assists": row.assists, "abandoned": row.abandoned,
            })
        });
        let ratings = rating_points::of_user(&tx, user).await?;
        let ratings = ratings.iter().map(|row| {
            json!({"match": row.match_id, "mode": row.mode, "at": row.at, "rating": row.rating_after})
        });
        let blocked = blocks::latest(&tx, user, MANY).await?;
        let blocked =
            blocked.iter().map(|row| json!({"user": row.blocked_id, "at": row.created_at}));
        let lock = penalties::of_users(&tx, &[user]).await?.pop();
        let lock = lock.map(|row| json!({"until": row.locked_until, "reason": row.reason}));
        let mut acts = Vec::new();
        for line in audit_log::about(&tx, &user.to_string(), MANY).await? {
            let own = line.actor == user.to_string();
            let details: Option<Value> =
                line.details.and_then(|details| serde_json::from_str(&details).ok());
            // What somebody else did shows what was done, not from where.
            acts.push(json!({
                "at": line.at, "action": line.action, "details": details.filter(|_| own),
                "address": line.whence.filter(|_| own),
            }));
        }
        let activity = core.documents.activity(user, MANY).await?;
        let activity = activity.iter().map(|one| json!({"at": one.at, "kind": one.kind}));
        let messages = core.documents.notifications(user, false, None, MANY).await?;
        let messages = messages.iter().map(|one| {
            json!({
                "at": one.created_at, "kind": one.kind, "title": one.title, "body": one.body,
                "data": one.data, "readAt": one.read_at,
            })
        });
        Ok(json!({
            "exportedAt": now(),
            "profile": {
                "id": row.id, "username": row.username, "email": row.email,
                "emailVerifiedAt": row.email_verified_at, "role": row.role.as_str(),
                "region": row.region, "country": row.country, "avatarUrl": row.avatar_url,
                "bio": row.bio, "createdAt": row.created_at, "suspendedUntil": row.suspended_until,
                "suspendedReason": row.suspended_reason, "deletesAt": row.deletes_at,
            },
            "sessions": sessions.collect::<Vec<_>>(),
            "linkedAccounts": linked.collect::<Vec<_>>(),
            "standings": standings.collect::<Vec<_>>(),
            "matches": matches.collect::<Vec<_>>(),
            "ratingHistory": ratings.collect::<Vec<_>>(),
            "blockedUsers": blocked.collect::<Vec<_>>(),
            "queueLock": lock,
            "acts": acts,
            "activity": activity.collect::<Vec<_>>(),
            "notifications": messages.collect::<Vec<_>>(),
        }))
    }

    /// Plans the deletion of the viewer's account; says when it is due.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a wrong password (whoever has none is asked for none), FORBIDDEN for admins: another takes their
    /// role first.
    pub async fn plan_deletion(&self, who: &SignedIn, password: String) -> Result<Timestamp> {
        if who.role == Role::Admin {
            let message = "an admin's account cannot be deleted: let another admin take the role";
            return Err(Error::Forbidden(message.into()));
        }
        let db = self.core.sql.read();
        let user = users::by_id(db, who.user).await?.ok_or(Error::NotFound("user"))?;
        if !user.password_hash.is_empty()
            && self.passwords.verify(password, Some(user.password_hash)).await? == Verdict::Wrong
        {
            return Err(Error::bad_input("input.password", "this is not the password"));
        }
        let days = i64::from(self.core.config.settings.accounts.deletion_grace_days);
        let due = now().plus_ms(days * DAY_MS);
        retrying(|| self.try_plan(who.user, Some(due))).await.map(|at| at.unwrap_or(due))
    }

    /// Takes the plan back; false where there was none.
    pub async fn cancel_deletion(&self, who: &SignedIn) -> Result<bool> {
        retrying(|| self.try_plan(who.user, None)).await.map(|before| before.is_some())
    }

    /// Changes the plan; says when the deletion is due, or was.
    async fn try_plan(&self, user: UserId, due: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let tx = self.core.sql.begin().await?;
        let row = users::lock(&tx, &[user]).await?.pop().ok_or(Error::NotFound("user"))?;
        let before = row.deletes_at;
        if before.is_some() == due.is_some() {
            return Ok(before);
        }
        let mut row = row.into_active_model();
        row.deletes_at = Set(due);
        row.update(&tx).await?;
        let kind = if due.is_some() { "DELETION_PLANNED" } else { "DELETION_CANCELLED" };
        let data = json!({"before": {"deletesAt": before}, "after": {"deletesAt": due}});
        self.core.commit(tx, &[activity(user, kind, None, data)]).await?;
        Ok(due.or(before))
    }

    /// Deletes the accounts whose time has come, but for those who are in a match: they come later. Says how many.
    ///
    /// # Errors
    /// When the database does not say whose.
    pub async fn delete_due(&self, services: &Services) -> Result<usize> {
        let due = users::to_delete(self.core.sql.read(), now(), CHUNK).await?;
        let mut deleted = 0;
        for user in due {
            match self.delete(services, user).await {
                Ok(done) => deleted += usize::from(done),
                // It stands in nobody else's way.
                Err(error) => {
                    tracing::error!(error = ?error, %user, "an account is left for the next sweep");
                }
            }
        }
        Ok(deleted)
    }

    async fn delete(&self, services: &Services, user: UserId) -> Result<bool> {
        services.parties.leave(services, user).await?;
        services.queue.leave(user).await?;
        retrying(|| self.try_delete(user)).await
    }

    /// Takes the names of deleted accounts out of the outbox, some of it at a time, once every projection has what it told;
    /// and lets the journal of an embedded database forget them.
    ///
    /// # Errors
    /// When the database fails. Nothing is lost: the next look goes on where this one stopped.
    pub async fn forget_erased(&self) -> Result<()> {
        let db = self.core.sql.read();
        for erasure in erasures::some(db, CHUNK).await? {
            let (_, oldest) = outbox::backlog(db).await?;
            if oldest.is_none_or(|oldest| oldest > erasure.at) {
                self.forget_in_outbox(erasure).await?;
            }
        }
        let holds = &self.core.journal_holds;
        if holds.swap(false, Ordering::Relaxed) && !self.core.sql.forget_journal().await? {
            holds.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn forget_in_outbox(&self, erasure: erasures::Model) -> Result<()> {
        let Some((first, last)) = outbox::span(self.core.sql.read()).await? else { return Ok(()) };
        let mut after = erasure.upto.max(first - 1);
        for _ in 0..CHUNKS {
            let upto = after + FACTS;
            let tx = self.core.sql.begin().await?;
            let names = (erasure.was.as_str(), NOBODY);
            outbox::erase(&tx, (after, upto), erasure.user_id, names).await?;
            if upto >= last {
                erasures::done(&tx, erasure.user_id).await?;
                tx.commit().await?;
                self.core.journal_holds.store(true, Ordering::Relaxed);
                return Ok(());
            }
            erasures::advance(&tx, erasure.user_id, upto).await?;
            tx.commit().await?;
            after = upto;
        }
        Ok(())
    }

    async fn try_delete(&self, id: UserId) -> Result<bool> {
        let now = now();
        let tx = self.core.sql.begin().await?;
        let season = self.core.season()?.id;
        // No correction moves them meanwhile.
        seasons::share(&tx, season).await?;
        let Some(user) = users::lock(&tx, &[id]).await?.pop() else { return Ok(false) };
        let due = user.deletes_at.is_some_and(|at| at <= now) && user.deleted_at.is_none();
        if !due || engagements::of_user(&tx, id).await?.is_some() {
            return Ok(false);
        }
        let was = user.clone();
        let digits = id.to_string();
        let mark = &digits[digits.len() - 12..];
        let mut row = user.into_active_model();
        row.username = Set(format!("{DELETED_PREFIX}{mark}"));
        row.username_key = Set(format!("{DELETED_PREFIX}{mark}"));
        row.email = Set(format!("{id}{DELETED_ADDRESS}"));
        row.email_key = Set(format!("{id}{DELETED_ADDRESS}"));
        row.password_hash = Set(String::new());
        row.role = Set(Role::Player);
        row.region = Set(None);
        row.country = Set(None);
        row.avatar_url = Set(None);
        row.bio = Set(None);
        row.email_verified_at = Set(None);
        // Nobody signs in to it, by whatever way.
        row.suspended_until = Set(Some(Timestamp::FOREVER));
        row.suspended_reason = Set(Some("this account was deleted".into()));
        row.deleted_at = Set(Some(now));
        let nobody = row.update(&tx).await?;
        let mut rows = standings::of_user(&tx, id).await?;
        rows.retain(|row| row.season_id == season && !row.lapsed);
        let people = [(id, nobody)].into();
        let moves = moves_off(&mut rows, &people);
        standings::put(&tx, rows).await?;
        let live = sessions::live_of(&tx, id).await?;
        refresh_tokens::forget_of(&tx, id).await?;
        sessions::blur(&tx, id).await?;
        one_time_tokens::forget(&tx, id, None).await?;
        oauth_flows::forget(&tx, id).await?;
        linked_accounts::unlink(&tx, id, None).await?;
        mails::forget(&tx, id).await?;
        notes::forget(&tx, id).await?;
        blocks::forget(&tx, id).await?;
        penalties::forget(&tx, id).await?;
        let mut facts: Vec<_> = moves
            .into_iter()
            .map(|(mode, players)| Fact::Lapsed { mode, season, players, at: now })
            .collect();
        facts.push(Fact::BlocksChanged { user: id });
        audit_log::erase(&tx, &id.to_string(), audit::STAYS).await?;
        for session in &live {
            if sessions::end(&tx, *session, now).await? {
                facts.push(Fact::SessionEnded { session: *session });
            }
        }
        facts.push(activity(id, DELETED, None, json!({"erasure": Uuid::now_v7()})));
        // Last: whatever the document store was told before is forgotten with the rest.
        let since = now.plus_ms(-(FEED_DAYS + 1) * DAY_MS);
        let matches = match_players::since(&tx, id, since).await?;
        facts.push(Fact::Erased { user: id, was: was.username.clone(), matches });
        let row = erasures::Model { user_id: id, was: was.username, at: now, upto: 0 };
        let row = erasures::ActiveModel::from(row).reset_all();
        erasures::Entity::insert(row).exec_without_returning(&tx).await?;
        self.core.commit(tx, &facts).await?;
        for session in live {
            self.core.revoked.end(Credential::Session(session), now);
        }
        tracing::info!(user = %id, "an account was deleted");
        Ok(true)
    }
}
