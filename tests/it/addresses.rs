//! Another address for an account, and who is told of what was done to it.

use std::fs;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    recovery::{mails, token},
    support::{PASSWORD, TestApp},
};

const CHANGE: &str =
    "mutation($email: String!, $password: String! = \"correct-horse-42-battery\") {
    changeEmail(input: {newEmail: $email, password: $password}) { accepted } }";
const VERIFY: &str =
    "mutation($token: String!) { verifyEmail(input: {token: $token}) { verified } }";
const ASK: &str =
    "mutation($email: String!) { requestPasswordReset(input: {email: $email}) { accepted } }";
const RESET: &str = "mutation($token: String!) {
    resetPassword(input: {token: $token, newPassword: \"zorblax quux 19\"}) { accessToken } }";
const PASSWORD_CHANGE: &str = "mutation($old: String!) {
    changePassword(input: {currentPassword: $old, newPassword: \"zorblax quux 19\"}) { accessToken } }";
const LOGIN: &str = "mutation($login: String!, $password: String!) { login(input: {login: $login, password: $password}) { accessToken } }";
const ME: &str = "{ me { email emailVerified } }";

/// Waits for a mail to that address with these words.
pub async fn told(app: &TestApp, to: &str, words: &str) {
    let to = format!("To: {to}");
    app.until(async || {
        let Ok(files) = fs::read_dir(app.dir().join("mail")) else { return false };
        files.into_iter().any(|file| {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            text.contains(&to) && text.contains(words)
        })
    })
    .await;
}

#[tokio::test]
async fn an_address_is_changed_by_whoever_reads_the_mail_to_the_new_one() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let wrong = json!({"email": "ada@new.example", "password": "not it at all"});
    assert_eq!(ada.fail(CHANGE, wrong).await["field"], "input.password");
    let none = json!({"email": "ada@new.example", "password": ""});
    assert_eq!(ada.fail(CHANGE, none).await["field"], "input.password");
    let before = json!({"me": {"email": "ada@example.com", "emailVerified": false}});
    ada.run(CHANGE, json!({"email": "Ada@new.example"})).await;
    let token = token(&app, "Confirm your new address", &[]).await;
    assert_eq!(ada.run(ME, json!({})).await, before);
    told(&app, "Ada@new.example", "Confirm your new address").await;
    told(&app, "ada@example.com", "Your address is to be changed").await;
    app.anonymous().run(VERIFY, json!({"token": token})).await;
    // The session goes on.
    let after = json!({"me": {"email": "Ada@new.example", "emailVerified": true}});
    assert_eq!(ada.run(ME, json!({})).await, after);
    assert_eq!(app.anonymous().fail(VERIFY, json!({"token": token})).await["field"], "input.token");
    told(&app, "ada@example.com", "Your address was changed").await;
    app.anonymous().login("ada@NEW.example", PASSWORD).await;
    let old = json!({"login": "ada@example.com", "password": PASSWORD});
    assert_eq!(app.anonymous().fail(LOGIN, old).await["code"], "UNAUTHENTICATED");
    let root = app.staff("root", rankedhonor::game::accounts::Role::Admin).await;
    let log = "{ auditLog(filter: {action: \"EMAIL_CHANGED\"}) { nodes { object } } }";
    let lines = root.run(log, json!({})).await["auditLog"]["nodes"].clone();
    assert_eq!(lines, json!([{"object": ada.id}]));
}

#[tokio::test]
async fn nobody_learns_from_a_change_which_addresses_have_an_account() {
    let app = TestApp::with(|settings| {
        settings.limits.mail_per_account_minute = 0;
        settings.limits.login_per_account_minute = 0;
    })
    .await;
    let (ada, bob) = app.pair().await;
    let plain = |mut answer: Value| {
        answer.as_object_mut().unwrap().remove("extensions");
        answer
    };
    let taken = plain(ada.send(CHANGE, json!({"email": "BOB@example.com"})).await);
    // Bob himself comes after: had a mail for Ada gone out to him, it would be there before his own.
    bob.run(CHANGE, json!({"email": "bob@new.example"})).await;
    token(&app, "bob@new.example", &[]).await;
    let words = "Confirm your new address";
    let others = mails(&app).into_iter().filter(|(text, _)| text.contains(words));
    assert_eq!(others.count(), 1);
    let free = plain(ada.send(CHANGE, json!({"email": "dora@example.com"})).await);
    assert_eq!(taken, free);
    let token = token(&app, "To: dora@example.com", &[]).await;
    let saved = "mutation { exportMyData { document } }";
    let saved = ada.run(saved, json!({})).await["exportMyData"]["document"]["mails"].to_string();
    assert!(!saved.contains("CHANGE_EMAIL") && !saved.contains("dora"), "{saved}");
    // Whoever is there first has it.
    app.player("dora").await;
    let refused = app.anonymous().fail(VERIFY, json!({"token": token})).await;
    assert_eq!((&refused["code"], &refused["reason"]), (&json!("CONFLICT"), &json!("EMAIL_TAKEN")));
    assert_eq!(ada.run(ME, json!({})).await["me"]["email"], "ada@example.com");
}

#[tokio::test]
async fn a_stranger_is_not_written_to_again_and_again_and_only_the_last_token_counts() {
    let app = TestApp::with(|settings| {
        settings.limits.mail_per_account_minute = 0;
        settings.limits.mail_per_address_minute = 0;
        settings.limits.login_per_account_minute = 0;
    })
    .await;
    let ada = app.player("ada").await;
    let written = |to: &str| {
        let (to, words) = (format!("To: {to}"), "Confirm your new address");
        mails(&app)
            .into_iter()
            .filter(|(text, _)| text.contains(&to) && text.contains(words))
            .count()
    };
    let asks = async |email: &str| {
        ada.run(CHANGE, json!({"email": email})).await;
    };
    for n in 1..=2 {
        asks("stranger@example.com").await;
        app.until(async || written("stranger@example.com") == n).await;
    }
    let first = token(&app, "To: stranger@example.com", &[]).await;
    let second = token(&app, "To: stranger@example.com", std::slice::from_ref(&first)).await;
    // A mistake is mended at once, and takes back what was asked for before.
    for n in 0..4 {
        asks("stranger@example.com").await;
        let own = format!("ada{n}@example.com");
        asks(&own).await;
        // The mails go out in the order in which they were asked for.
        told(&app, &own, "Confirm your new address").await;
    }
    assert_eq!(written("stranger@example.com"), 2);
    for strangers in [&first, &second] {
        let refused = app.anonymous().fail(VERIFY, json!({"token": strangers})).await;
        assert_eq!(refused["field"], "input.token");
    }
    // Who asks again before the next mail goes out can use the last that did.
    let first = token(&app, "To: ada0@example.com", &[]).await;
    asks("ada0@example.com").await;
    let second = token(&app, "To: ada0@example.com", std::slice::from_ref(&first)).await;
    asks("ada0@example.com").await;
    let refused = app.anonymous().fail(VERIFY, json!({"token": first})).await;
    assert_eq!(refused["field"], "input.token");
    app.anonymous().run(VERIFY, json!({"token": second})).await;
    assert_eq!(ada.run(ME, json!({})).await["me"]["email"], "ada0@example.com");
}

#[tokio::test]
async fn another_password_takes_back_what_was_begun_before() {
    let app = TestApp::with(|settings| settings.limits.mail_per_account_minute = 0).await;
    let ada = app.player("ada").await;
    app.anonymous().run(ASK, json!({"email": "ada@example.com"})).await;
    let reset = token(&app, "To choose another password", &[]).await;
    ada.run(CHANGE, json!({"email": "mallory@example.com"})).await;
    let change = token(&app, "Confirm your new address", &[]).await;
    ada.run(PASSWORD_CHANGE, json!({"old": PASSWORD})).await;
    let refused = app.anonymous().fail(RESET, json!({"token": reset})).await;
    assert_eq!(refused, json!({"code": "BAD_USER_INPUT", "field": "input.token"}));
    let refused = app.anonymous().fail(VERIFY, json!({"token": change})).await;
    assert_eq!(refused, json!({"code": "BAD_USER_INPUT", "field": "input.token"}));
    told(&app, "ada@example.com", "Your password was changed").await;
}

#[tokio::test]
async fn a_mail_server_that_never_answers_keeps_nobody_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (give, mut came) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
            let _ = give.send(());
        }
    });
    let app = TestApp::configured(|config| config.smtp_url = Some(url.into())).await;
    let ada = app.player("ada").await;
    // The first mail is stuck, and stays asked for until it has gone out.
    came.recv().await.unwrap();
    let ask = "mutation { requestEmailVerification { accepted } }";
    assert_eq!(ada.run(ask, json!({})).await["requestEmailVerification"]["accepted"], true);
    for email in ["ada@example.com", "nobody@example.com"] {
        let asked = app.anonymous().run(ASK, json!({"email": email})).await;
        assert_eq!(asked["requestPasswordReset"]["accepted"], true);
    }
    ada.run(CHANGE, json!({"email": "ada@new.example"})).await;
    let waiting =
        app.cell("SELECT CASE WHEN COUNT(*) > 0 THEN 'some' ELSE 'none' END FROM mails").await;
    assert_eq!(waiting, "some");
}
