//! What facts lead to: what subscribers are told, and what the document store keeps. The same facts lead to the same
//! things, with the same ids and positions, however often this is worked out.

use uuid::Uuid;

use super::notices::alarm;
use crate::{
    backends::documents::{Batch, Erased},
    game::{
        event::{
            Activity, Fact, FeedItem, FinalPlace, LadderChange, LiveEvent, Notification, Pick,
            PlayerMove, Position, RankChange, Recorded,
        },
        ids::{EventId, MatchId, NotificationId, SeasonId, UserId},
        matches::MatchStatus,
        mode::ModeId,
        standing::Ladder,
        time::Timestamp,
    },
};

/// Wins in a row that the feed tells of.
const STREAKS: [i32; 5] = [3, 5, 10, 20, 50];

const PENALTY_LOCK: &str = "Declining or leaving matches locks the queue for longer each time.";
const PENALTY_WARNING: &str = "Declining or leaving another match will lock the queue for a while.";

/// What a batch of facts leads to.
#[derive(Default)]
pub struct Consequences {
    /// The place of the last fact.
    pub upto: i64,
    /// The ids of the facts.
    pub facts: Vec<EventId>,
    /// The traces that they belong to.
    pub traces: Vec<String>,
    /// What they do to the ladder of every instance.
    pub ladder: Vec<LadderChange>,
    /// For the log of rank changes.
    pub ranks: Vec<RankChange>,
    /// For the document store.
    pub documents: Batch,
    /// For subscribers.
    pub live: Vec<LiveEvent>,
}

impl Consequences {
    /// What a fact is told as: to subscribers, and in documents.
    pub fn tell(&mut self, rules: &Ladder, place: i64, recorded: Recorded) {
        let Recorded { id, fact, .. } = recorded;
        match fact {
            Fact::Ticket { ticket, mode, players } => {
                self.live.push(LiveEvent::Ticket { ticket, mode, players });
            }
            Fact::BlocksChanged { user } => self.live.push(LiveEvent::BlocksChanged { user }),
            Fact::Penalised { user, reason, locked_until, at } => {
                let data = serde_json::json!({"reason": reason, "lockedUntil": locked_until});
                let text = if locked_until > at {
                    ("QUEUE_LOCKED", "You cannot queue for a while", PENALTY_LOCK)
                } else {
                    ("QUEUE_WARNING", "The others waited for you", PENALTY_WARNING)
                };
                let body = Some(text.2.to_owned());
                self.notify(id, at, &[user], (text.0, text.1, body), &data);
                let kind = "PENALISED".to_owned();
                self.documents.activities.push(Activity { id, user, kind, by: None, data, at });
            }
            Fact::Party { party, members } => self.live.push(LiveEvent::Party { party, members }),
            Fact::MatchMade { match_id, mode, players, ready_check, at } => {
                let body = if ready_check { "Accept it to play." } else { "Get ready to play." };
                let text = ("MATCH_FOUND", "Match found", Some(body.to_owned()));
                let data = serde_json::json!({"matchId": match_id, "mode": mode});
                self.notify(id, at, &players, text, &data);
                let status =
                    if ready_check { MatchStatus::ReadyCheck } else { MatchStatus::Pending };
                self.live.push(LiveEvent::Match { match_id, mode, status, players, made: true });
            }
            Fact::MatchChanged { match_id, mode, status, players, reason, at } => {
                if status == MatchStatus::Cancelled {
                    let data =
                        serde_json::json!({"matchId": match_id, "mode": mode, "reason": reason});
                    let text = ("MATCH_CANCELLED", "Match cancelled", reason);
                    self.notify(id, at, &players, text, &data);
                }
                self.live.push(LiveEvent::Match { match_id, mode, status, players, made: false });
            }
            Fact::MatchFinished { match_id, mode, players, at, .. } => {
                self.tell_finished(rules, (place, id), (match_id, mode), &players, at);
            }
            Fact::Corrected { match_id, mode, reason, players, at, .. } => {
                self.tell_corrected((id, at), (match_id, &mode), reason.as_deref(), &players);
                self.live.push(LiveEvent::Board { mode: Some(mode) });
            }
            Fact::Timeline { match_id, events } => {
                self.documents.timelines.push((match_id, events.clone()));
                self.live.push(LiveEvent::Timeline { match_id, events });
            }
            Fact::Activity { user, kind, by, data, at } => {
                if let Some((title, body)) = alarm(&kind) {
                    let text = ("SECURITY", title, Some(body.to_owned()));
                    let told = serde_json::json!({"event": kind});
                    self.notify(id, at, &[user], text, &told);
                }
                self.documents.activities.push(Activity { id, user, kind, by, data, at });
            }
            Fact::SessionEnded { session } => self.live.push(LiveEvent::SessionEnded { session }),
            Fact::SeasonStarted { season, name, at } => {
                self.tell_all(vec![FeedItem {
                    position: Position::of(place, 0),
                    kind: "SEASON_STARTED".into(),
                    user: None,
                    match_id: None,
                    data: serde_json::json!({"season": season, "name": name}),
                    at,
                }]);
                self.live.push(LiveEvent::Board { mode: None });
            }
            Fact::Lapsed { mode, .. } => self.live.push(LiveEvent::Board { mode: Some(mode) }),
            Fact::SeasonPlaced { season, name, mode, players, at } => {
                self.tell_placed((id, at), (season, &name), &mode, &players);
            }
            Fact::Erased { user, was, matches } => {
                self.documents.erased.push(Erased { user, was, matches });
                self.live.push(LiveEvent::Erased);
            }
            Fact::HomeChanged { .. } => self.live.push(LiveEvent::Board { mode: None }),
        }
    }

