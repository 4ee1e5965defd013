//! Whatever is read from outside: made-up input is refused or understood, and nothing falls over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;
use rankedhonor::{
    config::{Network, Settings, secret},
    game::{
        accounts::{is_email, is_username},
        event::Position,
        ids::{MatchId, UserId},
        standing::Place,
    },
    http::client_address,
    schema::paging::{Cursor, Line, Name},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    fuzz::{coded, served, texts, tried},
    support::{Client, TestApp},
};

/// An address as one proxy or another writes it.
fn written(address: IpAddr, how: u8) -> String {
    match (address, how % 6) {
        (_, 0) => address.to_string(),
        (IpAddr::V4(four), 1) => four.to_ipv6_mapped().to_string(),
        (IpAddr::V4(four), 2) => format!("[{}]:443", four.to_ipv6_mapped()),
        (IpAddr::V6(_), 1) => format!("[{address}]"),
        (_, 3) => format!(" {address} "),
        (_, 4) => format!("\t{address}"),
        _ => SocketAddr::new(address, 1234).to_string(),
    }
}

fn addresses(
    four: impl Fn(u32) -> u32,
    six: impl Fn(u128) -> u128,
) -> impl Strategy<Value = IpAddr> {
    any::<(bool, u128)>().prop_map(move |(is_four, bits)| {
        if is_four {
            Ipv4Addr::from(four(bits as u32)).into()
        } else {
            Ipv6Addr::from(six(bits)).into()
        }
    })
}

/// Those of 10.0.0.0/8 and fd00::/8.
fn trusted() -> impl Strategy<Value = IpAddr> {
    addresses(|bits| bits >> 8 | 10 << 24, |bits| bits >> 8 | 0xfd << 120)
}

