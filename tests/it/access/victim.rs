//! Somebody of whom everything is there that others are not to see or touch.

use rankedhonor::{
    config::Settings,
    entities::penalties,
    game::{accounts::Role, penalty::Misdeed, time::Timestamp},
};
use serde_json::{Value, json};

use super::shape::Ids;
use crate::support::{Client, TestApp, client::play, connect};

/// When what is planned for her comes to be.
const FAR: i64 = 4_070_908_800_000;

/// See the module.
pub struct Victim {
    /// Suspended, locked out of the queue, noted, linked, proven, to be deleted; leads a party that waits.
    pub vera: Client,
    /// Is in her party.
    pub pat: Client,
    /// Is in a match that is played, and has been told so.
    pub max: Client,
    /// What is theirs.
    pub ids: Ids,
    /// What nobody else is to read.
    pub secrets: Vec<String>,
}

/// Bounds that do not stand in the way of those who ask everything.
pub fn unbounded(settings: &mut Settings) {
    let limits = &mut settings.limits;
    (limits.cost_anonymous, limits.cost_user, limits.cost_server) = (1 << 40, 1 << 40, 1 << 40);
    (limits.cost_user_per_minute, limits.cost_anonymous_per_minute) = (u32::MAX, u32::MAX);
    (limits.expanded_fields, limits.tokens, limits.body_bytes) = (1 << 20, 1 << 20, 1 << 20);
    limits.login_per_account_minute = 0;
    settings.matchmaking.ticket_ttl_seconds = 86_400;
    settings.accounts.access_token_seconds = 3_600;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value:#}")).to_owned()
}

impl Victim {
    pub async fn of(app: &TestApp, server: &Client) -> Self {
        let (vera, pat) = (app.player("vera").await, app.player("pat").await);
        let (max, moe) = (app.player("max").await, app.player("moe").await);
        let moderator = app.staff("watcher", Role::Moderator).await;
        let block = "mutation($id: ID!) { blockUser(input: {userId: $id}) { user { id } } }";
        vera.run(block, json!({"id": moe.id})).await;
        let note = "mutation($id: ID!) { addNote(input: {userId: $id, text: \"noted-4711\"}) { note { id } } }";
        moderator.run(note, json!({"id": vera.id})).await;

        let made = vera.run("mutation { createParty { party { id joinCode } } }", json!({})).await;
        let party = made["createParty"]["party"].clone();
        let join =
            "mutation($code: String!) { joinParty(input: {joinCode: $code}) { party { id } } }";
        pat.run(join, json!({"code": party["joinCode"]})).await;
        pat.run("mutation { setPartyReady(input: {ready: true}) { party { id } } }", json!({}))
            .await;
        let ticket = vera.join("2v2").await;

        max.join("1v1").await;
        moe.join("1v1").await;
        let played = max.matched().await;
        server.start_match(&played).await;
        app.told().await;
        let told = max.run("{ notifications { nodes { id } } }", json!({})).await;

        // What would end her sessions or take her out of the queue is done behind the server's back.
        let id = &vera.id;
        app.change(&format!(
            "UPDATE users SET suspended_until = {FAR}, suspended_reason = 'suspended-4711', \
             email_verified_at = 1, deletes_at = {FAR} WHERE id = '{id}'"
        ))
        .await;
        app.change(&format!(
            "INSERT INTO linked_accounts (provider, subject, user_id, name, tokens, linked_at, last_used_at) \
             VALUES ('twitch', 'subject-4711', '{id}', 'linked-4711', '', 1, 1)"
        ))
        .await;
        app.change("UPDATE matches SET reported_by = 'key_4711'").await;
        let db = connect(app.database_url()).await;
        let lock = penalties::Model {
            user_id: id.parse().unwrap(),
            steps: 3,
            last_at: Timestamp(FAR),
            locked_until: Timestamp(FAR),
            reason: Misdeed::Conduct,
        };
        penalties::put(&db, vec![lock]).await.unwrap();
        db.close().await.unwrap();

        let sessions = vera.run("{ me { sessions { id } } }", json!({})).await;
        let season = vera.run("{ currentSeason { id } }", json!({})).await;
        let ids = Ids::from([
            ("name", "vera".into()),
            ("email", "vera@example.com".into()),
            ("user", vera.id.clone()),
            ("session", text(&sessions["me"]["sessions"][0]["id"])),
            ("season", text(&season["currentSeason"]["id"])),
            ("party", text(&party["id"])),
            ("ticket", text(&ticket["id"])),
            ("match", played),
            ("notification", text(&told["notifications"]["nodes"][0]["id"])),
        ]);
        let mut secrets: Vec<_> =
            ["email", "session", "ticket", "notification"].map(|kind| ids[kind].clone()).into();
        secrets.push(text(&party["joinCode"]));
        let written = ["noted-4711", "suspended-4711", "subject-4711", "linked-4711"];
        secrets.extend(written.map(Into::into));
        Self { vera, pat, max, ids, secrets }
    }

    /// Two others who have played, on whom staff may act.
    pub async fn decoy(app: &TestApp, server: &Client, ids: &Ids) -> Ids {
        let (one, two) = (app.player("decoy").await, app.player("other").await);
        let played = play(server, &one, &two, "1v1").await;
        let mut ids = ids.clone();
        ids.extend([("user", one.id), ("match", played), ("name", "decoy".into())]);
        ids.insert("email", "decoy@example.com".into());
        ids
    }

    /// All of it, as it is now.
    pub async fn state(&self, app: &TestApp) -> String {
        let of_vera = self.vera.run("{ me { username role region { id } country avatarUrl bio email emailVerified deletesAt
            suspension { until reason } sessions { id } linkedAccounts { provider subject name } queueLock { until reason count }
            blockedUsers { id } }
            myParty { id joinCode leader { id } members { ready user { id } } ticket { id } }
            myTicket { id state joinedAt players { id } } }", json!({})).await;
        let of_max = self.max.run("{ me { email sessions { id } } myMatch { id status session { endpoint } teams { score } }
            notifications { unreadCount nodes { id readAt } } }", json!({})).await;
        let mut rows = Vec::new();
        for id in [&self.vera.id, &self.pat.id, &self.max.id] {
            rows.push(
                app.cell(&format!("SELECT password_hash FROM users WHERE id = '{id}'")).await,
            );
        }
        let notes = format!("SELECT text FROM notes WHERE user_id = '{}'", self.vera.id);
        format!("{of_vera:#}\n{of_max:#}\n{rows:?}\n{}", app.cell(&notes).await)
    }
}
