//! Settings and the command line.

use std::{path::Path, process::Command};

use rankedhonor::config::{Config, Problems, Settings};

use crate::support::engines;

fn load(dir: &Path, set: &[(&str, &str)]) -> Result<Config, Problems> {
    Config::load(|name| match set.iter().find(|(key, _)| *key == name) {
        Some((_, value)) => Some((*value).to_owned()),
        None if name == "RANKEDHONOR_DATA_DIR" => Some(dir.to_str().unwrap().to_owned()),
        None => None,
    })
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    std::fs::write(&file, "[matchmaking]\ntick_ms = 1\n[limits]\ndepth = 2\n").unwrap();
    let set = [
        ("RANKEDHONOR_ADDR", "nowhere"),
        ("RANKEDHONOR_CONFIG", file.to_str().unwrap()),
        ("DATABASE_URL", "oracle://x"),
        ("REDIS_URL", "memcached://x"),
        ("MONGODB_URL", "postgres://secret@x"),
        ("JWT_SECRET", "short"),
    ];
    let problems = load(dir.path(), &set).unwrap_err().0;
    for name in [
        "RANKEDHONOR_ADDR",
        "matchmaking.tick_ms",
        "limits.depth",
        "DATABASE_URL",
        "REDIS_URL",
        "MONGODB_URL",
        "JWT_SECRET",
    ] {
        assert_eq!(
            problems.iter().filter(|line| line.starts_with(name)).count(),
            1,
            "{name} {problems:?}"
        );
    }
    assert!(
        problems.iter().all(|line| !line.contains('\n')
            && !line.contains("secret@")
            && !line.contains("short"))
    );
}

#[test]
fn a_password_that_ends_the_address_early_is_refused_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    for url in [
        "postgres://ada:se?cret-4711@db.example/x",
        "mysql://ada:12/cret-4711@db.example/x",
        "mariadb://ada:se#cret-4711@db.example/x",
    ] {
        let problems = load(dir.path(), &[("DATABASE_URL", url)]).unwrap_err().0;
        assert!(problems[0].starts_with("DATABASE_URL: ") && problems.len() == 1, "{problems:?}");
        assert!(!problems[0].contains("cret-4711"), "{problems:?}");
    }
    for url in ["postgres://ada:se%3Fcret@db.example/x?sslmode=require", "mysql://db.example/x"] {
        assert!(load(dir.path(), &[("DATABASE_URL", url)]).is_ok(), "{url}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    std::fs::write(&file, "[http]\ngraphiql = true\nnonsense = 1\n").unwrap();
    let problems =
        load(dir.path(), &[("RANKEDHONOR_CONFIG", file.to_str().unwrap())]).unwrap_err().0;
    assert!(problems[0].contains("line 3") && problems[0].contains("nonsense"), "{problems:?}");
}

#[test]
fn proxies_are_addresses_and_networks() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    let set = [("RANKEDHONOR_CONFIG", file.to_str().unwrap())];
    let text = "[http]\ntrusted_proxies = [\"10.0.0.5\", \"192.0.2.77/24\", \"::ffff:198.51.100.0/120\", \"2001:db8::/32\"]\n";
    std::fs::write(&file, text).unwrap();
    let proxies = load(dir.path(), &set).unwrap().settings.http.trusted_proxies;
    let shown: Vec<_> = proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.5", "192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]);
    let holds = |address: &str| proxies.iter().any(|one| one.holds(address.parse().unwrap()));
    for address in ["10.0.0.5", "::ffff:10.0.0.5", "192.0.2.1", "198.51.100.9", "2001:db8:7::1"] {
        assert!(holds(address), "{address}");
    }
    for address in ["10.0.0.6", "192.0.3.1", "198.51.101.1", "2001:db9::1", "::ffff:0:0"] {
        assert!(!holds(address), "{address}");
    }
    for bad in ["proxy.example", "10.0.0.0/33", "10.0.0", ""] {
        std::fs::write(&file, format!("[http]\ntrusted_proxies = [\"{bad}\"]\n")).unwrap();
        let problems = load(dir.path(), &set).unwrap_err().0;
        assert!(
            problems[0].contains("line 2") && problems[0].contains("10.0.0.0/8"),
            "{problems:?}"
        );
    }
}

#[test]
fn an_origin_that_no_browser_sends_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    let origins = r#"["*", "https://a.example/", "https://ok.example:8443", "HTTPS://a.example", "null",
        "https://*.a.example", "http://[::1]:3000", "https://", "https://a.example/path"]"#;
    std::fs::write(&file, format!("[http]\nallowed_origins = {origins}\n")).unwrap();
    let set = [("RANKEDHONOR_CONFIG", file.to_str().unwrap())];
    let problems = load(dir.path(), &set).unwrap_err().0;
    let wrong: Vec<_> = problems.iter().map(|line| line.split(':').next().unwrap()).collect();
    let expected = [0, 1, 3, 4, 5, 7, 8].map(|n| format!("http.allowed_origins[{n}]"));
    assert_eq!(wrong, expected, "{problems:#?}");
}

