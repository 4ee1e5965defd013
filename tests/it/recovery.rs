//! Mails that prove an address, or let another password be chosen.

use std::{fs, os::unix::fs::PermissionsExt, time::Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::support::{Client, PASSWORD, TestApp};

const VERIFY: &str =
    "mutation($token: String!) { verifyEmail(input: {token: $token}) { verified } }";
const ASK: &str =
    "mutation($email: String!) { requestPasswordReset(input: {email: $email}) { accepted } }";
const RESET: &str = "mutation($token: String!, $password: String!) {
    resetPassword(input: {token: $token, newPassword: $password}) { accessToken user { emailVerified } } }";
const NEW: &str = "zorblax quux 19";

/// Every mail that was written, with its token.
pub fn mails(app: &TestApp) -> Vec<(String, String)> {
    let Ok(files) = fs::read_dir(app.dir().join("mail")) else { return Vec::new() };
    let mut mails = Vec::new();
    for file in files {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        // Long lines are cut in a mail.
        let whole = text.replace("=\r\n", "").replace("=3D", "=");
        let Some(at) = whole.find("rhm_") else { continue };
        let token: String = whole[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-')
            .collect();
        mails.push((whole, token));
    }
    mails
}

/// Waits for the token of a mail with these words that was not seen before.
pub async fn token(app: &TestApp, words: &str, seen: &[String]) -> String {
    let mut found = None;
    app.until(async || {
        found = mails(app)
            .into_iter()
            .find(|(text, token)| text.contains(words) && !seen.contains(token))
            .map(|(_, token)| token);
        found.is_some()
    })
    .await;
    found.unwrap()
}

#[tokio::test]
async fn an_address_is_proven_once_by_the_mail_that_went_there() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let verified = "{ me { emailVerified } }";
    assert_eq!(ada.run(verified, json!({})).await["me"]["emailVerified"], false);
    let first = token(&app, "Confirm your address", &[]).await;
    let ask = "mutation { requestEmailVerification { accepted } }";
    ada.run(ask, json!({})).await;
    let second = token(&app, "Confirm your address", std::slice::from_ref(&first)).await;
    // A later one takes the place of an earlier one, and each is used once.
    for (token, good) in [(&first, false), (&second, true), (&second, false)] {
        let answer = app.anonymous().send(VERIFY, json!({"token": token})).await;
        assert_eq!(answer.get("errors").is_none(), good, "{answer:#}");
    }
    assert_eq!(ada.run(verified, json!({})).await["me"]["emailVerified"], true);
    let refused = app.anonymous().fail(VERIFY, json!({"token": "rhm_nothing"})).await;
    assert_eq!(refused, json!({"code": "BAD_USER_INPUT", "field": "input.token"}));
    // Others on this machine do not read them.
    let mode = fs::metadata(app.dir().join("mail")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    // What stands in the database is no token.
    let kept = app.cell("SELECT COUNT(*) || '' FROM one_time_tokens WHERE hash LIKE 'rhm%'");
    if app.database_url().starts_with("sqlite") {
        assert_eq!(kept.await, "0");
    }
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_whoever_reads_the_mail() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    app.anonymous().run(ASK, json!({"email": "ADA@example.com"})).await;
    let token = token(&app, "Choose another password", &[]).await;
    let reset = |token: &str, password: &str| json!({"token": token, "password": password});
    let weak = app.anonymous().fail(RESET, reset(&token, "password123")).await;
    assert_eq!(weak["field"], "input.newPassword");
    // A token for one thing is none for another.
    assert_eq!(app.anonymous().fail(VERIFY, json!({"token": token})).await["field"], "input.token");
    let done = app.anonymous().run(RESET, reset(&token, NEW)).await["resetPassword"].clone();
    assert_eq!(done["user"]["emailVerified"], true);
    let fresh = Client::new(app.addr, done["accessToken"].as_str().map(Into::into));
    assert_eq!(fresh.run("{ me { username } }", json!({})).await["me"]["username"], "ada");
    assert_eq!(ada.fail("{ me { id } }", json!({})).await["code"], "UNAUTHENTICATED");
    let again = app.anonymous().fail(RESET, reset(&token, NEW)).await;
    assert_eq!(again, json!({"code": "BAD_USER_INPUT", "field": "input.token"}));
    let login =
        "mutation($p: String!) { login(input: {login: \"ada\", password: $p}) { accessToken } }";
    assert_eq!(
        app.anonymous().fail(login, json!({"p": PASSWORD})).await["code"],
        "UNAUTHENTICATED"
    );
    app.anonymous().login("ada", NEW).await;
    app.told().await;
    let told = fresh.run("{ notifications { nodes { kind data } } }", json!({})).await;
    let events: Vec<_> = told["notifications"]["nodes"].as_array().unwrap().clone();
    assert!(events.iter().any(|one| one["data"]["event"] == "PASSWORD_RESET"), "{told:#}");
}

#[tokio::test]
async fn asking_again_and_again_neither_spoils_the_first_mail_nor_fills_the_mailbox() {
    let app = TestApp::with(|settings| settings.limits.mail_per_account_minute = 0).await;
    app.player("ada").await;
    let ask = async || app.anonymous().run(ASK, json!({"email": "ada@example.com"})).await;
    ask().await;
    let first = token(&app, "Choose another password", &[]).await;
    for _ in 0..20 {
        assert_eq!(ask().await["requestPasswordReset"]["accepted"], true);
    }
    // All that were to go out have gone.
    let count = if app.database_url().starts_with('m') {
        "SELECT CONCAT(COUNT(*), '') FROM mails"
    } else {
        "SELECT COUNT(*) || '' FROM mails"
    };
    app.until(async || app.cell(count).await == "0").await;
    let mails = mails(&app);
    let resets: Vec<_> =
        mails.iter().filter(|(text, _)| text.contains("Choose another password")).collect();
    assert!((2..=4).contains(&resets.len()), "{}", resets.len());
    let reset = |token: &str| json!({"token": token, "password": NEW});
    app.anonymous().run(RESET, reset(&first)).await;
    // That was the end of the others.
    for (_, token) in resets {
        let refused = app.anonymous().fail(RESET, reset(token)).await;
        assert_eq!(refused, json!({"code": "BAD_USER_INPUT", "field": "input.token"}));
    }
}

#[tokio::test]
async fn of_two_mails_that_are_used_at_once_one_counts() {
    let app = TestApp::start().await;
    app.player("ada").await;
    let words = "Choose another password";
    let mut seen = Vec::new();
    for _ in 0..2 {
        app.anonymous().run(ASK, json!({"email": "ada@example.com"})).await;
        seen.push(token(&app, words, &seen).await);
    }
    let tries = seen.into_iter().map(|token| {
        let (client, input) = (app.anonymous(), json!({"token": token, "password": NEW}));
        tokio::spawn(async move { client.send(RESET, input).await })
    });
    let mut won = 0;
    for tried in tries.collect::<Vec<_>>() {
        won += usize::from(tried.await.unwrap().get("errors").is_none());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn nobody_keeps_an_owner_from_asking_by_asking_from_elsewhere() {
    let app = TestApp::with(|settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.limits.mail_per_account_minute = 1;
    })
    .await;
    app.player("ada").await;
    let ask = async |from: &str, email: &str| -> Value {
        let body = json!({"query": ASK, "variables": {"email": email}});
        let client = app.anonymous();
        let request = client.http.post(client.url("/graphql")).header("x-forwarded-for", from);
        request.json(&body).send().await.unwrap().json().await.unwrap()
    };
    // Whether somebody has the address or not.
    for email in ["ada@example.com", "nobody@example.com"] {
        let accepted = json!({"requestPasswordReset": {"accepted": true}});
        assert_eq!(ask("203.0.113.1", email).await["data"], accepted);
        let refused = ask("203.0.113.1", email).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "RATE_LIMITED");
        assert_eq!(ask("198.51.100.7", email).await["data"], accepted);
    }
}

#[tokio::test]
async fn a_token_that_ran_out_opens_nothing() {
    let app = TestApp::start().await;
    app.player("ada").await;
    app.anonymous().run(ASK, json!({"email": "ada@example.com"})).await;
    let token = token(&app, "Choose another password", &[]).await;
    app.change("UPDATE one_time_tokens SET expires_at = 1").await;
    let refused = app.anonymous().fail(RESET, json!({"token": token, "password": NEW})).await;
    assert_eq!(refused, json!({"code": "BAD_USER_INPUT", "field": "input.token"}));
    app.anonymous().login("ada", PASSWORD).await;
}

#[tokio::test]
async fn of_many_who_use_a_token_at_once_one_gets_in() {
    let app = TestApp::start().await;
    app.player("ada").await;
    app.anonymous().run(ASK, json!({"email": "ada@example.com"})).await;
    let token = token(&app, "Choose another password", &[]).await;
    let tries = (0..8).map(|_| {
        let (client, input) = (app.anonymous(), json!({"token": token, "password": NEW}));
        tokio::spawn(async move { client.send(RESET, input).await })
    });
    let mut won = 0;
    for tried in tries.collect::<Vec<_>>() {
        won += usize::from(tried.await.unwrap().get("errors").is_none());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn nobody_learns_from_a_reset_which_addresses_have_an_account() {
    let app = TestApp::with(|settings| settings.limits.mail_per_account_minute = 0).await;
    app.player("ada").await;
    let ask = async |email: &str| -> (Value, f64) {
        let began = Instant::now();
        let answer = app.anonymous().send(ASK, json!({"email": email})).await;
        (answer, began.elapsed().as_secs_f64())
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let (yes, took) = ask("ada@example.com").await;
        known.push(took);
        let (no, took) = ask("nobody@example.com").await;
        unknown.push(took);
        let plain = |mut answer: Value| {
            answer.as_object_mut().unwrap().remove("extensions");
            answer
        };
        assert_eq!(plain(yes), plain(no));
    }
    token(&app, "Choose another password", &[]).await;
    assert!(mails(&app).iter().all(|(text, _)| !text.contains("nobody@example.com")));
    // The same rows are read and written for both; only a clear difference would be one.
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    assert!(known < 5.0 * unknown && unknown < 5.0 * known, "{known} {unknown}");
}

#[tokio::test]
async fn a_suspended_account_is_not_opened_by_a_reset() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let moderator = app.staff("mod", rankedhonor::game::accounts::Role::Moderator).await;
    app.anonymous().run(ASK, json!({"email": "ada@example.com"})).await;
    let token = token(&app, "Choose another password", &[]).await;
    let suspend =
        "mutation($id: ID!) { suspendUser(input: {userId: $id, reason: \"no\"}) { user { id } } }";
    moderator.run(suspend, json!({"id": ada.id})).await;
    let refused = app.anonymous().fail(RESET, json!({"token": token, "password": NEW})).await;
    assert_eq!(refused["code"], "FORBIDDEN");
}

/// A server that takes mails, and gives each as it came.
async fn mailbox() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (give, mails) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 mailbox\r\n").await.unwrap();
            let (mut text, mut within) = (String::new(), false);
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match line.as_str() {
                    "." if within => {
                        within = false;
                        give.send(std::mem::take(&mut text)).unwrap();
                        "250 taken"
                    }
                    _ if within => {
                        text += &format!("{line}\r\n");
                        continue;
                    }
                    "DATA" => {
                        within = true;
                        "354 go on"
                    }
                    "QUIT" => break,
                    _ => "250 mailbox",
                };
                write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            }
        }
    });
    (url, mails)
}

#[tokio::test]
async fn mails_are_handed_to_the_server_that_is_named() {
    let (url, mut mails) = mailbox().await;
    let app = TestApp::configured(|config| {
        config.smtp_url = Some(url.into());
        config.settings.mail.from = "Ladder <ladder@play.example>".into();
        config.settings.mail.reset_url = "https://play.example/reset?t={token}".into();
    })
    .await;
    app.player("ada").await;
    let first = mails.recv().await.unwrap();
    assert!(
        first.contains("Confirm your address") && first.contains("To: ada@example.com"),
        "{first}"
    );
    assert!(first.contains("From: Ladder <ladder@play.example>"), "{first}");
    app.anonymous().run(ASK, json!({"email": "ada@example.com"})).await;
    let text = mails.recv().await.unwrap().replace("=\r\n", "").replace("=3D", "=");
    let token = text.split("https://play.example/reset?t=").nth(1).unwrap();
    let token = token.split_whitespace().next().unwrap();
    app.anonymous().run(RESET, json!({"token": token, "password": NEW})).await;
    app.anonymous().login("ada", NEW).await;
}
