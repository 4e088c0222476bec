//! The stage on which faults happen: relay replicas, each behind proxies of its own, between servers that may be killed.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use tokio::sync::Mutex;

use crate::harness::{
    Consumer, PrivateServices, Proxy, QueueOptions, Relay, Services, World, address, until, with_address,
};

use super::fault::Side;

/// Short timeouts, so that a fault of a few seconds is noticed; the defaults for production would outlast it.
const IMPATIENT: [(&str, &str); 4] = [
    ("COMPTOIR__BROKER__HEARTBEAT_SECONDS", "2"),
    ("COMPTOIR__BROKER__CONFIRM_TIMEOUT_MS", "4000"),
    ("COMPTOIR__BROKER__CONNECT_TIMEOUT_MS", "3000"),
    ("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "4000"),
];

/// The parts of a stage.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub replicas: usize,
    /// Whether the stage has a broker of its own, for faults of a whole broker.
    pub private_broker: bool,
    /// Whether the stage has a database server of its own.
    pub private_database: bool,
    /// A folder in which the programs' output is kept.
    pub logs: Option<PathBuf>,
    /// Environment variables for one replica each, from the first on.
    pub environments: Vec<Vec<(String, String)>>,
}

/// One of the replicas: its proxies stay when the process is replaced.
#[derive(Debug)]
pub struct Replica {
    pub(super) relay: Mutex<Relay>,
    broker: Link,
    database: Link,
    environment: Vec<(String, String)>,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) proxy: Proxy,
    /// Permits one fault at a time.
    pub(super) at_fault: Mutex<()>,
}

impl Link {
    async fn to(url: &str) -> Result<Self> {
        Ok(Self { proxy: Proxy::start(address(url)?).await?, at_fault: Mutex::new(()) })
    }
}

impl Replica {
    pub(super) fn link(&self, side: Side) -> &Link {
        match side {
            Side::Broker => &self.broker,
            Side::Database => &self.database,
        }
    }

    pub async fn pid(&self) -> u32 {
        self.relay.lock().await.daemon.pid()
    }

    /// # Errors
    /// Fails if the process is gone.
    pub async fn signal(&self, signal: Signal) -> Result<()> {
        self.relay.lock().await.daemon.signal(signal)
    }

    pub(super) fn launch(&self, world: &World) -> Result<Relay> {
        launch(world, &self.environment)
    }
}

fn launch(world: &World, environment: &[(String, String)]) -> Result<Relay> {
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Relay::launch(world, &environment)
}

// Fields are dropped in this order: programs before the database that they use, the database before its server.
#[derive(Debug)]
pub struct Stage {
    pub replicas: Vec<Replica>,
    pub consumer: Consumer,
    pub world: World,
    pub(super) broker: Option<Mutex<PrivateServices>>,
    pub(super) database: Option<Mutex<PrivateServices>>,
}

impl Stage {
    /// Starts servers, replicas and the consumer, and waits until the replicas share the shards.
    ///
    /// # Errors
    /// Fails if something cannot be started.
    pub async fn set(options: Options) -> Result<Self> {
        let (broker, database) = (options.private_broker, options.private_database);
        let (broker, database) = tokio::task::spawn_blocking(move || -> Result<_> {
            let broker = broker.then(|| PrivateServices::start_rabbitmq("")).transpose()?;
            Ok((broker, database.then(PrivateServices::start_postgres).transpose()?))
        })
        .await??;
        let mut services = Services::shared()?;
        if let Some(broker) = &broker {
            services = broker.services.clone();
        }
        if let Some(database) = &database {
            services.database_url.clone_from(&database.services.database_url);
            services.superuser_url.clone_from(&database.services.superuser_url);
            services.postgres_pid = database.services.postgres_pid;
        }
        let mut world = match options.logs {
            Some(logs) => World::lasting(services, logs).await?,
            None => World::new(services).await?,
        };
        // A virtual host or database on a server of the stage's own is removed together with the server.
        if broker.is_some() {
            world.keep_vhost();
        }
        if database.is_some() {
            world.database.keep();
        }
        let queue = QueueOptions { keep_messages: false, ..QueueOptions::default() };
        let consumer = Consumer::attach(&world.vhost().url, queue).await?;
        let mut replicas = Vec::with_capacity(options.replicas);
        for number in 0..options.replicas {
            let own = options.environments.get(number).cloned().unwrap_or_default();
            replicas.push(replica(&world, own).await?);
        }
        let stage = Self {
            replicas,
            consumer,
            world,
            broker: broker.map(Mutex::new),
            database: database.map(Mutex::new),
        };
        stage.settled(Duration::from_secs(60)).await?;
        Ok(stage)
    }

