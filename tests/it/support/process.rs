//! The real binary, in a process of its own that does not outlive its test.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Client, client::PATIENCE};

pub struct Process {
    pub addr: SocketAddr,
    dir: TempDir,
    child: Child,
}

impl Process {
    /// Starts a server with these settings on a port and a directory of its own.
    pub async fn start(settings: &str) -> Self {
        Self::start_seeded(settings, &[]).await
    }

    /// The same, with players and matches that these arguments of `seed` make, where there are any.
    pub async fn start_seeded(settings: &str, seed: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), settings).unwrap();
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        if !seed.is_empty() {
            let seeded = command(dir.path()).arg("seed").args(seed).output().unwrap();
            assert!(seeded.status.success(), "{seeded:?}");
        }
        let child = spawn(dir.path(), addr);
        let process = Self { addr, dir, child };
        process.ready().await;
        process
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join("data/rankedhonor.db")
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
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
        self.child = spawn(self.dir.path(), self.addr);
        self.ready().await;
    }

    async fn ready(&self) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let answer = reqwest::get(format!("http://{}/readyz", self.addr)).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server does not come up");
    }

    pub fn anonymous(&self) -> Client {
        Client::new(self.addr, None)
    }

    /// A game server, with a key that the command line made.
    pub fn game_server(&self) -> Client {
        let arguments = ["admin", "create-server-key", "--name", "referee"];
        let key = command(self.dir.path()).args(arguments).output().unwrap();
        Client::new(self.addr, Some(String::from_utf8(key.stdout).unwrap().trim().to_owned()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rankedhonor"));
    command
        .current_dir(dir)
        .env("RANKEDHONOR_DATA_DIR", dir.join("data"))
        .env("RANKEDHONOR_CONFIG", dir.join("settings.toml"))
        .env("RUST_LOG", "error");
    command
}

fn spawn(dir: &Path, addr: SocketAddr) -> Child {
    command(dir)
        .env("RANKEDHONOR_ADDR", addr.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
