//! A season ends and the next begins.

use rankedhonor::game::accounts::Role;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, client::play};

const START: &str = "mutation($name: String!) { startSeason(input: {name: $name}) { season { id name isCurrent } } }";

async fn app() -> TestApp {
    TestApp::with(|settings| {
        settings.ladder.placements = 1;
        settings.ladder.placements_short = 1;
        settings.matchmaking.tolerance_start_mmr = 1_500.0;
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
