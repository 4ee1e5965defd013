//! The composition root: backends → services → schema → router and tasks; and what the commands do.

use std::{
    io::{self, BufRead, Write},
    sync::Arc,
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use migration::{MigrationStatus, Migrator, MigratorTrait};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backends::{Backends, lock, sql::Sql},
    config::{Config, Settings},
    error::{Error, Result},
    game::{
        accounts::Role,
        ids::UserId,
        mode::{Catalog, Mode, ModeId, Region, RegionId},
        pairing::{LatencyStep, Rules, Window},
        rating::RatingParams,
        score::Score,
        standing::{Ladder, TierRule},
    },
    http::{self, App},
    services::{Services, accounts::NewAccount, replay, seed},
    tasks,
};

/// A server that is ready to serve.
pub struct Server {
    app: App,
    services: Arc<Services>,
    stop: CancellationToken,
    loops: CancellationToken,
    tasks: TaskTracker,
    _alone: Option<lock::Alone>,
}

impl Server {
    /// Migrates the database, wires everything and starts the loops.
    ///
    /// # Errors
    /// When the database cannot be opened or migrated, or another server runs on the same embedded one.
    pub async fn start(config: Config, metrics: PrometheusHandle) -> Result<Self> {
        let alone = lock::alone(&config).await?;
        let services = services(config).await?;
        let (stop, loops, tasks) =
            (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let app = App::new(services.clone(), metrics, stop.clone())?;
        tasks.spawn(tasks::relay::run(services.clone(), loops.clone()));
        tasks.spawn(tasks::janitor::run(services.clone(), loops.clone()));
        for mode in services.catalog.modes() {
            tasks.spawn(tasks::matchmaker::run(services.clone(), mode.clone(), loops.clone()));
        }
        tasks.close();
        Ok(Self { app, services, stop, loops, tasks, _alone: alone })
    }

    /// Stops the server when cancelled.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// The use cases, for tests that look behind the API.
    pub const fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Serves until told to stop; then what runs is finished and what was committed is told (rule 31).
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, listener: TcpListener) -> io::Result<()> {
        let served = http::serve(listener, self.app).await;
        self.loops.cancel();
        self.tasks.wait().await;
        self.services.close().await;
        served
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the address is taken, or the database cannot be opened.
pub async fn serve(config: Config) -> Result<()> {
    let addr = config.addr;
    let listener = TcpListener::bind(addr).await.map_err(|error| {
        Error::internal(format!("RANKEDHONOR_ADDR: cannot listen on {addr}: {error}"))
    })?;
    let metrics = PrometheusBuilder::new().install_recorder().map_err(Error::internal)?;
    let server = Server::start(config, metrics).await?;
    let stop = server.stop_token();
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping");
        stop.cancel();
    });
    let addr = listener.local_addr().map_err(Error::internal)?;
    tracing::info!("serving on http://{addr}");
    server.run(listener).await.map_err(Error::internal)
}

async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = interrupt.await;
            return;
        };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}

async fn services(config: Config) -> Result<Arc<Services>> {
    let catalog = Arc::new(catalog(&config.settings));
    let backends = Backends::connect(&config).await?;
    Migrator::up(backends.sql.write(), None).await?;
    Ok(Arc::new(Services::start(Arc::new(config), catalog, backends).await?))
}

/// Applies every migration that is not applied yet.
///
/// # Errors
/// When the database cannot be opened or migrated.
pub async fn migrate_up(config: Config) -> Result<()> {
    let sql = Sql::connect(&config).await?;
    Migrator::up(sql.write(), None).await?;
    sql.close().await;
    Ok(())
}

/// Takes back the last migrations.
///
/// # Errors
/// When the database cannot be opened or migrated.
pub async fn migrate_down(config: Config, steps: u32) -> Result<()> {
    let sql = Sql::connect(&config).await?;
    Migrator::down(sql.write(), Some(steps)).await?;
    sql.close().await;
    Ok(())
}

/// Every migration, and whether it is applied.
///
/// # Errors
/// When the database cannot be opened.
pub async fn migration_status(config: Config) -> Result<Vec<(String, bool)>> {
    let sql = Sql::connect(&config).await?;
    Migrator::install(sql.write()).await?;
    let all = Migrator::get_migration_with_status(sql.write()).await?;
    sql.close().await;
    let applied = |status| status == MigrationStatus::Applied;
    Ok(all.iter().map(|one| (one.name().to_owned(), applied(one.status()))).collect())
}

