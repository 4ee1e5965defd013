//! The composition root: backends → services → schema → router and tasks; and what the commands do.

mod accounts;

use std::{
    io::{self, BufRead, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use metrics_exporter_prometheus::PrometheusHandle;
use migration::{MigrationStatus, Migrator, MigratorTrait};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backends::{
        Backends,
        documents::{Documents, mongo::MongoDocuments},
        lock,
        redis::Redis,
        sql,
    },
    config::{Config, Settings},
    error::{Error, Result},
    game::{
        mode::{Catalog, Mode, ModeId, Region, RegionId},
        rating::{Guard, RatingParams},
        score::Score,
    },
    http::{self, App},
    services::{
        Services,
        audit::{self, Act},
        doctor, ladder_rules, rebuild,
        reload::pairing_rules,
        replay, seed, simulate,
    },
    tasks, telemetry,
};

pub use self::accounts::{
    create_server_key, create_user, import_users, lift_bar, new_account, rotate_secret,
    verify_audit,
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
        let app = App::new(services.clone(), metrics.clone(), stop.clone())?;
        // Whoever is alone leads from the start.
        services.renew_leases().await;
        tasks.spawn(tasks::leader::run(services.clone(), loops.clone()));
        tasks.spawn(tasks::follower::run(services.clone(), loops.clone()));
        tasks.spawn(tasks::relay::run(services.clone(), loops.clone()));
        tasks.spawn(tasks::janitor::run(services.clone(), loops.clone()));
        tasks.spawn(tasks::corrector::run(services.clone(), loops.clone()));
        tasks.spawn(tasks::mailer::run(services.clone(), loops.clone()));
        tasks.spawn(telemetry::fold(metrics, loops.clone()));
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
        self.services.step_down().await;
        self.services.close().await;
        served
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the address is taken, or the database cannot be opened.
pub async fn serve(config: Config) -> Result<()> {
    // Each socket is a file, and many systems begin with few of them.
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::debug!(files, "open files are bounded"),
        Err(error) => tracing::warn!(%error, "the bound of open files stays as it is"),
    }
    let addr = config.addr;
    let listener = TcpListener::bind(addr).await.map_err(|error| {
        Error::internal(format!("RANKEDHONOR_ADDR: cannot listen on {addr}: {error}"))
    })?;
    let metrics = telemetry::record().map_err(Error::internal)?;
    let server = Server::start(config, metrics).await?;
    let stop = server.stop_token();
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping");
        stop.cancel();
    });
    #[cfg(unix)]
    tokio::spawn(reload_on_hangup(server.services().clone()));
    let addr = listener.local_addr().map_err(Error::internal)?;
    if server.services().config.settings.http.console && !http::console_is_built() {
        tracing::info!(
            "the console is not in this binary: make run builds it where npm is installed"
        );
    }
    tracing::info!("serving on http://{addr}");
    server.run(listener).await.map_err(Error::internal)
}

/// SIGHUP puts the matchmaking part of the settings in force once more.
#[cfg(unix)]
async fn reload_on_hangup(services: Arc<Services>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        let reload = services.reload_matchmaking();
        if let Err(error) = audit::acting(Act::operator(), reload).await {
            tracing::error!(%error, "the matchmaking settings stay as they were");
        }
    }
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
    migrate_up(&config).await?;
    let backends = Backends::connect(&config).await?;
    Ok(Arc::new(Services::start(Arc::new(config), catalog, backends).await?))
}

/// Does something with the services of a configuration, and ends their connections however it went.
async fn working<T>(config: Config, work: impl AsyncFnOnce(&Services) -> Result<T>) -> Result<T> {
    let services = services(config).await?;
    let done = work(&services).await;
    services.close().await;
    done
}

/// Applies every migration that is not applied yet.
///
/// # Errors
/// When the database cannot be opened or migrated.
pub async fn migrate_up(config: &Config) -> Result<()> {
    let connection = sql::migrator(config).await?;
    Migrator::up(&connection, None).await?;
    Ok(connection.close().await?)
}

/// Takes back the last migrations.
///
/// # Errors
/// When the database cannot be opened or migrated.
pub async fn migrate_down(config: &Config, steps: u32) -> Result<()> {
    let connection = sql::migrator(config).await?;
    Migrator::down(&connection, Some(steps)).await?;
    Ok(connection.close().await?)
}

/// Every migration, and whether it is applied.
///
/// # Errors
/// When the database cannot be opened.
pub async fn migration_status(config: &Config) -> Result<Vec<(String, bool)>> {
    let connection = sql::migrator(config).await?;
    Migrator::install(&connection).await?;
    let all = Migrator::get_migration_with_status(&connection).await?;
    connection.close().await?;
    let applied = |status| status == MigrationStatus::Applied;
    Ok(all.iter().map(|one| (one.name().to_owned(), applied(one.status()))).collect())
}

/// Makes what is derived from SQL once more, part by part; says what was made, and tells `progress` what is done so far.
///
/// # Errors
/// As [`rebuild::run`], and when a server runs on the same embedded database.
pub async fn rebuild(
    config: Config,
    parts: &[rebuild::Part],
    progress: impl Fn(String),
) -> Result<Vec<String>> {
    let _alone = lock::alone(&config).await?;
    working(config, async |services| {
        let mut made = Vec::new();
        for part in parts {
            let note = services.audit.operator("REBUILT", part.name(), serde_json::json!({}));
            note.await?;
            made.push(rebuild::run(services, *part, &progress).await?);
        }
        Ok(made)
    })
    .await
}

