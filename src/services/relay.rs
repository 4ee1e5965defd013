//! Takes facts out of the outbox, in order, to every projection: ladder, documents, the log of rank changes, the bus.
//!
//! One instance at a time relays. It first gives facts their places in the log, so that whoever takes over after a crash
//! gives the same consequences the same positions. Every step can be repeated: documents are known by their position or
//! id; rank changes and the mark that a fact is sent are one transaction. The ladder of the one that relays holds what was
//! relayed and nothing else: whoever takes over fills it with where players stood before the first fact that was not, so
//! the same facts give the same ranks again. What a crash kept from the bus is told by asking everybody to look again.

use std::sync::Arc;

use tokio::sync::Mutex;
use tracing::Instrument;

use super::{
    boards,
    consequences::Consequences,
    core::{Core, now},
    leadership::{LEADERSHIP, Lead, RELAY},
    patience::patiently,
};
use crate::{
    backends::ladder::BoardId,
    entities::{outbox, rank_changes},
    error::{Error, Result},
    game::{
        event::{Fact, LadderChange, LiveEvent, PlayerMove, Position, RankChange, Recorded},
        ids::{MatchId, SeasonId},
        mode::ModeId,
        standing::Ladder,
        time::Timestamp,
    },
    telemetry,
};

/// Facts taken at once.
const BATCH: u64 = 512;

/// What the relaying instance knows.
#[derive(Default)]
struct Leading {
    /// The token under which it took over.
    token: Option<i64>,
    /// The last place it gave.
    place: i64,
    /// A batch that the ladder has and the database has not: a failed attempt is repeated with what it worked out.
    unfinished: Option<Consequences>,
}

/// See the module.
pub struct Relay {
    core: Arc<Core>,
    leading: Mutex<Leading>,
}

