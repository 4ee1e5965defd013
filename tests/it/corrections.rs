//! Results that are taken back, or that come late: everybody stands where a replay of the season puts them (rules 18, 22).

use rand::seq::IndexedRandom;
use rankedhonor::{
    game::accounts::Role,
    services::rebuild::{self, Part},
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, client::play, engines, tolerant};

const VOID: &str =
    "mutation($id: ID!, $reason: String!) { voidMatch(input: {matchId: $id, reason: $reason}) {
    pending
    match { id status voidedAt voidReason teams { players { mmrBefore mmrAfter } } } } }";
const MINE: &str =
    "{ me { standing(mode: \"1v1\") { mmr rank wins losses placementsLeft streak peakMmr }
    ratingHistory(mode: \"1v1\", last: 100) { nodes { mmrBefore mmrAfter match { id } } } } }";

async fn placed_at_once() -> TestApp {
    corrected_behind(500).await
}

pub async fn corrected_behind(correction_matches: u32) -> TestApp {
    TestApp::with(move |settings| {
        settings.limits.correction_matches = correction_matches;
        settings.ladder.placements = 1;
        // Some of these matches were long ago.
        settings.ladder.inactive_after_days = 0;
        tolerant(settings, 2_000.0);
        settings.limits.user_per_minute = 0;
    })
    .await
}

/// Nothing is stored otherwise than a replay of the whole season gives, to the last bit.
pub async fn replay_agrees(app: &TestApp) {
    let said = rebuild::run(&app.services, Part::Ratings, |_| {}).await.unwrap();
    assert!(said.ends_with(" 0 changes and 0 standings were stored otherwise"), "{said}");
}

/// Board, standings and histories say the same.
async fn views_agree(app: &TestApp, players: &[Client]) {
    let query = "{ leaderboard(mode: \"1v1\", first: 100) { nodes { rank mmr user { id } } } }";
    let board = app.anonymous().run(query, json!({})).await["leaderboard"]["nodes"].clone();
    let mut placed = 0;
    for player in players {
        let mine = player.run(MINE, json!({})).await["me"].clone();
        let history = mine["ratingHistory"]["nodes"].as_array().unwrap();
        let mut at = json!(1500);
        for point in history {
            assert_eq!(point["mmrBefore"], at);
            at = point["mmrAfter"].clone();
        }
        let entry = board.as_array().unwrap().iter().find(|entry| entry["user"]["id"] == player.id);
        assert_eq!(entry.is_some(), !history.is_empty());
        if let Some(entry) = entry {
            placed += 1;
            let standing = &mine["standing"];
            assert_eq!((&entry["rank"], &entry["mmr"]), (&standing["rank"], &standing["mmr"]));
            assert_eq!(standing["mmr"], at);
            let played = standing["wins"].as_u64().unwrap() + standing["losses"].as_u64().unwrap();
            assert_eq!(played as usize, history.len());
        }
    }
    assert_eq!(board.as_array().unwrap().len(), placed);
}

#[tokio::test]
async fn a_voided_match_leaves_everybody_where_they_would_be_without_it() {
    let app = placed_at_once().await;
    let (ada, bob) = app.pair().await;
    let cleo = app.player("cleo").await;
    let server = app.game_server().await;
    let root = app.staff("root", Role::Admin).await;
    let voided = play(&server, &ada, &bob, "1v1").await;
    let kept = play(&server, &cleo, &ada, "1v1").await;
    let mut notes = bob.socket().await;
    notes.subscribe("n", "subscription { notificationReceived { kind data } }", json!({})).await;
    let mut ranks = app.anonymous().socket().await;
    let stream = "subscription($after: String) { rankChanged(mode: \"1v1\", after: $after) { user { id } match { id } mmrAfter } }";
    ranks.subscribe("r", stream, json!({"after": app.head().await})).await;
    let before = root
        .run(
            "query($id: ID!) { match(id: $id) { teams { players { mmrBefore } } } }",
            json!({"id": voided}),
        )
        .await;
    let answer = root.run(VOID, json!({"id": voided, "reason": "a cheat"})).await;
    let found = &answer["voidMatch"]["match"];
    assert_eq!((&found["status"], &found["voidReason"]), (&json!("COMPLETED"), &json!("a cheat")));
    assert!(found["voidedAt"].is_string());
    for team in found["teams"].as_array().unwrap() {
        assert!(team["players"][0]["mmrAfter"].is_null());
    }
    assert_eq!(
        before["match"]["teams"][0]["players"][0]["mmrBefore"],
        found["teams"][0]["players"][0]["mmrBefore"]
    );
    let told = notes.next("n").await["notificationReceived"].clone();
    assert_eq!(
        (&told["kind"], &told["data"]["mmrAfter"]),
        (&json!("RATING_CORRECTED"), &json!(1500))
    );
    let change = ranks.next("r").await["rankChanged"].clone();
    assert!(change["match"].is_null());
    // Bob has not played at all; cleo has beaten an ada who never beat bob.
    let mine = bob.run(MINE, json!({})).await["me"].clone();
    assert_eq!(mine["ratingHistory"]["nodes"], json!([]));
    let history = ada.run(MINE, json!({})).await["me"]["ratingHistory"]["nodes"].clone();
    assert_eq!(history.as_array().unwrap().len(), 1);
    assert_eq!(
        (&history[0]["match"]["id"], &history[0]["mmrBefore"]),
        (&json!(kept), &json!(1500))
    );
    replay_agrees(&app).await;
    views_agree(&app, &[ada, bob, cleo]).await;
    // Again, it is as it is.
    assert_eq!(root.run(VOID, json!({"id": voided, "reason": "again"})).await, answer);
    // The result is still what it was: the same is the same, another is a conflict.
    let same = |winner| Client::result(&voided, winner);
    let codes =
        [server.send(Client::REPORT, same(0)).await, server.send(Client::REPORT, same(1)).await];
    let refused = codes.iter().filter(|answer| answer.get("errors").is_some()).count();
    assert_eq!(refused, 1, "{codes:?}");
}

#[tokio::test]
async fn whose_only_match_is_voided_is_not_listed_even_without_placements() {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 0;
        settings.ladder.placements_short = 0;
    })
    .await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let root = app.staff("root", Role::Admin).await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    let id = ada.matched().await;
    server.start_match(&id).await;
    let told = server.report(&id, 0).await;
    // Nobody had a place before.
    for change in told["rankChanges"].as_array().unwrap() {
        assert!(change["rankBefore"].is_null() && change["rankAfter"].is_i64(), "{change}");
    }
    let listed = async || {
        let board = "{ leaderboard(mode: \"1v1\") { totalCount } }";
        app.anonymous().run(board, json!({})).await["leaderboard"]["totalCount"].clone()
    };
    app.told().await;
    assert_eq!(listed().await, 2);
    root.run(VOID, json!({"id": id, "reason": "a test"})).await;
    corrected(&app).await;
    assert_eq!(listed().await, 0);
    views_agree(&app, &[ada, bob]).await;
}

