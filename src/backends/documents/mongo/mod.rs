//! Documents in MongoDB, each known by its position or id, so that writing it again changes nothing.

mod append;
mod look;
mod rows;

use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    Client, Collection, Database,
    bson::{Bson, Document, doc},
    error::{Error as MongoError, ErrorKind, WriteFailure},
    options::{ClientOptions, WriteConcern},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::OnceCell, time::timeout};
use tracing::Instrument;

use self::rows::{
    ACTIVITY, ActivityDoc, FEED, FeedDoc, NOTIFICATIONS, NotificationDoc, PICKS, TIMELINES, date,
    indexes,
};
use super::{Batch, DAY_MS, Documents, Erased, NOBODY, PickRate};
use crate::{
    config::MongodbSettings,
    error::{Error, Result},
    game::{
        event::{Activity, FeedItem, Notification, Position},
        ids::{NotificationId, UserId},
        mode::ModeId,
        time::Timestamp,
    },
};

/// The server says this about a document that is there already.
const DUPLICATE: i32 = 11_000;
/// Matches that are looked for at once.
const MATCHES: usize = 200;
/// The most documents in one request.
const TOGETHER: usize = 512;

/// See the module.
pub struct MongoDocuments {
    database: Database,
    limit: Duration,
    prepared: OnceCell<()>,
    /// How many documents go into one request now: fewer while the server is too slow for more, so that a large batch
    /// gets there on a slow day too.
    together: AtomicUsize,
}

fn away(error: impl Into<crate::error::Source>) -> Error {
    Error::unavailable("document store", error)
}

impl MongoDocuments {
    /// Prepares the way; nothing is connected yet, so that a server starts while MongoDB is away.
    ///
    /// # Errors
    /// When the URL cannot be understood.
    pub async fn new(url: &SecretString, settings: &MongodbSettings) -> Result<Self> {
        let limit = Duration::from_millis(settings.timeout_ms);
        // What it says could hold the password.
        let wrong = |_: MongoError| Error::internal("MONGODB_URL cannot be understood");
        let mut options = ClientOptions::parse(url.expose_secret()).await.map_err(wrong)?;
        options.app_name.get_or_insert_with(|| "rankedhonor".into());
        options.connect_timeout = Some(limit);
        options.server_selection_timeout = Some(limit);
        // An acknowledged document survives the loss of a server.
        options.write_concern.get_or_insert_with(WriteConcern::majority);
        let name = options.default_database.clone().unwrap_or_else(|| settings.database.clone());
        let client = Client::with_options(options).map_err(wrong)?;
        let database = client.database(&name);
        Ok(Self { database, limit, prepared: OnceCell::new(), together: TOGETHER.into() })
    }

    /// Waits for an answer, but not for long: the driver's own timeouts do not cover a server that is frozen.
    async fn ask<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = Result<T, MongoError>>,
    ) -> Result<T> {
        let asked = std::time::Instant::now();
        let span = tracing::debug_span!("mongodb", what);
        let answer = timeout(self.limit, answer.instrument(span)).await;
        let seconds = asked.elapsed().as_secs_f64();
        metrics::histogram!("rankedhonor_mongodb_seconds", "what" => what).record(seconds);
        let answer = answer.map_err(away).and_then(|answer| answer.map_err(away));
        if answer.is_err() {
            metrics::counter!("rankedhonor_mongodb_errors_total", "what" => what).increment(1);
        }
        answer
    }

    fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }

    /// Whether MongoDB answers.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.ask("ping", async { self.database.run_command(doc! {"ping": 1}).await })
            .await
            .map(drop)
    }

    /// Makes the indexes, once.
    async fn prepare(&self) -> Result<()> {
        let prepare = || async {
            for (name, index) in indexes() {
                let collection = self.collection::<Document>(name);
                self.ask("indexes", async { collection.create_index(index).await }).await?;
            }
            Ok(())
        };
        self.prepared.get_or_try_init(prepare).await.copied()
    }

    /// Adds documents; those that are there already stay as they are.
    async fn add<T: Serialize + Send + Sync>(
        &self,
        name: &'static str,
        docs: Vec<T>,
    ) -> Result<()> {
        let collection = self.collection::<T>(name);
        let mut rest = docs.as_slice();
        while !rest.is_empty() {
            let together = self.together.load(Relaxed).min(rest.len());
            let (now, later) = rest.split_at(together);
            let added = self.ask(name, async {
                match collection.insert_many(now).ordered(false).await {
                    Err(error) if is_duplicate(&error) => Ok(()),
                    other => other.map(drop),
                }
            });
            if let Err(error) = added.await {
                self.together.store((together / 2).max(1), Relaxed);
                return Err(error);
            }
            self.together.fetch_max((together * 2).min(TOGETHER), Relaxed);
            rest = later;
        }
        Ok(())
    }

    async fn list<T>(
        &self,
        name: &'static str,
        filter: Document,
        sort: Document,
        limit: u64,
    ) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        let collection = self.collection::<T>(name);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.ask(name, async {
            collection.find(filter).sort(sort).limit(limit).await?.try_collect().await
        })
        .await
    }

    async fn first<T>(
        &self,
        name: &'static str,
        filter: Document,
        sort: Document,
    ) -> Result<Option<T>>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        Ok(self.list(name, filter, sort, 1).await?.pop())
    }
}

