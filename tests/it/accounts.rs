//! Signing up, in and out; roles and keys.

use rankedhonor::game::accounts::Role;
use serde_json::json;

use crate::support::{Client, PASSWORD, TestApp};

const ME: &str = "{ me { id username email role } }";

#[tokio::test]
async fn a_new_player_is_signed_in_and_only_they_see_their_email() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let me = ada.run(ME, json!({})).await;
    assert_eq!(me["me"]["email"], "ada@example.com");
    assert_eq!(me["me"]["role"], "PLAYER");
    let query = "query($id: ID!) { user(by: {id: $id}) { username email } }";
    let seen = bob.run(query, json!({"id": ada.id})).await;
    assert_eq!(seen["user"], json!({"username": "ada", "email": null}));
    assert_eq!(app.anonymous().run(ME, json!({})).await["me"], json!(null));
}

#[tokio::test]
async fn names_and_addresses_are_unique_without_regard_to_case() {
    let app = TestApp::start().await;
    app.player("Ada").await;
    let query = "mutation($input: RegisterInput!) { register(input: $input) { accessToken } }";
    let register = |name: &str, email: &str| json!({"input": {"username": name, "email": email, "password": PASSWORD}});
    let taken = app.anonymous().fail(query, register("aDA", "other@example.com")).await;
    assert_eq!((&taken["code"], &taken["reason"]), (&json!("CONFLICT"), &json!("USERNAME_TAKEN")));
    let taken = app.anonymous().fail(query, register("other", "ADA@example.com")).await;
    assert_eq!(taken["reason"], "EMAIL_TAKEN");
}

