//! Takes facts out of the outbox, in order, to every projection: ladder, documents, the log of rank changes, the bus.
//!
//! Every step can be repeated. Documents are known by their place or id; rank changes and the mark that a fact is sent
//! are one transaction. The ladder holds what was relayed and nothing else: after a restart it is filled with where
//! players stood before the first fact that was not, so the same facts give the same places again.

use std::sync::Arc;

use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    boards,
    core::{Core, now},
};
use crate::{
    backends::ladder::BoardId,
    entities::{outbox, rank_changes},
    error::Result,
    game::{
        event::{
            Fact, FeedItem, LiveEvent, Notification, PlayerMove, Position, RankChange, Recorded,
        },
        ids::{EventId, MatchId, NotificationId, SeasonId, UserId},
        matches::MatchStatus,
        mode::ModeId,
        time::Timestamp,
    },
};

/// Facts taken at once.
const BATCH: u64 = 128;
/// Wins in a row that the feed tells of.
const STREAKS: [i32; 5] = [3, 5, 10, 20, 50];

/// What a batch of facts leads to.
#[derive(Default)]
struct Consequences {
    upto: i64,
    facts: usize,
    ranks: Vec<RankChange>,
    feed: Vec<FeedItem>,
    notifications: Vec<Notification>,
    live: Vec<LiveEvent>,
}

/// See the module.
pub struct Relay {
    core: Arc<Core>,
    /// A batch that the ladder has and the database has not: a failed attempt is repeated with what it worked out.
    unfinished: Mutex<Option<Consequences>>,
}

impl Relay {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, unfinished: Mutex::default() }
    }

    /// Waits until a transaction wrote facts.
    pub async fn woken(&self) {
        self.core.wake_relay.notified().await;
    }

    /// Takes one batch of facts everywhere; returns how many there were.
    ///
    /// # Errors
    /// When a projection is away. Nothing is lost: the next attempt goes on where this one stopped.
    pub async fn run_once(&self) -> Result<usize> {
        let mut unfinished = self.unfinished.lock().await;
        if unfinished.is_none() {
            let facts = outbox::unsent(self.core.sql.read(), BATCH).await?;
            if facts.is_empty() {
                return Ok(0);
            }
            *unfinished = Some(self.work_out(facts).await?);
        }
        let Some(batch) = unfinished.as_mut() else { return Ok(0) };
        self.core.documents.append(&batch.feed, &batch.notifications).await?;
        let tx = self.core.sql.begin().await?;
        rank_changes::append(&tx, batch.ranks.clone()).await?;
        outbox::mark_sent(&tx, batch.upto, now()).await?;
        tx.commit().await?;
        let batch = unfinished.take().unwrap_or_default();
        drop(unfinished);
        self.core.relayed.send_replace(batch.upto);
        let live: Vec<_> = batch.live.into_iter().map(Arc::new).collect();
        self.core.bus.publish(&live).await?;
        metrics::counter!("rankedhonor_facts_relayed_total").increment(batch.facts as u64);
        Ok(batch.facts)
    }

    async fn work_out(&self, facts: Vec<Recorded>) -> Result<Consequences> {
        let mut batch = Consequences { facts: facts.len(), ..Consequences::default() };
        for recorded in facts {
            batch.upto = recorded.seq;
            self.add(recorded, &mut batch).await?;
        }
        Ok(batch)
    }

    async fn add(&self, recorded: Recorded, batch: &mut Consequences) -> Result<()> {
        let Recorded { seq, id, fact } = recorded;
        match fact {
            Fact::Ticket { ticket, mode, players } => {
                batch.live.push(LiveEvent::Ticket { ticket, mode, players });
            }
            Fact::MatchMade { match_id, mode, players, ready_check, at } => {
                let body = if ready_check { "Accept it to play." } else { "Get ready to play." };
                let text = ("MATCH_FOUND", "Match found", Some(body.to_owned()));
                batch.notify(
                    id,
                    at,
                    &players,
                    text,
                    &serde_json::json!({"matchId": match_id, "mode": mode}),
                );
                let status =
                    if ready_check { MatchStatus::ReadyCheck } else { MatchStatus::Pending };
                batch.live.push(LiveEvent::Match { match_id, mode, status, players, made: true });
            }
            Fact::MatchChanged { match_id, mode, status, players, reason, at } => {
                if status == MatchStatus::Cancelled {
                    let data =
                        serde_json::json!({"matchId": match_id, "mode": mode, "reason": reason});
                    batch.notify(
                        id,
                        at,
                        &players,
                        ("MATCH_CANCELLED", "Match cancelled", reason),
                        &data,
                    );
                }
                batch.live.push(LiveEvent::Match { match_id, mode, status, players, made: false });
            }
            Fact::MatchFinished { match_id, mode, season, players, at } => {
                self.finished(batch, (seq, id), (match_id, mode, season), players, at).await?;
            }
            Fact::Timeline { match_id, events } => {
                batch.live.push(LiveEvent::Timeline { match_id, events });
            }
            Fact::SessionEnded { session } => batch.live.push(LiveEvent::SessionEnded { session }),
            Fact::SeasonStarted { season, name, at } => {
                // Known here before anybody is told to look at the new boards.
                self.core.learn_season().await?;
                batch.tell(vec![FeedItem {
                    position: Position::of(seq, 0),
                    kind: "SEASON_STARTED".into(),
                    user: None,
                    match_id: None,
                    data: serde_json::json!({"season": season, "name": name}),
                    at,
                }]);
                batch.live.push(LiveEvent::Board { mode: None });
            }
            Fact::RegionChanged { user, region } => {
                self.core.ladder.set_region(user, region).await?;
                batch.live.push(LiveEvent::Board { mode: None });
            }
        }
        Ok(())
    }

    async fn finished(
        &self,
        batch: &mut Consequences,
        (seq, event): (i64, EventId),
        (match_id, mode, season): (MatchId, ModeId, SeasonId),
        players: Vec<PlayerMove>,
        at: Timestamp,
    ) -> Result<()> {
        boards::ensure(&self.core, season).await?;
        let board = BoardId { mode: mode.clone(), season };
        let moved = self.core.ladder.submit(&board, &players).await?;
        let mut changes: Vec<RankChange> = players
            .iter()
            .zip(moved.players)
            .map(|(player, (rank_before, rank_after))| RankChange {
                position: Position::default(),
                user: player.user,
                mode: mode.clone(),
                match_id: Some(match_id),
                mmr_before: player.mmr_before,
                mmr_after: player.mmr_after,
                rank_before,
                rank_after,
                tier_before: player.tier_before,
                tier_after: player.tier_after,
                at,
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
            }
        }));
        for (change, index) in changes.iter_mut().zip(0..) {
            change.position = Position::of(seq, index);
        }
        batch.tell_feed(seq, match_id, &mode, &players, at);
        batch.tell_tiers((seq, event), &self.core, (&mode, match_id), &players, at);
        let users = players.iter().map(|player| player.user).collect();
        batch.live.push(LiveEvent::Match {
            match_id,
            mode: mode.clone(),
            status: MatchStatus::Completed,
            players: users,
            made: false,
        });
        batch.ranks.extend(changes.iter().cloned());
        batch.live.push(LiveEvent::Ranks { mode: mode.clone(), changes });
        batch.live.push(LiveEvent::Board { mode: Some(mode) });
        Ok(())
    }

    /// Fills the ladder with the places of the current season that were relayed.
    pub(super) async fn rebuild_ladder(&self) -> Result<()> {
        self.core.relayed.send_replace(outbox::last_sent(self.core.sql.read()).await?);
        boards::ensure(&self.core, self.core.season()?.id).await
    }
}

