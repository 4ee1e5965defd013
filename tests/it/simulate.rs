//! Trying rules: in virtual time, and with bots on a server.

use std::process::Command;

use serde_json::Value;

use crate::support::Process;

fn simulate(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rankedhonor"))
        .args(["simulate", "--virtual", "--json"])
        .args(arguments)
        .env_remove("RANKEDHONOR_CONFIG")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// The figures but for those of time, which are never the same.
fn figures(arguments: &[&str]) -> Value {
    let (done, said) = simulate(arguments);
    assert!(done, "{said}");
    let mut figures: Value = serde_json::from_str(&said).unwrap();
    for timed in ["tick_us_mean", "tick_us_max"] {
        assert!(figures.as_object_mut().unwrap().remove(timed).unwrap().as_f64().unwrap() > 0.0);
    }
    figures
}

#[test]
fn the_same_seed_plays_the_same_and_everybody_is_matched() {
    let plan = ["--mode", "2v2", "--arrivals-per-s", "1", "--hours", "0.5", "--seed", "7"];
    let first = figures(&plan);
    assert_eq!(first, figures(&plan));
    let other =
        figures(&["--mode", "2v2", "--arrivals-per-s", "1", "--hours", "0.5", "--seed", "8"]);
    assert_ne!(first["wait_mean_s"], other["wait_mean_s"]);
    let number = |name: &str| first[name].as_f64().unwrap_or_else(|| panic!("{name} in {first:#}"));
    for name in [
        "wait_p50_s",
        "wait_p95_s",
        "wait_p99_s",
        "tail_wait_p95_s",
        "spread_mean",
        "win_probability_gap_mean",
    ] {
        assert!(number(name) > 0.0, "{name}");
    }
    assert!(number("matches") > 300.0 && number("unmatched_share") < 0.001);
    assert!(
        (number("wait_times_spread") - number("wait_mean_s") * number("spread_mean")).abs() < 1e-6
    );
    assert!((number("estimate_p50_coverage") - 0.5).abs() < 0.1);
    assert!((number("estimate_p90_coverage") - 0.9).abs() < 0.1);
}

#[test]
fn a_population_that_comes_again_and_again_is_matched_across_regions() {
    let plan =
        ["--mode", "4v4", "--population", "200", "--regions", "5", "--hours", "1", "--seed", "3"];
    let figures = figures(&plan);
    assert!(figures["unmatched_share"].as_f64().unwrap() < 0.001, "{figures:#}");
    assert!(figures["matches"].as_u64().unwrap() > 100, "{figures:#}");
}

#[test]
fn what_is_asked_wrongly_is_said() {
    for (arguments, named) in [
        (["--mode", "9v9"], "--mode"),
        (["--arrivals-per-s", "0"], "--arrivals-per-s"),
        (["--hours", "0"], "--hours"),
        (["--players", "3"], "--url"),
    ] {
        let (done, said) = simulate(&arguments);
        assert!(!done && said.contains(named), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bots_play_on_a_server_and_tell_how_it_was() {
    let process = Process::start("[matchmaking]\ntick_ms = 50\nrematch_after_seconds = 0\n").await;
    let key = process.game_server().token.unwrap();
    let url = format!("http://{}", process.addr);
    let arguments = [
        "simulate",
        "--url",
        &url,
        "--server-key",
        &key,
        "--players",
        "6",
        "--minutes",
        "0.4",
        "--json",
    ];
    let (done, said) = process.command(&arguments);
    assert!(done, "{said}");
    let figures: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(
        (figures["players"].as_u64(), figures["errors"].as_u64()),
        (Some(6), Some(0)),
        "{said}"
    );
    assert!(figures["matches"].as_u64().unwrap() > 0, "{said}");
    for name in ["wait_s_p50", "event_ms_p99", "join_ms_p95", "report_ms_p50"] {
        assert!(figures[name].as_f64().is_some_and(|value| value > 0.0), "{name}: {said}");
    }
}
