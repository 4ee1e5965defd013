//! The database servers keep what the embedded database keeps: the same constraints, order of text, precision of time and
//! isolation, and the same migrations.

use std::{sync::Arc, time::Duration};

use rankedhonor::{
    app::migrate_up,
    backends::sql::{Sql, retrying},
    config::Config,
    entities::{users, users::Model as User},
    error::Code,
    game::{accounts::Role, ids::UserId, time::Timestamp},
    services::now,
};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryOrder, Set, Statement,
};
use uuid::Uuid;

use crate::{cluster::config_on, contract, engine::Engine, support::Process};

/// A database of each kind, empty but for the schema; the engine lives as long as it is held.
async fn each(test: impl AsyncFn(&Config, &Sql)) {
    let dir = tempfile::tempdir().unwrap();
    let embedded = format!("sqlite://{}", dir.path().join("it.db").display());
    let (mariadb, postgres) = tokio::join!(Engine::start("mariadb"), Engine::start("postgres"));
    let urls = [embedded, mariadb.database("suite").await, postgres.database("suite").await];
    for url in urls {
        println!("{}", url.split(':').next().unwrap());
        let config = config_on(&url);
        migrate_up(&config).await.unwrap();
        let sql = Sql::connect(&config).await.unwrap();
        test(&config, &sql).await;
        sql.close().await;
    }
}

fn person(number: u128, name: &str) -> User {
    User {
        id: contract::user(number),
        username: name.into(),
        username_key: name.to_lowercase(),
        email: format!("{name}@example.com"),
        email_key: format!("{}@example.com", name.to_lowercase()),
        password_hash: "-".into(),
        role: Role::Player,
        region: None,
        country: None,
        avatar_url: None,
        bio: None,
        suspended_until: None,
        suspended_reason: None,
        email_verified_at: None,
        deletes_at: None,
        deleted_at: None,
        created_at: now(),
    }
}

