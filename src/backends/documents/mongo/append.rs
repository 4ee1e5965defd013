//! What a batch adds: the feed, of which each line knows the one before, and timelines with their picks.

use mongodb::bson::{Bson, Document, doc};

use super::{
    MongoDocuments,
    rows::{FEED, FeedDoc, HEADS, TIMELINES, date},
};
use crate::{
    backends::documents::Batch,
    error::Result,
    game::event::{FeedItem, Position},
};

impl MongoDocuments {
    /// The newest position that the feed ever had before this one.
    async fn position_before(&self, position: Position) -> Result<Position> {
        let before = doc! {"_id": {"$lt": position.0}};
        let newest: Option<FeedDoc> = self.first(FEED, before, doc! {"_id": -1}).await?;
        let head = self.head().await?;
        let newest = newest.map_or(Position(0), |doc| doc._id);
        Ok(if head < position { newest.max(head) } else { newest })
    }

    pub(super) async fn head(&self) -> Result<Position> {
        let head: Option<Document> = self.first(HEADS, doc! {"_id": FEED}, doc! {"_id": 1}).await?;
        let position = head.and_then(|doc| doc.get("position").and_then(Bson::as_i64));
        Ok(Position(position.unwrap_or(0)))
    }

    pub(super) async fn append_feed(&self, feed: &[FeedItem]) -> Result<()> {
        let Some(first) = feed.iter().map(|item| item.position).min() else { return Ok(()) };
        let mut items: Vec<_> = feed.iter().collect();
        items.sort_by_key(|item| item.position);
        let mut previous = self.position_before(first).await?;
        let mut docs = Vec::new();
        for item in items {
            docs.push(FeedDoc {
                _id: item.position,
                previous,
                kind: item.kind.clone(),
                user: item.user,
                match_id: item.match_id,
                data: item.data.clone(),
                at: date(item.at),
            });
            previous = item.position;
        }
        self.add(FEED, docs).await?;
        let heads = self.collection::<Document>(HEADS);
        let newest = doc! {"$max": {"position": previous.0}};
        self.ask(HEADS, async { heads.update_one(doc! {"_id": FEED}, newest).upsert(true).await })
            .await
            .map(drop)
    }

    pub(super) async fn append_timelines(&self, batch: &Batch) -> Result<()> {
        let mut docs = Vec::new();
        for (match_id, events) in &batch.timelines {
            for event in events {
                docs.push(doc! {
                    "_id": format!("{match_id}:{}", event.position),
                    "match_id": match_id.to_string(),
                    "position": event.position,
                    "kind": &event.kind,
                    "at_ms": event.at_ms,
                    "actor": event.actor.map(|user| user.to_string()),
                    "target": event.target.map(|user| user.to_string()),
                    // As text: a game may tell what no document can hold.
                    "data": event.data.as_ref().map(ToString::to_string),
                    "recorded_at": date(event.recorded_at),
                });
            }
        }
        for pick in &batch.picks {
            docs.push(doc! {
                "_id": format!("{}:{}", pick.match_id, pick.user),
                "match_id": pick.match_id.to_string(),
                "mode": pick.mode.to_string(),
                "user": pick.user.to_string(),
                "hero": &pick.hero,
                "picked_at": date(pick.at),
            });
        }
        self.add(TIMELINES, docs).await
    }
}
