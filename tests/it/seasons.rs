//! A season ends and the next begins.

use std::sync::{Arc, atomic::Ordering};

use rankedhonor::{
    entities::standings,
    game::accounts::Role,
    services::rebuild::{self, Part},
};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::{
    crash::{Acknowledged, Joined, keep_queueing, keep_refereeing},
    support::{Client, TestApp, client::play, tolerant},
};

const START: &str = "mutation($name: String!) { startSeason(input: {name: $name}) { season { id name isCurrent } } }";

async fn app() -> TestApp {
    TestApp::with(|settings| {
        settings.ladder.placements = 1;
        settings.ladder.placements_short = 1;
        tolerant(settings, 1_500.0);
    })
    .await
}

async fn board(client: &Client, season: &Value) -> Value {
    let query = "query($season: ID) { leaderboard(mode: \"1v1\", season: $season) {
        nodes { rank mmr user { username } standing { wins losses uncertainty } } } }";
    client.run(query, json!({"season": season})).await["leaderboard"]["nodes"].clone()
}

async fn standing(client: &Client, season: &Value) -> Value {
    let query = "query($season: ID) { me { standing(mode: \"1v1\", season: $season) { mmr wins losses uncertainty rank } } }";
    client.run(query, json!({"season": season})).await["me"]["standing"].clone()
}

#[tokio::test]
async fn ratings_are_carried_over_and_the_old_season_stays_as_it_was() {
    let app = app().await;
    let server = app.game_server().await;
    let (ada, bob) = app.pair().await;
    for _ in 0..3 {
        play(&server, &ada, &bob, "1v1").await;
    }
    let first = ada.run("{ currentSeason { id } }", json!({})).await["currentSeason"]["id"].clone();
    let (old_board, old) = (board(&ada, &first).await, standing(&ada, &first).await);
    assert_eq!(old_board.as_array().unwrap().len(), 2);
    let mut socket = app.anonymous().socket().await;
    let query = "subscription { leaderboardChanged(mode: \"1v1\") { rank } }";
    socket.subscribe("b", query, json!({})).await;
    let shown = socket.next("b").await["leaderboardChanged"].clone();
    assert_eq!(shown.as_array().unwrap().len(), 2);
    let admin = app.staff("root", Role::Admin).await;
    let started =
        admin.run(START, json!({"name": "Autumn"})).await["startSeason"]["season"].clone();
    assert_eq!((&started["name"], &started["isCurrent"]), (&json!("Autumn"), &json!(true)));
    assert_eq!(socket.next("b").await["leaderboardChanged"], json!([]));
    let seasons = "{ seasons { id isCurrent endsAt } feed(first: 1) { nodes { kind data } } }";
    let found = ada.run(seasons, json!({})).await;
    assert_eq!(found["seasons"][0]["id"], started["id"]);
    assert_eq!(
        (&found["seasons"][1]["id"], &found["seasons"][1]["isCurrent"]),
        (&first, &json!(false))
    );
    assert!(found["seasons"][1]["endsAt"].is_string());
    assert_eq!(found["feed"]["nodes"][0]["data"]["name"], "Autumn");
    // Nobody has played in the new season, and the old one is as it was.
    assert_eq!(
        (standing(&ada, &Value::Null).await, board(&ada, &Value::Null).await),
        (Value::Null, json!([]))
    );
    assert_eq!((&standing(&ada, &first).await, &board(&ada, &first).await), (&old, &old_board));
    let id = play(&server, &ada, &bob, "1v1").await;
    let change = "query($id: ID!) { match(id: $id) { season { id } teams { players { user { id } mmrBefore } } } }";
    let change = server.run(change, json!({"id": id})).await["match"].clone();
    assert_eq!(change["season"]["id"], started["id"]);
    let seats = change["teams"].as_array().unwrap().iter().map(|team| &team["players"][0]);
    let seat = seats.into_iter().find(|seat| seat["user"]["id"] == ada.id.as_str()).unwrap();
    assert_eq!(seat["mmrBefore"], old["mmr"], "a rating is never squashed");
    for app in [app.restart().await] {
        let ada = Client { addr: app.addr, ..ada.clone() };
        let new = standing(&ada, &Value::Null).await;
        assert_eq!((&new["wins"], &new["losses"], &new["rank"]), (&json!(1), &json!(0), &json!(1)));
        assert_eq!(board(&ada, &Value::Null).await.as_array().unwrap().len(), 2);
        assert_eq!(
            (standing(&ada, &first).await, board(&ada, &first).await),
            (old.clone(), old_board.clone())
        );
    }
}

