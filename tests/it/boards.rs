//! Leaderboards: of whom, and how equals are numbered (rule 20).

use serde_json::{Value, json};

use crate::support::{Client, TestApp, client::play, tolerant};

/// Two winners who are equal, and two losers who are.
async fn equals() -> (TestApp, Client, [Client; 4]) {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 1;
        tolerant(settings, 1_500.0);
    })
    .await;
    let server = app.game_server().await;
    let (ada, bob) = app.pair().await;
    let (cleo, dan) = (app.player("cleo").await, app.player("dan").await);
    play(&server, &ada, &bob, "1v1").await;
    play(&server, &cleo, &dan, "1v1").await;
    (app, server, [ada, bob, cleo, dan])
}

/// Each line as its rank and name, of the board of these arguments.
async fn lines(client: &Client, arguments: &str) -> Vec<(i64, String)> {
    let query = format!(
        "{{ leaderboard(mode: \"1v1\", {arguments}) {{ totalCount nodes {{ rank user {{ username }} }} }} }}"
    );
    let board = client.run(&query, json!({})).await["leaderboard"].clone();
    let nodes = board["nodes"].as_array().unwrap();
    let line = |node: &Value| {
        (node["rank"].as_i64().unwrap(), node["user"]["username"].as_str().unwrap().to_owned())
    };
    nodes.iter().map(line).collect()
}

fn named<const N: usize>(lines: [(i64, &str); N]) -> Vec<(i64, String)> {
    lines.map(|(rank, name)| (rank, name.to_owned())).to_vec()
}

#[tokio::test]
async fn equals_are_numbered_as_one_asks() {
    let (_app, server, [ada, bob, cleo, dan]) = equals().await;
    for (ties, ranks) in
        [("ORDINAL", [1, 2, 3, 4]), ("COMPETITION", [1, 1, 3, 3]), ("DENSE", [1, 1, 2, 2])]
    {
        let names = ["ada", "cleo", "bob", "dan"];
        let expected: Vec<_> = ranks.into_iter().zip(names.map(str::to_owned)).collect();
        assert_eq!(lines(&server, &format!("first: 9, ties: {ties}")).await, expected);
        // From wherever a page begins.
        let last: Vec<_> = expected[3..].to_vec();
        assert_eq!(lines(&server, &format!("last: 1, ties: {ties}")).await, last);
        let users = format!("users: [\"{}\", \"{}\", \"{}\"]", bob.id, dan.id, ada.id);
        let few = match ties {
            "ORDINAL" => [1, 2, 3],
            "COMPETITION" => [1, 2, 2],
            _ => [1, 2, 2],
        };
        let names = ["ada", "bob", "dan"].map(str::to_owned);
        let few: Vec<_> = few.into_iter().zip(names).collect();
        assert_eq!(lines(&server, &format!("{users}, ties: {ties}")).await, few);
        let query = format!("{{ me {{ standing(mode: \"1v1\") {{ rank(ties: {ties}) }} }} }}");
        for (player, rank) in [&ada, &cleo, &bob, &dan].into_iter().zip(ranks) {
            let me = player.run(&query, json!({})).await["me"].clone();
            assert_eq!(me["standing"]["rank"], rank);
        }
    }
}

#[tokio::test]
async fn a_country_has_a_board_and_whoever_moves_changes_it() {
    let (_app, server, [ada, bob, cleo, dan]) = equals().await;
    let live = "mutation($c: String) { updateProfile(input: {country: $c}) { user { country } } }";
    for player in [&ada, &dan, &cleo] {
        player.run(live, json!({"c": "no"})).await;
    }
    let norway = "country: \"NO\"";
    assert_eq!(lines(&server, norway).await, named([(1, "ada"), (2, "cleo"), (3, "dan")]));
    cleo.run(live, json!({"c": null})).await;
    bob.run(live, json!({"c": "SE"})).await;
    assert_eq!(lines(&server, "country: \"no\"").await, named([(1, "ada"), (2, "dan")]));
    assert_eq!(lines(&server, "country: \"se\"").await, named([(1, "bob")]));
    assert_eq!(lines(&server, "country: \"DK\"").await, named([]));
    let around = format!("{norway}, around: \"{}\"", dan.id);
    assert_eq!(lines(&server, &around).await, named([(1, "ada"), (2, "dan")]));
}

#[tokio::test]
async fn a_board_is_of_one_scope_and_says_so() {
    let (_app, server, [ada, ..]) = equals().await;
    let refused = |arguments: String| {
        let query = format!("{{ leaderboard(mode: \"1v1\", {arguments}) {{ totalCount }} }}");
        let server = server.clone();
        async move { server.fail(&query, json!({})).await }
    };
    let two = refused("region: \"eu-west\", country: \"NO\"".into()).await;
    assert_eq!((&two["code"], &two["field"]), (&json!("BAD_USER_INPUT"), &json!("region")));
    let two = refused(format!("country: \"NO\", users: [\"{}\"]", ada.id)).await;
    assert_eq!(two["field"], "country");
    assert_eq!(refused("country: \"Norway\"".into()).await["field"], "country");
    assert_eq!(refused("users: [\"match_1\"]".into()).await["field"], "users[0]");
    let many = vec![format!("\"{}\"", ada.id); 101].join(",");
    assert_eq!(refused(format!("users: [{many}]")).await["field"], "users");
    assert_eq!(lines(&server, "users: []").await, vec![]);
    let twice = format!("users: [\"{0}\", \"{0}\"]", ada.id);
    assert_eq!(lines(&server, &twice).await, named([(1, "ada")]));
}