#[tokio::test]
async fn bad_fields_are_named() {
    let app = TestApp::start().await;
    let query = "mutation($input: RegisterInput!) { register(input: $input) { accessToken } }";
    for (change, field) in [
        (json!({"username": "ab"}), "input.username"),
        (json!({"username": "ünïcode"}), "input.username"),
        (json!({"username": "x".repeat(10_000)}), "input.username"),
        (json!({"email": "nobody"}), "input.email"),
        (json!({"password": "short"}), "input.password"),
        (json!({"password": "password123"}), "input.password"),
        (json!({"password": "x".repeat(129)}), "input.password"),
        (json!({"region": "atlantis"}), "input.region"),
    ] {
        let mut input =
            json!({"username": "ada", "email": "ada@example.com", "password": PASSWORD});
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = app.anonymous().fail(query, json!({"input": input})).await;
        assert_eq!(
            (&refused["code"], &refused["field"]),
            (&json!("BAD_USER_INPUT"), &json!(field))
        );
    }
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_a_second_use_ends_the_session() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let query = "mutation($token: String!) { refreshSession(input: {refreshToken: $token}) { accessToken refreshToken } }";
    let token = json!({"token": ada.refresh});
    let renewed = app.anonymous().run(query, token.clone()).await;
    let fresh =
        Client::new(app.addr, renewed["refreshSession"]["accessToken"].as_str().map(Into::into));
    assert_eq!(fresh.run(ME, json!({})).await["me"]["username"], "ada");
    assert_eq!(app.anonymous().fail(query, token).await["code"], "UNAUTHENTICATED");
    assert_eq!(fresh.fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    let newest = json!({"token": renewed["refreshSession"]["refreshToken"]});
    assert_eq!(app.anonymous().fail(query, newest).await["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn one_of_many_parallel_refreshes_wins() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let query = "mutation($token: String!) { refreshSession(input: {refreshToken: $token}) { accessToken } }";
    let tries = (0..20).map(|_| {
        let (client, token) = (app.anonymous(), json!({"token": ada.refresh}));
        tokio::spawn(async move { client.send(query, token).await })
    });
    let mut won = 0;
    for tried in tries.collect::<Vec<_>>() {
        won += usize::from(tried.await.unwrap().get("errors").is_none());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn logout_ends_the_token_at_once_and_survives_a_restart() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    ada.run("mutation { logout { success } }", json!({})).await;
    assert_eq!(ada.fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    let app = app.restart().await;
    let ada = Client { addr: app.addr, ..ada };
    assert_eq!(ada.fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let elsewhere = app.anonymous().login("ADA@example.com", PASSWORD).await;
    let query =
        "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }";
    let wrong =
        json!({"input": {"currentPassword": "not it at all", "newPassword": "zorblax quux 19"}});
    assert_eq!(ada.fail(query, wrong).await["field"], "input.currentPassword");
    let input = json!({"input": {"currentPassword": PASSWORD, "newPassword": "zorblax quux 19"}});
    let changed = ada.run(query, input).await;
    assert_eq!(elsewhere.fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    let fresh =
        Client::new(app.addr, changed["changePassword"]["accessToken"].as_str().map(Into::into));
    assert_eq!(fresh.run(ME, json!({})).await["me"]["username"], "ada");
    app.anonymous().login("ada", "zorblax quux 19").await;
}

#[tokio::test]
async fn a_forged_or_foreign_token_is_an_error_and_not_anonymous() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let real = ada.token.clone().unwrap();
    let mut parts: Vec<_> = real.split('.').map(str::to_owned).collect();
    parts[0] = "eyJhbGciOiJub25lIn0".into();
    for token in
        [format!("{real}x"), parts.join("."), "rhk_nothing".into(), "…".into(), String::new()]
    {
        let forged = Client::new(app.addr, Some(token));
        assert_eq!(forged.fail("{ modes { id } }", json!({})).await["code"], "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_suspended_player_is_out_until_it_is_lifted() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    ada.join("1v1").await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let query =
        "mutation($input: SuspendUserInput!) { suspendUser(input: $input) { user { presence } } }";
    assert_eq!(
        ada.fail(query, json!({"input": {"userId": ada.id, "reason": "no"}})).await["code"],
        "FORBIDDEN"
    );
    let done =
        moderator.run(query, json!({"input": {"userId": ada.id, "reason": "griefing"}})).await;
    assert_eq!(done["suspendUser"]["user"]["presence"], "OFFLINE");
    assert_eq!(ada.fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    let login = "mutation($input: LoginInput!) { login(input: $input) { accessToken } }";
    let input = json!({"input": {"login": "ada", "password": PASSWORD}});
    assert_eq!(app.anonymous().fail(login, input).await["code"], "FORBIDDEN");
    let lift = json!({"input": {"userId": ada.id, "reason": "enough", "until": "2020-01-01T00:00:00.000Z"}});
    moderator.run(query, lift).await;
    app.anonymous().login("ada", PASSWORD).await;
}

#[tokio::test]
async fn a_server_key_works_until_it_is_revoked_and_is_no_person() {
    let app = TestApp::start().await;
    let admin = app.staff("root", Role::Admin).await;
    let query = "mutation { createServerKey(input: {name: \"eu-1\"}) { id name key } }";
    let made = admin.run(query, json!({})).await["createServerKey"].clone();
    let server = Client::new(app.addr, made["key"].as_str().map(Into::into));
    assert_eq!(
        server.fail("mutation { leaveQueue { ticket { id } } }", json!({})).await["code"],
        "FORBIDDEN"
    );
    let start = "mutation { startMatch(input: {matchId: \"match_01h455vb4pex5vsknk084sn02q\"}) { match { id } } }";
    assert_eq!(server.fail(start, json!({})).await["code"], "NOT_FOUND");
    assert_eq!(app.anonymous().fail(start, json!({})).await["code"], "UNAUTHENTICATED");
    let revoke = "mutation($id: ID!) { revokeServerKey(input: {id: $id}) { id } }";
    admin.run(revoke, json!({"id": made["id"]})).await;
    assert_eq!(server.fail(start, json!({})).await["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn too_many_sign_ins_to_one_account_are_told_when_to_come_back() {
    let app = TestApp::with(|settings| settings.limits.login_per_account_minute = 3).await;
    app.player("ada").await;
    let login = "mutation { login(input: {login: \"ada\", password: \"wrong wrong wrong\"}) { accessToken } }";
    for _ in 0..3 {
        assert_eq!(app.anonymous().fail(login, json!({})).await["code"], "UNAUTHENTICATED");
    }
    let refused = app.anonymous().fail(login, json!({})).await;
    assert_eq!(refused["code"], "RATE_LIMITED");
    assert!(refused["retryAfterMs"].as_u64().unwrap() > 0);
}