#[test]
fn a_secret_is_made_once_for_its_owner_only() {
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let loads: Vec<_> = (0..8)
        .map(|_| {
            let path = dir.path().to_owned();
            std::thread::spawn(move || {
                load(&path, &[]).unwrap().jwt_secrets[0].text.expose_secret().to_owned()
            })
        })
        .collect();
    let secrets: Vec<_> = loads.into_iter().map(|load| load.join().unwrap()).collect();
    assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]));
    let mode = std::fs::metadata(dir.path().join("jwt.secret")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_given_secret_is_used_and_earlier_ones_are_known_still() {
    use secrecy::ExposeSecret;
    let dir = tempfile::tempdir().unwrap();
    let [one, two, three] = ["1", "2", "3"].map(|digit| digit.repeat(32));
    let older = format!("{two}, {three}");
    let set = [("JWT_SECRET", &*one), ("JWT_SECRET_PREVIOUS", &*older), ("ENCRYPTION_KEY", &*two)];
    let config = load(dir.path(), &set).unwrap();
    let texts: Vec<_> =
        config.jwt_secrets.iter().map(|one| one.text.expose_secret().to_owned()).collect();
    assert_eq!(texts, [one, two, three]);
    assert_eq!(config.encryption_keys.len(), 1);
    assert!(!dir.path().join("jwt.secret").exists());
    let alone = [("JWT_SECRET_PREVIOUS", &*older)];
    let problems = load(dir.path(), &alone).unwrap_err().0;
    assert_eq!(problems, ["JWT_SECRET: JWT_SECRET_PREVIOUS is set without it"]);
    let half = [("OAUTH_TWITCH_ID", "x")];
    let problems = load(dir.path(), &half).unwrap_err().0;
    assert_eq!(problems, ["OAUTH_TWITCH_SECRET: OAUTH_TWITCH_ID is set without it"]);
}

#[test]
fn help_explains_every_variable() {
    let help = Command::new(env!("CARGO_BIN_EXE_rankedhonor")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for name in [
        "RANKEDHONOR_ADDR",
        "RANKEDHONOR_DATA_DIR",
        "RANKEDHONOR_CONFIG",
        "DATABASE_URL",
        "MONGODB_URL",
        "REDIS_URL",
        "JWT_SECRET",
        "JWT_SECRET_PREVIOUS",
        "ENCRYPTION_KEY",
        "SMTP_URL",
        "OAUTH_TWITCH_SECRET",
        "RUST_LOG",
    ] {
        assert!(help.contains(name), "{name}");
    }
}

#[test]
fn a_wrong_setting_stops_the_start_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rankedhonor"))
        .current_dir(dir.path())
        .env("RANKEDHONOR_ADDR", "nowhere")
        .env("REDIS_URL", "memcached://x")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains("RANKEDHONOR_ADDR") && told.contains("REDIS_URL"));
}

#[test]
fn migrations_go_up_down_and_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_rankedhonor"))
            .args(arguments)
            .env("RANKEDHONOR_DATA_DIR", dir.path())
            .envs(engines::of(dir.path()).variables())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let key = run(&["admin", "create-server-key", "--name", "eu-1"]);
    assert!(key.starts_with("rhk_") && key.trim().lines().count() == 1);
    let count = |word: &str| {
        run(&["migrate", "status"]).lines().filter(|line| line.starts_with(word)).count()
    };
    let all = count("applied");
    assert!(all > 9 && count("pending") == 0);
    run(&["migrate", "down", "--steps", &all.to_string()]);
    assert_eq!((count("applied"), count("pending")), (0, all));
    run(&["migrate", "up"]);
    assert_eq!((count("applied"), count("pending")), (all, 0));
}

fn here(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_example_holds_every_setting_with_its_default() {
    let example: toml::Value = toml::from_str(&here("rankedhonor.example.toml")).unwrap();
    assert_eq!(example, toml::Value::try_from(Settings::default()).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rankedhonor.example.toml");
    let config = load(dir.path(), &[("RANKEDHONOR_CONFIG", path.to_str().unwrap())]).unwrap();
    assert_eq!(config.settings, Settings::default());
}

/// The keys of a table with the path of the table, as the documentation writes it.
fn keys(path: &str, list: bool, value: &toml::Value, found: &mut Vec<(String, String)>) {
    let Some(table) = value.as_table() else { return };
    let header = if list { format!("`[[{path}]]`") } else { format!("`[{path}]`") };
    for (key, value) in table {
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            toml::Value::Table(_) => keys(&below, false, value, found),
            toml::Value::Array(items) if items.first().is_some_and(toml::Value::is_table) => {
                items.iter().for_each(|item| keys(&below, true, item, found));
            }
            _ => found.push((header.clone(), format!("`{key}`"))),
        }
    }
}

#[test]
fn every_setting_is_documented_in_the_row_of_its_table() {
    let docs = here("docs/configuration.md");
    let mut found = Vec::new();
    keys("", false, &toml::Value::try_from(Settings::default()).unwrap(), &mut found);
    assert!(found.len() > 60);
    for (table, key) in found {
        let row = docs.lines().find(|line| line.starts_with(&format!("| {table} |")));
        assert!(row.is_some_and(|row| row.contains(&key)), "{key} of {table}");
    }
}