impl MongoDocuments {
    /// Forgets what is a user's own, and puts another name in the place of theirs elsewhere.
    async fn erase(&self, erased: &Erased) -> Result<()> {
        let own = doc! {"user": erased.user.to_string()};
        for name in [NOTIFICATIONS, ACTIVITY] {
            let collection = self.collection::<Document>(name);
            self.ask(name, async { collection.delete_many(own.clone()).await }).await?;
        }
        for matches in erased.matches.chunks(MATCHES) {
            let ids: Vec<_> = matches.iter().map(ToString::to_string).collect();
            self.erase_feed(ids, erased).await?;
        }
        Ok(())
    }

    async fn erase_feed(&self, matches: Vec<String>, erased: &Erased) -> Result<()> {
        let feed = self.collection::<Document>(FEED);
        let theirs = doc! {"match_id": {"$in": &matches}, "user": erased.user.to_string()};
        let nobody = doc! {"$set": {"user": Bson::Null}};
        self.ask(FEED, async { feed.update_many(theirs, nobody).await }).await?;
        let named = doc! {"match_id": {"$in": matches}, "data.players": &erased.was};
        let docs: Vec<FeedDoc> = self.list(FEED, named, doc! {"_id": 1}, 10_000).await?;
        for mut doc in docs {
            if !FeedItem::rename(&mut doc.data, &erased.was, NOBODY) {
                continue;
            }
            let data = mongodb::bson::serialize_to_bson(&doc.data).map_err(Error::internal)?;
            let (id, changed) = (doc! {"_id": doc._id.0}, doc! {"$set": {"data": data}});
            self.ask(FEED, async { feed.update_one(id, changed).await }).await?;
        }
        Ok(())
    }
}

fn is_duplicate(error: &MongoError) -> bool {
    match &*error.kind {
        ErrorKind::InsertMany(many) => {
            many.write_concern_error.is_none()
                && many.write_errors.iter().flatten().all(|error| error.code == DUPLICATE)
        }
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE,
        _ => false,
    }
}

#[async_trait]
impl Documents for MongoDocuments {
    async fn append(&self, batch: &Batch) -> Result<()> {
        self.prepare().await?;
        self.append_feed(&batch.feed).await?;
        let notifications = batch.notifications.iter().map(|notification| NotificationDoc {
            _id: notification.id,
            user: notification.user,
            kind: notification.kind.clone(),
            title: notification.title.clone(),
            body: notification.body.clone(),
            data: notification.data.clone(),
            read_at: notification.read_at.map(date),
            created_at: date(notification.created_at),
        });
        self.add(NOTIFICATIONS, notifications.collect()).await?;
        let activities = batch.activities.iter().map(|activity| ActivityDoc {
            _id: activity.id,
            user: activity.user,
            kind: activity.kind.clone(),
            by: activity.by,
            data: activity.data.clone(),
            at: date(activity.at),
        });
        self.add(ACTIVITY, activities.collect()).await?;
        self.append_timelines(batch).await?;
        for erased in &batch.erased {
            self.erase(erased).await?;
        }
        Ok(())
    }

    async fn feed_since(&self, after: Position, limit: u64) -> Result<Vec<FeedItem>> {
        let filter = doc! {"_id": {"$gt": after.0}};
        let docs: Vec<FeedDoc> = self.list(FEED, filter, doc! {"_id": 1}, limit).await?;
        Ok(docs.into_iter().map(Into::into).collect())
    }

    async fn feed_newest(&self, before: Option<Position>, limit: u64) -> Result<Vec<FeedItem>> {
        let filter = before.map_or_else(Document::new, |before| doc! {"_id": {"$lt": before.0}});
        let docs: Vec<FeedDoc> = self.list(FEED, filter, doc! {"_id": -1}, limit).await?;
        Ok(docs.into_iter().map(Into::into).collect())
    }

    async fn feed_horizon(&self) -> Result<Position> {
        let oldest: Option<FeedDoc> = self.first(FEED, doc! {}, doc! {"_id": 1}).await?;
        match oldest {
            Some(oldest) => Ok(oldest.previous),
            None => self.head().await,
        }
    }