/// Makes an account.
///
/// # Errors
/// As [`crate::services::accounts::Accounts::create`].
pub async fn create_user(config: Config, account: NewAccount) -> Result<UserId> {
    let services = services(config).await?;
    let user = services.accounts.create(account).await?;
    services.close().await;
    Ok(user.id)
}

/// Makes a game server's key.
///
/// # Errors
/// As [`crate::services::accounts::Accounts::create_server_key`].
pub async fn create_server_key(config: Config, name: &str) -> Result<String> {
    let services = services(config).await?;
    let (_, key) = services.accounts.create_server_key(name).await?;
    services.close().await;
    Ok(key)
}

/// Fills an installation with made-up players and matches; `progress` is told how many matches are done.
///
/// # Errors
/// As [`seed::run`], and when a server runs on the same embedded database.
pub async fn seed(
    config: Config,
    plan: seed::Plan,
    password: String,
    progress: impl Fn(u32),
) -> Result<()> {
    let _alone = lock::alone(&config).await?;
    let services = services(config).await?;
    seed::run(&services, plan, password, progress).await?;
    services.close().await;
    Ok(())
}

/// Replays a history with the rating parameters of a mode.
///
/// # Errors
/// As [`replay::run`]; BAD_USER_INPUT for an unknown mode.
pub fn replay(
    settings: &Settings,
    mode: Option<&str>,
    history: impl BufRead,
    predictions: Option<impl Write>,
    progress: impl Fn(u64),
) -> Result<Score> {
    let catalog = catalog(settings);
    let known: Vec<_> = catalog.modes().iter().map(|mode| mode.id.as_str()).collect();
    let mode = catalog.mode(mode.unwrap_or(known[0])).ok_or_else(|| {
        Error::bad_input("--mode", format!("there is no such mode; there are {}", known.join(", ")))
    })?;
    replay::run(&mode.rating, history, predictions, progress)
}

/// An account of that role, as an operator makes it.
pub const fn new_account(
    username: String,
    email: String,
    password: String,
    role: Role,
) -> NewAccount {
    NewAccount { username, email, password, region: None, role }
}

/// The rules that the settings describe.
fn catalog(settings: &Settings) -> Catalog {
    let latency: Vec<_> = settings
        .matchmaking
        .latency
        .iter()
        .map(|step| LatencyStep {
            from_ms: i64::from(step.from_seconds) * 1000,
            max_ms: step.max_ms,
        })
        .collect();
    let matchmaking = &settings.matchmaking;
    let modes = settings.modes.0.iter().map(|mode| Mode {
        id: ModeId::new(&mode.id),
        name: mode.name.clone(),
        ready_check_ms: i64::from(mode.ready_check_seconds) * 1000,
        start_deadline_ms: i64::from(mode.start_deadline_seconds) * 1000,
        play_deadline_ms: i64::from(mode.play_deadline_seconds) * 1000,
        pairing: Rules {
            team_size: mode.team_size,
            team_count: mode.team_count,
            window: Window {
                start_mmr: matchmaking.tolerance_start_mmr,
                step_mmr: matchmaking.tolerance_step_mmr,
                step_ms: i64::from(matchmaking.tolerance_step_seconds) * 1000,
                max_mmr: matchmaking.tolerance_max_mmr,
            },
            latency: latency.clone(),
        },
        rating: RatingParams {
            start_mmr: mode.rating.start_mmr,
            start_deviation: mode.rating.start_deviation,
            start_volatility: mode.rating.start_volatility,
            tau: mode.rating.tau,
            period_days: mode.rating.period_days,
            team_share: mode.rating.team_share,
            team_scale: mode.rating.team_scale,
        },
    });
    let regions = settings
        .regions
        .0
        .iter()
        .map(|region| Region { id: RegionId::new(&region.id), name: region.name.clone() });
    let ladder = &settings.ladder;
    let tiers: Vec<_> = ladder
        .tiers
        .iter()
        .map(|tier| TierRule {
            name: tier.name.clone(),
            from_mmr: tier.from_mmr,
            divisions: tier.divisions,
        })
        .collect();
    let ladder = Ladder::new(
        (ladder.placements, ladder.placements_short, ladder.placements_short_below),
        (ladder.demotion_margin_mmr, ladder.demotion_after_matches),
        &tiers,
    );
    Catalog::new(modes.collect(), regions.collect(), ladder)
}
