//! The real binary, in a process of its own that does not outlive its test.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Client, client::PATIENCE, engines, logs};

/// What a server logs into, in its directory.
const LOG: &str = "server.log";

pub struct Process {
    pub addr: SocketAddr,
    dir: TempDir,
    child: Child,
    /// What is in its environment beside its directory.
    environment: Vec<(&'static str, String)>,
}

impl Process {
    /// Starts a server with these settings on a port and a directory of its own.
    pub async fn start(settings: &str) -> Self {
        Self::start_seeded(settings, &[]).await
    }

    /// Starts a server beside others, with what they share in its environment.
    pub async fn start_beside(settings: &str, environment: &[(&'static str, String)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), settings).unwrap();
        let addr = free_address();
        let environment = environment.to_vec();
        let child = spawn(dir.path(), addr, &environment);
        let process = Self { addr, dir, child, environment };
        process.ready().await;
        process
    }

    /// The same, with players and matches that these arguments of `seed` make, where there are any.
    pub async fn start_seeded(settings: &str, seed: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_settings(dir.path(), settings);
        let addr = free_address();
        if !seed.is_empty() {
            let seeded = command(dir.path()).arg("seed").args(seed).output().unwrap();
            assert!(seeded.status.success(), "{seeded:?}");
        }
        let child = spawn(dir.path(), addr, &[]);
        let process = Self { addr, dir, child, environment: Vec::new() };
        process.ready().await;
        process
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The file that it logs into.
    pub fn log(&self) -> PathBuf {
        self.dir().join(LOG)
    }

    pub fn database_url(&self) -> String {
        engines::of(self.dir.path()).database_url(&self.dir.path().join("data"))
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Gives it other settings, which it has to be told of.
    pub fn set(&self, settings: &str) {
        write_settings(self.dir.path(), settings);
    }

    /// Tells it to read its settings again.
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server does not stop");
    }

    /// Starts it anew on the same data.
    pub async fn start_again(&mut self) {
        self.child = spawn(self.dir.path(), self.addr, &self.environment);
        self.ready().await;
    }

    /// What a command says, in the server's own environment, and whether it was content.
    pub fn command(&self, arguments: &[&str]) -> (bool, String) {
        let output = command(self.dir.path())
            .args(arguments)
            .env("RANKEDHONOR_ADDR", self.addr.to_string())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Waits until it is ready.
    pub async fn ready(&self) {
        let began = Instant::now();
        let anonymous = self.anonymous();
        while began.elapsed() < PATIENCE {
            let answer = anonymous.http.get(anonymous.url("/readyz?needs=sql")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server does not come up");
    }

    /// The value of a metric, with its labels where it has some; 0 where nothing was measured.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = reqwest::get(format!("http://{}/metrics", self.addr)).await.unwrap();
        let text = text.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or(" 0");
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    pub fn anonymous(&self) -> Client {
        Client::new(self.addr, None)
    }

    /// An admin, whom the command line made.
    pub async fn admin(&self, name: &str) -> Client {
        let email = format!("{name}@example.com");
        let arguments =
            ["admin", "create-user", "--username", name, "--email", &email, "--role", "admin"];
        let mut command = command(self.dir.path());
        command.envs(self.environment.iter().cloned());
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        // The id, then the password that was made.
        let said = String::from_utf8(output.stdout).unwrap();
        self.anonymous().login(name, said.lines().last().unwrap()).await
    }

    /// A game server, with a key that the command line made.
    pub fn game_server(&self) -> Client {
        let arguments = ["admin", "create-server-key", "--name", "referee"];
        let mut command = command(self.dir.path());
        command.envs(self.environment.iter().cloned());
        let key = command.args(arguments).output().unwrap();
        Client::new(self.addr, Some(String::from_utf8(key.stdout).unwrap().trim().to_owned()))
    }
}

#[allow(dead_code, reason = "the tests with real engines use these")]
impl Process {
    /// No server, but its commands, with this environment.
    pub fn commands(environment: &[(&'static str, String)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), engines::patient("")).unwrap();
        let addr = free_address();
        let child = Command::new("true").spawn().unwrap();
        Self { addr, dir, child, environment: environment.to_vec() }
    }

    /// Stops its clock, as a long pause of the machine does.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    /// What a command of the same installation prints, and whether it was content.
    pub fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = command(self.dir.path());
        command.envs(self.environment.iter().cloned());
        let output = command.args(arguments).output().unwrap();
        let mut said = String::from_utf8(output.stdout).unwrap();
        said += &String::from_utf8(output.stderr).unwrap();
        (output.status.success(), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        logs::keep_made(&self.dir.path().join("data"));
        for url in engines::urls().chain(self.environment.iter().map(|(_, value)| value.clone())) {
            logs::keep_password(&url);
        }
        logs::look_at_file(&self.log());
    }
}

fn write_settings(dir: &Path, settings: &str) {
    let settings = engines::over(settings, &engines::of(dir).settings());
    std::fs::write(dir.join("settings.toml"), settings).unwrap();
}

/// An address that nobody has, also while the server on it is killed: below the ports that the system gives to outgoing
/// connections, of which one could otherwise be connected to itself.
fn free_address() -> SocketAddr {
    loop {
        let addr = SocketAddr::from(([127, 0, 0, 1], rand::random_range(26_000..32_000)));
        if TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}

fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rankedhonor"));
    command
        .current_dir(dir)
        .envs(engines::of(dir).variables())
        .env("RANKEDHONOR_DATA_DIR", dir.join("data"))
        .env("RANKEDHONOR_CONFIG", dir.join("settings.toml"))
        .env("RUST_LOG", "error");
    command
}

/// Starts a server, which logs into a file that is looked at in the end.
fn spawn(dir: &Path, addr: SocketAddr, environment: &[(&'static str, String)]) -> Child {
    let log = File::options().create(true).append(true).open(dir.join(LOG)).unwrap();
    command(dir)
        .envs(environment.iter().cloned())
        .env("RANKEDHONOR_ADDR", addr.to_string())
        .env("RUST_LOG", "info")
        .env("RANKEDHONOR_LOG", "text")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
