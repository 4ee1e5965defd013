//! The command line.

mod admin;
mod simulate;

use std::{
    fs::File,
    io::{BufWriter, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use chrono::{NaiveDate, NaiveTime, Utc};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use rand::RngExt;

use self::admin::Admin;
use crate::{
    app,
    config::{Config, Settings},
    error::{Error, Result},
    game::time::Timestamp,
    resolvers,
    services::{rebuild::Part, seed},
};

const SETTINGS: &str = "Settings come from the environment (and from a file .env, if there is one):
  RANKEDHONOR_ADDR      where HTTP is served [default: 127.0.0.1:8080]
  RANKEDHONOR_DATA_DIR  where the embedded database and the made secret live [default: ./data]
  RANKEDHONOR_CONFIG    a TOML file with modes, regions, tiers, matchmaking and limits [default: built in]
  RANKEDHONOR_LOG       `json` or `text` [default: text on a terminal, else json]
  DATABASE_URL          mysql://, mariadb://, postgres:// or sqlite: [default: sqlite, in the data directory]
  MONGODB_URL           a MongoDB for the documents [default: they are kept in SQL]
  REDIS_URL             a Redis or Valkey that instances share [default: everything is in process]
  JWT_SECRET            signs access tokens, 32 bytes or more [default: made once and kept]
  JWT_SECRET_PREVIOUS   accepted as well, separated by commas
  ENCRYPTION_KEY        encrypts what other services gave, 32 bytes or more [default: made once and kept]
  ENCRYPTION_KEY_PREVIOUS  can read as well, separated by commas
  SMTP_URL              smtp:// or smtps://, where mails are handed over [default: files in the data directory]
  OAUTH_TWITCH_ID and OAUTH_TWITCH_SECRET, the same with YOUTUBE and DISCORD: who signs people in [default: nobody]
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
    /// Try rating parameters: replay a history of results from standard input and say how good its predictions were.
    ///
    /// One match a line, in time order, separated by tabs: day number, the players of team A (separated by commas), those
    /// of team B, and the result of team A: 1, 0.5 or 0.
    Replay {
        /// The mode whose parameters are used [default: the first].
        #[arg(long)]
        mode: Option<String>,
        /// A TOML file with settings [default: the one that RANKEDHONOR_CONFIG names].
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Where team A's chance in each match is written, a line each, worked out before its result is used.
        #[arg(long, value_name = "FILE")]
        predictions: Option<PathBuf>,
        /// Also rate surprising runs of wins or losses faster, as `guard_streak` of the mode says.
        #[arg(long)]
        guard: bool,
    },
    /// Try matchmaking rules with made-up players: in virtual time by the rules that make real matches, or as bots on a
    /// server that runs. Says how long they waited, and whom they met or how quickly they were answered.
    Simulate(simulate::Simulate),
    /// Make what is derived from the SQL database once more, while servers run: `ladder`, `documents`, `counters`, `ratings`, or all.
    Rebuild {
        /// What to make again [default: everything].
        #[arg(value_enum)]
        part: Option<Part>,
    },
    /// Look at every engine that is configured, a line each; the exit code is not 0 when something is wrong.
    Doctor,
    /// Ask the server at RANKEDHONOR_ADDR whether it is well: for containers that have nothing else to ask with.
    Health,
    /// Look at the audit log.
    #[command(subcommand)]
    Audit(Audit),
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
enum Audit {
    /// Walk the whole chain, and say which line is not what was written, or is missing.
    Verify {
        /// A line that must be in it: its number, a colon and its hash, as they were logged or printed once.
        #[arg(long, value_name = "SEQ:HASH", value_parser = noted)]
        noted: Option<(i64, String)>,
    },
}

fn noted(text: &str) -> std::result::Result<(i64, String), String> {
    let (seq, hash) = text.split_once(':').ok_or("expected a number, a colon and a hash")?;
    let seq = seq.parse().map_err(|_| "expected a number before the colon")?;
    Ok((seq, hash.to_owned()))
}

/// Runs the command.
///
/// # Errors
/// What the command failed with.
pub async fn run(cli: Cli, config: Config) -> Result<()> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => app::serve(config).await,
        Command::Migrate(Migrate::Up) => app::migrate_up(&config).await,
        Command::Migrate(Migrate::Down { steps }) => app::migrate_down(&config, steps).await,
        Command::Migrate(Migrate::Status) => {
            for (name, applied) in app::migration_status(&config).await? {
                print_line(&format!("{} {name}", if applied { "applied" } else { "pending" }))?;
            }
            Ok(())
        }
        // These ran alone.
        Command::Schema | Command::Replay { .. } | Command::Simulate(_) => Ok(()),
        Command::Seed { users, matches, seed, until } => {
            let day = until.unwrap_or_else(|| Utc::now().date_naive());
            let until = Timestamp(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
            let plan = seed::Plan { users, matches, seed, until };
            let password = made_password();
            let bar = ProgressBar::new(matches.into()).with_style(bar_style());
            app::seed(config, plan, password.clone(), |done| bar.set_position(done.into())).await?;
            bar.finish();
            print_line(&format!(
                "{users} players, {matches} matches; the password of each player:"
            ))?;
            print_line(&password)
        }
        Command::Rebuild { part } => {
            let all = [Part::Ladder, Part::Documents, Part::Counters, Part::Ratings];
            let parts = part.as_ref().map_or(all.as_slice(), std::slice::from_ref);
            let bar = ProgressBar::new_spinner();
            let progress = |done: String| bar.set_message(done);
            for said in app::rebuild(config, parts, progress).await? {
                print_line(&said)?;
            }
            Ok(())
        }
        Command::Health => app::health(config.addr).await,
        Command::Doctor => {
            let found = app::doctor(&config).await?;
            let mut wrong = 0;
            for finding in &found {
                match &finding.said {
                    Ok(said) => print_line(&format!("ok    {}: {said}", finding.what))?,
                    Err(said) => {
                        wrong += 1;
                        print_line(&format!("WRONG {}: {said}", finding.what))?;
                    }
                }
            }
            if wrong > 0 {
                return Err(Error::internal(format!("{wrong} of {} are wrong", found.len())));
            }
            Ok(())
        }
        Command::Admin(admin) => admin.run(config).await,
        Command::Audit(Audit::Verify { noted }) => {
            let found = app::verify_audit(&config, noted).await?;
            if found.key_is_there {
                print_line(
                    "note: its key is kept in the same database, so whoever can write there can make it anew: give ENCRYPTION_KEY",
                )?;
            }
            let begun = chrono::DateTime::from_timestamp_millis(found.begun_at.0);
            print_line(&format!(
                "the chain holds: {} lines, {} erased; it begins on {}, with {} accounts there; the last is {}:{}",
                found.lines,
                found.erased,
                begun.map(|at| at.format("%F %T UTC").to_string()).unwrap_or_default(),
                found.accounts_before,
                found.seq,
                found.hash
            ))
        }
    }
}

impl Cli {
    /// Runs a command that needs no server's settings; none: the command is another one.
    pub fn run_alone(&self) -> Option<Result<()>> {
        match self.command.as_ref()? {
            Command::Schema => Some(print_line(resolvers::sdl().trim_end())),
            Command::Replay { mode, config, predictions, guard } => {
                let how = (mode.as_deref(), *guard);
                Some(replay(how, config.as_deref(), predictions.as_deref()))
            }
            Command::Simulate(simulate) => Some(simulate.run()),
            _ => None,
        }
    }
}

/// The settings of a file, or of the one that the environment names.
fn settings(file: Option<&Path>) -> Result<Settings> {
    let set = std::env::var_os("RANKEDHONOR_CONFIG").map(PathBuf::from);
    Settings::load(file.or(set.as_deref())).map_err(Error::internal)
}

fn replay(
    how: (Option<&str>, bool),
    config: Option<&Path>,
    predictions: Option<&Path>,
) -> Result<()> {
    let settings = settings(config)?;
    let create = |path: &Path| match File::create(path) {
        Ok(file) => Ok(BufWriter::new(file)),
        Err(error) => Err(Error::bad_input("--predictions", error.to_string())),
    };
    let predictions = predictions.map(create).transpose()?;
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template("{spinner} {pos} matches, {per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let began = Instant::now();
    let history = std::io::stdin().lock();
    let score = app::replay(&settings, how, history, predictions, |done| bar.set_position(done))?;
    let seconds = began.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let matches = score.matches();
    print_line(&format!("matches            {matches}"))?;
    print_line(&format!("log-loss           {:.6}", score.log_loss()))?;
    print_line(&format!("Brier              {:.6}", score.brier()))?;
    print_line(&format!("accuracy           {:.4}", score.accuracy()))?;
    print_line(&format!("calibration error  {:.4}", score.calibration_error()))?;
    for (matches, chance, result) in score.calibration() {
        print_line(&format!("  predicted {chance:.3}  came {result:.3}  in {matches}"))?;
    }
    print_line(&format!("speed              {:.0} matches/s", matches as f64 / seconds.max(1e-9)))
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