/// Those of 128.0.0.0/1 and 2000::/8.
fn untrusted() -> impl Strategy<Value = IpAddr> {
    addresses(|bits| bits | 1 << 31, |bits| bits >> 8 | 0x20 << 120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_client_is_the_last_that_trusted_proxies_vouch_for(
        client in untrusted(),
        proxies in prop::collection::vec((trusted(), any::<(u8, bool)>()), 0..5),
        socket in trusted(),
        said in prop::collection::vec(any::<u8>(), 0..60),
        (how, apart) in any::<(u8, bool)>(),
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
    ) {
        let networks: Vec<Network> =
            ["10.0.0.0/8", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect();
        let of = |socket, lines: &[Vec<u8>]| {
            client_address(&networks, socket, lines.iter().map(Vec::as_slice))
        };
        // What the client says comes first, in a line of its own or not; then every proxy adds whom it was asked by.
        let mut lines = vec![said.clone()];
        for (address, (how, apart)) in [(client, (how, apart))].into_iter().chain(proxies) {
            let hop = written(address, how);
            if apart {
                lines.push(hop.into());
            } else {
                let line = lines.last_mut().unwrap();
                line.push(b',');
                line.extend(hop.bytes());
            }
        }
        prop_assert_eq!(of(socket, &lines), client);
        // One that is not trusted vouches for nobody, and what nobody can read leads nowhere.
        prop_assert_eq!(of(client, &lines), client);
        let _ = of(socket, &noise);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ids_are_themselves_again_or_refused(text in texts(), bits in any::<u128>()) {
        let id = UserId::from_uuid(Uuid::from_u128(bits));
        prop_assert_eq!(id.to_string().parse::<UserId>().unwrap(), id);
        prop_assert!(id.to_string().parse::<MatchId>().is_err());
        if let Ok(id) = text.parse::<UserId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn cursors_are_themselves_again_or_refused(text in texts(), number in any::<i64>(), name in "[a-z0-9_-]{3,20}") {
        let line = Line::decode("after", Some(Line(number).encode())).unwrap().unwrap();
        prop_assert_eq!(line.0, number);
        let back = Name::decode("after", Some(Name(name.clone()).encode())).unwrap().unwrap();
        prop_assert_eq!(back.0, name);
        prop_assert!(Position::decode("after", Some(Line(number).encode())).is_err());
        // Whatever is let in is written as it was.
        if let Ok(Some(place)) = Place::decode("after", Some(text.clone())) {
            prop_assert_eq!(Place::decode("after", Some(place.encode())).unwrap().unwrap(), place);
        }
        let _ = (Line::decode("after", Some(text.clone())), Name::decode("after", Some(text.clone())), Position::decode("after", Some(text)));
    }

    #[test]
    fn names_and_addresses_are_plain(text in texts()) {
        if is_username(&text) {
            prop_assert!(text.is_ascii() && (3..=20).contains(&text.len()));
        }
        if is_email(&text) {
            prop_assert!(text.len() <= 254 && !text.chars().any(char::is_control));
        }
    }

    #[test]
    fn kept_secrets_are_read_again(lines in proptest::collection::vec(texts(), 0..5), now in 0..i64::MAX) {
        let fresh = secret::fresh();
        let text = secret::rotated(&lines.join("\n"), &fresh, now, Some(0));
        let secrets = secret::parse(&text);
        prop_assert!(secrets[0].retired_at.is_none());
        prop_assert_eq!(secret::parse(&secret::rotated(&text, &secret::fresh(), now, None)).len(), secrets.len() + 1);
    }

    #[test]
    fn settings_are_understood_or_told_what_is_wrong(text in prop_oneof![texts(), "\\[[a-z.]{1,12}\\]\n[a-z_]{1,20} = [0-9a-z\".-]{1,12}"]) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        if let Err(problems) = Settings::load(Some(file.path())) {
            prop_assert!(!problems.0.is_empty() && problems.0.iter().all(|line| !line.contains('\n')));
        }
    }
}

#[test]
fn made_up_tokens_ids_and_cursors_are_refused_with_a_code() {
    let (runtime, app) = served(async || {
        TestApp::with(|settings| settings.accounts.login_failures_free = 1_000).await
    });
    let ada = runtime.block_on(app.player("ada"));
    tried(&runtime, 150, texts(), async |text| {
        let sendable = text.bytes().all(|byte| (32..127).contains(&byte));
        if sendable {
            let forged = Client::new(app.addr, Some(text.clone()));
            assert_eq!(forged.fail("{ modes { id } }", json!({})).await["code"], "UNAUTHENTICATED");
        }
        for query in [
            "query($x: String!) { refreshed: users(search: $x) { nodes { id } } }",
            "query($x: String!) { users(after: $x) { nodes { id } } }",
            "query($x: String!) { feed(after: $x) { nodes { kind } } }",
            "query($x: String!) { user(by: {username: $x}) { id } }",
            "query($x: ID!) { node(id: $x) { id } }",
            "query($x: ModeId!) { leaderboard(mode: $x) { totalCount } }",
            "mutation($x: String!) { refreshSession(input: {refreshToken: $x}) { accessToken } }",
            "mutation($x: String!) { verifyEmail(input: {token: $x}) { verified } }",
            "mutation($x: String!) { joinParty(input: {joinCode: $x}) { party { id } } }",
            "mutation($x: String!) { updateProfile(input: {bio: $x}) { user { bio } } }",
            "mutation($x: String!) { finishSignIn(input: {state: $x, code: $x, secret: $x}) { registered } }",
        ] {
            coded(&ada.send(query, json!({"x": text})).await);
        }
        // As a document, and as what is none.
        coded(&ada.send(&text, json!({})).await);
        let raw = ada.http.post(ada.url("/graphql")).header("content-type", "application/json");
        coded(&raw.body(text).send().await.unwrap().json().await.unwrap());
    });
    let me = runtime.block_on(ada.run("{ me { username } }", json!({})));
    assert_eq!(me["me"]["username"], "ada");
}

#[test]
fn made_up_frames_end_a_socket_or_are_answered() {
    let (runtime, app) = served(async || TestApp::start().await);
    let kinds = ["connection_init", "subscribe", "complete", "ping", "pong", "next", "nonsense"];
    let message = (proptest::sample::select(kinds.to_vec()), texts(), texts()).prop_map(
        |(kind, id, text)| {
            json!({"type": kind, "id": id, "payload": {"query": text, "variables": {"x": id}}})
                .to_string()
        },
    );
    tried(&runtime, 200, prop_oneof![message, texts()], async |text| {
        let mut socket = app.anonymous().socket().await;
        if socket.try_say_text(&text).await {
            // It is closed, or goes on: then it still answers.
            socket.try_say_text("{\"type\":\"ping\"}").await;
        }
    });
    runtime.block_on(async {
        let mut socket = app.anonymous().socket().await;
        let stats = "subscription { queueStats(mode: \"1v1\") { playersSearching } }";
        socket.subscribe("x", stats, json!({})).await;
        assert_eq!(socket.next("x").await["queueStats"]["playersSearching"], 0);
    });
}