#[tokio::test]
async fn a_match_counts_for_the_season_that_it_was_made_in() {
    let app = app().await;
    let (server, ada, _bob) = app.started().await;
    let first = ada.run("{ currentSeason { id } }", json!({})).await["currentSeason"]["id"].clone();
    let admin = app.staff("root", Role::Admin).await;
    admin.run(START, json!({"name": "Autumn"})).await;
    let reported = server.report(&ada.matched().await, 0).await;
    assert!(
        reported["rankChanges"]
            .as_array()
            .unwrap()
            .iter()
            .all(|change| change["rankAfter"].is_number())
    );
    assert_eq!(standing(&ada, &Value::Null).await, Value::Null);
    assert!(standing(&ada, &first).await["rank"].is_number());
    assert_eq!(board(&ada, &first).await.as_array().unwrap().len(), 2);
    assert_eq!(board(&ada, &Value::Null).await, json!([]));
}

#[tokio::test]
async fn only_an_admin_starts_a_season_and_each_name_is_taken_once() {
    let app = app().await;
    let ada = app.player("ada").await;
    let moderator = app.staff("warden", Role::Moderator).await;
    let admin = app.staff("root", Role::Admin).await;
    for client in [&ada, &moderator] {
        assert_eq!(client.fail(START, json!({"name": "Autumn"})).await["code"], "FORBIDDEN");
    }
    let both = tokio::join!(
        admin.send(START, json!({"name": "Autumn"})),
        admin.send(START, json!({"name": "AUTUMN "}))
    );
    let refused =
        [&both.0, &both.1].map(|answer| answer["errors"][0]["extensions"]["field"] == "input.name");
    assert_eq!(refused.iter().filter(|refused| **refused).count(), 1, "{both:?}");
    for name in ["", "  ", "Season 1", &"x".repeat(101)] {
        assert_eq!(admin.fail(START, json!({"name": name})).await["field"], "input.name");
    }
    let unknown = json!("season_01h455vb4pex5vsknk084sn02q");
    let query = "query($season: ID) { leaderboard(mode: \"1v1\", season: $season) { totalCount } }";
    assert_eq!(ada.fail(query, json!({"season": unknown})).await["field"], "season");
}

/// What a player was told of, newest first.
async fn told(client: &Client, kind: &str) -> Vec<Value> {
    let query = "{ notifications(first: 100) { nodes { kind title data } } }";
    let found = client.run(query, json!({})).await["notifications"]["nodes"].clone();
    found.as_array().unwrap().iter().filter(|note| note["kind"] == kind).cloned().collect()
}

