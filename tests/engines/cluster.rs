//! Several instances on the same engines.

use rankedhonor::config::Config;

use crate::{
    engine::Engine,
    support::{Process, engines::patient},
};

/// A configuration on that database.
pub fn config_on(database_url: &str) -> Config {
    let dir = tempfile::tempdir().unwrap().keep();
    let mut config = Config::load(|name| match name {
        "RANKEDHONOR_DATA_DIR" => Some(dir.to_str().unwrap().to_owned()),
        "DATABASE_URL" => Some(database_url.to_owned()),
        _ => None,
    })
    .unwrap();
    // On a busy machine everything takes as long as it takes.
    config.settings.limits.request_timeout_ms = 30_000;
    config.settings.sql.acquire_timeout_ms = 10_000;
    config.settings.sql.statement_timeout_ms = 10_000;
    config
}

/// The engines that instances share.
pub struct Cluster {
    pub sql: Engine,
    pub redis: Option<Engine>,
    pub mongodb: Option<Engine>,
    pub database_url: String,
}

impl Cluster {
    /// A database server of that kind, with Redis and MongoDB.
    pub async fn start(sql: &'static str) -> Self {
        let (mut sql, redis, mongodb) =
            tokio::join!(Engine::start(sql), Engine::start("redis"), Engine::start("mongodb"));
        let database_url = Self::database(&mut sql).await;
        Self { sql, redis: Some(redis), mongodb: Some(mongodb), database_url }
    }

    /// A database server of that kind, alone.
    pub async fn bare(sql: &'static str) -> Self {
        let mut sql = Engine::start(sql).await;
        let database_url = Self::database(&mut sql).await;
        Self { sql, redis: None, mongodb: None, database_url }
    }

    async fn database(sql: &mut Engine) -> String {
        sql.database("rankedhonor").await
    }

    /// What its instances have in their environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![("DATABASE_URL", self.database_url.clone())];
        environment.extend(self.redis.as_ref().map(|redis| ("REDIS_URL", redis.url())));
        environment.extend(self.mongodb.as_ref().map(|mongodb| ("MONGODB_URL", mongodb.url())));
        environment
    }

    /// Starts an instance.
    pub async fn instance(&self, settings: &str) -> Process {
        Process::start_beside(settings, &self.environment()).await
    }

    /// Starts an instance that waits for its engines and its clients as long as they take on a busy machine.
    pub async fn patient(&self, settings: &str) -> Process {
        self.instance(&patient(settings)).await
    }
}
