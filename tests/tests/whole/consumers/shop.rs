//! A shop that listens to orders: a database of its own, and workers in one of the languages of docs/consumers.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    Daemon, TestDatabase, World, command, committed_events, connect, jdbc, root, run, until,
};
use comptoir_tests::ledger::Fate;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use tokio_postgres::Client;

/// For an idle machine; a first run of a language installs its packages.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);
pub(super) const LIMIT: Duration = Duration::from_secs(60);
pub(super) const QUEUE: &str = "shop";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Python,
    Node,
    Java,
}

impl Language {
    /// The program, with the packages that it needs.
    async fn command(self) -> Result<Command> {
        let (name, file) = match self {
            Self::Rust => return command("example-consumer"),
            Self::Python => ("python", "consumer.py"),
            Self::Node => ("node", "consumer.mjs"),
            Self::Java => ("java", "Consumer.java"),
        };
        let script = root().join("deploy/example");
        let mut install = Command::new(&script);
        install.arg(name);
        let exit = run(install, INSTALL_LIMIT).await?;
        ensure!(exit.code == Some(0), "deploy/example {name}: {exit:?}");
        let mut command = Command::new(script);
        command.arg(name).arg(root().join("docs/consumers").join(name).join(file));
        Ok(command)
    }
}

/// What the consumers wrote down about one message.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) message_id: String,
    pub(super) version: i64,
    pub(super) late: bool,
}

#[derive(Debug)]
pub(super) struct Shop<'a> {
    world: &'a World,
    language: Language,
    partitions: usize,
    // Dropped with this value.
    _database: TestDatabase,
    pub(super) url: String,
    pub(super) sql: Client,
    /// Of the relay's side.
    outbox: Client,
    /// Of the orders that were written: the last version.
    versions: BTreeMap<String, i64>,
}

impl<'a> Shop<'a> {
    pub(super) async fn open(world: &'a World, language: Language, partitions: usize) -> Result<Self> {
        let database = TestDatabase::empty(&world.services).await?;
        let sql = connect(&database.url).await?;
        sql.batch_execute(&std::fs::read_to_string(root().join("docs/consumers/schema.sql"))?).await?;
        let url = database.url.clone();
        let outbox = world.sql().await?;
        Ok(Self {
            world,
            language,
            partitions,
            _database: database,
            url,
            sql,
            outbox,
            versions: BTreeMap::new(),
        })
    }

    /// Starts two workers for each queue.
    pub(super) async fn workers(&self) -> Result<Vec<Daemon>> {
        let mut workers = Vec::new();
        for number in 0..2 * self.partitions {
            workers.push(self.worker(number, &[]).await?);
        }
        until("the workers to read", LIMIT, async || {
            let quiet = workers.iter().filter(|worker| !worker.output().contains("reading ")).count();
            ensure!(quiet == 0, "{quiet} do not");
            Ok(())
        })
        .await?;
        Ok(workers)
    }

    /// Starts the worker of this number: it reads the queue of that number, where there are several.
    pub(super) async fn worker(&self, number: usize, environment: &[(&str, &str)]) -> Result<Daemon> {
        let mut command = self.language.command().await?;
        command
            .env("AMQP_URL", &self.world.vhost().url)
            .env("DATABASE_URL", &self.url)
            .env("JDBC_URL", jdbc(&self.url)?)
            .env("QUEUE", QUEUE)
            .env("PARTITIONS", self.partitions.to_string())
            .env("PARTITION", (number % self.partitions).to_string())
            .envs(environment.iter().copied());
        self.world.start(&format!("worker-{number}"), &mut command)
    }

    /// Writes one more event of each of these orders, in one transaction.
    pub(super) async fn write(&mut self, orders: usize) -> Result<()> {
        const TYPES: [&str; 4] = ["order.placed", "order.confirmed", "order.shipped", "order.delivered"];
        let mut statement = String::from(
            "INSERT INTO outbox_events (aggregate_type, aggregate_id, aggregate_version, event_type, payload) VALUES ",
        );
        for number in 0..orders {
            let order = format!("order-{number}");
            let version = self.versions.entry(order.clone()).or_default();
            *version += 1;
            let event_type = TYPES[usize::try_from(*version - 1)? % TYPES.len()];
            let comma = if number == 0 { "" } else { ", " };
            statement.push_str(&format!(
                r#"{comma}('order', '{order}', {version}, '{event_type}', '{{"gross_total": "12.50", "a_new_member": 1}}')"#
            ));
        }
        Ok(self.outbox.batch_execute(&statement).await?)
    }

