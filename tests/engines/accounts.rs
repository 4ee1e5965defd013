//! Accounts on several instances: what one of them knows of sessions, keys and failed sign-ins, all know.

use serde_json::json;

use crate::{
    cluster::Cluster,
    engine::Engine,
    support::{Client, PASSWORD, client::ends_sessions},
};

const SETTINGS: &str =
    "[accounts]\nlogin_failures_free = 2\n[limits]\nlogin_per_account_minute = 0\n";
const ME: &str = "{ me { username sessions { id current } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_signing_key_is_used_by_all_while_they_run() {
    for sql in ["mariadb", "postgres"] {
        let cluster = Cluster::start(sql).await;
        let (one, other) = (cluster.patient(SETTINGS).await, cluster.patient(SETTINGS).await);
        let ada = one.anonymous().register("ada").await;
        ada.at(other.addr).run(ME, json!({})).await;
        let (done, said) = one.run(&["admin", "rotate-secret", "jwt"]);
        assert!(done && said.contains("running servers"), "{said}");
        // Each signs with the new one as soon as it has looked; what either signed is good at both all the while.
        let kid =
            |client: &Client| client.token.as_ref().unwrap().split('.').next().unwrap().to_owned();
        let old = kid(&ada);
        for (here, there) in [(&one, &other), (&other, &one)] {
            let began = std::time::Instant::now();
            loop {
                let fresh = here.anonymous().login("ada", PASSWORD).await;
                fresh.at(there.addr).run(ME, json!({})).await;
                if kid(&fresh) != old {
                    break;
                }
                assert!(began.elapsed().as_secs() < 120, "the old key is used still");
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            ada.at(here.addr).run(ME, json!({})).await;
        }
        let (holds, said) = one.run(&["audit", "verify"]);
        assert!(holds, "{said}");
    }
}

/// A key that one instance takes back opens nothing at the other any more, and what it opened there is closed.
async fn a_key_is_revoked_everywhere(cluster: Cluster) {
    let (one, other) = (cluster.instance(SETTINGS).await, cluster.instance(SETTINGS).await);
    let root = one.admin("root").await;
    let server = one.game_server().at(other.addr);
    let mut socket = server.socket().await;
    let keys = root.run("{ serverKeys { id } }", json!({})).await;
    let revoke = "mutation($id: ID!) { revokeServerKey(input: {id: $id}) { id } }";
    root.run(revoke, json!({"id": keys["serverKeys"][0]["id"]})).await;
    assert_eq!(socket.closed().await, 4403);
    assert_eq!(server.fail("{ modes { id } }", json!({})).await["code"], "UNAUTHENTICATED");
}

/// What ends all of somebody's sessions at one instance ends them at the other.
async fn sockets_are_closed_everywhere(cluster: &Cluster) {
    let (one, other) = (cluster.instance(SETTINGS).await, cluster.instance(SETTINGS).await);
    let root = one.admin("root").await;
    for (name, query, own) in ends_sessions() {
        let player = one.anonymous().register(name).await;
        let there = other.anonymous().login(name, PASSWORD).await;
        let mut socket = there.socket().await;
        let variables = if own { json!({}) } else { json!({"id": player.id}) };
        let acts = if own { &player } else { &root };
        acts.run(&query, variables).await;
        assert_eq!(socket.closed().await, 4403, "{name}");
        assert_eq!(there.fail(ME, json!({})).await["code"], "UNAUTHENTICATED", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_password_a_suspension_and_another_role_end_sessions_everywhere() {
    let redis = Some(Engine::start("redis").await);
    sockets_are_closed_everywhere(&Cluster { redis, ..Cluster::bare("mariadb").await }).await;
    sockets_are_closed_everywhere(&Cluster::bare("postgres").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_is_revoked_everywhere_with_and_without_redis() {
    let redis = Some(Engine::start("redis").await);
    a_key_is_revoked_everywhere(Cluster { redis, ..Cluster::bare("postgres").await }).await;
    a_key_is_revoked_everywhere(Cluster::bare("mariadb").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_one_instance_ends_and_a_failure_that_it_counts_are_known_to_all() {
    let cluster = Cluster::start("postgres").await;
    let (one, other) = (cluster.patient(SETTINGS).await, cluster.patient(SETTINGS).await);
    let ada = one.anonymous().register("ada").await;
    let there = other.anonymous().login("ada", PASSWORD).await;
    let mut socket = there.socket().await;
    let seen = ada.run(ME, json!({})).await["me"]["sessions"].clone();
    let id =
        seen.as_array().unwrap().iter().find(|one| one["current"] == false).unwrap()["id"].clone();
    let end = "mutation($id: ID!) { endSession(input: {sessionId: $id}) { ended } }";
    ada.run(end, json!({"id": id})).await;
    assert_eq!(socket.closed().await, 4403);
    assert_eq!(there.fail(ME, json!({})).await["code"], "UNAUTHENTICATED");
    let login =
        "mutation { login(input: {login: \"ada\", password: \"wrong wrong\"}) { accessToken } }";
    for instance in [&one, &other, &one] {
        assert_eq!(instance.anonymous().fail(login, json!({})).await["code"], "UNAUTHENTICATED");
    }
    // The first wait is a second, which may be over before the next attempt on a busy machine; then they double.
    let mut refused = other.anonymous().fail(login, json!({})).await;
    for _ in 0..6 {
        if refused["code"] != "UNAUTHENTICATED" {
            break;
        }
        refused = other.anonymous().fail(login, json!({})).await;
    }
    assert_eq!(refused["code"], "RATE_LIMITED");
}