/// Asks a running server whether it can do its work.
///
/// # Errors
/// When nobody answers there, or the answer is no.
pub async fn health(addr: SocketAddr) -> Result<()> {
    // What listens on every address is asked on this machine's own.
    let host = if addr.ip().is_unspecified() { "127.0.0.1".into() } else { addr.ip().to_string() };
    let ask = async {
        let mut stream = TcpStream::connect((host.as_str(), addr.port())).await?;
        let request =
            "GET /readyz?needs=sql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(3), ask).await;
    let answer = answer.map_err(Error::internal)?.map_err(Error::internal)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(Error::internal(answer.lines().last().unwrap_or("no answer").to_owned()))
}

/// Looks at every engine that is configured.
///
/// # Errors
/// When a URL cannot be understood.
pub async fn doctor(config: &Config) -> Result<Vec<doctor::Finding>> {
    let catalog = catalog(&config.settings);
    let sql = sql::Sql::connect(config).await;
    let migrations = match &sql {
        Ok(_) => migration_status(config).await,
        Err(_) => Ok(Vec::new()),
    };
    let migrations =
        migrations.map(|all| (all.len(), all.iter().filter(|(_, applied)| !applied).count()));
    let redis = match &config.redis_url {
        Some(url) => Some(Redis::new(url.expose_secret(), &config.settings.redis)?),
        None => None,
    };
    let mongodb = match &config.mongodb_url {
        Some(url) => Some(MongoDocuments::new(url, &config.settings.mongodb).await?),
        None => None,
    };
    let patient = doctor::Patient { catalog: &catalog, sql, migrations, redis, mongodb };
    let found = doctor::examine(&patient).await;
    if let Some(mongodb) = patient.mongodb {
        mongodb.close().await;
    }
    if let Ok(sql) = patient.sql {
        sql.close().await;
    }
    Ok(found)
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
    working(config, async |services| {
        let made = serde_json::json!({"after": {"users": plan.users, "matches": plan.matches}});
        services.audit.operator("SEEDED", "database", made).await?;
        seed::run(services, plan, password, progress).await
    })
    .await
}

/// Replays a history with the rating parameters of a mode, and with its guard where `guard` says so.
///
/// # Errors
/// As [`replay::run`]; BAD_USER_INPUT for an unknown mode.
pub fn replay(
    settings: &Settings,
    (mode, guard): (Option<&str>, bool),
    history: impl BufRead,
    predictions: Option<impl Write>,
    progress: impl Fn(u64),
) -> Result<Score> {
    let catalog = catalog(settings);
    let mode = named_mode(&catalog, mode)?;
    let guard = if guard { mode.rating.guard } else { Guard::OFF };
    replay::run(&RatingParams { guard, ..mode.rating }, history, predictions, progress)
}

/// Plays a queue through in virtual time; `progress` hears how many milliseconds are done.
///
/// # Errors
/// BAD_USER_INPUT for a mode that the settings do not have.
pub fn simulate(
    settings: &Settings,
    mode: Option<&str>,
    plan: &simulate::Plan,
    progress: impl Fn(i64),
) -> Result<simulate::Report> {
    let catalog = catalog(settings);
    Ok(simulate::run(named_mode(&catalog, mode)?, plan, progress))
}

/// The mode that a command names, or the first.
fn named_mode<'a>(catalog: &'a Catalog, mode: Option<&str>) -> Result<&'a Mode> {
    let known: Vec<_> = catalog.modes().iter().map(|mode| mode.id.as_str()).collect();
    let found = catalog.mode(mode.unwrap_or(known[0])).map(AsRef::as_ref);
    found.ok_or_else(|| {
        Error::bad_input("--mode", format!("there is no such mode; there are {}", known.join(", ")))
    })
}

/// The rules that the settings describe.
fn catalog(settings: &Settings) -> Catalog {
    let matchmaking = &settings.matchmaking;
    let modes = settings.modes.0.iter().map(|mode| Mode {
        id: ModeId::new(&mode.id),
        name: mode.name.clone(),
        ready_check_ms: i64::from(mode.ready_check_seconds) * 1000,
        start_deadline_ms: i64::from(mode.start_deadline_seconds) * 1000,
        play_deadline_ms: i64::from(mode.play_deadline_seconds) * 1000,
        spectator_delay_ms: i64::from(mode.spectator_delay_seconds) * 1000,
        pairing: pairing_rules(matchmaking, mode.team_size, mode.team_count),
        rating: RatingParams {
            start_mmr: mode.rating.start_mmr,
            start_deviation: mode.rating.start_deviation,
            start_volatility: mode.rating.start_volatility,
            tau: mode.rating.tau,
            period_days: mode.rating.period_days,
            team_share: mode.rating.team_share,
            team_scale: mode.rating.team_scale,
            guard: Guard {
                streak: mode.rating.guard_streak,
                deviation: mode.rating.guard_deviation,
                chance_below: mode.rating.guard_chance_below,
            },
        },
    });
    let regions = settings
        .regions
        .0
        .iter()
        .map(|region| Region { id: RegionId::new(&region.id), name: region.name.clone() });
    let ladder = ladder_rules(&settings.ladder);
    Catalog::new(modes.collect(), regions.collect(), ladder)
}