    async fn notifications(
        &self,
        user: UserId,
        unread_only: bool,
        before: Option<NotificationId>,
        limit: u64,
    ) -> Result<Vec<Notification>> {
        let mut filter = doc! {"user": user.to_string()};
        if unread_only {
            filter.insert("read_at", Bson::Null);
        }
        if let Some(before) = before {
            filter.insert("_id", doc! {"$lt": before.to_string()});
        }
        let sort = doc! {"_id": -1};
        let docs: Vec<NotificationDoc> = self.list(NOTIFICATIONS, filter, sort, limit).await?;
        Ok(docs.into_iter().map(Into::into).collect())
    }

    async fn notification(&self, user: UserId, id: NotificationId) -> Result<Option<Notification>> {
        let filter = doc! {"_id": id.to_string(), "user": user.to_string()};
        let doc: Option<NotificationDoc> =
            self.first(NOTIFICATIONS, filter, doc! {"_id": 1}).await?;
        Ok(doc.map(Into::into))
    }

    async fn unread(&self, user: UserId) -> Result<u64> {
        let filter = doc! {"user": user.to_string(), "read_at": Bson::Null};
        let collection = self.collection::<Document>(NOTIFICATIONS);
        self.ask(NOTIFICATIONS, async { collection.count_documents(filter).await }).await
    }

    async fn mark_read(&self, user: UserId, ids: &[NotificationId], now: Timestamp) -> Result<()> {
        let mut filter = doc! {"user": user.to_string(), "read_at": Bson::Null};
        if !ids.is_empty() {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            filter.insert("_id", doc! {"$in": ids});
        }
        let read = doc! {"$set": {"read_at": date(now)}};
        let collection = self.collection::<Document>(NOTIFICATIONS);
        self.ask(NOTIFICATIONS, async { collection.update_many(filter, read).await })
            .await
            .map(drop)
    }

    async fn activity(&self, user: UserId, limit: u64) -> Result<Vec<Activity>> {
        let (filter, sort) = (doc! {"user": user.to_string()}, doc! {"_id": -1});
        let docs: Vec<ActivityDoc> = self.list(ACTIVITY, filter, sort, limit).await?;
        Ok(docs.into_iter().map(Into::into).collect())
    }

    async fn count_picks(&self, day: i64) -> Result<()> {
        let (from, to) = (date(Timestamp(day * DAY_MS)), date(Timestamp((day + 1) * DAY_MS)));
        let pipeline = [
            doc! {"$match": {"picked_at": {"$gte": from, "$lt": to}}},
            doc! {"$group": {"_id": {"mode": "$mode", "hero": "$hero"}, "picks": {"$sum": 1}}},
        ];
        let matches = self.collection::<Document>(TIMELINES);
        let counted: Vec<Document> = self
            .ask(PICKS, async { matches.aggregate(pipeline).await?.try_collect().await })
            .await?;
        let rates = self.collection::<Document>(PICKS);
        for group in counted {
            let key = group.get_document("_id").map_err(away)?;
            let (mode, hero) =
                (key.get_str("mode").map_err(away)?, key.get_str("hero").map_err(away)?);
            let id = doc! {"_id": format!("{day}:{mode}:{hero}")};
            let picks = group.get("picks").cloned().unwrap_or(Bson::Int32(0));
            let rate = doc! {"$set": {"day": day, "mode": mode, "hero": hero, "picks": picks}};
            self.ask(PICKS, async { rates.update_one(id, rate).upsert(true).await }).await?;
        }
        Ok(())
    }

    async fn pick_rates(&self, mode: &ModeId, from: i64, to: i64) -> Result<Vec<PickRate>> {
        let filter = doc! {"mode": mode.as_str(), "day": {"$gte": from, "$lte": to}};
        let docs: Vec<Document> =
            self.list(PICKS, filter, doc! {"day": 1, "hero": 1}, 10_000).await?;
        let whole = |value: Option<&Bson>| match value {
            Some(Bson::Int32(number)) => i64::from(*number),
            Some(Bson::Int64(number)) => *number,
            _ => 0,
        };
        Ok(docs
            .iter()
            .map(|doc| PickRate {
                day: whole(doc.get("day")),
                hero: doc.get_str("hero").unwrap_or_default().to_owned(),
                picks: whole(doc.get("picks")),
            })
            .collect())
    }

    async fn expire(&self, feed_before: Timestamp, activity_before: Timestamp) -> Result<()> {
        for (name, before) in [(FEED, feed_before), (ACTIVITY, activity_before)] {
            let old = doc! {"at": {"$lt": date(before)}};
            let collection = self.collection::<Document>(name);
            self.ask(name, async { collection.delete_many(old).await }).await?;
        }
        Ok(())
    }

    async fn ready(&self) -> Result<()> {
        self.ping().await?;
        self.prepare().await
    }

    async fn close(&self) {
        // A client that is only dropped ends its sessions in a task of its own, which panics where the runtime ends at
        // that moment. Where nobody answers they are left to lapse, and that task must not begin either.
        let client = self.database.client();
        if timeout(self.limit, client.clone().shutdown()).await.is_err() {
            std::mem::forget(client.clone());
        }
    }
}