#[tokio::test]
async fn only_an_admin_voids_and_only_what_is_completed() {
    let app = placed_at_once().await;
    let (server, ada, _bob) = app.started().await;
    let id = ada.matched().await;
    let root = app.staff("root", Role::Admin).await;
    let asked = json!({"id": id, "reason": "why not"});
    assert_eq!(ada.fail(VOID, asked.clone()).await["code"], "FORBIDDEN");
    assert_eq!(server.fail(VOID, asked.clone()).await["code"], "FORBIDDEN");
    assert_eq!(app.anonymous().fail(VOID, asked.clone()).await["code"], "UNAUTHENTICATED");
    let refused = root.fail(VOID, asked).await;
    assert_eq!((&refused["code"], &refused["reason"]), (&json!("CONFLICT"), &json!("MATCH_STATE")));
    let nobody = root.fail(VOID, json!({"id": id, "reason": " "})).await;
    assert_eq!(nobody["field"], "input.reason");
    let unknown = "match_01h455vb4pex5vsknk084sn02q";
    assert_eq!(root.fail(VOID, json!({"id": unknown, "reason": "x"})).await["code"], "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_voided_in_whatever_order_a_replay_agrees() {
    whatever_is_voided(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_voided_in_the_background_a_replay_agrees() {
    whatever_is_voided(0).await;
}

/// Waits until nothing is left to be corrected, and told.
pub async fn corrected(app: &TestApp) {
    while app.services.matches.corrections_left().await.unwrap() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    app.told().await;
}

/// Corrections that can reach more than so many matches are made in the background.
async fn whatever_is_voided(correction_matches: u32) {
    let app = corrected_behind(correction_matches).await;
    let server = app.game_server().await;
    let root = app.staff("root", Role::Admin).await;
    let mut players = Vec::new();
    for name in ["ada", "bob", "cleo", "dan", "eve"] {
        players.push(app.player(name).await);
    }
    let mut counting = Vec::new();
    for round in 0..24 {
        let pair: Vec<_> = players.sample(&mut rand::rng(), 2).collect();
        counting.push(play(&server, pair[0], pair[1], "1v1").await);
        if round % 3 == 2 {
            let at = rand::random_range(0..counting.len());
            let id = counting.swap_remove(at);
            let voided = root.run(VOID, json!({"id": id, "reason": "chance"})).await;
            if correction_matches > 0 {
                assert_eq!(voided["voidMatch"]["pending"], false);
            }
            corrected(&app).await;
            replay_agrees(&app).await;
        }
    }
    views_agree(&app, &players).await;
    // To the very last.
    for id in counting {
        root.run(VOID, json!({"id": id, "reason": "all of them"})).await;
    }
    corrected(&app).await;
    replay_agrees(&app).await;
    views_agree(&app, &players).await;
    let board = "{ leaderboard(mode: \"1v1\") { totalCount } }";
    assert_eq!(app.anonymous().run(board, json!({})).await["leaderboard"]["totalCount"], 0);
}

#[tokio::test]
async fn a_match_voided_in_an_ended_season_reaches_those_who_carried_its_ratings_on() {
    let app = placed_at_once().await;
    let (ada, bob) = app.pair().await;
    let cleo = app.player("cleo").await;
    let server = app.game_server().await;
    let root = app.staff("root", Role::Admin).await;
    let voided = play(&server, &ada, &bob, "1v1").await;
    play(&server, &ada, &bob, "1v1").await;
    let start = "mutation { startSeason(input: {name: \"Autumn\"}) { season { id } } }";
    root.run(start, json!({})).await;
    play(&server, &bob, &cleo, "1v1").await;
    play(&server, &cleo, &ada, "1v1").await;
    replay_agrees(&app).await;
    let mmr = "{ me { standing(mode: \"1v1\") { mmr } } seasons { id } }";
    let before = cleo.run(mmr, json!({})).await;
    let answer = root.run(VOID, json!({"id": voided, "reason": "a cheat"})).await;
    assert_eq!(answer["voidMatch"]["pending"], true);
    corrected(&app).await;
    replay_agrees(&app).await;
    let after = cleo.run(mmr, json!({})).await;
    assert_ne!(before["me"], after["me"], "cleo met both, who had carried other ratings");
    let old = "query($s: ID!) { leaderboard(mode: \"1v1\", season: $s) { nodes { rank standing { wins losses } } } }";
    let old = server.run(old, json!({"s": after["seasons"][1]["id"]})).await;
    let nodes = old["leaderboard"]["nodes"].as_array().unwrap();
    assert_eq!((nodes.len(), &nodes[0]["standing"]["wins"]), (2, &json!(1)));
}

#[tokio::test]
async fn a_result_that_comes_late_takes_effect_in_its_time() {
    let app = placed_at_once().await;
    let (ada, bob) = app.pair().await;
    let (cleo, dan) = (app.player("cleo").await, app.player("dan").await);
    let server = app.game_server().await;
    play(&server, &ada, &bob, "1v1").await;
    play(&server, &cleo, &ada, "1v1").await;
    play(&server, &bob, &cleo, "1v1").await;
    bob.join("1v1").await;
    dan.join("1v1").await;
    let late = bob.matched().await;
    server.start_match(&late).await;
    let report = |at: &str| {
        let mut result = Client::result(&late, 0);
        result["input"]["endedAt"] = json!(at);
        result
    };
    // Not before it began, nor in the future.
    for wrong in ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"] {
        let refused = server.fail(Client::REPORT, report(wrong)).await;
        assert_eq!(
            (&refused["code"], &refused["field"]),
            (&json!("BAD_USER_INPUT"), &json!("input.endedAt"))
        );
    }
    // It was played a while ago, on a server whose word comes only now.
    let db = crate::support::connect(engines::of(app.dir()).database_url(app.dir())).await;
    let long_ago = format!("UPDATE matches SET started_at = 1 WHERE id = '{late}'");
    db.execute_unprepared(&long_ago).await.unwrap();
    db.close().await.unwrap();
    let at = "2026-01-01T12:00:00Z";
    let told = server.run(Client::REPORT, report(at)).await["reportMatchResult"].clone();
    assert_eq!(told["match"]["endedAt"], "2026-01-01T12:00:00.000Z");
    assert_eq!(told["rankChanges"].as_array().unwrap().len(), 2);
    assert_eq!(server.run(Client::REPORT, report(at)).await["reportMatchResult"], told);
    assert_eq!(
        server.fail(Client::REPORT, report("2026-01-01T12:00:01Z")).await["reason"],
        "RESULT_DIFFERS"
    );
    let first = bob.run(MINE, json!({})).await["me"]["ratingHistory"]["nodes"][0].clone();
    assert_eq!((&first["match"]["id"], &first["mmrBefore"]), (&Value::from(late), &json!(1500)));
    replay_agrees(&app).await;
    views_agree(&app, &[ada, bob, cleo, dan]).await;
}

const WHY: &str = "{ me { ratingHistory(mode: \"4v4\", last: 10) { nodes { mmrBefore mmrAfter explanation {
    ratingBefore ratingAfter rounding uncertaintyBefore uncertaintyAtMatch uncertaintyAfter idleDays volatilityBefore
    volatilityAfter expectedScore score share opponents { teamIndex ratingDifference uncertainty expectedScore score } } } } } }";

