//! A GraphQL client over HTTP, and what players and game servers do with it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{PASSWORD, Socket, logs};

#[derive(Clone)]
pub struct Client {
    pub addr: SocketAddr,
    pub token: Option<String>,
    pub refresh: Option<String>,
    pub id: String,
    pub http: reqwest::Client,
}

/// How long anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

impl Client {
    pub fn new(addr: SocketAddr, token: Option<String>) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { addr, token, refresh: None, id: String::new(), http }
    }

    /// The same client of a server somewhere else.
    pub fn at(&self, addr: SocketAddr) -> Self {
        Self { addr, ..self.clone() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Sends an operation; the whole answer.
    pub async fn try_send(&self, query: &str, variables: Value) -> Result<Value, reqwest::Error> {
        let mut request = self
            .http
            .post(self.url("/graphql"))
            .json(&json!({"query": query, "variables": variables}));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?.json().await?;
        logs::keep_told(&answer);
        Ok(answer)
    }

    /// Sends an operation; the whole answer.
    pub async fn send(&self, query: &str, variables: Value) -> Value {
        self.try_send(query, variables).await.unwrap()
    }

    /// Sends an operation that must succeed; its data.
    pub async fn run(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].clone()
    }

    /// Sends an operation that must fail; its first error's extensions.
    pub async fn fail(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables).await;
        let extensions = answer["errors"][0]["extensions"].clone();
        assert!(extensions["code"].is_string(), "{query}\n{answer:#}");
        extensions
    }

    fn signed_in(&self, auth: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            token: Some(text(&auth["accessToken"])),
            refresh: Some(text(&auth["refreshToken"])),
            id: text(&auth["user"]["id"]),
            ..self.clone()
        }
    }

    pub async fn register(&self, name: &str) -> Self {
        let query = "mutation($input: RegisterInput!) { register(input: $input) {
            accessToken refreshToken user { id username email } } }";
        let input = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "region": "eu-west"});
        let (answer, again) = self.insist(query, json!({"input": input})).await;
        // Who was asked to come again may have been let in all the same.
        if again && answer["errors"][0]["extensions"]["reason"] == "USERNAME_TAKEN" {
            return self.login(name, PASSWORD).await;
        }
        assert!(answer.get("errors").is_none(), "{name}: {answer:#}");
        self.signed_in(&answer["data"]["register"])
    }

    /// Sends an operation until the server is not too busy for it, as it may be on a slow machine: passwords are checked a
    /// few at a time, and an engine may answer late. The whole answer, and whether it was sent again.
    async fn insist(&self, query: &str, variables: Value) -> (Value, bool) {
        let (began, mut again) = (Instant::now(), false);
        loop {
            let answer = self.send(query, variables.clone()).await;
            let busy = answer["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE";
            if !busy || began.elapsed() > PATIENCE {
                return (answer, again);
            }
            again = true;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends an operation that must succeed and may be sent again, until the server is not too busy for it; its data.
    pub async fn run_at_last(&self, query: &str, variables: Value) -> Value {
        let (answer, _) = self.insist(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].clone()
    }

    pub async fn login(&self, login: &str, password: &str) -> Self {
        let query = "mutation($input: LoginInput!) { login(input: $input) { accessToken refreshToken user { id username } } }";
        let input = json!({"input": {"login": login, "password": password}});
        let data = self.run_at_last(query, input).await;
        self.signed_in(&data["login"])
    }

    /// The same account with a newer token.
    pub async fn renewed(&self) -> Self {
        let query = "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { accessToken refreshToken user { id } } }";
        let input = json!({"refreshToken": self.refresh});
        let anonymous = Self { token: None, ..self.clone() };
        let data = anonymous.run(query, json!({"input": input})).await;
        self.signed_in(&data["refreshSession"])
    }

    pub async fn socket(&self) -> Socket {
        let mut socket = Socket::open(self.addr).await;
        let token = self.token.as_ref().map(|token| format!("Bearer {token}"));
        socket.greet(token.as_deref()).await;
        socket
    }

    pub async fn join(&self, mode: &str) -> Value {
        let query = "mutation($mode: ModeId!) { joinQueue(input: {mode: $mode}) { ticket { id state joinedAt mmrTolerance } } }";
        self.run(query, json!({"mode": mode})).await["joinQueue"]["ticket"].clone()
    }

    /// Waits until the viewer is in a match; its id.
    pub async fn matched(&self) -> String {
        let mut socket = self.socket().await;
        socket
            .subscribe("q", "subscription { queueStatus { state match { id } } }", json!({}))
            .await;
        loop {
            let ticket = socket.next("q").await;
            if let Some(id) = ticket["queueStatus"]["match"]["id"].as_str() {
                return id.to_owned();
            }
        }
    }

    pub async fn start_match(&self, id: &str) -> Value {
        let query = "mutation($id: ID!) { startMatch(input: {matchId: $id, endpoint: \"game.example:7777\"}) { match { status } } }";
        self.run(query, json!({"id": id})).await
    }

    pub const REPORT: &'static str = "mutation($input: ReportMatchResultInput!) { reportMatchResult(input: $input) {
        match { status endedAt teams { index outcome placement players { user { id } mmrBefore mmrAfter } } }
        rankChanges { cursor user { id } mmrBefore mmrAfter rankBefore rankAfter } } }";

    /// A report in which that team is first.
    pub fn result(id: &str, winner: i32) -> Value {
        let team =
            |index: i32| json!({"index": index, "placement": if index == winner { 1 } else { 2 }});
        json!({"input": {"matchId": id, "teams": [team(0), team(1)]}})
    }

    pub async fn report(&self, id: &str, winner: i32) -> Value {
        self.run(Self::REPORT, Self::result(id, winner)).await["reportMatchResult"].clone()
    }
}

/// Lets two players meet and a game server report that the first of them wins; the match's id.
pub async fn play(server: &Client, winner: &Client, loser: &Client, mode: &str) -> String {
    winner.join(mode).await;
    loser.join(mode).await;
    let id = winner.matched().await;
    server.start_match(&id).await;
    let query = "query($id: ID!) { match(id: $id) { teams { index players { user { id } } } } }";
    let found = server.run(query, json!({"id": id})).await;
    let first = found["match"]["teams"][0]["players"][0]["user"]["id"] == winner.id.as_str();
    server.report(&id, i32::from(!first)).await;
    id
}

/// What ends all sessions of somebody: whose, by which mutation, and whether they do it themselves; else an admin does.
pub fn ends_sessions() -> [(&'static str, String, bool); 3] {
    let change = format!(
        "mutation {{ changePassword(input: {{currentPassword: \"{PASSWORD}\", newPassword: \"zorblax quux 19\"}}) {{ user {{ id }} }} }}"
    );
    let suspend =
        "mutation($id: ID!) { suspendUser(input: {userId: $id, reason: \"no\"}) { user { id } } }";
    let promote =
        "mutation($id: ID!) { setRole(input: {userId: $id, role: MODERATOR}) { user { id } } }";
    [("ada", change, true), ("bob", suspend.into(), false), ("carla", promote.into(), false)]
}
