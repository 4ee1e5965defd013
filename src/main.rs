//! Arguments, settings, logging; the rest is in the library.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use rankedhonor::{
    cli::{self, Cli},
    config::Config,
    error::{Code, Error},
    telemetry::{self, Traces},
};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The drivers bring two implementations of TLS; which one counts has to be said. An error: it was said already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // A missing file is fine; what is set already is kept.
    let _ = dotenvy::dotenv();
    let traces = start_log();
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
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(Error::internal(error))),
    };
    let done = runtime.block_on(cli::run(cli, config));
    drop(traces);
    finish(done)
}

/// Starts the log, and the traces where a collector is named; they are sent to their end when this is dropped.
fn start_log() -> Option<Traces> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    let json = std::env::var("RANKEDHONOR_LOG").map_or(!terminal, |format| format == "json");
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = if json { log.json().boxed() } else { log.with_ansi(terminal).boxed() };
    let (traces, layer) = telemetry::start().unzip();
    tracing_subscriber::registry().with(layer).with(log.with_filter(filter)).init();
    traces
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
