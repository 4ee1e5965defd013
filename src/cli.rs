//! The command line.

use std::io::{IsTerminal, Read, Write};

use chrono::{NaiveDate, NaiveTime, Utc};
use clap::{Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rand::RngExt;

use crate::{
    app,
    config::Config,
    error::{Error, Result},
    game::{accounts::Role, time::Timestamp},
    resolvers,
    services::seed::Plan,
};

const SETTINGS: &str = "Settings come from the environment (and from a file .env, if there is one):
  RANKEDHONOR_ADDR      where HTTP is served [default: 127.0.0.1:8080]
  RANKEDHONOR_DATA_DIR  where the embedded database and the made secret live [default: ./data]
  RANKEDHONOR_CONFIG    a TOML file with modes, regions, tiers, matchmaking and limits [default: built in]
  RANKEDHONOR_LOG       `json` or `text` [default: text on a terminal, else json]
  DATABASE_URL          the SQL database [default: sqlite, in the data directory]
  MONGODB_URL           not used by this version: documents are kept in SQL
  REDIS_URL             not used by this version: bus, ladder and limits are in process
  JWT_SECRET            signs access tokens, 32 bytes or more [default: made once, kept in the data directory]
  RUST_LOG              what is logged, such as `info` or `rankedhonor=debug` [default: info]";

/// The backend for competitive games: matchmaking, exactly-once results, ratings and live GraphQL subscriptions.
#[derive(Debug, Parser)]
#[command(name = "rankedhonor", version, after_help = SETTINGS)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (also what runs without a command). Migrations run first.
    Serve,
    /// Apply, take back or list the migrations of the database.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Print the GraphQL schema.
    Schema,
    /// Fill the database with made-up players and their matches of four weeks, to look at and to build against. Stop the
    /// server first. The password of all of them is made and printed at the end.
    Seed {
        /// How many players, each with a name, a region and a hidden skill.
        #[arg(long, default_value_t = 200)]
        users: u32,
        /// How many matches they have played.
        #[arg(long, default_value_t = 2_000)]
        matches: u32,
        /// The same seed makes the same players, matches and ratings on the same day.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The day at whose beginning (UTC) the history ends [default: today].
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Option<NaiveDate>,
    },
    /// Do what takes an operator.
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// Apply every migration that is not applied yet.
    Up,
    /// Take back the last migrations, with the data in them.
    Down {
        /// How many.
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// List the migrations, and which are applied.
    Status,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make an account. The password is read from standard input, or made and printed where that is a terminal or empty.
    CreateUser {
        /// 3 to 20 of A-Z, a-z, 0-9, _ and -.
        #[arg(long)]
        username: String,
        /// Their address.
        #[arg(long)]
        email: String,
        /// What they may do.
        #[arg(long, value_enum, ignore_case = true, default_value = "player")]
        role: RoleName,
    },
    /// Make a game server's key and print it, alone, this once.
    CreateServerKey {
        /// What it is called.
        #[arg(long)]
        name: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    Player,
    Moderator,
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Player => Self::Player,
            RoleName::Moderator => Self::Moderator,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What the command failed with.
pub async fn run(cli: Cli, config: Config) -> Result<()> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => app::serve(config).await,
        Command::Migrate(Migrate::Up) => app::migrate_up(config).await,
        Command::Migrate(Migrate::Down { steps }) => app::migrate_down(config, steps).await,
        Command::Migrate(Migrate::Status) => {
            for (name, applied) in app::migration_status(config).await? {
                print_line(&format!("{} {name}", if applied { "applied" } else { "pending" }))?;
            }
            Ok(())
        }
        Command::Schema => print_line(resolvers::sdl().trim_end()),
        Command::Seed { users, matches, seed, until } => {
            let day = until.unwrap_or_else(|| Utc::now().date_naive());
            let until = Timestamp(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
            let plan = Plan { users, matches, seed, until };
            let password = made_password();
            let bar = ProgressBar::new(matches.into()).with_style(bar_style());
            app::seed(config, plan, password.clone(), |done| bar.set_position(done.into())).await?;
            bar.finish();
            print_line(&format!(
                "{users} players, {matches} matches; the password of each player:"
            ))?;
            print_line(&password)
        }
        Command::Admin(Admin::CreateUser { username, email, role }) => {
            let given = read_password()?;
            let password = given.clone().unwrap_or_else(made_password);
            let account = app::new_account(username, email, password.clone(), role.into());
            let id = app::create_user(config, account).await?;
            print_line(&id.to_string())?;
            if given.is_none() {
                print_line(&password)?;
            }
            Ok(())
        }
        Command::Admin(Admin::CreateServerKey { name }) => {
            let key = app::create_server_key(config, &name).await?;
            print_line(&key)
        }
    }
}

impl Cli {
    /// Whether the command needs no settings.
    pub const fn needs_no_settings(&self) -> bool {
        matches!(self.command, Some(Command::Schema))
    }
}

/// Prints the schema.
///
/// # Errors
/// When standard output is closed.
pub fn print_schema() -> Result<()> {
    print_line(resolvers::sdl().trim_end())
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} matches, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn print_line(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").map_err(Error::internal)
}

fn read_password() -> Result<Option<String>> {
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    stdin.read_to_string(&mut text).map_err(Error::internal)?;
    let password = text.trim_end_matches(['\r', '\n']);
    Ok((!password.is_empty()).then(|| password.to_owned()))
}

fn made_password() -> String {
    let letters = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut random = rand::rng();
    (0..20).map(|_| char::from(letters[random.random_range(0..letters.len())])).collect()
}
