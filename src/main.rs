//! Arguments, settings, logging; the rest is in the library.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use rankedhonor::{
    cli::{self, Cli},
    config::Config,
    error::{Code, Error},
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A missing file is fine; what is set already is kept.
    let _ = dotenvy::dotenv();
    if let Some(done) = cli.run_alone() {
        return finish(done);
    }
    let config = match Config::load(|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            for problem in &problems.0 {
                complain(problem);
            }
            return ExitCode::from(2);
        }
    };
    start_log();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(Error::internal(error))),
    };
    finish(runtime.block_on(cli::run(cli, config)))
}

fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let json = std::env::var("RANKEDHONOR_LOG").map_or(!terminal, |format| format == "json");
    if json {
        log.json().init();
    } else {
        log.with_ansi(terminal).init();
    }
}

fn finish(done: Result<(), Error>) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    match &error {
        // To an operator the cause is the message.
        Error::Internal(cause) => complain(&cause.to_string()),
        Error::Unavailable { source: Some(cause), .. } => complain(&format!("{error}: {cause}")),
        Error::BadInput { field, .. } => {
            complain(&format!("{}: {error}", field.trim_start_matches("input.")));
        }
        _ => complain(&error.to_string()),
    }
    ExitCode::from(if error.code() == Code::BadUserInput { 2 } else { 1 })
}

#[expect(
    clippy::print_stderr,
    reason = "the log may be off, and this is for whoever typed the command"
)]
fn complain(what: &str) {
    eprintln!("rankedhonor: {what}");
}