#[tokio::test]
async fn a_dry_run_says_what_a_season_would_do_and_does_nothing() {
    let app = app().await;
    let server = app.game_server().await;
    let (ada, bob) = app.pair().await;
    play(&server, &ada, &bob, "1v1").await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    ada.matched().await;
    let root = app.staff("root", Role::Admin).await;
    let before = ada.run("{ seasons { id name } }", json!({})).await;
    let query = "mutation($name: String!) { startSeason(input: {name: $name, dryRun: true}) { season { name }
        preview { mode { id } players listed shortPlacements uncertaintyBefore uncertaintyAfter openMatches } } }";
    let said = root.run(query, json!({"name": "Autumn"})).await["startSeason"].clone();
    assert_eq!(said["season"]["name"], "Autumn");
    let duel = said["preview"].as_array().unwrap().iter().find(|p| p["mode"]["id"] == "1v1");
    let duel = duel.unwrap();
    assert_eq!((&duel["players"], &duel["listed"]), (&json!(2), &json!(2)));
    assert_eq!((&duel["shortPlacements"], &duel["openMatches"]), (&json!(2), &json!(1)));
    assert!(duel["uncertaintyAfter"].as_f64() >= duel["uncertaintyBefore"].as_f64());
    assert_eq!(ada.run("{ seasons { id name } }", json!({})).await, before);
    assert_eq!(root.fail(query, json!({"name": " "})).await["field"], "input.name");
    assert_eq!(root.fail(query, json!({"name": "SEASON 1"})).await["field"], "input.name");
    assert_eq!(ada.fail(query, json!({"name": "Autumn"})).await["code"], "FORBIDDEN");
    let real = root.run(START, json!({"name": "Autumn"})).await;
    assert_eq!(real["startSeason"]["season"]["isCurrent"], true);
}

const PLAN: &str = "mutation($at: DateTime, $name: String) { planSeasonEnd(input: {endsAt: $at, nextName: $name}) {
    season { id endsAt } } }";

#[tokio::test]
async fn a_season_ends_by_itself_and_everybody_hears_where_they_stood() {
    let app = app().await;
    let (server, ada, bob) = app.started().await;
    let root = app.staff("root", Role::Admin).await;
    let first = ada.run("{ currentSeason { id } }", json!({})).await["currentSeason"]["id"].clone();
    let mut notes = ada.socket().await;
    notes.subscribe("n", "subscription { notificationReceived { kind data } }", json!({})).await;
    let mut feed = app.anonymous().socket().await;
    feed.subscribe("f", "subscription { feedItemAdded { kind data } }", json!({})).await;
    let past = json!({"at": "2020-01-01T00:00:00Z"});
    assert_eq!(root.fail(PLAN, past).await["field"], "input.endsAt");
    assert_eq!(root.fail(PLAN, json!({"name": "season 1"})).await["field"], "input.nextName");
    assert_eq!(ada.fail(PLAN, json!({})).await["code"], "FORBIDDEN");
    let soon = chrono::Utc::now() + chrono::Duration::milliseconds(5_000);
    let planned = root.run(PLAN, json!({"at": soon, "name": "Winter"})).await;
    assert_eq!(planned["planSeasonEnd"]["season"]["id"], first);
    assert!(planned["planSeasonEnd"]["season"]["endsAt"].is_string());
    loop {
        let item = feed.next("f").await["feedItemAdded"].clone();
        if item["kind"] == "SEASON_STARTED" {
            assert_eq!(item["data"]["name"], "Winter");
            break;
        }
    }
    // The last match of the old season is played on; only then is it told how it ended.
    assert!(told(&ada, "SEASON_ENDED").await.is_empty());
    server.report(&ada.matched().await, 0).await;
    let ended = loop {
        let note = notes.next("n").await["notificationReceived"].clone();
        if note["kind"] == "SEASON_ENDED" {
            break note["data"].clone();
        }
    };
    let old = standing(&ada, &first).await;
    assert_eq!((&ended["season"], &ended["mode"]), (&first, &json!("1v1")));
    assert_eq!((&ended["rank"], &ended["mmr"]), (&old["rank"], &old["mmr"]));
    assert!(ended["tier"].is_string());
    // Once, however often it is looked at.
    app.services.rankings.settle_seasons().await.unwrap();
    let ada_told = told(&ada, "SEASON_ENDED").await;
    assert_eq!((ada_told.len(), &ada_told[0]["title"]), (1, &json!("Season 1 is over")));
    assert_eq!(told(&bob, "SEASON_ENDED").await.len(), 1);
    // A plan can be taken back.
    let soon = chrono::Utc::now() + chrono::Duration::milliseconds(60_000);
    root.run(PLAN, json!({"at": soon})).await;
    let none = root.run(PLAN, json!({})).await;
    assert_eq!(none["planSeasonEnd"]["season"]["endsAt"], Value::Null);
}

