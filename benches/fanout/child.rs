//! The processes that take part.

use std::{
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, ChildStdout, Command, Stdio},
};

pub struct Child {
    process: std::process::Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    dir: Option<tempfile::TempDir>,
}

impl Child {
    fn start(cores: &str, arguments: &[&str]) -> Self {
        let this = std::env::current_exe().unwrap();
        let four = std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 4);
        let pinned = four && Command::new("taskset").arg("-V").output().is_ok();
        let mut command = if pinned {
            let mut command = Command::new("taskset");
            command.args(["-c", cores]).arg(this);
            command
        } else {
            Command::new(this)
        };
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output, dir: None }
    }

    /// A server of that kind; it first says where it is and what there is to follow.
    pub fn server(kind: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Self::start("0,1", &["serve", kind, dir.path().to_str().unwrap()]);
        child.dir = Some(dir);
        child
    }

    /// Another server on the same data.
    pub fn again(mut self) -> Self {
        let dir = self.dir.take().unwrap();
        let mut child = Self::start("0,1", &["serve", "ours", dir.path().to_str().unwrap()]);
        child.dir = Some(dir);
        child
    }

    /// So many subscribers.
    pub fn load(addr: &str, topic: &str, count: usize) -> Self {
        Self::start("2,3", &["load", addr, topic, &count.to_string()])
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).unwrap() > 0, "the process ended");
        line.trim().to_owned()
    }

    pub fn expect(&mut self, expected: &str) {
        assert_eq!(self.line(), expected);
    }

    pub fn figures(&mut self) -> Vec<f64> {
        self.line().split(' ').map(|figure| figure.parse().unwrap()).collect()
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).unwrap()
    }

    /// Microseconds of CPU time, in user and kernel mode.
    pub fn cpu_us(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        ticks * 10_000.0
    }

    pub fn resident_kb(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
