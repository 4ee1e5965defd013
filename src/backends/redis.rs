//! The way to Redis (or Valkey), alone or a cluster: one connection that heals, answers awaited for a moment only, and no
//! asking at all for a while after it said nothing, so that an outage slows nobody down.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{
    Client, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, PubSub},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::{sync::Mutex, time::timeout};
use tracing::Instrument;

use crate::{
    config::RedisSettings,
    error::{Error, Result},
};

/// How long nobody asks after an answer did not come.
const REST: Duration = Duration::from_millis(500);

/// A connection to one Redis or to a cluster of them.
#[derive(Clone)]
pub enum Connection {
    /// To one.
    Single(ConnectionManager),
    /// To a cluster.
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

struct Way {
    /// One client a node; a Redis alone is one node.
    nodes: Vec<Client>,
    cluster: Option<ClusterClient>,
    connection: Mutex<Option<Connection>>,
    prefix: String,
    limit: Duration,
    began: Instant,
    /// Milliseconds since `began` until which nobody asks.
    rests_until: AtomicU64,
}

/// See the module.
#[derive(Clone)]
pub struct Redis(Arc<Way>);

impl Redis {
    /// Prepares the way; nothing is connected yet, so that a server starts while Redis is away.
    ///
    /// # Errors
    /// When the URL cannot be understood.
    pub fn new(url: &str, settings: &RedisSettings) -> Result<Self> {
        let limit = Duration::from_millis(settings.timeout_ms);
        let wrong = |error: RedisError| Error::internal(format!("REDIS_URL: {error}"));
        let urls = nodes_of(url);
        let nodes: RedisResult<Vec<_>> =
            urls.iter().map(|url| Client::open(url.as_str())).collect();
        let nodes = nodes.map_err(wrong)?;
        let cluster = if url.contains("+cluster://") {
            let builder = ClusterClient::builder(urls)
                .connection_timeout(limit)
                .response_timeout(limit)
                .retries(2);
            Some(builder.build().map_err(wrong)?)
        } else {
            None
        };
        Ok(Self(Arc::new(Way {
            nodes,
            cluster,
            connection: Mutex::default(),
            prefix: settings.prefix.clone(),
            limit,
            began: Instant::now(),
            rests_until: AtomicU64::new(0),
        })))
    }

    /// A key or channel of this installation.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// A part of a key: what has the same part is on the same node of a cluster, as a script that touches several keys
    /// needs it. A Redis alone needs no sign of that.
    pub fn together(&self, part: &str) -> String {
        if self.0.cluster.is_some() { format!("{{{part}}}") } else { part.to_owned() }
    }

    async fn connection(&self) -> RedisResult<Connection> {
        let way = &self.0;
        let mut held = way.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let connection = if let Some(cluster) = &way.cluster {
            Connection::Cluster(cluster.get_async_connection().await?)
        } else {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(1)
                .set_min_delay(Duration::from_millis(20))
                .set_connection_timeout(Some(way.limit))
                .set_response_timeout(Some(way.limit));
            let node = way.nodes[0].clone();
            Connection::Single(ConnectionManager::new_lazy_with_config(node, config)?)
        };
        *held = Some(connection.clone());
        Ok(connection)
    }

    /// Asks, and gives up when no answer comes.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when Redis is away, or was a moment ago.
    pub async fn ask<T, F>(
        &self,
        what: &'static str,
        ask: impl FnOnce(Connection) -> F,
    ) -> Result<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let way = &self.0;
        if self.ms() < way.rests_until.load(Ordering::Relaxed) {
            return Err(Error::Unavailable { what: "redis", source: None });
        }
        let asked = Instant::now();
        let span = tracing::debug_span!("redis", what);
        let answer = async { ask(self.connection().await?).await }.instrument(span);
        let answer = timeout(way.limit, answer).await;
        let seconds = asked.elapsed().as_secs_f64();
        metrics::histogram!("rankedhonor_redis_seconds", "what" => what).record(seconds);
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Error::unavailable("redis", error),
            Err(late) => Error::unavailable("redis", late),
        };
        metrics::counter!("rankedhonor_redis_errors_total", "what" => what).increment(1);
        // A connection on which nothing comes back may be one that never will: the next question takes a new one.
        self.0.connection.lock().await.take();
        let rest = u64::try_from(REST.as_millis()).unwrap_or(0);
        way.rests_until.store(self.ms() + rest, Ordering::Relaxed);
        Err(error)
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long an answer is awaited.
    pub fn limit(&self) -> Duration {
        self.0.limit
    }

    /// A connection that listens: to any node, for a cluster tells all its nodes.
    ///
    /// # Errors
    /// When no node answers.
    pub async fn listener(&self) -> Result<PubSub> {
        let mut last = None;
        for node in &self.0.nodes {
            match timeout(self.0.limit, node.get_async_pubsub()).await {
                Ok(Ok(listener)) => return Ok(listener),
                Ok(Err(error)) => last = Some(Error::unavailable("redis", error)),
                Err(late) => last = Some(Error::unavailable("redis", late)),
            }
        }
        Err(last.unwrap_or(Error::Unavailable { what: "redis", source: None }))
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.ask("ping", |mut connection| async move {
            redis::cmd("PING").query_async::<String>(&mut connection).await
        })
        .await
        .map(drop)
    }
}

/// The nodes that a URL names: `redis+cluster://user:password@one:6379,two:6379` are two with the same credentials.
fn nodes_of(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("+cluster://") else { return vec![url.to_owned()] };
    let (credentials, hosts) =
        rest.rsplit_once('@').map_or(("", rest), |(who, hosts)| (who, hosts));
    let at = if credentials.is_empty() { "" } else { "@" };
    hosts.split(',').map(|host| format!("{scheme}://{credentials}{at}{host}")).collect()
}

#[cfg(test)]
mod tests {
    use super::nodes_of;

    #[test]
    fn a_cluster_url_names_each_node() {
        assert_eq!(nodes_of("redis://:pw@one:1/2"), ["redis://:pw@one:1/2"]);
        assert_eq!(
            nodes_of("rediss+cluster://me:pw@one:1,two:2"),
            ["rediss://me:pw@one:1", "rediss://me:pw@two:2"]
        );
        assert_eq!(nodes_of("redis+cluster://one:1"), ["redis://one:1"]);
    }
}
