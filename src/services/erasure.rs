//! What people may ask of what is kept about them: that it goes. ([`super::export`] tells them what it is.)
//!
//! A deleted account leaves matches, ratings and places of seasons that are over, under a name that is nobody's. All else
//! goes: in SQL with the transaction, in the document store and on the leaderboards of all instances by the fact that it
//! writes.

use std::sync::atomic::Ordering;

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde_json::json;
use uuid::Uuid;

use super::{
    Services,
    accounts::{Accounts, DELETED_PREFIX},
    audit::{self, DELETED},
    bars,
    core::now,
    listing::moves_off,
    passwords::Verdict,
    sessions::activity,
};
use crate::{
    backends::{
        documents::{DAY_MS, FEED_DAYS, NOBODY},
        sql::{Tx, retrying},
    },
    entities::{
        audit_log, blocks, engagements, erasures, linked_accounts, mails, match_players, notes,
        oauth_flows, one_time_tokens, outbox, penalties, refresh_tokens, seasons, sessions,
        standings, ticket_players, tickets, users,
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
/// Tickets that are forgotten at once.
const TICKETS: usize = 500;

impl Accounts {
    /// Plans the deletion of the viewer's account; says when it is due.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a wrong password (whoever has none is asked for none), FORBIDDEN for moderators and admins: somebody
    /// else takes their role first.
    pub async fn plan_deletion(&self, who: &SignedIn, password: String) -> Result<Timestamp> {
        let db = self.core.sql.read();
        let user = users::by_id(db, who.user).await?.ok_or(Error::NotFound("user"))?;
        refuse_staff(&user)?;
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
        if due.is_some() {
            refuse_staff(&row)?;
        }
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
        let Some(was) = retrying(|| self.try_delete(user)).await? else { return Ok(false) };
        if let Err(error) = services.mails.forget(user, &was.email).await {
            // Every instance looks for them again.
            tracing::warn!(error = ?error, %user, "mails to a deleted account are left for the next sweep");
        }
        Ok(true)
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

    /// Deletes an account whose time has come; returns what it was.
    async fn try_delete(&self, id: UserId) -> Result<Option<users::Model>> {
        let now = now();
        let tx = self.core.sql.begin().await?;
        let season = self.core.season()?.id;
        // No correction moves them meanwhile.
        seasons::share(&tx, season).await?;
        let Some(user) = users::lock(&tx, &[id]).await?.pop() else { return Ok(None) };
        let due = user.deletes_at.is_some_and(|at| at <= now) && user.deleted_at.is_none();
        let staff = user.role != Role::Player;
        if !due || staff || engagements::of_user(&tx, id).await?.is_some() {
            return Ok(None);
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
        let linked = linked_accounts::of_user(&tx, id).await?;
        bars::raise(&self.core, &tx, &was, &linked, now).await?;
        linked_accounts::unlink(&tx, id, None).await?;
        mails::forget(&tx, id).await?;
        notes::forget(&tx, id).await?;
        blocks::forget(&tx, id).await?;
        penalties::forget(&tx, id).await?;
        forget_tickets(&tx, id).await?;
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
        let row = erasures::Model { user_id: id, was: was.username.clone(), at: now, upto: 0 };
        let row = erasures::ActiveModel::from(row).reset_all();
        erasures::Entity::insert(row).exec_without_returning(&tx).await?;
        self.core.commit(tx, &facts).await?;
        for session in live {
            self.core.revoked.end(Credential::Session(session), now);
        }
        tracing::info!(user = %id, "an account was deleted");
        Ok(Some(was))
    }
}

/// Whoever can act upon others does not vanish: somebody else takes their role first.
fn refuse_staff(user: &users::Model) -> Result<()> {
    if user.role != Role::Player {
        let role = user.role.as_str().to_lowercase();
        let message = format!(
            "the account of a {role} cannot be deleted: let an admin make it a player's first"
        );
        return Err(Error::Forbidden(message));
    }
    Ok(())
}

/// Forgets what somebody queued with; tickets that others held too stay theirs.
async fn forget_tickets(tx: &Tx, user: UserId) -> Result<()> {
    let held: Vec<_> = ticket_players::of_user(tx, user).await?;
    ticket_players::forget_of(tx, user).await?;
    for some in held.chunks(TICKETS) {
        let mut ids: Vec<_> = some.iter().map(|row| row.ticket_id).collect();
        let others = ticket_players::of_tickets(tx, &ids).await?;
        ids.retain(|id| others.iter().all(|other| other.ticket_id != *id));
        tickets::forget(tx, &ids).await?;
    }
    Ok(())
}
