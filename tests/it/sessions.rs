//! Sessions: where one is signed in, what ends them, what their tokens prove (rules 3 and 4).

use std::fs;

use rankedhonor::{config::secret::Secret, game::accounts::Role};
use reqwest::header;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp, client::ends_sessions};

const ME: &str = "{ me { username } }";
const REFRESH: &str = "mutation($token: String!) { refreshSession(input: {refreshToken: $token}) { accessToken refreshToken } }";
const LOGIN: &str = "mutation($login: String!, $password: String!) { login(input: {login: $login, password: $password}) { accessToken } }";

#[tokio::test]
async fn one_sees_where_one_is_signed_in_and_ends_a_session_at_once() {
    let app = TestApp::start().await;
    let here = app.player("ada").await;
    let there = app.anonymous().login("ada", PASSWORD).await;
    let mut socket = there.socket().await;
    let query = "{ me { sessions { id current device address createdAt lastUsedAt expiresAt } } }";
    let seen = here.run(query, json!({})).await;
    let sessions = seen["me"]["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "{seen:#}");
    assert_eq!(sessions.iter().filter(|one| one["current"] == true).count(), 1);
    assert!(sessions.iter().all(|one| one["address"] == "127.0.0.1"));
    let other = sessions.iter().find(|one| one["current"] == false).unwrap();
    let end = "mutation($id: ID!) { endSession(input: {sessionId: $id}) { ended } }";
    let bob = app.player("bob").await;
    let id = json!({"id": other["id"]});
    assert_eq!(bob.fail(end, id.clone()).await["code"], "NOT_FOUND");
    assert_eq!(here.run(end, id.clone()).await["endSession"]["ended"], true);
    assert_eq!(here.run(end, id).await["endSession"]["ended"], false);
    assert_eq!(there.fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    assert_eq!(socket.closed().await, 4403);
    assert_eq!(here.run(query, json!({})).await["me"]["sessions"].as_array().unwrap().len(), 1);
    let theirs = "query($id: ID!) { user(by: {id: $id}) { sessions { id } } }";
    assert_eq!(bob.run(theirs, json!({"id": here.id})).await["user"]["sessions"], Value::Null);
}

#[tokio::test]
async fn of_a_hundred_uses_of_a_refresh_token_one_wins_and_then_its_session_ends() {
    let app = TestApp::with(|settings| settings.limits.exempt_loopback = true).await;
    let ada = app.player("ada").await;
    let elsewhere = app.anonymous().login("ada", PASSWORD).await;
    let tries = (0..100).map(|_| {
        let (client, token) = (app.anonymous(), json!({"token": ada.refresh}));
        tokio::spawn(async move { client.send(REFRESH, token).await })
    });
    let mut won = Vec::new();
    for tried in tries.collect::<Vec<_>>() {
        let answer = tried.await.unwrap();
        if answer.get("errors").is_none() {
            won.push(answer["data"]["refreshSession"].clone());
        }
    }
    assert_eq!(won.len(), 1);
    let newest = json!({"token": won[0]["refreshToken"]});
    assert_eq!(app.anonymous().fail(REFRESH, newest).await["code"], "UNAUTHENTICATED");
    let winner = Client::new(app.addr, won[0]["accessToken"].as_str().map(Into::into));
    assert_eq!(winner.fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    assert_eq!(elsewhere.run(ME, json!({})).await["me"]["username"], "ada");
    app.told().await;
    let told = elsewhere.run("{ notifications { nodes { kind data } } }", json!({})).await;
    let notice = told["notifications"]["nodes"][0].clone();
    assert_eq!(
        (&notice["kind"], &notice["data"]["event"]),
        (&json!("SECURITY"), &json!("REFRESH_TOKEN_REUSED"))
    );
    let root = app.staff("root", Role::Admin).await;
    let log =
        "{ auditLog(filter: {action: \"REFRESH_TOKEN_REUSED\"}) { nodes { object address } } }";
    let lines = root.run(log, json!({})).await["auditLog"]["nodes"].clone();
    assert!(!lines.as_array().unwrap().is_empty());
    assert_eq!(lines[0], json!({"object": ada.id, "address": "127.0.0.1"}));
}

#[tokio::test]
async fn an_ended_session_stays_ended_as_long_as_clocks_that_differ_take_its_token() {
    let app = TestApp::with(|settings| {
        settings.accounts.access_token_seconds = 1;
        settings.accounts.clock_skew_seconds = 300;
    })
    .await;
    let ada = app.player("ada").await;
    let bob = app.player("bob").await;
    ada.run("mutation { logout { success } }", json!({})).await;
    let refused = ada.fail(ME, json!({})).await;
    assert_eq!(refused["code"], "UNAUTHENTICATED");
    // As if it had been ended a good while ago, by a clock that is behind.
    app.change("UPDATE sessions SET ended_at = ended_at - 90000 WHERE ended_at IS NOT NULL").await;
    let app = app.restart().await;
    let answer = ada.at(app.addr).send(ME, json!({})).await;
    assert_eq!(answer["errors"][0]["message"], "the session has ended", "{answer:#}");
    // The token itself would still be taken.
    assert_eq!(bob.at(app.addr).run(ME, json!({})).await["me"]["username"], "bob");
}

/// A token with another header or other claims, signed with that secret.
fn forged(token: &str, secret: &[u8], change: impl FnOnce(&mut Value, &mut Value)) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    let parts: Vec<_> = token.split('.').collect();
    let part =
        |text: &str| -> Value { serde_json::from_slice(&BASE64.decode(text).unwrap()).unwrap() };
    let (mut head, mut claims) = (part(parts[0]), part(parts[1]));
    change(&mut head, &mut claims);
    let text = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let signature = aws_lc_rs::hmac::sign(&key, text.as_bytes());
    format!("{text}.{}", BASE64.encode(signature))
}

#[tokio::test]
async fn a_tampered_token_proves_nothing() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let real = ada.token.clone().unwrap();
    let secret = app.jwt_secret().await;
    let now = claim(&real, "iat");
    type Change = Box<dyn FnOnce(&mut Value, &mut Value)>;
    let rightly: Vec<(&str, Change)> = vec![
        ("no algorithm", Box::new(|head, _| head["alg"] = "none".into())),
        ("another algorithm", Box::new(|head, _| head["alg"] = "HS512".into())),
        ("a key pair's algorithm", Box::new(|head, _| head["alg"] = "RS256".into())),
        ("no key", Box::new(|head, _| head["kid"] = Value::Null)),
        ("a path for a key", Box::new(|head, _| head["kid"] = "../../dev/null".into())),
        ("a statement for a key", Box::new(|head, _| head["kid"] = "' OR 1=1 --".into())),
        ("expired", Box::new(move |_, claims| claims["exp"] = (now - 60).into())),
        ("from the future", Box::new(move |_, claims| claims["iat"] = (now + 600).into())),
        ("not yet", Box::new(move |_, claims| claims["nbf"] = (now + 600).into())),
        ("for ever", Box::new(move |_, claims| claims["exp"] = (now + 10_000_000).into())),
        ("for somebody else", Box::new(|_, claims| claims["aud"] = "rankedhonor-join".into())),
        ("for nobody", Box::new(|_, claims| drop(claims.as_object_mut().unwrap().remove("aud")))),
        (
            "of no session",
            Box::new(|_, claims| drop(claims.as_object_mut().unwrap().remove("sid"))),
        ),
        (
            "no person",
            Box::new(|_, claims| claims["sub"] = "match_01h455vb4pex5vsknk084sn02q".into()),
        ),
    ];
    for (what, change) in rightly {
        let token = forged(&real, secret.as_bytes(), change);
        let refused = Client::new(app.addr, Some(token)).fail("{ modes { id } }", json!({})).await;
        assert_eq!(refused["code"], "UNAUTHENTICATED", "{what}");
    }
    let other = forged(&real, b"another secret of thirty-two bytes", |_, _| {});
    let refused = Client::new(app.addr, Some(other)).fail("{ modes { id } }", json!({})).await;
    assert_eq!(refused["code"], "UNAUTHENTICATED");
    // Clocks that are a little apart do no harm, and what is only rewritten is the same.
    let early = forged(&real, secret.as_bytes(), move |_, claims| claims["iat"] = (now + 3).into());
    for token in [early, forged(&real, secret.as_bytes(), |_, _| {})] {
        let same = Client::new(app.addr, Some(token));
        assert_eq!(same.run(ME, json!({})).await["me"]["username"], "ada");
    }
}

fn claim(token: &str, name: &str) -> i64 {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    let claims = BASE64.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()[name].as_i64().unwrap()
}

#[tokio::test]
async fn what_an_old_secret_signed_is_good_until_it_runs_out() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let old = app.jwt_secret().await;
    app.rotate("jwt").await;
    let app = app.restart().await;
    let ada = ada.at(app.addr);
    assert_eq!(ada.run(ME, json!({})).await["me"]["username"], "ada");
    let fresh = app.anonymous().login("ada", PASSWORD).await.token.unwrap();
    let parts = |token: &str| token.split('.').next().unwrap().to_owned();
    assert_ne!(parts(&fresh), parts(ada.token.as_ref().unwrap()));
    assert_ne!(app.jwt_secret().await, old);
    // With the old secret alone, nothing new can be made that outlives it.
    let now = claim(&fresh, "iat");
    let late = forged(ada.token.as_ref().unwrap(), old.as_bytes(), move |_, claims| {
        claims["exp"] = (now + 7_200).into();
    });
    let late = Client::new(app.addr, Some(late)).fail(ME, json!({})).await;
    assert_eq!(late["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn what_an_old_secret_signed_is_refused_once_it_can_no_longer_be_good() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    app.rotate("jwt").await;
    let file = app.dir().join("jwt.secret");
    let kept = fs::read_to_string(&file).ok();
    let text = match &kept {
        Some(kept) => kept.clone(),
        None => app.cell("SELECT value FROM secrets WHERE name = 'jwt'").await,
    };
    // The old one stands behind the new one, with when it was replaced: as if that were long ago.
    let retired = text.split_whitespace().last().unwrap();
    assert!(retired.parse::<i64>().is_ok());
    let long_ago = (retired.parse::<i64>().unwrap() - 16 * 60 * 1000).to_string();
    match kept {
        Some(kept) => fs::write(&file, kept.replace(retired, &long_ago)).unwrap(),
        None => {
            let change = format!("REPLACE(value, '{retired}', '{long_ago}')");
            app.change(&format!("UPDATE secrets SET value = {change} WHERE name = 'jwt'")).await;
        }
    }
    let app = app.restart().await;
    // Its token has not run out.
    assert_eq!(ada.at(app.addr).fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    app.anonymous().login("ada", PASSWORD).await;
}

#[tokio::test]
async fn secrets_that_were_given_are_replaced_while_their_tokens_are_good() {
    let secret = |text: &str| text.repeat(8).into();
    let given = |texts: &[&str]| -> Vec<Secret> {
        let one = |text: &&str| Secret { text: secret(text), retired_at: None };
        texts.iter().map(one).collect()
    };
    let (old, new) = ("old-", "new-");
    let app = TestApp::configured(|config| config.jwt_secrets = given(&[old])).await;
    let ada = app.player("ada").await;
    // First every instance accepts the new one, then they sign with it, then the old one goes.
    let app = app.restart_configured(|config| config.jwt_secrets = given(&[old, new])).await;
    let before = app.anonymous().login("ada", PASSWORD).await;
    let app = app.restart_configured(|config| config.jwt_secrets = given(&[new, old])).await;
    let after = app.anonymous().login("ada", PASSWORD).await;
    for client in [&ada, &before, &after] {
        assert_eq!(client.at(app.addr).run(ME, json!({})).await["me"]["username"], "ada");
    }
    let app = app.restart_configured(|config| config.jwt_secrets = given(&[new])).await;
    for client in [&ada, &before] {
        assert_eq!(client.at(app.addr).fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    }
    assert_eq!(after.at(app.addr).run(ME, json!({})).await["me"]["username"], "ada");
}

#[tokio::test]
async fn sockets_are_closed_by_another_password_a_suspension_and_another_role() {
    let app = TestApp::start().await;
    let root = app.staff("root", Role::Admin).await;
    for (name, query, own) in ends_sessions() {
        let player = app.player(name).await;
        let there = app.anonymous().login(name, PASSWORD).await;
        let mut sockets = [player.socket().await, there.socket().await];
        let variables = if own { json!({}) } else { json!({"id": player.id}) };
        let acts = if own { &player } else { &root };
        acts.run(&query, variables).await;
        for socket in &mut sockets {
            assert_eq!(socket.closed().await, 4403, "{name}");
        }
        for client in [&player, &there] {
            assert_eq!(client.fail(ME, json!({})).await["code"], "UNAUTHENTICATED", "{name}");
        }
    }
}

#[tokio::test]
async fn a_browser_keeps_the_refresh_token_where_no_script_reads_it() {
    let app = TestApp::with(|settings| {
        settings.http.allowed_origins = vec!["https://play.example".into()];
        settings.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    app.player("ada").await;
    let send = |query: &str, headers: &[(&str, &str)]| {
        let url = format!("http://{}/graphql", app.addr);
        let mut request = reqwest::Client::new().post(url).json(&json!({"query": query}));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        async move {
            let response = request.send().await.unwrap();
            let cookie = response.headers().get(header::SET_COOKIE);
            let cookie = cookie.map(|value| value.to_str().unwrap().to_owned());
            (response.json::<Value>().await.unwrap(), cookie)
        }
    };
    let login = format!(
        "mutation {{ login(input: {{login: \"ada\", password: \"{PASSWORD}\"}}) {{ accessToken refreshToken csrfToken }} }}"
    );
    let (answer, cookie) = send(&login, &[]).await;
    assert!(cookie.is_none() && answer["data"]["login"]["csrfToken"].is_null(), "{answer:#}");
    let mode = ("x-session-mode", "cookie");
    let (answer, cookie) = send(&login, &[mode]).await;
    let cookie = cookie.unwrap();
    assert_eq!(answer["data"]["login"]["refreshToken"], "");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    // Whoever does not come from this machine gets one for encrypted connections to this very host.
    assert!(cookie.starts_with("rankedhonor=rhr_") && !cookie.contains("Secure"), "{cookie}");
    let (_, far) = send(&login, &[mode, ("x-forwarded-for", "203.0.113.5")]).await;
    let far = far.unwrap();
    assert!(far.starts_with("__Host-rankedhonor=rhr_") && far.ends_with("; Secure"), "{far}");
    assert!(!far.contains("Domain"), "{far}");
    let csrf = answer["data"]["login"]["csrfToken"].as_str().unwrap().to_owned();
    let kept = cookie.split(';').next().unwrap().to_owned();
    let refresh =
        "mutation { refreshSession(input: {refreshToken: \"\"}) { accessToken csrfToken } }";
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    // Without the mode the cookie is nothing; without its token, with another's, or from a strange page it is refused.
    let (answer, _) = send(refresh, &[("cookie", &kept), ("x-csrf-token", &csrf)]).await;
    assert_eq!(code(&answer), "UNAUTHENTICATED");
    let (answer, _) = send(refresh, &[mode, ("cookie", &kept)]).await;
    assert_eq!(code(&answer), "FORBIDDEN");
    let (answer, _) = send(refresh, &[mode, ("cookie", &kept), ("x-csrf-token", "AAAA")]).await;
    assert_eq!(code(&answer), "FORBIDDEN");
    let strange = ("origin", "https://evil.example");
    let right = [mode, ("cookie", &*kept), ("x-csrf-token", &*csrf)];
    let (answer, _) = send(refresh, &[&right[..], &[strange]].concat()).await;
    assert_eq!(code(&answer), "FORBIDDEN");
    let own = ("origin", "https://play.example");
    let (answer, renewed) = send(refresh, &[&right[..], &[own]].concat()).await;
    assert!(answer["data"]["refreshSession"]["accessToken"].is_string(), "{answer:#}");
    let renewed = renewed.unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(renewed, kept);
    let token = answer["data"]["refreshSession"]["accessToken"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    let (_, gone) =
        send("mutation { logout { success } }", &[mode, ("authorization", &bearer)]).await;
    assert!(gone.unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn imported_users_sign_in_with_the_password_that_they_had() {
    let app = TestApp::start().await;
    let hash = bcrypt::hash(PASSWORD, 5).unwrap();
    let lines = [
        json!({"username": "ada", "email": "ada@example.com", "passwordHash": hash, "region": "eu-west"}),
        json!({"username": "bob", "email": "bob@example.com", "passwordHash": "5f4dcc3b5aa765d61d8327deb882cf99"}),
        json!({"username": "x", "email": "x@example.com", "passwordHash": hash}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let (done, said) = app.command(&["admin", "import-users"], &text).await;
    assert!(!done && said.contains("1 accounts were made, 2 lines left out"), "{said}");
    assert!(
        said.contains("line 2") && said.contains("line 3") && !said.contains("5f4dcc3b"),
        "{said}"
    );
    let stored = || app.cell("SELECT password_hash FROM users WHERE username_key = 'ada'");
    assert!(stored().await.starts_with("$2b$"));
    let wrong = json!({"login": "ada", "password": "not it at all"});
    assert_eq!(app.anonymous().fail(LOGIN, wrong).await["code"], "UNAUTHENTICATED");
    assert!(stored().await.starts_with("$2b$"));
    app.anonymous().login("ada", PASSWORD).await;
    assert!(stored().await.starts_with("$argon2id$"));
    app.anonymous().login("ada@example.com", PASSWORD).await;
}

#[tokio::test]
async fn failed_sign_ins_slow_the_next_ones_down_and_only_where_they_come_from() {
    let app = TestApp::with(|settings| {
        settings.accounts.login_failures_free = 2;
        settings.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.limits.login_per_account_minute = 0;
        settings.limits.login_per_address_minute = 0;
        settings.limits.register_per_address_minute = 0;
    })
    .await;
    let from = |address: &'static str, login: &'static str, password: &'static str| {
        let request = reqwest::Client::new()
            .post(format!("http://{}/graphql", app.addr))
            .header("x-forwarded-for", address)
            .json(&json!({"query": LOGIN, "variables": {"login": login, "password": password}}));
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    let ada = app.player("ada").await;
    let home = from("198.51.100.7", "ada", PASSWORD).await;
    assert!(home["data"]["login"]["accessToken"].is_string(), "{home:#}");
    // Whether somebody has the name or not, by name or by address.
    for (login, attacker) in [("ada", "203.0.113.1"), ("nobody", "203.0.113.2")] {
        for _ in 0..3 {
            assert_eq!(code(&from(attacker, login, "wrong wrong").await), "UNAUTHENTICATED");
        }
        // Who comes after the wait, as on a busy machine, is heard, and waits twice as long.
        let (mut refused, mut late) = (from(attacker, login, "wrong wrong").await, 0);
        while code(&refused) == "UNAUTHENTICATED" && late < 6 {
            refused = from(attacker, login, "wrong wrong").await;
            late += 1;
        }
        assert_eq!(code(&refused), "RATE_LIMITED", "{refused:#}");
        let wait = refused["errors"][0]["extensions"]["retryAfterMs"].as_u64().unwrap();
        assert!((1..=1_000 << late).contains(&wait), "{wait}");
    }
    // By the address it is counted apart: else it would tell whose that is.
    let apart = from("203.0.113.1", "ADA@example.com", "wrong wrong").await;
    assert_eq!(code(&apart), "UNAUTHENTICATED");
    let root = app.staff("root", Role::Admin).await;
    let log = "{ auditLog(filter: {action: \"SIGN_IN_SLOWED\"}) { nodes { actor object data address } } }";
    let lines = root.run(log, json!({})).await["auditLog"]["nodes"].clone();
    let line = |object: &str, from: Option<&str>| json!({"actor": "anonymous", "object": object, "data": {"network": from}, "address": from});
    // Nobody's deletion would erase from where it was, so that is not kept.
    assert_eq!(lines, json!([line("nobody", None), line(&ada.id, Some("203.0.113.1"))]));
    // Many networks together are slowed down for the account, its owner's is not.
    let networks = ["203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.13", "203.0.113.14"];
    for network in networks.iter().cycle().take(8) {
        from(network, "ada", "wrong wrong").await;
    }
    let mut refused = Value::Null;
    // Who comes after the wait is let in; each failure doubles it.
    let strangers =
        ["192.0.2.99", "192.0.2.100", "192.0.2.101", "192.0.2.102", "192.0.2.103", "192.0.2.104"];
    for (stranger, network) in strangers.into_iter().zip(networks.into_iter().cycle()) {
        refused = from(stranger, "ada", PASSWORD).await;
        if code(&refused) == "RATE_LIMITED" {
            break;
        }
        from(network, "ada", "wrong wrong").await;
    }
    assert_eq!(code(&refused), "RATE_LIMITED", "{refused:#}");
    let home = from("198.51.100.7", "ada", PASSWORD).await;
    assert!(home["data"]["login"]["accessToken"].is_string(), "{home:#}");
}

impl TestApp {
    /// The secret that signs now.
    async fn jwt_secret(&self) -> String {
        let kept = match fs::read_to_string(self.dir().join("jwt.secret")) {
            Ok(kept) => kept,
            Err(_) => self.cell("SELECT value FROM secrets WHERE name = 'jwt'").await,
        };
        kept.split_whitespace().next().unwrap().to_owned()
    }

    async fn rotate(&self, secret: &str) {
        let (done, said) = self.command(&["admin", "rotate-secret", secret], "").await;
        assert!(done, "{said}");
    }
}
