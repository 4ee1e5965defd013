//! Where settings come from: the environment, and the TOML file that it may name. Everything that is wrong is told at once.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{
    Config, OauthClient, Settings, check, private,
    secret::{self, Purpose, SECRET_MIN, Secret, Secrets},
};

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<String>);

impl Problems {
    /// Adds one: what is set wrongly, and what is wrong with it.
    pub fn add(&mut self, name: impl fmt::Display, what: impl fmt::Display) {
        self.0.push(format!("{name}: {what}").replace('\n', " "));
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

const ADDR: &str = "127.0.0.1:8080";
const DATA_DIR: &str = "./data";

impl Settings {
    /// The settings of a TOML file, or the built-in ones.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(path: Option<&Path>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let settings = path.map_or_else(Self::default, |path| read(path, &mut problems));
        check::settings(&settings, &mut problems);
        if problems.0.is_empty() { Ok(settings) } else { Err(problems) }
    }
}

impl Config {
    /// Reads the settings through `env`, which gives the value of a variable.
    ///
    /// # Errors
    /// All that is wrong, each with the name of its variable or key.
    pub fn load(env: impl Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let get = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        let mut problems = Problems::default();
        let addr = get("RANKEDHONOR_ADDR").unwrap_or_else(|| ADDR.into());
        let addr = addr.parse::<SocketAddr>().map_err(|_| {
            problems
                .add("RANKEDHONOR_ADDR", format!("expected an address and a port such as {ADDR}"));
        });
        let data_dir: PathBuf =
            get("RANKEDHONOR_DATA_DIR").unwrap_or_else(|| DATA_DIR.into()).into();
        let file = get("RANKEDHONOR_CONFIG").map(PathBuf::from);
        let settings = match &file {
            Some(path) => read(path, &mut problems),
            None => Settings::default(),
        };
        check::settings(&settings, &mut problems);
        let database_url = match get("DATABASE_URL") {
            None => embedded(&data_dir),
            Some(url) => {
                const KNOWN: [&str; 5] =
                    ["sqlite:", "mysql://", "mariadb://", "postgres://", "postgresql://"];
                if !KNOWN.iter().any(|scheme| url.starts_with(scheme)) || url.contains(":memory:") {
                    let what = "expected mysql://, mariadb:// or postgres:// and a database, or sqlite: and a path";
                    problems.add("DATABASE_URL", what);
                }
                // The driver would log the rest of the password as an option that it does not know.
                let rest = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite");
                let behind = rest.and_then(|(_, rest)| rest.split_once(['/', '?', '#']));
                if behind.is_some_and(|(_, behind)| behind.contains('@')) {
                    let what = "an @ stands behind the host; in a user, password or name write / ? # @ as %2F %3F %23 %40";
                    problems.add("DATABASE_URL", what);
                }
                url
            }
        };
        for (name, known) in [
            ("MONGODB_URL", ["mongodb://", "mongodb+srv://"].as_slice()),
            ("REDIS_URL", &["redis://", "rediss://", "redis+cluster://", "rediss+cluster://"]),
        ] {
            if get(name).is_some_and(|url| !known.iter().any(|scheme| url.starts_with(scheme))) {
                problems.add(name, format!("expected one of {}", known.join(", ")));
            }
        }
        if get("SMTP_URL").is_some_and(|url| !url.starts_with("smtp")) {
            problems.add("SMTP_URL", "expected smtp:// or smtps://");
        }
        let jwt_secrets = given("JWT_SECRET", &get, &mut problems);
        let encryption_keys = given("ENCRYPTION_KEY", &get, &mut problems);
        let oauth_clients = oauth_clients(&settings, &get, &mut problems);
        if problems.0.is_empty()
            && let Err(error) = private::make_dir(&data_dir)
        {
            problems.add(
                "RANKEDHONOR_DATA_DIR",
                format!("cannot make {}: {error}", data_dir.display()),
            );
        }
        let (Ok(addr), true) = (addr, problems.0.is_empty()) else { return Err(problems) };
        let embedded = database_url.starts_with("sqlite:");
        let mut kept = |given: Secrets, purpose| {
            if !given.is_empty() || !embedded {
                return Ok(given);
            }
            secret::kept_in(&data_dir, purpose).map_err(|error| {
                problems
                    .add("RANKEDHONOR_DATA_DIR", format!("cannot keep a secret there: {error}"));
                std::mem::take(&mut problems)
            })
        };
        let jwt_secrets = kept(jwt_secrets, Purpose::Signing)?;
        let encryption_keys = kept(encryption_keys, Purpose::Encryption)?;
        Ok(Self {
            addr,
            data_dir,
            database_url: database_url.into(),
            mongodb_url: get("MONGODB_URL").map(SecretString::from),
            redis_url: get("REDIS_URL").map(SecretString::from),
            jwt_secrets,
            encryption_keys,
            smtp_url: get("SMTP_URL").map(SecretString::from),
            oauth_clients,
            file,
            settings,
        })
    }
}

/// The secret of that name, and behind it those of the same name with `_PREVIOUS`.
fn given(name: &str, get: &impl Fn(&str) -> Option<String>, problems: &mut Problems) -> Secrets {
    let first = get(name);
    let older = get(&format!("{name}_PREVIOUS")).unwrap_or_default();
    let older = older.split(',').map(str::trim).filter(|text| !text.is_empty());
    let all: Vec<_> = first.iter().map(String::as_str).chain(older).collect();
    if all.iter().any(|secret| secret.len() < SECRET_MIN) {
        problems.add(name, format!("a secret has {SECRET_MIN} bytes or more"));
    }
    if first.is_none() && !all.is_empty() {
        problems.add(name, format!("{name}_PREVIOUS is set without it"));
    }
    all.into_iter().map(|text| Secret { text: text.into(), retired_at: None }).collect()
}

/// By which ids and secrets the services that people sign in with know this installation.
fn oauth_clients(
    settings: &Settings,
    get: &impl Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> HashMap<String, OauthClient> {
    let mut clients = HashMap::new();
    for provider in &settings.oauth.providers {
        let name = provider.id.to_ascii_uppercase().replace('-', "_");
        let (id, secret) = (format!("OAUTH_{name}_ID"), format!("OAUTH_{name}_SECRET"));
        match (get(&id), get(&secret)) {
            (Some(id), Some(secret)) => {
                let client = OauthClient { id, secret: secret.into() };
                clients.insert(provider.id.clone(), client);
            }
            (None, None) => {}
            (Some(_), None) => problems.add(&secret, format!("{id} is set without it")),
            (None, Some(_)) => problems.add(&id, format!("{secret} is set without it")),
        }
    }
    clients
}

fn embedded(data_dir: &Path) -> String {
    format!("sqlite://{}?mode=rwc", data_dir.join("rankedhonor.db").display())
}

fn read(path: &Path, problems: &mut Problems) -> Settings {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.add("RANKEDHONOR_CONFIG", format!("cannot read {}: {error}", path.display()));
            return Settings::default();
        }
    };
    toml::from_str(&text).unwrap_or_else(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        problems.add(
            "RANKEDHONOR_CONFIG",
            format!("{} line {line}: {}", path.display(), error.message()),
        );
        Settings::default()
    })
}
