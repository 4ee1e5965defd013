//! `simulate`: made-up players, in virtual time or on a real server.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::{print_line, settings};
use crate::{
    app,
    error::{Error, Result},
    services::simulate::{Plan, bots},
};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").required(true).args(["virtual_time", "url"]))]
pub struct Simulate {
    /// In virtual time, by the rules of this program and its settings.
    #[arg(long = "virtual")]
    virtual_time: bool,
    /// Bots on the server there, such as http://127.0.0.1:8080. They make accounts and play: not for a server of real
    /// players.
    #[arg(long, requires = "server_key")]
    url: Option<String>,
    /// A game server's key, with which the bots' results are reported.
    #[arg(long, requires = "url")]
    server_key: Option<String>,
    /// The mode whose rules are used [default: the first].
    #[arg(long)]
    mode: Option<String>,
    /// Bots on the server, 2 to 10,000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=10_000), requires = "url")]
    players: u32,
    /// Minutes that the bots play, above 0 to 1,440.
    #[arg(long, default_value_t = 2.0, requires = "url")]
    minutes: f64,
    /// Players that come a second in virtual time, above 0 to 1,000.
    #[arg(long, default_value_t = 1.0, conflicts_with_all = ["population", "url"])]
    arrivals_per_s: f64,
    /// So many players queue, play, rest and queue again in virtual time, instead of new ones that come.
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=100_000), conflicts_with = "url")]
    population: Option<u32>,
    /// Regions that the players of virtual time are spread over, on a ring.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=50), conflicts_with = "url")]
    regions: u8,
    /// Hours of virtual time, above 0 to 10,000.
    #[arg(long, default_value_t = 6.0, conflicts_with = "url")]
    hours: f64,
    /// The same seed plays the same in virtual time.
    #[arg(long, default_value_t = 1, conflicts_with = "url")]
    seed: u64,
    /// A TOML file with settings [default: the one that RANKEDHONOR_CONFIG names].
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    config: Option<PathBuf>,
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Simulate {
    /// Plays.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a number out of its range; what the server there answers to who cannot play on it.
    pub fn run(&self) -> Result<()> {
        if self.virtual_time {
            return self.play_through();
        }
        let runtime = tokio::runtime::Runtime::new().map_err(Error::internal)?;
        runtime.block_on(self.play_there())
    }

    fn play_through(&self) -> Result<()> {
        within("--arrivals-per-s", self.arrivals_per_s, 1_000.0)?;
        within("--hours", self.hours, 10_000.0)?;
        let settings = settings(self.config.as_deref())?;
        let plan = Plan {
            arrivals_per_s: self.arrivals_per_s,
            population: self.population,
            regions: self.regions,
            ms: (self.hours * 3_600_000.0) as i64,
            tick_ms: i64::try_from(settings.matchmaking.tick_ms).unwrap_or(i64::MAX),
            seed: self.seed,
        };
        let bar = ProgressBar::new(plan.ms.unsigned_abs())
            .with_style(style("{bar:40} {percent}% of the time, {eta} left"));
        let done = |ms: i64| bar.set_position(ms.unsigned_abs());
        let figures = app::simulate(&settings, self.mode.as_deref(), &plan, done)?.figures();
        bar.finish_and_clear();
        self.print(&serde_json::to_value(figures).map_err(Error::internal)?)
    }

    /// Lets bots play on a server.
    async fn play_there(&self) -> Result<()> {
        within("--minutes", self.minutes, 1_440.0)?;
        let plan = bots::Plan {
            url: self.url.clone().unwrap_or_default(),
            server_key: self.server_key.clone().unwrap_or_default(),
            mode: self.mode.clone().unwrap_or_else(|| "1v1".to_owned()),
            players: self.players,
            time: Duration::from_secs_f64(self.minutes * 60.0),
        };
        let bar = ProgressBar::new_spinner().with_style(style("{spinner} {elapsed} {msg}"));
        let tally = bots::run(plan, |tally| {
            let errors: usize = tally.errors.values().sum();
            let (players, matches) = (tally.players, tally.matches);
            bar.set_message(format!("{players} bots, {matches} matches, {errors} errors"));
            bar.tick();
        });
        let tally = tally.await?;
        bar.finish_and_clear();
        self.print(&tally.figures())?;
        for (what, times) in tally.errors {
            tracing::warn!(times, "{what}");
        }
        Ok(())
    }

    fn print(&self, figures: &Value) -> Result<()> {
        if self.json {
            return print_line(&figures.to_string());
        }
        for (name, value) in figures.as_object().into_iter().flatten() {
            let value = match value.as_f64() {
                Some(number) if value.is_f64() => format!("{number:.4}"),
                _ => value.to_string(),
            };
            print_line(&format!("{name:26} {value:>14}"))?;
        }
        Ok(())
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn within(field: &str, value: f64, most: f64) -> Result<()> {
    let good = value > 0.0 && value <= most;
    good.then_some(())
        .ok_or_else(|| Error::bad_input(field, format!("{value} is not above 0 and up to {most}")))
}