#[tokio::test]
async fn a_season_keeps_the_tiers_that_it_was_begun_with() {
    let app = app().await;
    let server = app.game_server().await;
    let (ada, bob) = app.pair().await;
    let root = app.staff("root", Role::Admin).await;
    play(&server, &ada, &bob, "1v1").await;
    let query = "{ seasons { name tiers { label minMmr } } me { standing(mode: \"1v1\") { tier { label } nextTierAtMmr } } }";
    let before = ada.run(query, json!({})).await;
    let app = app
        .restart_with(|settings| {
            settings.ladder.tiers.truncate(2);
            settings.ladder.tiers[1].name = "Everybody else".into();
        })
        .await;
    let (ada, root) = (ada.at(app.addr), root.at(app.addr));
    assert_eq!(ada.run(query, json!({})).await, before);
    root.run(START, json!({"name": "Autumn"})).await;
    let after = ada.run("{ seasons { name tiers { label minMmr } } }", json!({})).await;
    assert_eq!(after["seasons"][1], before["seasons"][0]);
    let labels: Vec<_> = after["seasons"][0]["tiers"].as_array().unwrap().iter().collect();
    assert_eq!(labels.len(), 8);
    assert!(labels[7]["label"].as_str().unwrap().starts_with("Everybody else"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seasons_begin_while_results_come_and_each_board_is_the_order_of_its_standings() {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 1;
        settings.ladder.placements_short = 1;
        tolerant(settings, 4_000.0);
        settings.limits.user_per_minute = 0;
    })
    .await;
    let (server, root) = (app.game_server().await, app.staff("root", Role::Admin).await);
    let mut players = Vec::new();
    for index in 0..8 {
        players.push(app.player(&format!("player{index}")).await);
    }
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (done, joined) = (Acknowledged::default(), Joined::default());
    let mut load = vec![tokio::spawn(keep_refereeing(server.clone(), done.clone(), stop.clone()))];
    for player in &players {
        load.push(tokio::spawn(keep_queueing(player.clone(), joined.clone(), stop.clone())));
    }
    let mut ranks = server.socket().await;
    ranks
        .subscribe("r", "subscription { rankChanged(mode: \"1v1\") { mmrAfter } }", json!({}))
        .await;
    for name in ["Spring", "Summer", "Autumn"] {
        for _ in 0..40 {
            ranks.next("r").await;
        }
        root.run(START, json!({"name": name})).await;
    }
    for _ in 0..40 {
        ranks.next("r").await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    app.told().await;
    let db = crate::support::connect(app.database_url()).await;
    let rows = standings::Entity::find().all(&db).await.unwrap();
    db.close().await.unwrap();
    let seasons = server.run("{ seasons { id } }", json!({})).await["seasons"].clone();
    let query = "query($s: ID) { leaderboard(mode: \"1v1\", season: $s, first: 100) { nodes { rank
        user { id standing(mode: \"1v1\", season: $s) { rank } } } } }";
    for season in seasons.as_array().unwrap() {
        let id = season["id"].as_str().unwrap();
        let here = rows.iter().filter(|row| row.season_id.to_string() == id);
        let mut order: Vec<_> = here.filter_map(standings::Model::place).collect();
        order.sort();
        let board = server.run(query, json!({"s": id})).await["leaderboard"]["nodes"].clone();
        let board = board.as_array().unwrap();
        assert_eq!(board.len(), order.len());
        assert!(order.len() > 1);
        for ((node, place), rank) in board.iter().zip(order).zip(1..) {
            let user = &node["user"];
            assert_eq!((&node["rank"], &user["standing"]["rank"]), (&json!(rank), &json!(rank)));
            assert_eq!(user["id"], place.user.to_string());
        }
    }
    let said = rebuild::run(&app.services, Part::Ratings, |_| {}).await.unwrap();
    assert!(said.ends_with(" 0 changes and 0 standings were stored otherwise"), "{said}");
}