    /// Tells players where they stood at the end of a season.
    fn tell_placed(
        &mut self,
        (event, at): (EventId, Timestamp),
        (season, name): (SeasonId, &str),
        mode: &ModeId,
        players: &[FinalPlace],
    ) {
        for (player, index) in players.iter().zip(0..) {
            let FinalPlace { user, rank, mmr, tier } = player;
            let data = serde_json::json!({
                "season": season, "mode": mode, "rank": rank, "mmr": mmr, "tier": tier,
            });
            let title = format!("{name} is over");
            let body = tier.as_ref().map_or_else(
                || format!("You finished {mode} in place {rank}."),
                |tier| format!("You finished {mode} in place {rank}, {tier}."),
            );
            let id = EventId::from_uuid(derived(event, index).uuid());
            self.notify(id, at, &[*user], ("SEASON_ENDED", &title, Some(body)), &data);
        }
    }

    /// Tells everybody whose rating a correction moved from where to where.
    fn tell_corrected(
        &mut self,
        (event, at): (EventId, Timestamp),
        (match_id, mode): (MatchId, &ModeId),
        reason: Option<&str>,
        players: &[PlayerMove],
    ) {
        let title = match reason {
            Some(_) => "A match was voided",
            None => "A result came late",
        };
        for (player, index) in players.iter().zip(0..) {
            let data = serde_json::json!({
                "matchId": match_id, "mode": mode, "reason": reason,
                "mmrBefore": player.mmr_before, "mmrAfter": player.mmr_after,
            });
            let body = format!("Your rating: {} → {}", player.mmr_before, player.mmr_after);
            let id = EventId::from_uuid(derived(event, index).uuid());
            self.notify(id, at, &[player.user], ("RATING_CORRECTED", title, Some(body)), &data);
        }
    }

    fn tell_finished(
        &mut self,
        rules: &Ladder,
        (place, event): (i64, EventId),
        (match_id, mode): (MatchId, ModeId),
        players: &[PlayerMove],
        at: Timestamp,
    ) {
        self.tell_feed(place, match_id, &mode, players, at);
        self.tell_tiers((place, event), rules, (&mode, match_id), players, at);
        let picks = players.iter().filter_map(|player| {
            let (mode, hero) = (mode.clone(), player.hero.clone()?);
            Some(Pick { match_id, mode, user: player.user, hero, at })
        });
        self.documents.picks.extend(picks);
        self.live.push(LiveEvent::Match {
            match_id,
            mode: mode.clone(),
            status: MatchStatus::Completed,
            players: players.iter().map(|player| player.user).collect(),
            made: false,
        });
        self.live.push(LiveEvent::Board { mode: Some(mode) });
    }

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
            self.documents.notifications.push(notification);
        }
    }

    fn tell_all(&mut self, items: Vec<FeedItem>) {
        self.documents.feed.extend(items.iter().cloned());
        self.live.push(LiveEvent::Feed { items });
    }

    fn tell_feed(
        &mut self,
        place: i64,
        match_id: MatchId,
        mode: &ModeId,
        players: &[PlayerMove],
        at: Timestamp,
    ) {
        let names: Vec<_> = players.iter().map(|player| &player.username).collect();
        let mut items = vec![FeedItem {
            position: Position::of(place, 0),
            kind: "MATCH_COMPLETED".into(),
            user: None,
            match_id: Some(match_id),
            data: serde_json::json!({"mode": mode, "players": names}),
            at,
        }];
        for (player, index) in players.iter().zip(1..) {
            if STREAKS.contains(&player.streak) {
                items.push(FeedItem {
                    position: Position::of(place, index),
                    kind: "WIN_STREAK".into(),
                    user: Some(player.user),
                    match_id: Some(match_id),
                    data: serde_json::json!({"mode": mode, "wins": player.streak}),
                    at,
                });
            }
        }
        self.tell_all(items);
    }

    fn tell_tiers(
        &mut self,
        (place, event): (i64, EventId),
        rules: &Ladder,
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
                // Whoever was there before has been told.
                std::cmp::Ordering::Greater if Some(after) <= player.best_before => continue,
                std::cmp::Ordering::Greater => ("RANK_UP", "You moved up"),
                std::cmp::Ordering::Less => ("RANK_DOWN", "You moved down"),
                std::cmp::Ordering::Equal => continue,
            };
            let label = |index| rules.tier(index).map(|tier| tier.label.clone());
            let data = serde_json::json!({
                "mode": mode, "matchId": match_id, "from": label(before), "to": label(after),
            });
            let text = (kind, title, label(after));
            // One id a player: the others of this match got theirs from their own index.
            let id = EventId::from_uuid(derived(event, index).uuid());
            self.notify(id, at, &[player.user], text, &data);
            items.push(FeedItem {
                position: Position::of(place, offset + i64::from(index)),
                kind: kind.into(),
                user: Some(player.user),
                match_id: Some(match_id),
                data,
                at,
            });
        }
        if !items.is_empty() {
            self.tell_all(items);
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
