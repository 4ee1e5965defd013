//! `rankedhonor replay`: a history through the rules that rate live matches.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

fn replay(dir: &Path, history: &str, more: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rankedhonor"))
        .arg("replay")
        .args(more)
        .current_dir(dir)
        .env_remove("RANKEDHONOR_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Where a line is refused, the rest is not read.
    let _ = child.stdin.take().unwrap().write_all(history.as_bytes());
    child.wait_with_output().unwrap()
}

/// A history in which the player with the lower number wins four times of five.
fn history(matches: u32) -> String {
    let mut text = String::new();
    for n in 0..matches {
        let (a, b) = (n % 7, 7 + n * 3 % 5);
        let result = if n % 5 == 4 { "0.0" } else { "1.0" };
        let (first, second, result) = if n % 2 == 0 {
            (a, b, result)
        } else {
            (b, a, if result == "1.0" { "0" } else { "1" })
        };
        writeln!(text, "{}\tp{first}\tp{second}\t{result}", f64::from(n) / 10.0).unwrap();
    }
    text
}

fn figure(output: &Output, name: &str) -> f64 {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let line =
        text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{output:?}"));
    line.trim_start_matches(name).trim().parse().unwrap()
}

#[test]
fn chances_come_before_results_and_are_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let text = history(2_000);
    let mut written = Vec::new();
    for name in ["first", "second"] {
        let output = replay(dir.path(), &text, &["--predictions", name]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(figure(&output, "matches"), 2_000.0);
        written.push(std::fs::read_to_string(dir.path().join(name)).unwrap());
    }
    assert_eq!(written[0], written[1]);
    let chances: Vec<f64> = written[0].lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!((chances.len(), chances[0]), (2_000, 0.5));
    assert!(!dir.path().join("data").exists(), "a replay needs no data directory");
    // What it prints is what its predictions are worth.
    let results: Vec<f64> =
        text.lines().map(|line| line.rsplit('\t').next().unwrap().parse().unwrap()).collect();
    let pairs = || chances.iter().zip(&results);
    let loss: f64 = pairs().map(|(p, r)| -(r * p.ln() + (1.0 - r) * (1.0 - p).ln())).sum();
    let brier: f64 = pairs().map(|(p, r)| (p - r).powi(2)).sum();
    let output = replay(dir.path(), &text, &[]);
    assert!((figure(&output, "log-loss") - loss / 2_000.0).abs() < 1e-6);
    assert!((figure(&output, "Brier") - brier / 2_000.0).abs() < 1e-6);
    // Four of five are to be had, and 0.5 nats by knowing only that.
    assert!(figure(&output, "accuracy") > 0.75);
    assert!(figure(&output, "log-loss") < 0.55);
}

#[test]
fn the_mode_and_the_file_choose_the_parameters() {
    let dir = tempfile::tempdir().unwrap();
    let text = "0\ta,b\tc,d\t1\n1\ta,c\tb,d\t0.5\n2\ta,b,e\tc\t0\n";
    let loss = |more: &[&str]| figure(&replay(dir.path(), text, more), "log-loss");
    assert_ne!(loss(&["--mode", "2v2"]), loss(&["--mode", "4v4"]));
    std::fs::write(
        dir.path().join("try.toml"),
        "[[modes]]\nid = \"duos\"\nname = \"Duos\"\nteam_size = 2\n[modes.rating]\ntau = 0.3\nteam_scale = 4.0\n",
    )
    .unwrap();
    assert_ne!(loss(&["--mode", "2v2"]), loss(&["--config", "try.toml"]));
    let refused = replay(dir.path(), text, &["--mode", "3v3"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("--mode") && said.contains("4v4") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_line_that_is_none_is_refused_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    for line in [
        "nothing",
        "x\ta\tb\t1",
        "NaN\ta\tb\t1",
        "1\ta\tb\t2",
        "1\ta\t\t1",
        "1\ta,b\tb,c\t1",
        "1\ta\tb\t1\tmore",
        "-1\ta\tb\t1",
    ] {
        let refused = replay(dir.path(), &format!("0\ta\tb\t1\n{line}\n"), &[]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains("line 2"), "{line}: {said}");
    }
    let nothing = replay(dir.path(), "", &[]);
    assert_eq!(figure(&nothing, "matches"), 0.0);
}