    /// Waits until every replica is live and the live replicas hold all shards in equal shares.
    ///
    /// # Errors
    /// Fails at the deadline, or if a replica ended by itself.
    pub async fn settled(&self, limit: Duration) -> Result<()> {
        until("the replicas to share the shards", limit, async || {
            for (number, replica) in self.replicas.iter().enumerate() {
                let mut relay = replica.relay.lock().await;
                if let Some(status) = relay.daemon.ended()? {
                    return Ok(Err(format!("replica {number} ended by itself ({status})")));
                }
            }
            self.shared_evenly().await?;
            Ok(Ok(()))
        })
        .await?
        .map_err(anyhow::Error::msg)
    }

    async fn shared_evenly(&self) -> Result<()> {
        let rows = self
            .world
            .sql()
            .await?
            .query(
                "SELECT count(*) FROM relay_shards JOIN relay_replicas ON owner = id
                 WHERE expires_at > now() AND last_seen_at > now() - interval '2 seconds' GROUP BY id",
                &[],
            )
            .await?;
        let shares: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        let fair = i64::try_from(64_usize.div_ceil(self.replicas.len()))?;
        let all = shares.len() == self.replicas.len() && shares.iter().sum::<i64>() == 64;
        ensure!(all && shares.iter().all(|share| *share <= fair), "the replicas hold {shares:?} shards");
        Ok(())
    }

    /// Waits until all events that are committed now are settled: no shard, aggregate or event is stuck. Must be called while
    /// no fault lasts.
    ///
    /// # Errors
    /// Fails if none of these events was settled for as long as the limit; names the ones that are stuck. The limit does not
    /// cover all of them, because the total time depends on the machine and on the load, which goes on.
    pub async fn recovered(&self, limit: Duration) -> Result<()> {
        self.settled(limit).await?;
        let sql = self.world.sql().await?;
        let last: i64 = sql.query_one("SELECT coalesce(max(seq), 0) FROM outbox_events", &[]).await?.get(0);
        let mut before = i64::MAX;
        while before > 0 {
            before = until("the events of the fault to be published", limit, async || {
                let row = sql
                    .query_one(
                        "SELECT count(*), coalesce(string_agg(DISTINCT shard::text, ', '), '')
                         FROM outbox_events WHERE seq <= $1",
                        &[&last],
                    )
                    .await?;
                let (left, shards): (i64, String) = (row.get(0), row.get(1));
                ensure!(left < before, "{left} events are left, in the shards {shards}");
                Ok(left)
            })
            .await?;
        }
        Ok(())
    }

    pub(super) fn private_broker(&self) -> Result<&Mutex<PrivateServices>> {
        self.broker.as_ref().context("this fault needs a broker of the stage's own")
    }

    pub(super) fn private_database(&self) -> Result<&Mutex<PrivateServices>> {
        self.database.as_ref().context("this fault needs a database server of the stage's own")
    }

    /// Starts the server again, on the same ports.
    pub(super) async fn restart(&self, server: &mut PrivateServices) -> Result<()> {
        let before = server.services.clone();
        tokio::task::block_in_place(|| server.start())?;
        let after = &server.services;
        if (&before.amqp_url, &before.database_url) != (&after.amqp_url, &after.database_url) {
            bail!("a server came back on another port: somebody took its own meanwhile");
        }
        Ok(())
    }
}

async fn replica(world: &World, own: Vec<(String, String)>) -> Result<Replica> {
    let (broker, database) = (Link::to(&world.vhost().url).await?, Link::to(&world.database.url).await?);
    let mut environment: Vec<(String, String)> =
        IMPATIENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    environment.push(("AMQP_URL".to_owned(), with_address(&world.vhost().url, &broker.proxy.address())?));
    environment.push((
        "DATABASE_URL".to_owned(),
        with_address(&world.database.relay_url, &database.proxy.address())?,
    ));
    environment.extend(own);
    let relay = Mutex::new(launch(world, &environment)?);
    Ok(Replica { relay, broker, database, environment })
}