impl Relay {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, leading: Mutex::default() }
    }

    /// Waits until a transaction wrote facts.
    pub async fn woken(&self) {
        self.core.wake_relay.notified().await;
    }

    /// Mends the mirror of the leaderboards where it missed something and no result does so.
    pub async fn mend_mirror(&self) {
        if !self.core.mirror.as_ref().is_some_and(|mirror| mirror.is_stale()) {
            return;
        }
        let leading = self.leading.lock().await;
        if let Some(lead) = self.core.leadership.lead(RELAY)
            && leading.token == Some(lead.token)
        {
            boards::mirror(&self.core, &lead, &[]).await;
        }
    }

    /// Takes one batch of facts everywhere; returns how many there were, which is none while another instance relays.
    ///
    /// # Errors
    /// When a projection is away. Nothing is lost: the next attempt goes on where this one stopped.
    pub async fn run_once(&self) -> Result<usize> {
        let mut leading = self.leading.lock().await;
        let Some(lead) = self.core.leadership.lead(RELAY) else {
            if leading.token.take().is_some() {
                *leading = Leading::default();
                boards::follow(&self.core).await?;
            }
            return Ok(0);
        };
        if leading.token != Some(lead.token) {
            *leading = self.take_over(&lead).await?;
        }
        let done = self.relay(&mut leading, &lead).await;
        if matches!(done, Err(Error::Unavailable { what: LEADERSHIP, .. })) {
            self.core.leadership.lost(RELAY);
        }
        done
    }

    async fn take_over(&self, lead: &Lead) -> Result<Leading> {
        boards::lead(&self.core).await?;
        let place = outbox::last_place(self.core.sql.read()).await?;
        self.core.bus.gap().await?;
        tracing::info!(token = lead.token, "this instance relays");
        Ok(Leading { token: Some(lead.token), place, unfinished: None })
    }

    async fn relay(&self, leading: &mut Leading, lead: &Lead) -> Result<usize> {
        if leading.unfinished.is_none() {
            let facts = outbox::unsent(self.core.sql.read(), BATCH).await?;
            if facts.is_empty() {
                return Ok(0);
            }
            let facts = self.placed(facts, &mut leading.place, lead).await?;
            leading.unfinished = Some(self.work_out(facts).await?);
        }
        let Some(batch) = leading.unfinished.as_ref() else { return Ok(0) };
        self.core.documents.append(&batch.documents).await?;
        let tx = self.core.sql.begin().await?;
        // What a commit without an answer has written already stays as it is.
        rank_changes::append(&tx, batch.ranks.clone()).await?;
        outbox::mark_sent(&tx, batch.upto, now()).await?;
        lead.check(&tx).await?;
        tx.commit().await?;
        let mut batch = leading.unfinished.take().unwrap_or_default();
        let told = batch.facts.len();
        boards::mirror(&self.core, lead, &batch.ladder).await;
        batch.live.push(LiveEvent::Relayed {
            by: self.core.instance,
            token: lead.token,
            facts: batch.facts.clone(),
            changes: batch.ladder,
            traces: batch.traces,
        });
        let live: Vec<_> = batch.live.into_iter().map(Arc::new).collect();
        let published = self.core.bus.publish(&live).await;
        self.core.waiting.told(&batch.facts);
        metrics::counter!("rankedhonor_facts_relayed_total").increment(told as u64);
        published.map(|()| told)
    }

    /// The facts with their places, which are given to those that have none.
    async fn placed(
        &self,
        facts: Vec<Recorded>,
        last: &mut i64,
        lead: &Lead,
    ) -> Result<Vec<(i64, Recorded)>> {
        let mut place = *last;
        let mut given = Vec::new();
        let mut placed = Vec::new();
        for fact in facts {
            let at = fact.place.unwrap_or_else(|| {
                place += 1;
                given.push((fact.seq, place));
                place
            });
            placed.push((at, fact));
        }
        if !given.is_empty() {
            let tx = self.core.sql.begin().await?;
            let all = outbox::give_places(&tx, &given).await?;
            lead.check(&tx).await?;
            if !all {
                // MySQL and MariaDB show what a transaction has written a moment before its locks are gone, and an update
                // passes over rows that are locked by what it takes for an unfinished insert.
                return Err(Error::Contended("a fact can be seen and not be changed yet".into()));
            }
            tx.commit().await?;
            *last = place;
        }
        Ok(placed)
    }

    async fn work_out(&self, facts: Vec<(i64, Recorded)>) -> Result<Consequences> {
        let mut batch = Consequences::default();
        for (place, recorded) in facts {
            batch.upto = place;
            batch.facts.push(recorded.id);
            let span = tracing::debug_span!("relay", kind = recorded.fact.kind(), place);
            if let Some(trace) = &recorded.trace {
                telemetry::follows(&span, trace);
                batch.traces.push(trace.clone());
            }
            self.add(place, recorded, &mut batch).instrument(span).await?;
        }
        Ok(batch)
    }

    async fn add(&self, place: i64, recorded: Recorded, batch: &mut Consequences) -> Result<()> {
        match &recorded.fact {
            Fact::MatchFinished { match_id, mode, season, players, at } => {
                let of = (Some(*match_id), mode, *season);
                self.moved(batch, of, players, (place, *at, recorded.at)).await?;
            }
            Fact::Corrected { mode, season, players, at, .. }
            | Fact::Lapsed { mode, season, players, at }
                if !players.is_empty() =>
            {
                self.moved(batch, (None, mode, *season), players, (place, *at, recorded.at))
                    .await?;
            }
            Fact::SeasonStarted { .. } => {
                // Known here before anybody is told to look at the new boards.
                self.core.learn_season().await?;
                batch.ladder.push(LadderChange::Season);
            }
            Fact::HomeChanged { user, home } => {
                self.core.ladder.set_home(*user, home.clone()).await?;
                batch.ladder.push(LadderChange::Home { user: *user, home: home.clone() });
            }
            _ => {}
        }
        batch.tell(&self.rules(&recorded.fact), place, recorded);
        Ok(())
    }

    /// The tiers of the season that a fact belongs to.
    fn rules(&self, fact: &Fact) -> Arc<Ladder> {
        match fact.moves() {
            Some((_, season, _)) => self.core.rules(season),
            None => self.core.catalog.ladder.clone(),
        }
    }

    /// Moves players on the ladder, because of a match or none.
    async fn moved(
        &self,
        batch: &mut Consequences,
        (match_id, mode, season): (Option<MatchId>, &ModeId, SeasonId),
        players: &[PlayerMove],
        (place, at, reported_at): (i64, Timestamp, Timestamp),
    ) -> Result<()> {
        boards::ensure(&self.core, season).await?;
        let board = BoardId { mode: mode.clone(), season };
        let moved = self.core.ladder.submit(&board, players).await?;
        let mut changes: Vec<RankChange> = players
            .iter()
            .zip(moved.players)
            .map(|(player, (rank_before, rank_after))| RankChange {
                position: Position::default(),
                user: player.user,
                mode: mode.clone(),
                match_id,
                mmr_before: player.mmr_before,
                mmr_after: player.mmr_after,
                rank_before,
                rank_after,
                tier_before: player.tier_before,
                tier_after: player.tier_after,
                at,
                reported_at: Some(reported_at),
            })
            .collect();
        changes.extend(moved.shifts.into_iter().map(|shift| {
            let mmr = crate::game::standing::shown(shift.place.rating);
            RankChange {
                position: Position::default(),
                user: shift.place.user,
                mode: mode.clone(),
                match_id: None,
                mmr_before: mmr,
                mmr_after: mmr,
                rank_before: Some(shift.before),
                rank_after: Some(shift.after),
                tier_before: None,
                tier_after: None,
                at,
                reported_at: Some(reported_at),
            }
        }));
        for (change, index) in changes.iter_mut().zip(0..) {
            change.position = Position::of(place, index);
        }
        batch.ranks.extend(changes.iter().cloned());
        batch.live.push(LiveEvent::Ranks { mode: mode.clone(), changes });
        let players = players.to_vec();
        batch.ladder.push(LadderChange::Moves { mode: mode.clone(), season, players });
        Ok(())
    }

    /// Makes the documents of every fact that is kept once more; what is there already stays as it is. Says how many facts
    /// there were.
    ///
    /// # Errors
    /// When SQL or the document store is away.
    pub async fn retell(&self, progress: impl Fn(u64)) -> Result<u64> {
        let (mut place, mut told) = (0, 0);
        loop {
            let facts = outbox::sent_behind(self.core.sql.read(), place, BATCH).await?;
            if facts.is_empty() {
                return Ok(told);
            }
            let mut batch = Consequences::default();
            for recorded in facts {
                place = recorded.place.unwrap_or(place);
                told += 1;
                batch.tell(&self.rules(&recorded.fact), place, recorded);
            }
            patiently(|| self.core.documents.append(&batch.documents)).await?;
            progress(told);
        }
    }
}
