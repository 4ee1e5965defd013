//! What operators feed in line by line: histories of matches, and users from elsewhere.

use proptest::prelude::*;
use rankedhonor::{app, config::Settings, error::Error};
use serde_json::json;

use super::{jsons, served, texts, tried};
use crate::support::{TestApp, config};

/// Lines of a history, some of them right, not always in the order of time, and not always text.
fn histories() -> impl Strategy<Value = Vec<u8>> {
    let field = |nearly: &'static str| prop_oneof![8 => nearly, 1 => "\\PC{0,12}"];
    let line = (
        field("-?[0-9]{1,3}(\\.[0-9]{1,3})?|[0-9]{1,9}e[0-9]|nan|inf|1e400"),
        field("[a-c](,[d-f]){0,2}"),
        field("[g-i](,[j-l]){0,2}|[a-l]"),
        field("1|0|0\\.5|-0|2|nan"),
    );
    let line = line.prop_map(|(day, a, b, result)| format!("{day}\t{a}\t{b}\t{result}"));
    let bytes = prop_oneof![
        12 => line.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(bytes, 0..12).prop_map(|lines| lines.join(&b'\n'))
}

#[test]
fn a_history_is_replayed_or_the_line_is_named_that_is_wrong() {
    let (runtime, _app) = served(TestApp::start);
    tried(&runtime, 2_000, histories(), async |history| {
        let (settings, mut predictions) = (Settings::default(), Vec::new());
        match app::replay(
            &settings,
            (None, true),
            history.as_slice(),
            Some(&mut predictions),
            |_| (),
        ) {
            Ok(score) => {
                let lines = history.split(|byte| *byte == b'\n').count();
                let told = String::from_utf8(predictions).unwrap();
                let chances: Vec<f64> = told.lines().map(|line| line.parse().unwrap()).collect();
                assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)), "{chances:?}");
                // The last line may have no end, and is none where nothing is on it.
                assert!(chances.len() == lines || chances.len() + 1 == lines);
                assert!(chances.is_empty() || score.log_loss().is_finite());
            }
            Err(Error::BadInput { field, .. }) => assert!(field.starts_with("line ")),
            Err(other) => panic!("{other}"),
        }
    });
}

#[test]
fn users_from_elsewhere_are_taken_or_their_lines_are_named() {
    let (runtime, app) = served(TestApp::start);
    let nearly = (texts(), texts(), texts(), jsons()).prop_map(|(name, mail, hash, more)| {
        let mut user = json!({"username": name, "email": mail, "passwordHash": hash});
        if more.is_string() {
            user["region"] = more;
        }
        user.to_string()
    });
    let line =
        prop_oneof![4 => nearly, 1 => texts(), 1 => jsons().prop_map(|json| json.to_string())];
    let line = prop_oneof![9 => line.prop_map(String::into_bytes), 1 => Just(vec![0xff, 0xfe])];
    let lines = prop::collection::vec(line, 0..4).prop_map(|lines| lines.join(&b'\n'));
    tried(&runtime, 60, lines, async |lines| {
        let config = config(app.dir(), Settings::default());
        let (made, left) = app::import_users(config, lines.as_slice()).await.unwrap();
        let blank = |line: &&[u8]| str::from_utf8(line).is_ok_and(|line| line.trim().is_empty());
        let there = lines.split(|byte| *byte == b'\n').filter(|line| !blank(line)).count();
        assert_eq!(made + left.len(), there, "{left:?}");
        assert!(left.iter().all(|line| line.starts_with("line ")), "{left:?}");
    });
}
