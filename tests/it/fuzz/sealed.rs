//! What was sealed or said by others: sealed texts, messages on the bus, lines of files that are brought in.

use std::io::Cursor;

use proptest::prelude::*;
use rankedhonor::{
    app,
    config::{
        Settings,
        secret::{self, Secret},
    },
    game::event::LiveEvent,
    services::vault::Vault,
};

use super::{jsons, texts, tried};
use crate::support::config;

fn vault() -> Vault {
    Vault::new(&vec![Secret { text: secret::fresh().into(), retired_at: None }]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sealed_texts_open_as_they_were_or_not_at_all(text in texts(), other in texts(), at in any::<prop::sample::Index>()) {
        let (ours, theirs) = (vault(), vault());
        let sealed = ours.seal("one", &text).unwrap();
        prop_assert_eq!(&ours.open("one", &sealed).unwrap(), &text);
        prop_assert!(ours.open("two", &sealed).is_err() && theirs.open("one", &sealed).is_err());
        prop_assert!(ours.open("one", &other).is_err());
        let mut changed = sealed.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        if let Ok(opened) = ours.open("one", &changed) {
            prop_assert!(false, "{sealed} and {changed} open as {opened}");
        }
        prop_assert!(ours.open("one", &sealed[..at]).is_err());
        let _ = (ours.is_csrf(&text, &other), ours.is_chained(text.as_bytes(), &other));
        prop_assert!(ours.is_csrf(&text, &ours.csrf(&text)));
    }

    #[test]
    fn messages_on_the_bus_are_understood_or_refused(json in jsons(), text in texts(), kind in "[A-Z][a-z]{2,8}") {
        for message in [json.to_string(), text, serde_json::json!({kind: json}).to_string()] {
            if let Ok(event) = serde_json::from_str::<LiveEvent>(&message) {
                let again = serde_json::to_string(&event).unwrap();
                prop_assert!(serde_json::from_str::<LiveEvent>(&again).is_ok());
            }
        }
    }
}

#[test]
fn made_up_lines_of_users_are_left_out_with_their_number_and_without_their_hash() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let hash = prop_oneof![
        "\\$2[aby]\\$[0-9]{1,2}\\$[./A-Za-z0-9]{0,60}hunter2-4711",
        "\\$argon2id?\\$v=[0-9]{1,3}\\$m=[0-9]{1,12},t=[0-9]{1,4},p=[0-9]{1,4}\\$[A-Za-z0-9+/]{0,30}\\$hunter2-4711",
        texts().prop_map(|text| format!("{text}hunter2-4711")),
    ];
    let user = (texts(), texts(), hash).prop_map(|(name, email, hash)| {
        serde_json::json!({"username": name, "email": email, "passwordHash": hash}).to_string()
    });
    let line = prop_oneof![user, jsons().prop_map(|json| json.to_string()), texts()];
    let line = line.prop_map(|line| line.replace(['\n', '\r'], " "));
    tried(&runtime, 4, prop::collection::vec(line, 40), async |lines| {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), Settings::default());
        let wanted = lines.iter().filter(|line| !line.trim().is_empty()).count();
        let (made, left) = app::import_users(config, Cursor::new(lines.join("\n"))).await.unwrap();
        assert_eq!(made + left.len(), wanted, "{left:#?}");
        for told in left {
            let whole = told.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
            assert!(whole.is_some_and(|(number, _)| number.parse::<usize>().is_ok()), "{told}");
            assert!(!told.contains("hunter2-4711"), "{told}");
        }
    });
}