/// The numbers of an explanation, put into Glicko-2, give the change to the last bit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_recomputes_the_change() {
    use skillratings::{
        Outcomes,
        glicko2::{Glicko2Config, Glicko2Rating, glicko2_rating_period},
    };
    let app = TestApp::with(|settings| {
        settings.modes.0[2].ready_check_seconds = 0;
        tolerant(settings, 2_000.0);
        settings.limits.user_per_minute = 0;
    })
    .await;
    let server = app.game_server().await;
    let mut players = Vec::new();
    for number in 0..8 {
        players.push(app.player(&format!("player{number}")).await);
    }
    for _ in 0..2 {
        for player in &players {
            player.join("4v4").await;
        }
        let id = players[0].matched().await;
        server.start_match(&id).await;
        server.report(&id, rand::random_range(0..2)).await;
    }
    let tau = app.services.config.settings.modes.0[2].rating.tau;
    for player in &players {
        let history = player.run(WHY, json!({})).await["me"]["ratingHistory"]["nodes"].clone();
        let history = history.as_array().unwrap();
        assert_eq!(history.len(), 2);
        let mut last_uncertainty = 350.0;
        for point in history {
            let why = &point["explanation"];
            let number = |key: &str| why[key].as_f64().unwrap();
            assert_eq!(number("uncertaintyBefore"), last_uncertainty);
            last_uncertainty = number("uncertaintyAfter");
            let met: Vec<_> = why["opponents"]
                .as_array()
                .unwrap()
                .iter()
                .map(|met| {
                    let number = |key: &str| met[key].as_f64().unwrap();
                    let seen = Glicko2Rating {
                        rating: 1500.0 - number("ratingDifference"),
                        deviation: number("uncertainty"),
                        volatility: 0.0,
                    };
                    let result = if number("score") > 0.5 { Outcomes::WIN } else { Outcomes::LOSS };
                    assert!((0.0..=1.0).contains(&number("expectedScore")));
                    (seen, result)
                })
                .collect();
            assert_eq!(met.len(), 1);
            let before = Glicko2Rating {
                rating: 1500.0,
                deviation: number("uncertaintyAtMatch"),
                volatility: number("volatilityBefore"),
            };
            let config = Glicko2Config { tau, convergence_tolerance: 0.000_001 };
            let after = glicko2_rating_period(&before, &met, &config);
            let rating = number("ratingBefore") + number("share") * (after.rating - 1500.0);
            assert_eq!(rating, number("ratingAfter"));
            assert_eq!(after.volatility, number("volatilityAfter"));
            let variance = before.deviation.powi(2);
            let narrowed = variance - number("share") * (variance - after.deviation.powi(2));
            assert_eq!(narrowed.sqrt(), number("uncertaintyAfter"));
            let shown = point["mmrAfter"].as_i64().unwrap() - point["mmrBefore"].as_i64().unwrap();
            let real = number("ratingAfter") - number("ratingBefore");
            assert_eq!(shown as f64 - real, number("rounding"));
        }
    }
}