impl Consequences {
    fn notify(
        &mut self,
        event: EventId,
        at: Timestamp,
        users: &[UserId],
        (kind, title, body): (&str, &str, Option<String>),
        data: &serde_json::Value,
    ) {
        for (user, index) in users.iter().zip(0..) {
            let notification = Notification {
                id: derived(event, index),
                user: *user,
                kind: kind.into(),
                title: title.into(),
                body: body.clone(),
                data: data.clone(),
                read_at: None,
                created_at: at,
            };
            self.live.push(LiveEvent::Notification(notification.clone()));
            self.notifications.push(notification);
        }
    }

    fn tell(&mut self, items: Vec<FeedItem>) {
        self.feed.extend(items.iter().cloned());
        self.live.push(LiveEvent::Feed { items });
    }

    fn tell_feed(
        &mut self,
        seq: i64,
        match_id: MatchId,
        mode: &ModeId,
        players: &[PlayerMove],
        at: Timestamp,
    ) {
        let names: Vec<_> = players.iter().map(|player| &player.username).collect();
        let mut items = vec![FeedItem {
            position: Position::of(seq, 0),
            kind: "MATCH_COMPLETED".into(),
            user: None,
            match_id: Some(match_id),
            data: serde_json::json!({"mode": mode, "players": names}),
            at,
        }];
        for (player, index) in players.iter().zip(1..) {
            if STREAKS.contains(&player.streak) {
                items.push(FeedItem {
                    position: Position::of(seq, index),
                    kind: "WIN_STREAK".into(),
                    user: Some(player.user),
                    match_id: Some(match_id),
                    data: serde_json::json!({"mode": mode, "wins": player.streak}),
                    at,
                });
            }
        }
        self.tell(items);
    }

    fn tell_tiers(
        &mut self,
        (seq, event): (i64, EventId),
        core: &Core,
        (mode, match_id): (&ModeId, MatchId),
        players: &[PlayerMove],
        at: Timestamp,
    ) {
        let offset = i64::try_from(players.len()).unwrap_or(0) + 1;
        let mut items = Vec::new();
        for (player, index) in players.iter().zip(0..) {
            // The first tier after the placements is neither up nor down.
            let (Some(before), Some(after)) = (player.tier_before, player.tier_after) else {
                continue;
            };
            let (kind, title) = match after.cmp(&before) {
                std::cmp::Ordering::Greater => ("RANK_UP", "You moved up"),
                std::cmp::Ordering::Less => ("RANK_DOWN", "You moved down"),
                std::cmp::Ordering::Equal => continue,
            };
            let label = |index| core.catalog.ladder.tier(index).map(|tier| tier.label.clone());
            let data = serde_json::json!({
                "mode": mode, "matchId": match_id, "from": label(before), "to": label(after),
            });
            let text = (kind, title, label(after));
            // One id a player: the others of this match got theirs from their own index.
            let id = EventId::from_uuid(derived(event, index).uuid());
            self.notify(id, at, &[player.user], text, &data);
            items.push(FeedItem {
                position: Position::of(seq, offset + i64::from(index)),
                kind: kind.into(),
                user: Some(player.user),
                match_id: Some(match_id),
                data,
                at,
            });
        }
        if !items.is_empty() {
            self.tell(items);
        }
    }
}

/// The id of an event's `index`-th notification: the event's own with another end, so that making it twice makes it once.
fn derived(event: EventId, index: u16) -> NotificationId {
    let mut bytes = event.uuid().into_bytes();
    for (byte, part) in bytes[14..].iter_mut().zip(index.to_be_bytes()) {
        *byte ^= part;
    }
    NotificationId::from_uuid(Uuid::from_bytes(bytes))
}
