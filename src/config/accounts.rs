//! What can be set of accounts: sessions and passwords, mails, other services that people sign in with.

use serde::{Deserialize, Serialize};

/// `[accounts]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Life of an access token in seconds.
    pub access_token_seconds: u32,
    /// Life of a refresh token in seconds.
    pub refresh_token_seconds: u32,
    /// Memory of one password hash in KiB, 19,456 or more.
    pub argon2_memory_kib: u32,
    /// Passes of one password hash, 2 or more.
    pub argon2_passes: u32,
    /// Password hashes computed at once; 0: as many as there are cores.
    pub argon2_parallel: usize,
    /// Seconds by which the clocks of those who sign and check tokens may differ.
    pub clock_skew_seconds: u32,
    /// Failed sign-ins in a row, to one account from one address, after which the next has to wait: a second, then twice as
    /// long each time.
    pub login_failures_free: u32,
    /// The longest wait after failed sign-ins, in seconds.
    pub login_delay_seconds: u32,
    /// Days between the wish to be deleted and the deletion.
    pub deletion_grace_days: u32,
}

/// `[mail]`: what is mailed to people.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailSettings {
    /// Whom mails come from.
    pub from: String,
    /// The page to which a mail leads that proves an address; `{token}` is replaced.
    pub verify_url: String,
    /// The page to which a mail leads that lets one choose another password; `{token}` is replaced.
    pub reset_url: String,
    /// Seconds that the token of such a mail is good for.
    pub token_seconds: u32,
}

/// `[retention]`: how long is kept what nobody needs for ever.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days that a session is kept, with its address and device, after it ended or ran out.
    pub sessions_days: u32,
    /// Days that a ticket is kept after it ended.
    pub tickets_days: u32,
    /// Days that mails are kept where they are files.
    pub mail_files_days: u32,
    /// Days that nobody can take the name of a deleted account; 0: it is free at once.
    pub names_days: u32,
}

/// `[oauth]`: signing in with accounts at other services.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OauthSettings {
    /// Pages of one's frontends that the services may send people back to.
    pub redirect_uris: Vec<String>,
    /// `[[oauth.providers]]`: the services.
    pub providers: Vec<ProviderSettings>,
}

/// `[[oauth.providers]]`: a service that speaks OAuth 2.0 (authorization code with PKCE). The pointers (RFC 6901) find
/// their values in what `user_url` answers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// 1 to 20 of `[a-z0-9-]`, such as `twitch`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Where people say yes.
    pub authorize_url: String,
    /// Where their yes is traded for tokens.
    pub token_url: String,
    /// Where the tokens tell who they are.
    pub user_url: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Who they are there, for good.
    pub subject: String,
    /// What they are called there.
    pub username: String,
    /// Their address; empty: it does not tell.
    #[serde(default)]
    pub email: String,
    /// Whether they have proved to have it; empty: it tells of proven ones only.
    #[serde(default)]
    pub email_verified: String,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            access_token_seconds: 15 * 60,
            refresh_token_seconds: 7 * 24 * 60 * 60,
            argon2_memory_kib: 19 * 1024,
            argon2_passes: 2,
            argon2_parallel: 0,
            clock_skew_seconds: 5,
            login_failures_free: 5,
            login_delay_seconds: 300,
            deletion_grace_days: 14,
        }
    }
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            from: "RankedHonor <noreply@localhost>".into(),
            verify_url: "http://127.0.0.1:8080/verify#{token}".into(),
            reset_url: "http://127.0.0.1:8080/reset#{token}".into(),
            token_seconds: 60 * 60,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { sessions_days: 30, tickets_days: 30, mail_files_days: 7, names_days: 90 }
    }
}

impl Default for OauthSettings {
    fn default() -> Self {
        let provider = |id: &str, name: &str, urls: [&str; 3], scopes: &[&str]| ProviderSettings {
            id: id.into(),
            name: name.into(),
            authorize_url: urls[0].into(),
            token_url: urls[1].into(),
            user_url: urls[2].into(),
            scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
            subject: "/id".into(),
            username: "/username".into(),
            email: "/email".into(),
            email_verified: String::new(),
        };
        let twitch = [
            "https://id.twitch.tv/oauth2/authorize",
            "https://id.twitch.tv/oauth2/token",
            "https://api.twitch.tv/helix/users",
        ];
        let google = [
            "https://accounts.google.com/o/oauth2/v2/auth",
            "https://oauth2.googleapis.com/token",
            "https://openidconnect.googleapis.com/v1/userinfo",
        ];
        let discord = [
            "https://discord.com/oauth2/authorize",
            "https://discord.com/api/oauth2/token",
            "https://discord.com/api/users/@me",
        ];
        Self {
            redirect_uris: Vec::new(),
            providers: vec![
                ProviderSettings {
                    subject: "/data/0/id".into(),
                    username: "/data/0/login".into(),
                    email: "/data/0/email".into(),
                    ..provider("twitch", "Twitch", twitch, &["user:read:email"])
                },
                ProviderSettings {
                    subject: "/sub".into(),
                    username: "/name".into(),
                    email_verified: "/email_verified".into(),
                    ..provider("youtube", "YouTube", google, &["openid", "email", "profile"])
                },
                ProviderSettings {
                    email_verified: "/verified".into(),
                    ..provider("discord", "Discord", discord, &["identify", "email"])
                },
            ],
        }
    }
}