    pub(super) fn written(&self) -> i64 {
        self.versions.values().sum()
    }

    /// How many different messages were applied.
    pub(super) async fn distinct(&self) -> Result<i64> {
        Ok(self.sql.query_one("SELECT count(DISTINCT message_id) FROM applied", &[]).await?.get(0))
    }

    pub(super) async fn have_applied(&self, messages: i64) -> Result<()> {
        until(format!("{messages} messages to be applied"), LIMIT, async || {
            let applied = self.distinct().await?;
            ensure!(applied >= messages, "{applied} were");
            Ok(())
        })
        .await
    }

    /// By order, and in the order in which they were applied.
    pub(super) async fn applied(&self) -> Result<HashMap<String, Vec<Applied>>> {
        let mut applied: HashMap<String, Vec<Applied>> = HashMap::new();
        for row in self
            .sql
            .query("SELECT order_id, message_id, aggregate_version, late FROM applied ORDER BY number", &[])
            .await?
        {
            let entry = Applied { message_id: row.get(1), version: row.get(2), late: row.get(3) };
            applied.entry(row.get(0)).or_default().push(entry);
        }
        Ok(applied)
    }

    /// The number of messages that wait in a queue.
    pub(super) async fn waiting_in(&self, queue: &str) -> Result<u32> {
        let connection =
            Connection::connect(&self.world.vhost().url, ConnectionProperties::default()).await?;
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let channel = connection.create_channel().await?;
        Ok(channel.queue_declare(queue.into(), passive, FieldTable::default()).await?.message_count())
    }

    /// Everything that was published was applied, once, and in the order of each aggregate.
    pub(super) async fn is_sound(&self) -> Result<()> {
        // A message can be applied before the relay has written down that it is published.
        self.world.drained(LIMIT).await?;
        let (mut complaints, mut ids) = (Vec::new(), HashMap::new());
        for (order, applied) in self.applied().await? {
            let expected: Vec<i64> = (1..=self.versions.get(&order).copied().unwrap_or_default()).collect();
            let versions: Vec<i64> = applied.iter().map(|entry| entry.version).collect();
            if let Some(wrong) =
                versions.iter().zip(&expected).position(|(version, expected)| version != expected)
            {
                let around = &versions[wrong.saturating_sub(2)..(wrong + 4).min(versions.len())];
                complaints.push(format!("{order}: applied … {around:?} …"));
            }
            if versions.len() != expected.len() {
                complaints.push(format!("{order}: {} were applied, of {}", versions.len(), expected.len()));
            }
            if applied.iter().any(|entry| entry.late) {
                complaints.push(format!("{order}: the consumer itself saw an event after a later one"));
            }
            for entry in applied {
                *ids.entry(entry.message_id).or_insert(0) += 1;
            }
        }
        let twice = ids.values().filter(|times| **times > 1).count();
        let committed = committed_events(&self.outbox).await?;
        let lost = committed.iter().filter(|event| !ids.contains_key(&event.id.to_string())).count();
        let unpublished = committed.iter().filter(|event| event.fate != Fate::Published).count();
        if twice + lost + unpublished > 0 || ids.len() != committed.len() {
            let counts =
                format!("{} committed, {unpublished} not published, {} applied", committed.len(), ids.len());
            complaints.push(format!("{counts}: {lost} lost, {twice} applied more than once"));
        }
        let wrong: i64 = self
            .sql
            .query_one("SELECT count(*) FROM orders_seen WHERE events <> aggregate_version", &[])
            .await?
            .get(0);
        if wrong > 0 {
            complaints.push(format!("{wrong} orders with a wrong count of events"));
        }
        let dead = self.waiting_in(&format!("{QUEUE}.dead-letters")).await?;
        if dead > 0 {
            complaints.push(format!("{dead} dead letters"));
        }
        complaints.truncate(8);
        ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
        Ok(())
    }

    /// How many processes applied something.
    pub(super) async fn processes(&self) -> Result<i64> {
        let row = self.sql.query_one("SELECT count(DISTINCT worker) FROM applied", &[]).await?;
        row.try_get(0).context("no count")
    }
}
