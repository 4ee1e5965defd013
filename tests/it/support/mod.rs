//! A server of one's own for each test, and clients of it.

mod behind;
pub mod client;
pub mod engines;
pub mod logs;
pub mod process;
pub mod stores;
pub mod ws;

use std::{net::SocketAddr, path::Path, sync::Arc};

use metrics_exporter_prometheus::PrometheusBuilder;
use rankedhonor::{
    app::{self, Server},
    config::{Config, Settings},
    game::{accounts::Role, event::Position},
    schema::paging::Cursor,
    services::Services,
};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use self::{behind::connect, client::Client, process::Process, ws::Socket};

pub const PASSWORD: &str = "correct-horse-42-battery";

/// A server in this process, on a port and a directory of its own.
pub struct TestApp {
    pub addr: SocketAddr,
    pub services: Arc<Services>,
    stop: CancellationToken,
    running: Option<JoinHandle<std::io::Result<()>>>,
    dir: Arc<TempDir>,
}

/// The settings of a server in that directory.
pub fn config(dir: &Path, settings: Settings) -> Config {
    let engines = engines::of(dir);
    let env = |name: &str| match name {
        "RANKEDHONOR_ADDR" => Some("127.0.0.1:0".to_owned()),
        "RANKEDHONOR_DATA_DIR" => Some(dir.to_str().unwrap().to_owned()),
        _ => engines.variables().find(|(known, _)| *known == name).map(|(_, value)| value),
    };
    let mut config = Config { settings, ..Config::load(env).unwrap() };
    // On a busy machine everything takes as long as it takes.
    config.settings.limits.request_timeout_ms = 30_000;
    config.settings.sql.acquire_timeout_ms = 10_000;
    config.settings.sql.statement_timeout_ms = 10_000;
    config.settings.redis.timeout_ms = 5_000;
    config.settings.redis.prefix = engines.prefix();
    config.settings.mongodb.timeout_ms = engines::STORE_MS;
    config
}

/// The default settings, but that a client may say its first word late and be quiet for long, as on a busy machine.
fn defaults() -> Settings {
    let mut settings = Settings::default();
    let socket = &mut settings.limits.socket;
    (socket.init_timeout_ms, socket.ping_ms) = (30_000, 600_000);
    settings
}

/// Lets players meet at once who are so far apart, in MMR.
pub const fn tolerant(settings: &mut Settings, mmr: f64) {
    let matchmaking = &mut settings.matchmaking;
    matchmaking.tolerance_start_mmr = mmr;
    matchmaking.tolerance_least_mmr = mmr;
    matchmaking.tolerance_most_mmr = mmr;
}

impl TestApp {
    /// A server with the default settings, but for a quicker tick.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server with some settings changed.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = defaults();
        settings.matchmaking.tick_ms = 50;
        settings.matchmaking.rematch_after_seconds = 0;
        change(&mut settings);
        Self::on(Arc::new(tempfile::tempdir().unwrap()), settings).await
    }

    /// A server with the default settings on data that is there.
    pub async fn on_data(dir: TempDir) -> Self {
        Self::on(Arc::new(dir), defaults()).await
    }

    /// A server with some of what its environment says changed, too.
    pub async fn configured(change: impl FnOnce(&mut Config)) -> Self {
        let mut settings = defaults();
        settings.matchmaking.tick_ms = 50;
        Self::of(Arc::new(tempfile::tempdir().unwrap()), settings, change).await
    }

    async fn on(dir: Arc<TempDir>, settings: Settings) -> Self {
        Self::of(dir, settings, |_| {}).await
    }

    async fn of(dir: Arc<TempDir>, settings: Settings, change: impl FnOnce(&mut Config)) -> Self {
        logs::watch();
        let mut config = config(dir.path(), settings);
        change(&mut config);
        for secret in config.jwt_secrets.iter().chain(&config.encryption_keys) {
            logs::keep(secret.text.expose_secret());
        }
        let urls = [&config.redis_url, &config.mongodb_url, &config.smtp_url];
        for url in urls.into_iter().flatten().chain([&config.database_url]) {
            logs::keep_password(url.expose_secret());
        }
        let listener = TcpListener::bind(config.addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let server = Box::pin(Server::start(config, metrics)).await.unwrap();
        let (stop, services) = (server.stop_token(), server.services().clone());
        let running = Some(tokio::spawn(server.run(listener)));
        Self { addr, services, stop, running, dir }
    }

    /// Stops the server and starts another on the same data.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same, with some settings changed.
    pub async fn restart_with(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.restart_configured(|config| change(&mut config.settings)).await
    }

    /// The same, with what is no setting, too.
    pub async fn restart_configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        let settings = self.services.config.settings.clone();
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap().unwrap();
        }
        Self::of(self.dir.clone(), settings, change).await
    }

    /// Waits until every fact is everywhere.
    pub async fn told(&self) {
        let db = connect(self.database_url()).await;
        while rankedhonor::entities::outbox::backlog(&db).await.unwrap().0 > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        db.close().await.unwrap();
    }

    /// The cursor of where the logs end, once every fact is everywhere: who follows behind it misses nothing of what
    /// happens from now on, however late the stream begins.
    pub async fn head(&self) -> String {
        self.told().await;
        let db = connect(self.database_url()).await;
        let last = rankedhonor::entities::outbox::last_place(&db).await.unwrap();
        db.close().await.unwrap();
        Position(Position::of(last + 1, 0).0 - 1).encode()
    }

    /// Where its rows are.
    pub fn database_url(&self) -> String {
        engines::of(self.dir.path()).database_url(self.dir.path())
    }

    /// Where its data is.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Tells the server to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        Client::new(self.addr, None)
    }

    /// A new player.
    pub async fn player(&self, name: &str) -> Client {
        self.anonymous().register(name).await
    }

    /// Two new players.
    pub async fn pair(&self) -> (Client, Client) {
        (self.player("ada").await, self.player("bob").await)
    }

    /// Two new players in a match that a game server has started; the game server first.
    pub async fn started(&self) -> (Client, Client, Client) {
        let (ada, bob) = self.pair().await;
        let server = self.game_server().await;
        ada.join("1v1").await;
        bob.join("1v1").await;
        server.start_match(&ada.matched().await).await;
        (server, ada, bob)
    }

    /// A game server.
    pub async fn game_server(&self) -> Client {
        let (_, key) = self.services.accounts.create_server_key("test").await.unwrap();
        Client::new(self.addr, Some(key))
    }

    /// Somebody of that role.
    pub async fn staff(&self, name: &str, role: Role) -> Client {
        let account =
            app::new_account(name.into(), format!("{name}@example.com"), PASSWORD.into(), role);
        self.services.accounts.create(account).await.unwrap();
        self.anonymous().login(name, PASSWORD).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}