async fn insert(sql: &Sql, user: User) -> Result<(), sea_orm::DbErr> {
    let tx = sql.begin().await.unwrap();
    let row = users::ActiveModel::from(user).reset_all();
    users::Entity::insert(row).exec_without_returning(&tx).await?;
    tx.commit().await.unwrap();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn text_is_kept_and_ordered_byte_by_byte() {
    each(async |_, sql| {
        let names = ["Zoe", "a_b", "a-b", "a1", "aB", "ab0", "b", "ZZ"];
        for (number, name) in (1..).zip(names) {
            insert(sql, person(number, name)).await.unwrap();
        }
        let mut expected: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
        expected.sort();
        let found = users::by_prefix(sql.read(), "", None, 100).await.unwrap();
        let keys: Vec<_> = found.iter().map(|user| user.username_key.clone()).collect();
        assert_eq!(keys, expected);
        let prefixed = users::by_prefix(sql.read(), "a", Some("a-b"), 100).await.unwrap();
        let keys: Vec<_> = prefixed.iter().map(|user| user.username_key.as_str()).collect();
        assert_eq!(keys, ["a1", "a_b", "ab", "ab0"]);
        // Names are one name whatever their case, and ids are in the order of time.
        let twice = insert(sql, person(99, "zOE")).await.unwrap_err();
        assert!(rankedhonor::entities::is_unique_violation(&twice), "{twice}");
        let mut ids: Vec<_> = (0..64).map(|_| UserId::from_uuid(Uuid::now_v7())).collect();
        ids.reverse();
        for (number, id) in (200..).zip(&ids) {
            insert(sql, User { id: *id, ..person(number, &format!("n{number}")) }).await.unwrap();
        }
        let order = users::Entity::find().order_by_asc(users::Column::Id);
        let found: Vec<_> = order.all(sql.read()).await.unwrap().iter().map(|row| row.id).collect();
        let mut sorted = found.clone();
        sorted.sort();
        assert_eq!(found, sorted);
        // What people write survives, and so do milliseconds.
        let bio = "größer 🎯 \u{1F1F3}\u{1F1F4} \u{200B}zero";
        let at = Timestamp(1_780_000_000_123);
        let user = User { bio: Some(bio.into()), created_at: at, ..person(999, "emoji") };
        insert(sql, user).await.unwrap();
        let kept = users::by_name(sql.read(), "emoji").await.unwrap().unwrap();
        assert_eq!((kept.bio.as_deref(), kept.created_at), (Some(bio), at));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn constraints_hold_whatever_the_code_does() {
    each(async |_, sql| {
        insert(sql, person(1, "ada")).await.unwrap();
        let user = contract::user(1);
        let season = contract::season(1);
        let refused = [
            format!("UPDATE users SET role = 'KING' WHERE id = '{user}'"),
            "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, address) VALUES ('s', 'nobody', 0, 0, 0, '')".into(),
            "INSERT INTO seasons (id, name, starts_at, current_key) VALUES ('two', 'two', 0, 1)".into(),
            "INSERT INTO seasons (id, name, starts_at, current_key) VALUES ('three', 'three', 0, 2)".into(),
            format!("INSERT INTO engagements (user_id) VALUES ('{user}')"),
            "INSERT INTO tickets (id, mode, state, regions, mmr, joined_at, expires_at) VALUES ('t', '1v1', 'LOST', '', 0, 0, 0)".into(),
            format!("INSERT INTO matches (id, mode, region, season_id, status, average_mmr, mmr_spread, win_probabilities, created_at) VALUES ('m', '1v1', 'eu', '{season}', 'WON', 0, 0, '', 0)"),
        ];
        let tx = sql.begin().await.unwrap();
        let first = format!("INSERT INTO seasons (id, name, starts_at, current_key) VALUES ('{season}', 'one', 0, 1)");
        tx.execute_unprepared(&first).await.unwrap();
        tx.commit().await.unwrap();
        for statement in refused {
            let tx = sql.begin().await.unwrap();
            assert!(tx.execute_unprepared(&statement).await.is_err(), "{statement}");
        }
    })
    .await;
}

/// Reads a number out of a bio, adds one and writes it back.
async fn add_one(sql: &Sql, first: UserId, second: UserId) -> rankedhonor::error::Result<()> {
    let tx = sql.begin().await?;
    for id in [first, second] {
        let user = users::lock(&tx, &[id]).await?.pop().unwrap();
        let count: u32 = user.bio.as_deref().unwrap_or("0").parse().unwrap();
        let mut row = user.into_active_model();
        row.bio = Set(Some((count + 1).to_string()));
        row.update(&tx).await?;
    }
    tx.commit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn updates_of_the_same_rows_are_never_lost_even_in_deadlocks() {
    each(async |_, sql| {
        let (ada, bob) = (contract::user(1), contract::user(2));
        insert(sql, person(1, "ada")).await.unwrap();
        insert(sql, person(2, "bob")).await.unwrap();
        let sql = Arc::new(sql.clone());
        let mut tasks = Vec::new();
        for number in 0..4 {
            let sql = sql.clone();
            // Half of them lock in the other order.
            let (first, second) = if number % 2 == 0 { (ada, bob) } else { (bob, ada) };
            tasks.push(tokio::spawn(async move {
                let mut done = 0;
                for _ in 0..3 {
                    // One that met too many others is told that the database is busy.
                    while retrying(|| add_one(&sql, first, second)).await.is_err() {}
                    done += 1;
                }
                done
            }));
        }
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        for user in users::by_ids(sql.read(), &[ada, bob]).await.unwrap() {
            assert_eq!(user.bio.unwrap().parse::<i32>().unwrap(), done);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_snapshot_sees_one_instant() {
    each(async |_, sql| {
        insert(sql, person(1, "ada")).await.unwrap();
        let snapshot = sql.snapshot().await.unwrap();
        let before = users::names(&snapshot).await.unwrap();
        insert(sql, person(2, "bob")).await.unwrap();
        assert_eq!(users::names(&snapshot).await.unwrap(), before);
        drop(snapshot);
        assert_eq!(users::names(sql.read()).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_databases_clock_is_the_time_in_milliseconds() {
    each(async |_, sql| {
        let before = now().0;
        let there = sql.now_ms().await.unwrap();
        let after = now().0;
        assert!(
            (before - 1_000..=after + 1_000).contains(&there),
            "{there} is not between {before} and {after}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_the_server_ends_are_replaced() {
    let kinds = [
        (
            "mariadb",
            "SELECT CONCAT('KILL ', id) FROM information_schema.processlist WHERE id <> connection_id() AND db = 'suite'",
        ),
        (
            "postgres",
            "SELECT CONCAT('SELECT pg_terminate_backend(', pid, ')') FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'suite'",
        ),
    ];
    for (kind, victims) in kinds {
        let engine = Engine::start(kind).await;
        let config = config_on(&engine.database("suite").await);
        migrate_up(&config).await.unwrap();
        let sql = Sql::connect(&config).await.unwrap();
        insert(&sql, person(1, "ada")).await.unwrap();
        let admin = crate::support::connect(engine.url()).await;
        let statement = Statement::from_string(admin.get_database_backend(), victims);
        let rows = admin.query_all_raw(statement).await.unwrap();
        for row in &rows {
            let kill: String = row.try_get_by_index(0).unwrap();
            let _ = admin.execute_unprepared(&kill).await;
        }
        // The first to use a dead connection may be told so, when the server gets round to ending it; nobody is after that.
        let mut told = 0;
        for _ in 0..10 {
            told += usize::from(users::names(sql.read()).await.is_err());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(told <= rows.len(), "{told} of {} were told so", rows.len());
        assert_eq!(users::names(sql.read()).await.unwrap(), ["ada"]);
        sql.close().await;
    }
}

/// Up, down one by one, and up again, on a database with a history in it; and again after a migration that was cut off
/// before anybody noted that it was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn migrations_go_up_down_and_up_with_data_in_place() {
    for kind in ["mariadb", "postgres"] {
        let engine = Engine::start(kind).await;
        let url = engine.database("suite").await;
        let process = Process::commands(&[("DATABASE_URL", url.clone())]);
        let run = |arguments: &[&str]| {
            let (done, said) = process.run(arguments);
            assert!(done, "{kind} {arguments:?}: {said}");
            said
        };
        run(&["migrate", "up"]);
        run(&["seed", "--users", "20", "--matches", "60"]);
        let all = run(&["migrate", "status"]).lines().count();
        // The last changes go and come back while the history stays.
        for steps in 1..=4 {
            run(&["migrate", "down", "--steps", &steps.to_string()]);
            run(&["migrate", "up"]);
        }
        let db = crate::support::connect(&url).await;
        assert_eq!(users::Entity::find().all(&db).await.unwrap().len(), 20);
        db.execute_unprepared("DELETE FROM seaql_migrations").await.unwrap();
        run(&["migrate", "up"]);
        assert_eq!(users::Entity::find().all(&db).await.unwrap().len(), 20);
        for left in (0..all).rev() {
            run(&["migrate", "down", "--steps", "1"]);
            let applied = run(&["migrate", "status"]);
            assert_eq!(applied.lines().filter(|line| line.starts_with("applied")).count(), left);
        }
        run(&["migrate", "up"]);
        run(&["seed", "--users", "20", "--matches", "60"]);
        db.close().await.unwrap();
    }
}

/// Instances that start at once on an empty database make its schema once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_that_start_at_once_migrate_one_after_the_other() {
    for kind in ["mariadb", "postgres"] {
        let engine = Engine::start(kind).await;
        let config = Arc::new(config_on(&engine.database("suite").await));
        let starts = (0..4).map(|_| {
            let config = config.clone();
            tokio::spawn(async move { migrate_up(&config).await })
        });
        for start in starts.collect::<Vec<_>>() {
            start.await.unwrap().unwrap();
        }
    }
}

/// Whoever is cut off in the middle of a transaction holds its rows for a moment only.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_that_fell_silent_is_ended() {
    let bounds = [
        ("mariadb", "SELECT CAST(@@SESSION.idle_transaction_timeout AS CHAR) AS bound"),
        ("postgres", "SELECT current_setting('idle_in_transaction_session_timeout') AS bound"),
    ];
    for (kind, bound) in bounds {
        let engine = Engine::start(kind).await;
        let config = config_on(&engine.database("suite").await);
        migrate_up(&config).await.unwrap();
        let (cut_off, other) =
            (Sql::connect(&config).await.unwrap(), Sql::connect(&config).await.unwrap());
        insert(&other, person(1, "ada")).await.unwrap();
        insert(&other, person(2, "bob")).await.unwrap();
        let silent = cut_off.begin().await.unwrap();
        // The moment, in seconds.
        let bound = Statement::from_string(silent.get_database_backend(), bound);
        let bound = silent.query_one_raw(bound).await.unwrap().unwrap();
        let bound: String = bound.try_get("", "bound").unwrap();
        assert_eq!(bound.trim_end_matches('s'), "4", "{kind}");
        assert_eq!(users::lock(&silent, &[contract::user(1)]).await.unwrap().len(), 1);
        let began = std::time::Instant::now();
        while retrying(|| add_one(&other, contract::user(1), contract::user(2))).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "{kind}: the row is still held");
        }
        // Whoever began it can do it again.
        let ended = silent.commit().await.expect_err("it was not ended");
        assert_eq!(ended.code(), Code::ServiceUnavailable, "{kind}: {ended:?}");
    }
}