#[tokio::test]
async fn the_place_at_any_moment_can_be_told() {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 2;
        tolerant(settings, 1_500.0);
    })
    .await;
    let server = app.game_server().await;
    let mut players = Vec::new();
    for name in ["ada", "bob", "cleo", "dan"] {
        players.push(app.player(name).await);
    }
    let now = "{ me { standing(mode: \"1v1\") { rank } } }";
    let mut seen = Vec::new();
    for (winner, loser) in [(0, 1), (2, 3), (1, 0), (3, 2), (0, 2), (1, 3), (0, 3), (2, 1)] {
        play(&server, &players[winner], &players[loser], "1v1").await;
        let at = chrono::Utc::now();
        let mut ranks = Vec::new();
        for player in &players {
            let standing = player.run(now, json!({})).await["me"]["standing"].clone();
            ranks.push(standing["rank"].clone());
        }
        seen.push((at, ranks));
    }
    assert!(seen.last().unwrap().1.iter().all(Value::is_number));
    let query = "query($at: DateTime!) { me { standing(mode: \"1v1\") { rankAt(time: $at) } } }";
    for (at, ranks) in &seen {
        for (player, rank) in players.iter().zip(ranks) {
            let me = player.run(query, json!({"at": at})).await["me"].clone();
            assert_eq!(me["standing"]["rankAt"], *rank, "{at}");
        }
    }
    let early = json!({"at": "2020-01-01T00:00:00Z"});
    assert_eq!(players[0].run(query, early).await["me"]["standing"]["rankAt"], Value::Null);
}

#[tokio::test]
async fn whoever_is_too_uncertain_is_not_listed_until_they_have_played_on() {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 1;
        settings.ladder.unlisted_above_deviation = 240.0;
        tolerant(settings, 1_500.0);
    })
    .await;
    let server = app.game_server().await;
    let (ada, bob) = app.pair().await;
    let query =
        "{ me { standing(mode: \"1v1\") { uncertainty placementsLeft listed rank lapsesAt } } }";
    let mut was_listed = Vec::new();
    for _ in 0..5 {
        play(&server, &ada, &bob, "1v1").await;
        let standing = ada.run(query, json!({})).await["me"]["standing"].clone();
        let sure = standing["uncertainty"].as_i64().unwrap() <= 240;
        assert_eq!((&standing["listed"], &standing["placementsLeft"]), (&json!(sure), &json!(0)));
        assert_eq!(standing["rank"].is_number(), sure);
        was_listed.push(sure);
    }
    assert!(!was_listed[0] && was_listed[4]);
}

#[tokio::test]
async fn whoever_is_away_for_long_leaves_the_board_and_comes_back_with_a_match() {
    let (app, server, [ada, bob, ..]) = equals().await;
    let mut ranks = app.anonymous().socket().await;
    let stream = "subscription($of: [ID!], $after: String) { rankChanged(mode: \"1v1\", userIds: $of, after: $after) { rankBefore rankAfter } }";
    ranks.subscribe("r", stream, json!({"of": [ada.id], "after": app.head().await})).await;
    // A month goes by for ada.
    let db = crate::support::connect(app.database_url()).await;
    let sql =
        format!("UPDATE standings SET lapses_at = 1 WHERE mode = '1v1' AND user_id = '{}'", ada.id);
    sea_orm::ConnectionTrait::execute_unprepared(&db, &sql).await.unwrap();
    let change = ranks.next("r").await["rankChanged"].clone();
    assert_eq!((&change["rankBefore"], &change["rankAfter"]), (&json!(1), &Value::Null));
    let standing = "{ me { standing(mode: \"1v1\") { listed rank tier { label } } } }";
    let mine = ada.run(standing, json!({})).await["me"]["standing"].clone();
    assert_eq!((&mine["listed"], &mine["rank"]), (&json!(false), &Value::Null));
    assert!(mine["tier"]["label"].is_string());
    assert_eq!(lines(&server, "first: 9").await, named([(1, "cleo"), (2, "bob"), (3, "dan")]));
    let app = app.restart().await;
    let (server, ada, bob) = (server.at(app.addr), ada.at(app.addr), bob.at(app.addr));
    assert_eq!(lines(&server, "first: 9").await.len(), 3);
    play(&server, &ada, &bob, "1v1").await;
    assert_eq!(lines(&server, "first: 1").await, named([(1, "ada")]));
    let mine = ada.run(standing, json!({})).await["me"]["standing"].clone();
    assert_eq!((&mine["listed"], &mine["rank"]), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn a_division_is_gained_once_a_season_however_often_it_is_crossed() {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 1;
        settings.ladder.demotion_margin_mmr = 0.0;
        settings.ladder.demotion_after_matches = 0;
        tolerant(settings, 2_000.0);
    })
    .await;
    let server = app.game_server().await;
    let (ada, bob) = app.pair().await;
    for ada_wins in [true, false, true, false, true, false, true, true] {
        let (winner, loser) = if ada_wins { (&ada, &bob) } else { (&bob, &ada) };
        play(&server, winner, loser, "1v1").await;
    }
    let query = "{ notifications(first: 100) { nodes { kind data } } }";
    let found = ada.run(query, json!({})).await["notifications"]["nodes"].clone();
    let of = |kind: &str| -> Vec<String> {
        let found = found.as_array().unwrap().iter().filter(|note| note["kind"] == kind);
        found.map(|note| note["data"]["to"].as_str().unwrap().to_owned()).collect()
    };
    let (ups, downs) = (of("RANK_UP"), of("RANK_DOWN"));
    assert!(downs.len() > 1, "{downs:?}");
    let mut once = ups.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ups.len(), "{ups:?}");
}
