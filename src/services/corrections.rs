//! Results that are taken back, or that come after later ones (rule 22).

use super::{
    admin::checked_reason,
    audit::{self, Entry},
    core::now,
    ledger,
    matches::{Matches, wrong_state},
    results::{Decision, Report, completed, decide, filled},
    timelines::{own_event, since_start},
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{corrections, engagements, match_players, matches, rating_points, seasons},
    error::{Error, Result},
    game::{
        event::{Fact, RankChange},
        ids::MatchId,
        matches::MatchStatus,
        mode::Mode,
    },
};

/// Players whom one fact tells of.
const TOLD_TOGETHER: usize = 500;

impl Matches {
    /// Puts a result before the later ones that are there; where it can reach many of them, in the background.
    pub(super) async fn report_late(
        &self,
        report: &Report,
    ) -> Result<(matches::Model, Vec<RankChange>)> {
        let (id, now) = (report.id, now());
        let tx = self.core.sql.begin().await?;
        let row = matches::lock(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        let seats = match_players::of_matches(&tx, &[id]).await?;
        let Decision::Apply { mode, at, hash } = decide(&self.core, report, &row, &seats, now)?
        else {
            drop(tx);
            let changes = self.first_changes(&row).await?;
            return Ok((row, changes));
        };
        seasons::lock(&tx, row.season_id).await?;
        let row = completed(row, report, at, hash)?;
        matches::put(&tx, vec![row.clone()]).await?;
        engagements::release_matches(&tx, &[id]).await?;
        let done = seats.iter().map(|seat| {
            let team = report.teams.iter().find(|team| team.index == seat.team);
            let did = team.and_then(|team| team.players.get(&seat.user_id)).cloned();
            filled(seat.clone(), did.unwrap_or_default())
        });
        match_players::put(&tx, done.collect()).await?;
        let event = own_event("MATCH_COMPLETED", since_start(&row, at), now);
        let told = self.tell(&tx, id, vec![event]).await?;
        report.audit(&self.core, &tx, &row).await?;
        metrics::counter!("rankedhonor_results_total", "mode" => row.mode.to_string()).increment(1);
        if self.reaches_far(&tx, mode, &row).await? {
            corrections::ask(&tx, asked(id, None)).await?;
            self.finish_change(tx, id, &seats, [told]).await?;
            self.core.wake_corrector.notify_one();
            return Ok((row, Vec::new()));
        }
        let mut facts = self.correct(&tx, mode, &row, None).await?;
        facts.push(told);
        let written = self.core.commit(tx, &facts).await?;
        written.settled().await;
        let changes = self.changes(id).await?;
        Ok((row, changes))
    }

    /// Whether a correction from that match on can reach more matches than are worked out while somebody waits.
    async fn reaches_far(&self, tx: &Tx, mode: &Mode, row: &matches::Model) -> Result<bool> {
        // It may go on into later seasons.
        if row.season_id != self.core.season()?.id {
            return Ok(true);
        }
        let from = row.ended_at.unwrap_or(row.created_at);
        let matches = self.core.config.settings.limits.correction_matches;
        let changes = u64::from(matches) * mode.players() as u64;
        rating_points::more_than(tx, (&row.mode, row.season_id), from, changes).await
    }

    /// Works out anew what a match reaches: with its result, or (where it is voided) without it. The facts tell of it.
    async fn correct(
        &self,
        tx: &Tx,
        mode: &Mode,
        row: &matches::Model,
        reason: Option<&str>,
    ) -> Result<Vec<Fact>> {
        let (id, at) = (row.id, now());
        let voided = row.voided_at.is_some();
        let seats = match_players::of_matches(tx, &[id]).await?;
        let correction = ledger::correct(&self.core, tx, mode, row, voided).await?;
        let here = |user| seats.iter().any(|seat| seat.user_id == user);
        let mut facts = Vec::new();
        for (season, mut others) in correction.moves {
            if !voided && season == row.season_id {
                let (players, rest) = others.into_iter().partition(|moved| here(moved.user));
                others = rest;
                let mode = row.mode.clone();
                facts.push(Fact::MatchFinished { match_id: id, mode, season, players, at });
            }
            for players in others.chunks(TOLD_TOGETHER) {
                facts.push(Fact::Corrected {
                    match_id: id,
                    mode: row.mode.clone(),
                    season,
                    reason: reason.map(Into::into),
                    players: players.to_vec(),
                    at,
                });
            }
        }
        tracing::info!(match_id = %id, voided, matches = correction.matches, "ratings were corrected");
        Ok(facts)
    }

    /// Takes back the result of a completed match: everybody whom it reached stands where they would without it (rule 22).
    /// Says whether that is still being worked out. Doing it again changes nothing.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match, CONFLICT when it is not COMPLETED, BAD_USER_INPUT for a bad reason.
    pub async fn void(&self, id: MatchId, reason: &str) -> Result<(matches::Model, bool)> {
        let reason = checked_reason("input.reason", reason)?;
        retrying(|| self.try_void(id, &reason)).await
    }

    async fn try_void(&self, id: MatchId, reason: &str) -> Result<(matches::Model, bool)> {
        let tx = self.core.sql.begin().await?;
        let mut row = matches::lock(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        if row.voided_at.is_some() {
            let pending = corrections::of_match(&tx, id).await?.is_some();
            return Ok((row, pending));
        }
        if row.status != MatchStatus::Completed {
            let message = "only a match that is COMPLETED can be voided";
            return Err(wrong_state(message, row.status));
        }
        let mode = self.core.mode("mode", row.mode.as_str())?.clone();
        seasons::lock(&tx, row.season_id).await?;
        let now = now();
        row.voided_at = Some(now);
        row.void_reason = Some(reason.to_owned());
        matches::put(&tx, vec![row.clone()]).await?;
        let pending = self.reaches_far(&tx, &mode, &row).await?;
        let mut facts = if pending {
            corrections::ask(&tx, asked(id, Some(reason))).await?;
            Vec::new()
        } else {
            // Its late result may have been on its way.
            corrections::done(&tx, id).await?;
            self.correct(&tx, &mode, &row, Some(reason)).await?
        };
        let event = own_event("MATCH_VOIDED", since_start(&row, now), now);
        facts.push(self.tell(&tx, id, vec![event]).await?);
        let data = serde_json::json!({
            "before": {"status": row.status.as_str(), "endedAt": row.ended_at, "reportedBy": row.reported_by},
            "after": {"voidedAt": row.voided_at},
            "reason": reason,
        });
        audit::append(&self.core, &tx, vec![Entry::new("MATCH_VOIDED", id, data)]).await?;
        let players = match_players::of_matches(&tx, &[id]).await?;
        let (row, written) = self.finish_change(tx, id, &players, facts).await?;
        if pending {
            self.core.wake_corrector.notify_one();
        } else {
            written.settled().await;
        }
        Ok((row, pending))
    }

    /// Waits until a correction is asked for here.
    pub async fn correction_asked(&self) {
        self.core.wake_corrector.notified().await;
    }

    /// Makes the correction that was asked for first; false where none is left.
    ///
    /// # Errors
    /// When the database fails. The correction is still to be made then.
    pub async fn correct_next(&self) -> Result<bool> {
        if corrections::first(self.core.sql.read()).await?.is_none() {
            return Ok(false);
        }
        retrying(|| self.try_correct_next()).await
    }

    async fn try_correct_next(&self) -> Result<bool> {
        let tx = self.core.sql.begin_long().await?;
        let Some(asked) = corrections::first(&tx).await? else { return Ok(false) };
        let row = matches::lock(&tx, asked.match_id).await?.ok_or(Error::NotFound("match"))?;
        seasons::lock(&tx, row.season_id).await?;
        // Somebody else may have made it meanwhile.
        if corrections::of_match(&tx, row.id).await?.is_none() {
            return Ok(true);
        }
        let mode = self.core.mode("mode", row.mode.as_str())?.clone();
        let facts = self.correct(&tx, &mode, &row, asked.reason.as_deref()).await?;
        corrections::done(&tx, row.id).await?;
        self.core.commit(tx, &facts).await?;
        Ok(true)
    }

    /// How many corrections are still to be made.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn corrections_left(&self) -> Result<u64> {
        corrections::left(self.core.sql.read()).await
    }
}

fn asked(match_id: MatchId, reason: Option<&str>) -> corrections::Model {
    corrections::Model { match_id, reason: reason.map(Into::into), asked_at: now() }
}
