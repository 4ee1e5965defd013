//! What passwords cost, and the hashes that come from elsewhere (rule 2).

use std::fs;

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use rankedhonor::game::accounts::Role;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Process, TestApp, connect};

const LOGIN: &str = "mutation($login: String!, $password: String!) { login(input: {login: $login, password: $password}) { accessToken } }";

/// A hash of Argon2id with these parameters.
fn argon2id(password: &str, memory: u32, passes: u32) -> String {
    let params = Params::new(memory, passes, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(password.as_bytes()).unwrap().to_string()
}

/// Users to import, one a line.
fn lines(users: &[(&str, &str)]) -> String {
    let line = |(name, hash): &(&str, &str)| {
        format!(
            "{}\n",
            json!({"username": name, "email": format!("{name}@example.com"), "passwordHash": hash})
        )
    };
    users.iter().map(line).collect()
}

async fn stored(app: &TestApp, name: &str) -> String {
    app.cell(&format!("SELECT password_hash FROM users WHERE username_key = '{name}'")).await
}

fn tries(login: &str, password: &str) -> Value {
    json!({"login": login, "password": password})
}

#[tokio::test]
async fn a_failed_sign_in_takes_the_same_work_whoever_has_the_name() {
    let app = Process::start(
        "[accounts]\nlogin_failures_free = 1000\n[limits]\nrequest_timeout_ms = 60000\n\
         login_per_account_minute = 0\n\
         login_per_address_minute = 0\nregister_per_address_minute = 0\n",
    )
    .await;
    // Some hash of another password: no sign-in succeeds.
    let imported = |head: &str| format!("{head}$c29tZXNhbHRzb21lc2FsdA${}", "A".repeat(43));
    let people = [
        ("native", None),
        ("bcrypt", Some(bcrypt::hash("another", 5).unwrap())),
        ("dearest", Some(bcrypt::hash("another", 6).unwrap().replace("$2b$", "$2a$"))),
        ("cheap", Some(bcrypt::hash("another", 4).unwrap().replace("$2b$", "$2y$"))),
        ("heavy", Some(imported("$argon2id$v=19$m=24576,t=2,p=1"))),
        ("light", Some(imported("$argon2id$v=19$m=8,t=1,p=1"))),
        ("unbearable", Some(imported("$argon2id$v=19$m=2097152,t=50,p=1"))),
        ("guest", Some(String::new())),
        ("suspended", None),
    ];
    for (name, _) in &people {
        app.anonymous().register(name).await;
    }
    let db = connect(app.database_url()).await;
    for (name, hash) in &people {
        let change = match hash {
            // Statements are logged, hashes are not.
            Some(hash) => {
                format!("password_hash = REPLACE('{}', '#', '$')", hash.replace('$', "#"))
            }
            None if *name == "suspended" => "suspended_until = 9000000000000".to_owned(),
            None => continue,
        };
        let change = format!("UPDATE users SET {change} WHERE username_key = '{name}'");
        sea_orm::ConnectionTrait::execute_unprepared(&db, &change).await.unwrap();
    }
    db.close().await.unwrap();
    let done = async || {
        let kind = async |kind: &str| {
            app.metric(&format!("rankedhonor_password_work_total{{kind=\"{kind}\"}}")).await
        };
        (kind("argon2").await, kind("bcrypt").await)
    };
    let work = async |login: &str| {
        let before = done().await;
        let refused = app.anonymous().fail(LOGIN, tries(login, "wrong wrong wrong")).await;
        assert_eq!(refused["code"], "UNAUTHENTICATED", "{login}");
        let after = done().await;
        (after.0 - before.0, after.1 - before.1)
    };
    // As much as the dearest of each kind, once the server has looked at what there is.
    let dearest = (f64::from(24_576 * 2), f64::from(1 << 6));
    let looked = tokio::time::timeout(crate::support::client::PATIENCE, async {
        while work("nobody").await != dearest {}
    });
    looked.await.expect("the server does not look at the hashes that there are");
    for (name, _) in &people {
        assert_eq!(work(name).await, dearest, "{name}");
        assert_eq!(work(&format!("{name}@example.com")).await, dearest, "{name}");
    }
    for name in ["nobody", "nobody@example.com", "no name at all", "", "ünknown"] {
        assert_eq!(work(name).await, dearest, "{name}");
    }
}

#[tokio::test]
async fn a_hash_that_costs_too_much_is_not_imported_and_not_computed() {
    let app = TestApp::start().await;
    let most = argon2id(PASSWORD, 64 * 1024, 1);
    let dear = argon2id(PASSWORD, 8, 1).replace("m=8,t=1", "m=2097152,t=50");
    let bcrypt = bcrypt::hash(PASSWORD, 4).unwrap();
    let text = lines(&[
        ("memory", &dear),
        ("passes", &argon2id(PASSWORD, 8, 11)),
        ("lanes", &argon2id(PASSWORD, 64, 1).replace("p=1", "p=5")),
        ("rounds", &bcrypt.replace("$04$", "$14$")),
        ("short", &bcrypt.replace("$04$", "$03$")),
        ("saltless", "$argon2id$v=19$m=19456,t=2,p=1"),
        ("other", &argon2id(PASSWORD, 8, 1).replace("argon2id", "argon2i")),
        ("most", &most),
        ("least", &argon2id(PASSWORD, 8, 1)),
    ]);
    let (done, said) = app.command(&["admin", "import-users"], &text).await;
    assert!(!done && said.contains("2 accounts were made, 7 lines left out"), "{said}");
    assert!(said.contains("line 1: ") && said.contains("at most m=65536,t=10,p=4"), "{said}");
    assert!(said.contains("line 4: ") && said.contains("a cost from 4 to 13"), "{said}");
    // What is dearer than those that are made here stays, what is cheaper does not.
    app.anonymous().login("least", PASSWORD).await;
    assert!(stored(&app, "least").await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    app.anonymous().login("least", PASSWORD).await;
    app.anonymous().login("most", PASSWORD).await;
    assert!(stored(&app, "most").await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    // However it came there.
    app.change(
        "UPDATE users SET password_hash = REPLACE(password_hash, 'm=19456,t=2', 'm=2097152,t=50')",
    )
    .await;
    let refused = app.anonymous().fail(LOGIN, tries("most", PASSWORD)).await;
    assert_eq!(refused["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_hash_of_older_settings_becomes_one_of_the_present_ones() {
    let app = TestApp::start().await;
    app.player("ada").await;
    let app = app.restart_with(|settings| settings.accounts.argon2_passes = 3).await;
    assert_eq!(
        app.anonymous().fail(LOGIN, tries("ada", "wrong wrong")).await["code"],
        "UNAUTHENTICATED"
    );
    assert!(stored(&app, "ada").await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    app.anonymous().login("ada", PASSWORD).await;
    let better = stored(&app, "ada").await;
    assert!(better.starts_with("$argon2id$v=19$m=19456,t=3,p=1$"));
    // Never a worse one.
    let app = app.restart_with(|settings| settings.accounts.argon2_passes = 2).await;
    app.anonymous().login("ada", PASSWORD).await;
    assert_eq!(stored(&app, "ada").await, better);
}

#[tokio::test]
async fn what_bcrypt_does_not_look_at_never_becomes_a_part_of_the_password() {
    let app = TestApp::with(|settings| settings.limits.login_per_account_minute = 0).await;
    let exact = format!("{PASSWORD}{}", "é".repeat(24));
    assert_eq!(exact.len(), 72);
    let long = format!("{exact} and more");
    let hash = |password: &str| bcrypt::hash(password, 4).unwrap();
    let text = lines(&[
        ("exact", &hash(&exact)),
        ("long", &hash(&long)),
        ("two-a", &hash(PASSWORD).replace("$2b$", "$2a$")),
        ("two-b", &hash(PASSWORD)),
        ("two-y", &hash(PASSWORD).replace("$2b$", "$2y$")),
    ]);
    let (done, said) = app.command(&["admin", "import-users"], &text).await;
    assert!(done, "{said}");
    for name in ["two-a", "two-b", "two-y"] {
        app.anonymous().login(name, PASSWORD).await;
        assert!(stored(&app, name).await.starts_with("$argon2id$"), "{name}");
        app.anonymous().login(name, PASSWORD).await;
    }
    // As where they come from, the rest counts for nothing; nor does it from now on.
    for name in ["exact", "long"] {
        app.anonymous().login(name, &format!("{exact} and whatever")).await;
        assert!(stored(&app, name).await.starts_with("$2b$"), "{name}");
        app.anonymous().login(name, &long).await;
        assert!(stored(&app, name).await.starts_with("$2b$"), "{name}");
    }
    app.anonymous().login("exact", &exact).await;
    assert!(stored(&app, "exact").await.starts_with("$argon2id$"));
    let garbage = app.anonymous().fail(LOGIN, tries("exact", &long)).await;
    assert_eq!(garbage["code"], "UNAUTHENTICATED");
    let change = "mutation($new: String!, $old: String!) {
        changePassword(input: {currentPassword: $old, newPassword: $new}) { accessToken } }";
    let owner = app.anonymous().login("long", &long).await;
    owner.run(change, json!({"old": long, "new": "zorblax quux 19"})).await;
    assert!(stored(&app, "long").await.starts_with("$argon2id$"));
    app.anonymous().login("long", "zorblax quux 19").await;
}

#[tokio::test]
async fn whoever_comes_first_from_many_places_at_once_gets_in_everywhere() {
    let app = TestApp::with(|settings| settings.limits.login_per_account_minute = 0).await;
    let (done, said) = app
        .command(
            &["admin", "import-users"],
            &lines(&[("ada", &bcrypt::hash(PASSWORD, 4).unwrap())]),
        )
        .await;
    assert!(done, "{said}");
    let sent = (0..6).map(|_| {
        let client = app.anonymous();
        tokio::spawn(async move { client.send(LOGIN, tries("ada", PASSWORD)).await })
    });
    for sent in sent.collect::<Vec<_>>() {
        let answer = sent.await.unwrap();
        assert!(answer["data"]["login"]["accessToken"].is_string(), "{answer:#}");
    }
    assert!(stored(&app, "ada").await.starts_with("$argon2id$"));
}

#[tokio::test]
async fn nobody_is_written_to_because_they_were_imported() {
    let app = TestApp::start().await;
    let text = lines(&[
        ("ada", &argon2id(PASSWORD, 19_456, 2)),
        ("bob", &bcrypt::hash(PASSWORD, 4).unwrap()),
    ]);
    let (done, said) = app.command(&["admin", "import-users"], &text).await;
    assert!(done, "{said}");
    // Mails go out in their order: one to them would have been before this one.
    app.player("carla").await;
    let mails = || -> Vec<String> {
        let Ok(files) = fs::read_dir(app.dir().join("mail")) else { return Vec::new() };
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    };
    app.until(async || mails().iter().any(|mail| mail.contains("carla@example.com"))).await;
    let others = mails().into_iter().filter(|mail| !mail.contains("carla@example.com"));
    assert_eq!(others.count(), 0);
}

#[tokio::test]
async fn a_name_is_counted_as_one_however_it_is_spelled() {
    let app = TestApp::with(|settings| {
        settings.accounts.login_failures_free = 2;
        settings.limits.login_per_account_minute = 0;
    })
    .await;
    let ada = app.player("ada").await;
    app.anonymous().login(" ADA  ", PASSWORD).await;
    app.anonymous().login("ada@EXAMPLE.com ", PASSWORD).await;
    for spelled in ["ada", "ada ", "\tAda\u{a0}"] {
        let refused = app.anonymous().fail(LOGIN, tries(spelled, "wrong wrong")).await;
        assert_eq!(refused["code"], "UNAUTHENTICATED", "{spelled:?}");
    }
    // The third failure of one name is the one that slows the next down.
    let root = app.staff("root", Role::Admin).await;
    let log = "{ auditLog(filter: {action: \"SIGN_IN_SLOWED\"}) { nodes { object } } }";
    let told = root.run(log, json!({})).await["auditLog"]["nodes"].clone();
    assert_eq!(told, json!([{"object": ada.id}]));
    let app = app.restart_with(|settings| settings.limits.login_per_account_minute = 1).await;
    let bob = ["bob", "bob ", " BOB"].map(|name| tries(name, "wrong wrong"));
    let mut codes = Vec::new();
    for name in bob {
        codes.push(app.anonymous().fail(LOGIN, name).await["code"].clone());
    }
    // A minute may end in between, but not two.
    assert!(codes[1..].contains(&json!("RATE_LIMITED")), "{codes:?}");
}
