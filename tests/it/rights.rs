//! What people may ask of what is kept about them.

use std::time::{Duration, Instant, SystemTime};

use rankedhonor::{error::Code, game::accounts::Role, services::bars::Barred};
use serde_json::{Value, json};

use crate::{
    recovery::token,
    support::{
        Client, PASSWORD, TestApp,
        client::{PATIENCE, play},
        stores::{files, found},
    },
};

const DELETE: &str =
    "mutation($p: String!) { deleteMyAccount(input: {password: $p}) { deletesAt } }";

/// Deletes an account that has no days of grace.
async fn delete(app: &TestApp, who: &Client) {
    who.run(DELETE, json!({"p": PASSWORD})).await;
    gone(app, who).await;
}

/// Waits until an account that is to be deleted is.
async fn gone(app: &TestApp, who: &Client) {
    app.until(async || {
        // The janitor may have been first.
        app.services.accounts.delete_due(&app.services).await.unwrap();
        let name = "query($id: ID!) { user(by: {id: $id}) { username } }";
        let found = app.anonymous().run(name, json!({"id": who.id})).await;
        found["user"]["username"].as_str().unwrap().starts_with("deleted-")
    })
    .await;
    app.told().await;
}

#[tokio::test]
async fn a_deletion_can_be_taken_back_until_it_is_due() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let wrong = ada.fail(DELETE, json!({"p": "not it at all"})).await;
    assert_eq!(wrong["field"], "input.password");
    let planned =
        ada.run(DELETE, json!({"p": PASSWORD})).await["deleteMyAccount"]["deletesAt"].clone();
    let again =
        ada.run(DELETE, json!({"p": PASSWORD})).await["deleteMyAccount"]["deletesAt"].clone();
    assert_eq!(planned, again);
    app.services.accounts.delete_due(&app.services).await.unwrap();
    assert_eq!(ada.run("{ me { deletesAt } }", json!({})).await["me"]["deletesAt"], planned);
    let cancel = "mutation { cancelAccountDeletion { cancelled } }";
    assert_eq!(ada.run(cancel, json!({})).await["cancelAccountDeletion"]["cancelled"], true);
    assert_eq!(ada.run(cancel, json!({})).await["cancelAccountDeletion"]["cancelled"], false);
    assert_eq!(ada.run("{ me { deletesAt } }", json!({})).await["me"]["deletesAt"], Value::Null);
    let root = app.staff("root", Role::Admin).await;
    assert_eq!(root.fail(DELETE, json!({"p": PASSWORD})).await["code"], "FORBIDDEN");
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_that_names_it() {
    let app = TestApp::with(|settings| {
        settings.accounts.deletion_grace_days = 0;
        settings.ladder.placements = 1;
        settings.matchmaking.rematch_after_seconds = 0;
        crate::support::tolerant(settings, 5_000.0);
    })
    .await;
    let name = "zaphodbbx";
    let (ada, bob) = (app.player(name).await, app.player("bob").await);
    let server = app.game_server().await;
    let first = play(&server, &ada, &bob, "1v1").await;
    let id = play(&server, &ada, &bob, "1v1").await;
    let carla = app.player("carla").await;
    let profile = "mutation { updateProfile(input: {bio: \"zaphodbbx was here\", country: \"NO\"}) { user { id } } }";
    ada.run(profile, json!({})).await;
    carla
        .run(
            "mutation($id: ID!) { blockUser(input: {userId: $id}) { user { id } } }",
            json!({"id": ada.id}),
        )
        .await;
    ada.run("mutation { createParty { party { id } } }", json!({})).await;
    let mut socket = ada.socket().await;
    app.told().await;
    let board = "{ leaderboard(mode: \"1v1\") { nodes { user { username } } } }";
    let listed = app.anonymous().run(board, json!({})).await.to_string();
    assert!(listed.contains(name), "{listed}");
    assert!(!found(&app, &[name]).await.is_empty());
    // Mails that were written are files, also those from before their names said whose they are.
    app.until(async || files(&app, name).await.iter().any(|file| file.contains("/mail/user_")))
        .await;
    let older = app.dir().join("mail").join("0d7d1a3e.eml");
    std::fs::write(&older, format!("From: x\r\nTo: {name}@example.com\r\n\r\nHello {name}"))
        .unwrap();
    delete(&app, &ada).await;
    assert_eq!(socket.closed().await, 4403);
    app.told().await;
    // Nor do its files, once the journal was written back; mails to others are still there.
    let began = Instant::now();
    loop {
        let left = (found(&app, &[name]).await, files(&app, name).await);
        if left.0.is_empty() && left.1.is_empty() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{left:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(files(&app, "bob@example.com").await.iter().any(|file| file.contains("/mail/user_")));
    // History holds, under a name that is nobody's.
    let query = "query($id: ID!) { match(id: $id) { status teams { players { user { username email bio country } mmrAfter } } } }";
    let history = bob.run(query, json!({"id": id})).await.to_string();
    assert!(history.contains("deleted-") && history.contains("COMPLETED"), "{history}");
    let listed = app.anonymous().run(board, json!({})).await.to_string();
    assert!(listed.contains("bob") && !listed.contains("deleted-"), "{listed}");
    let search =
        app.anonymous().run("{ users { nodes { username } } }", json!({})).await.to_string();
    assert!(search.contains("bob") && !search.contains("deleted-"), "{search}");
    assert_eq!(ada.fail("{ me { id } }", json!({})).await["code"], "UNAUTHENTICATED");
    let login = "mutation($l: String!, $p: String!) { login(input: {login: $l, password: $p}) { accessToken } }";
    assert_eq!(
        app.anonymous().fail(login, json!({"l": name, "p": PASSWORD})).await["code"],
        "UNAUTHENTICATED"
    );
    let root = app.staff("root", Role::Admin).await;
    let void =
        "mutation($id: ID!) { voidMatch(input: {matchId: $id, reason: \"cheat\"}) { pending } }";
    root.run(void, json!({"id": first})).await;
    app.told().await;
    let listed = app.anonymous().run(board, json!({})).await.to_string();
    assert!(listed.contains("bob") && !listed.contains("deleted-"), "{listed}");
    // The address is free and the name is not yet, and the audit log holds without what named anybody.
    let register = "mutation($n: String!, $e: String!) { register(input: {username: $n, email: $e, password: \"correct-horse-42\"}) { accessToken } }";
    let address = format!("{name}@example.com");
    let wanted = json!({"n": "ZaphodBBX", "e": "else@example.com"});
    assert_eq!(app.anonymous().fail(register, wanted).await["reason"], "USERNAME_TAKEN");
    app.anonymous().run(register, json!({"n": "trillian", "e": address})).await;
    let (holds, said) = app.command(&["audit", "verify"], "").await;
    assert!(holds && !said.contains(" 0 erased"), "{said}");
    let taken = "mutation { register(input: {username: \"deleted-abc\", email: \"x@example.com\", password: \"correct-horse-42\"}) { accessToken } }";
    assert_eq!(app.anonymous().fail(taken, json!({})).await["field"], "input.username");
}

#[tokio::test]
async fn a_name_that_is_a_word_of_the_feed_takes_nothing_else_with_it() {
    let app = TestApp::with(|settings| {
        settings.accounts.deletion_grace_days = 0;
        crate::support::tolerant(settings, 5_000.0);
    })
    .await;
    let (players, mode) = (app.player("players").await, app.player("1v1").await);
    let server = app.game_server().await;
    for _ in 0..2 {
        play(&server, &players, &mode, "1v1").await;
    }
    app.told().await;
    let feed = "{ feed(first: 50) { nodes { kind data } } }";
    for (who, left) in [(&players, ["1v1", "deleted"]), (&mode, ["deleted", "deleted"])] {
        delete(&app, who).await;
        let items = app.anonymous().run(feed, json!({})).await["feed"]["nodes"].clone();
        let items = items.as_array().unwrap().iter();
        let matches: Vec<_> = items.filter(|item| item["kind"] == "MATCH_COMPLETED").collect();
        assert_eq!(matches.len(), 2);
        for item in matches {
            let mut names: Vec<_> = item["data"]["players"].as_array().unwrap().clone();
            names.sort_by_key(ToString::to_string);
            assert_eq!(json!(names), json!(left), "{item:#}");
            assert_eq!(item["data"]["mode"], "1v1");
        }
    }
}

#[tokio::test]
async fn mails_that_are_files_go_with_their_age_and_their_users() {
    let app = TestApp::with(|settings| settings.accounts.deletion_grace_days = 0).await;
    let (ada, bob) = app.pair().await;
    let mails = app.dir().join("mail");
    let of = |who: &Client| format!("{}.0d7d1a3e.eml", who.id);
    let there = |name: &str| mails.join(name).exists();
    delete(&app, &ada).await;
    // What another process wrote meanwhile, and what is old.
    for name in [&*of(&ada), &*of(&bob), "old.eml", "young.eml"] {
        std::fs::write(mails.join(name), "Hello").unwrap();
    }
    let old = SystemTime::now() - Duration::from_secs(8 * 24 * 60 * 60);
    let file = std::fs::File::options().append(true).open(mails.join("old.eml")).unwrap();
    file.set_modified(old).unwrap();
    app.services.mails.tidy().await.unwrap();
    assert!(!there(&of(&ada)) && !there("old.eml"));
    assert!(there(&of(&bob)) && there("young.eml"));
}

#[tokio::test]
async fn a_suspended_person_does_not_come_back_by_being_deleted() {
    let app = TestApp::with(|settings| {
        settings.accounts.deletion_grace_days = 0;
        settings.retention.names_days = 0;
    })
    .await;
    let moderator = app.staff("mod", Role::Moderator).await;
    let (ada, bob) = app.pair().await;
    app.change("UPDATE users SET deletes_at = 4102444800000 WHERE role = 'PLAYER'").await;
    let suspend = "mutation($id: ID!) { suspendUser(input: {userId: $id, reason: \"toxic\"}) { user { id } } }";
    let login = "mutation($l: String!, $p: String!) { login(input: {login: $l, password: $p}) { accessToken } }";
    let suspended = json!({"code": "FORBIDDEN", "reason": "SUSPENDED"});
    for (who, name) in [(&ada, "ada"), (&bob, "bob")] {
        moderator.run(suspend, json!({"id": who.id})).await;
        let refused = app.anonymous().fail(login, json!({"l": name, "p": PASSWORD})).await;
        assert_eq!(refused, suspended);
    }
    app.change("UPDATE users SET deletes_at = 1 WHERE role = 'PLAYER'").await;
    gone(&app, &ada).await;
    gone(&app, &bob).await;
    let register = "mutation($n: String!, $e: String!) { register(input: {username: $n, email: $e, password: \"correct-horse-42\"}) { accessToken } }";
    for (name, address) in [("ada", "ADA@example.com"), ("bob", "bob@example.com")] {
        let refused = app.anonymous().fail(register, json!({"n": name, "e": address})).await;
        assert_eq!(refused, suspended);
    }
    assert!(found(&app, &["ada@example.com", "bob@example.com"]).await.is_empty());
    // Nor do they by another account that they make their own.
    let eve = app.player("eve").await;
    let change = "mutation($p: String!) { changeEmail(input: {newEmail: \"bob@example.com\", password: $p}) { accepted } }";
    eve.run(change, json!({"p": PASSWORD})).await;
    let token = token(&app, "Confirm your new address", &[]).await;
    let verify = "mutation($token: String!) { verifyEmail(input: {token: $token}) { verified } }";
    assert_eq!(app.anonymous().fail(verify, json!({"token": token})).await, suspended);
    // Unless an operator thinks better of it.
    let accounts = &app.services.accounts;
    let hers = Barred::Address(" Ada@example.com".into());
    accounts.lift_bar(&hers).await.unwrap();
    for unknown in [hers, Barred::Elsewhere("twitch".into(), "ada@example.com".into())] {
        assert_eq!(accounts.lift_bar(&unknown).await.unwrap_err().code(), Code::NotFound);
    }
    app.anonymous().run(register, json!({"n": "ada", "e": "ada@example.com"})).await;
    let log = "{ auditLog(filter: {action: \"BAR_LIFTED\"}) { nodes { object } } }";
    let lines =
        app.staff("root", Role::Admin).await.run(log, json!({})).await["auditLog"]["nodes"].clone();
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
    // Once the suspension would have ended, everything is as for anybody.
    app.change("UPDATE barred SET until_ms = 1").await;
    app.anonymous().run(register, json!({"n": "bob", "e": "bob@example.com"})).await;
    app.services.accounts.sweep().await.unwrap();
    assert_eq!(app.cell("SELECT CAST(COUNT(*) AS CHAR(8)) FROM barred").await.trim(), "0");
}

#[tokio::test]
async fn whoever_holds_a_role_is_not_deleted() {
    let app = TestApp::start().await;
    let root = app.staff("root", Role::Admin).await;
    let moderator = app.staff("mod", Role::Moderator).await;
    assert_eq!(moderator.fail(DELETE, json!({"p": PASSWORD})).await["code"], "FORBIDDEN");
    let (ada, bob) = app.pair().await;
    ada.run(DELETE, json!({"p": PASSWORD})).await;
    let promote = "mutation($id: ID!) { setRole(input: {userId: $id, role: MODERATOR}) { user { role deletesAt } } }";
    let done = root.run(promote, json!({"id": ada.id})).await;
    assert_eq!(done["setRole"]["user"], json!({"role": "MODERATOR", "deletesAt": null}));
    let log = "{ auditLog(filter: {action: \"ROLE_CHANGED\"}) { nodes { before after } } }";
    let line = root.run(log, json!({})).await["auditLog"]["nodes"][0].clone();
    assert!(line["before"]["deletesAt"].is_i64() && line["after"]["deletesAt"].is_null(), "{line}");
    // One that was promoted before this was so, or behind the server's back.
    app.change(&format!("UPDATE users SET deletes_at = 1, role = 'ADMIN' WHERE id = '{}'", bob.id))
        .await;
    assert_eq!(app.services.accounts.delete_due(&app.services).await.unwrap(), 0);
    app.anonymous().login("bob", PASSWORD).await;
    // Who gives the role up can go.
    app.change(&format!("UPDATE users SET role = 'PLAYER' WHERE id = '{}'", bob.id)).await;
    gone(&app, &bob).await;
}

#[tokio::test]
async fn sessions_and_tickets_go_when_they_have_been_over_for_long() {
    let app = TestApp::with(|settings| crate::support::tolerant(settings, 5_000.0)).await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    play(&server, &ada, &bob, "1v1").await;
    let again = app.anonymous().login("ada", PASSWORD).await;
    again.run("mutation { logout { success } }", json!({})).await;
    // A match that is not over holds on to its tickets.
    ada.join("1v1").await;
    bob.join("1v1").await;
    ada.matched().await;
    app.told().await;
    let count = async |what: &str| {
        app.cell(&format!("SELECT CAST(COUNT(*) AS CHAR(8)) FROM {what}")).await.trim().to_owned()
    };
    app.change("UPDATE sessions SET ended_at = 1 WHERE ended_at IS NOT NULL").await;
    app.change("UPDATE tickets SET ended_at = 1 WHERE ended_at IS NOT NULL").await;
    assert_eq!([count("sessions").await, count("tickets").await], ["3", "4"]);
    app.services.accounts.sweep().await.unwrap();
    app.services.queue.sweep().await.unwrap();
    assert_eq!([count("sessions").await, count("tickets").await], ["2", "2"]);
    assert_eq!(count("ticket_players").await, "2");
    let status = "{ myMatch { id status } }";
    assert!(ada.run(status, json!({})).await["myMatch"]["id"].is_string());
    app.anonymous().login("ada", PASSWORD).await.renewed().await;
}

#[tokio::test]
async fn who_resumes_a_shared_stream_hears_no_name_that_was_deleted() {
    let app = TestApp::with(|settings| {
        settings.accounts.deletion_grace_days = 0;
        crate::support::tolerant(settings, 5_000.0);
    })
    .await;
    let name = "zaphodbbx";
    let (ada, bob) = (app.player(name).await, app.player("bob").await);
    let server = app.game_server().await;
    let feed = "subscription($after: String) { feedItemAdded(after: $after) { cursor kind data } }";
    // Somebody follows all the while, so that what was told is kept for those who come.
    let mut follower = bob.socket().await;
    follower.subscribe("f", feed, json!({"after": null})).await;
    app.until(async || {
        play(&server, &ada, &bob, "1v1").await;
        let item = tokio::time::timeout(Duration::from_secs(2), follower.next("f")).await;
        item.is_ok_and(|item| item.to_string().contains(name))
    })
    .await;
    let first = "{ feed(first: 50) { nodes { cursor kind } } }";
    let known = app.anonymous().run(first, json!({})).await;
    let oldest = known["feed"]["nodes"].as_array().unwrap().last().unwrap()["cursor"].clone();
    play(&server, &ada, &bob, "1v1").await;
    let heard = async || {
        let mut socket = bob.socket().await;
        socket.subscribe("r", feed, json!({"after": oldest})).await;
        socket.next("r").await["feedItemAdded"].to_string()
    };
    assert!(heard().await.contains(name));
    delete(&app, &ada).await;
    app.until(async || {
        let heard = heard().await;
        assert!(heard.contains("MATCH_COMPLETED"), "{heard}");
        !heard.contains(name)
    })
    .await;
    // Whoever followed goes on.
    let carla = app.player("carla").await;
    let id = play(&server, &carla, &bob, "1v1").await;
    while !follower.next("f").await.to_string().contains("carla") {}
    assert!(!id.is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_kept_in_files_is_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let app = TestApp::start().await;
    app.player("ada").await;
    token(&app, "Confirm your address", &[]).await;
    let made = app.dir().join("made").join("by").join("the server");
    let env = |name: &str| (name == "RANKEDHONOR_DATA_DIR").then(|| made.to_str().unwrap().into());
    rankedhonor::config::Config::load(env).unwrap();
    let mut seen = 0;
    let mut dirs = vec![app.dir().to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let (path, meta) =
                entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // Mails are in a directory of their own.
            if meta.is_dir() || name.contains(".db") || name.ends_with(".secret") {
                assert_eq!(meta.permissions().mode() & 0o077, 0, "{name}");
                seen += 1;
            }
            if meta.is_dir() {
                dirs.push(path);
            }
        }
    }
    // The directories at least: a database server has the rest.
    assert!(seen >= 4, "{seen}");
}
