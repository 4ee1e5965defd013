//! Results in any order of arrival: ratings are those of the order in which the matches ended (rule 18).

use std::collections::{BTreeMap, HashMap};

use rand::seq::SliceRandom;
use rankedhonor::{
    entities::{match_players, matches, standings, users},
    game::{ids::MatchId, time::Timestamp},
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;

use crate::{
    corrections::{corrected, corrected_behind, replay_agrees},
    support::{Client, TestApp},
};

/// What a result is, whatever comes before it, and however often it is told.
#[derive(Clone, Copy, Debug)]
struct Told {
    first_wins: bool,
    /// Milliseconds after the others began.
    ended_ms: i64,
}

/// Every order in which the same results arrive leads to the same ratings, to the last bit; so does telling them twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ratings_do_not_depend_on_the_order_in_which_results_arrive() {
    for correction_matches in [500, 0] {
        let mut outcomes = Vec::new();
        let told: Vec<_> = (0..12)
            .map(|index| Told { first_wins: rand::random(), ended_ms: index * 3_600_000 })
            .collect();
        for round in 0..4 {
            let app = corrected_behind(correction_matches).await;
            let server = app.game_server().await;
            let matches = started_matches(&app, told.len()).await;
            let mut order: Vec<_> = (0..told.len()).collect();
            if round > 0 {
                order.shuffle(&mut rand::rng());
            }
            for index in order.iter().chain(order.iter().rev().take(4)) {
                let Told { first_wins, ended_ms } = told[*index];
                let mut result = Client::result(&matches[*index], i32::from(!first_wins));
                let at = chrono::DateTime::from_timestamp_millis(BEGAN_MS + ended_ms).unwrap();
                result["input"]["endedAt"] = json!(at);
                server.run(Client::REPORT, result).await;
            }
            corrected(&app).await;
            replay_agrees(&app).await;
            outcomes.push(standings_of(&app).await);
        }
        for outcome in &outcomes[1..] {
            assert_eq!(outcome, &outcomes[0], "{correction_matches} {told:?}");
        }
        assert!(outcomes[0].len() == 5);
    }
}

/// When the matches began whose results come in any order: 1 January 2026.
const BEGAN_MS: i64 = 1_767_225_600_000;

/// So many matches of five players that all began long ago: no player could be in two of them, but the rows can be made.
async fn started_matches(app: &TestApp, count: usize) -> Vec<String> {
    let mut players = Vec::new();
    for name in ["ada", "bob", "cleo", "dan", "eve"] {
        players.push(app.player(name).await);
    }
    let (server, ada, _bob) = (app.game_server().await, &players[0], &players[1]);
    ada.join("1v1").await;
    players[1].join("1v1").await;
    let first = ada.matched().await;
    server.start_match(&first).await;
    let db = crate::support::connect(app.database_url()).await;
    let id = first.parse().unwrap();
    let row = matches::by_id(&db, id).await.unwrap().unwrap();
    let seats = match_players::of_matches(&db, &[id]).await.unwrap();
    let mut made = Vec::new();
    for index in 0..count {
        // The same in each run: the id decides between matches that ended at once.
        let uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + index as u128);
        let id = MatchId::from_uuid(uuid);
        let began = Timestamp(BEGAN_MS - 1_000);
        let copy = matches::Model { id, started_at: Some(began), deadline_at: None, ..row.clone() };
        matches::Entity::insert(copy.into_active_model().reset_all()).exec(&db).await.unwrap();
        for (seat, offset) in seats.iter().zip([0, 1 + index / 5]) {
            let user_id = players[(index + offset) % 5].id.parse().unwrap();
            let seat = match_players::Model { match_id: id, user_id, ..seat.clone() };
            seat.into_active_model().reset_all().insert(&db).await.unwrap();
        }
        made.push(id.to_string());
    }
    db.close().await.unwrap();
    made
}

/// Every standing by the player's name, as text of all that it holds but what differs from run to run.
async fn standings_of(app: &TestApp) -> BTreeMap<String, String> {
    let db = crate::support::connect(app.database_url()).await;
    let names: HashMap<_, _> = users::Entity::find()
        .all(&db)
        .await
        .unwrap()
        .into_iter()
        .map(|user| (user.id, user.username))
        .collect();
    let rows = standings::Entity::find().all(&db).await.unwrap();
    let standing =
        |row: standings::Model| (names[&row.user_id].clone(), format!("{:?}", row.standing()));
    let found = rows.into_iter().map(standing).collect();
    db.close().await.unwrap();
    found
}
