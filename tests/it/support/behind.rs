//! What tests do behind the API: commands beside the server, and looks at its rows.

use std::{process::Stdio, time::Duration};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};
use tokio::{io::AsyncWriteExt, process::Command};

use super::{TestApp, client::PATIENCE, engines};

/// A database, without the pool's task that looks for old connections: up to sqlx 0.9.0 it can spin without end.
pub async fn connect(url: impl Into<String>) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.idle_timeout(None).max_lifetime(None);
    Database::connect(options).await.unwrap()
}

impl TestApp {
    /// Runs a command of the binary on this server's data, with that on its standard input. The server goes on meanwhile.
    pub async fn command(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rankedhonor"));
        command.current_dir(self.dir()).args(arguments).env("RANKEDHONOR_DATA_DIR", self.dir());
        for (name, value) in engines::of(self.dir()).variables() {
            command.env(name, value);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Changes something behind the server's back.
    pub async fn change(&self, statement: &str) {
        let db = connect(self.database_url()).await;
        db.execute_unprepared(statement).await.unwrap();
        db.close().await.unwrap();
    }

    /// The first column of the first row.
    pub async fn cell(&self, statement: &str) -> String {
        let db = connect(self.database_url()).await;
        let statement = Statement::from_string(db.get_database_backend(), statement);
        let row = db.query_one_raw(statement).await.unwrap().unwrap();
        let cell = row.try_get_by_index::<String>(0).unwrap();
        db.close().await.unwrap();
        cell
    }

    /// Waits until something is so.
    pub async fn until(&self, mut so: impl AsyncFnMut() -> bool) {
        let patience = tokio::time::timeout(PATIENCE, async {
            while !so().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        patience.await.expect("it did not come to be so");
    }
}
