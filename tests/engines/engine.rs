//! A private engine: started, stopped, frozen and started again on the same data.

use std::{
    collections::BTreeSet,
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use tempfile::TempDir;

/// How long an engine may take to start: one of them fills a data directory first.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Engine {
    kind: &'static str,
    port: u16,
    dir: TempDir,
    child: Option<Child>,
}

/// A port that nobody listens at and that was never given out before: an engine takes seconds to get to its own. Below
/// the ports that the system gives to outgoing connections; the bus of a Redis cluster takes another one, 10,000 above.
/// The thousand below are those of `run.sh`.
fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        let port = rand::random_range(11_000_u16..16_000);
        if GIVEN.lock().unwrap().insert(port) && free(port) && free(port + 10_000) {
            return port;
        }
    }
}

impl Engine {
    /// Starts an engine with nothing in it.
    pub async fn start(kind: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Who is not root must be able to pass through to the data.
        Command::new("chmod").arg("755").arg(dir.path()).status().unwrap();
        let mut engine = Self { kind, port: 0, dir, child: None };
        // A port that was free a moment ago may be another process's when the engine gets to it.
        let mut attempts = 0;
        loop {
            attempts += 1;
            engine.port = free_port();
            match engine.begin().await {
                Ok(()) => return engine,
                Err(log) if attempts < 5 && log.contains("already in use") => {}
                Err(log) => panic!("{kind} ended: {log}"),
            }
        }
    }

    /// Starts it again on the same data.
    pub async fn start_again(&mut self) {
        if let Err(log) = self.begin().await {
            panic!("{} ended: {log}", self.kind);
        }
    }

    /// Starts it and waits until it answers; what it wrote if it ended instead.
    async fn begin(&mut self) -> Result<(), String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/engine.sh");
        let child = Command::new(script)
            .args([self.kind, self.dir.path().join("data").to_str().unwrap()])
            .arg(self.port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let began = Instant::now();
        while !self.answers().await {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let log =
                || std::fs::read_to_string(self.dir.path().join("data.log")).unwrap_or_default();
            if ended.is_some() {
                return Err(log());
            }
            assert!(began.elapsed() < PATIENCE, "{} does not start: {}", self.kind, log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn answers(&self) -> bool {
        match self.kind {
            "mariadb" | "postgres" => {
                let mut options = ConnectOptions::new(self.server_url());
                options.max_connections(1).acquire_timeout(Duration::from_millis(500));
                options.idle_timeout(None).max_lifetime(None);
                match Database::connect(options).await {
                    Ok(db) => db.execute_unprepared("SELECT 1").await.is_ok(),
                    Err(_) => false,
                }
            }
            "redis-cluster" => {
                let info = Command::new("redis-cli")
                    .args(["-p", &self.port.to_string(), "cluster", "info"])
                    .output()
                    .unwrap();
                String::from_utf8_lossy(&info.stdout).contains("cluster_state:ok")
            }
            _ => TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
        }
    }

    fn server_url(&self) -> String {
        let port = self.port;
        match self.kind {
            "mariadb" => format!("mysql://root@127.0.0.1:{port}/mysql"),
            _ => format!("postgres://root@127.0.0.1:{port}/postgres"),
        }
    }

    /// Makes a database; how it is reached.
    pub async fn database(&self, name: &str) -> String {
        let db = crate::support::connect(self.server_url()).await;
        db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        db.close().await.unwrap();
        format!("{}/{name}", self.server_url().rsplit_once('/').unwrap().0)
    }

    /// How it is reached.
    pub fn url(&self) -> String {
        let port = self.port;
        match self.kind {
            "redis" => format!("redis://127.0.0.1:{port}"),
            "redis-cluster" => format!("redis+cluster://127.0.0.1:{port}"),
            "mongodb" => format!("mongodb://127.0.0.1:{port}/"),
            _ => self.server_url(),
        }
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    /// Freezes it: its connections stay open and say nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// To the engine and its children: PostgreSQL has one for each connection, in sessions of their own.
    fn signal(&self, signal: &str) {
        let Some(child) = &self.child else { return };
        let pid = child.id().to_string();
        let _ = Command::new("kill").args([signal, &pid]).status();
        let _ = Command::new("pkill").args([signal, "-P", &pid]).status();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}
