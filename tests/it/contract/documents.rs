use rankedhonor::{
    backends::{
        documents::{Batch, Documents, sql::SqlDocuments},
        sql::Sql,
    },
    config::Settings,
    game::{
        event::{Activity, FeedItem, Notification, Position},
        ids::{EventId, NotificationId, UserId},
    },
};
use serde_json::json;

use super::{at, match_id, user, uuid};
use crate::support;

fn item(seq: i64) -> FeedItem {
    FeedItem {
        position: Position::of(seq, 0),
        kind: "MATCH_COMPLETED".into(),
        user: Some(user(1)),
        match_id: Some(match_id(seq.unsigned_abs().into())),
        data: json!({"note": "größer 🎯", "n": seq}),
        at: at(seq),
    }
}

fn note(n: u128, to: UserId) -> Notification {
    Notification {
        id: NotificationId::from_uuid(uuid(n)),
        user: to,
        kind: "RANK_UP".into(),
        title: format!("Gold {n} 🏆"),
        body: None,
        data: json!({"tier": "Gold"}),
        read_at: None,
        created_at: at(n as i64),
    }
}

fn positions(items: &[FeedItem]) -> Vec<i64> {
    items.iter().map(|item| item.position.0 / Position::PER_FACT).collect()
}

fn ids(notes: &[Notification]) -> Vec<NotificationId> {
    notes.iter().map(|note| note.id).collect()
}

async fn tell(store: &dyn Documents, feed: &[FeedItem], notifications: &[Notification]) {
    let (feed, notifications) = (feed.to_vec(), notifications.to_vec());
    store.append(&Batch { feed, notifications, ..Batch::default() }).await.unwrap();
}

async fn the_feed_is_read_both_ways_and_what_is_told_twice_is_there_once(store: &dyn Documents) {
    let items: Vec<_> = (1..=9).map(item).collect();
    tell(store, &items[..6], &[]).await;
    // A relay that died between writing and saying so begins again a little earlier.
    tell(store, &items[3..], &[]).await;
    assert_eq!(store.feed_since(Position(0), 100).await.unwrap(), items);
    let since = store.feed_since(items[3].position, 3).await.unwrap();
    assert_eq!(positions(&since), [5, 6, 7]);
    let newest = store.feed_newest(None, 2).await.unwrap();
    assert_eq!(positions(&newest), [9, 8]);
    let before = store.feed_newest(Some(items[7].position), 2).await.unwrap();
    assert_eq!(positions(&before), [7, 6]);
}

async fn what_expires_is_forgotten_and_the_horizon_says_up_to_where(store: &dyn Documents) {
    assert_eq!(store.feed_horizon().await.unwrap(), Position(0));
    store.expire(at(4), at(0)).await.unwrap();
    assert_eq!(positions(&store.feed_since(Position(0), 100).await.unwrap()), [4, 5, 6, 7, 8, 9]);
    assert_eq!(store.feed_horizon().await.unwrap(), item(3).position);
    store.expire(at(4), at(0)).await.unwrap();
    store.expire(at(0), at(0)).await.unwrap();
    assert_eq!(store.feed_horizon().await.unwrap(), item(3).position);
}

async fn notifications_are_each_users_own(store: &dyn Documents) {
    let (ada, bob) = (user(1), user(2));
    let hers: Vec<_> = (1..=5).map(|n| note(n, ada)).collect();
    tell(store, &[], &hers).await;
    tell(store, &[], &[note(6, bob)]).await;
    tell(store, &[], &hers[2..]).await;
    let listed = store.notifications(ada, false, None, 100).await.unwrap();
    let newest_first: Vec<_> = hers.iter().rev().cloned().collect();
    assert_eq!(listed, newest_first);
    let page = store.notifications(ada, false, Some(hers[3].id), 2).await.unwrap();
    assert_eq!(ids(&page), [hers[2].id, hers[1].id]);
    assert_eq!(store.notification(ada, hers[0].id).await.unwrap().as_ref(), Some(&hers[0]));
    assert_eq!(store.notification(bob, hers[0].id).await.unwrap(), None);
    assert_eq!(store.unread(ada).await.unwrap(), 5);
}

async fn reading_is_remembered_and_only_the_owner_reads(store: &dyn Documents) {
    let (ada, bob) = (user(1), user(2));
    let (first, second) = (note(1, ada), note(2, ada));
    store.mark_read(bob, &[first.id], at(50)).await.unwrap();
    assert_eq!(store.unread(ada).await.unwrap(), 5);
    store.mark_read(ada, &[first.id], at(50)).await.unwrap();
    store.mark_read(ada, &[first.id, second.id], at(60)).await.unwrap();
    let read = |found: Option<Notification>| found.and_then(|note| note.read_at);
    assert_eq!(read(store.notification(ada, first.id).await.unwrap()), Some(at(50)));
    assert_eq!(read(store.notification(ada, second.id).await.unwrap()), Some(at(60)));
    // Told once more, it stays read.
    tell(store, &[], std::slice::from_ref(&first)).await;
    assert_eq!(read(store.notification(ada, first.id).await.unwrap()), Some(at(50)));
    let unread = store.notifications(ada, true, None, 100).await.unwrap();
    assert_eq!(unread.len(), 3);
    store.mark_read(ada, &[], at(70)).await.unwrap();
    assert_eq!(store.unread(ada).await.unwrap(), 0);
    assert_eq!(store.unread(bob).await.unwrap(), 1);
}

async fn the_audit_trail_is_each_users_own_and_expires(store: &dyn Documents) {
    let line = |n: u128, who: u128, when| Activity {
        id: EventId::from_uuid(uuid(n)),
        user: user(who),
        kind: "SIGNED_IN".into(),
        by: (n == 2).then(|| user(9)),
        data: json!({"address": "::1", "n": 1}),
        at: at(when),
    };
    let lines = [line(1, 5, 10), line(2, 5, 20), line(3, 6, 30), line(4, 5, 40)];
    for _ in 0..2 {
        let batch = Batch { activities: lines.to_vec(), ..Batch::default() };
        store.append(&batch).await.unwrap();
    }
    let trail = store.activity(user(5), 10).await.unwrap();
    assert_eq!(trail, [lines[3].clone(), lines[1].clone(), lines[0].clone()]);
    assert_eq!(store.activity(user(5), 1).await.unwrap(), [lines[3].clone()]);
    store.expire(at(0), at(25)).await.unwrap();
    assert_eq!(store.activity(user(5), 10).await.unwrap(), [lines[3].clone()]);
    assert_eq!(store.activity(user(6), 10).await.unwrap(), [lines[2].clone()]);
}

pub async fn holds(store: &dyn Documents) {
    assert_eq!(store.feed_since(Position(0), 10).await.unwrap(), vec![]);
    tell(store, &[], &[]).await;
    the_feed_is_read_both_ways_and_what_is_told_twice_is_there_once(store).await;
    what_expires_is_forgotten_and_the_horizon_says_up_to_where(store).await;
    notifications_are_each_users_own(store).await;
    reading_is_remembered_and_only_the_owner_reads(store).await;
    the_audit_trail_is_each_users_own_and_expires(store).await;
    store.ready().await.unwrap();
}

#[tokio::test]
async fn the_documents_in_sql_keep_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let config = support::config(dir.path(), Settings::default());
    rankedhonor::app::migrate_up(&config).await.unwrap();
    let sql = Sql::connect(&config).await.unwrap();
    // Players that the documents speak of are rows elsewhere; documents hold no foreign keys.
    holds(&SqlDocuments::new(sql.clone())).await;
    sql.close().await;
}
