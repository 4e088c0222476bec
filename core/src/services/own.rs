//! Services that every program has: they look after the others, and after what is measured.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::actions::{ActionKind, NoParameters};
use super::contract::{Description, Fault, OnFailure, Service, Summary};
use super::plain::Plain;
use super::run::{Call, Run};
use super::store::{commands, events, processes};
use crate::outbox::Sending;
use crate::platform::database::{self, DatabaseConfig, Migrations};
use crate::platform::telemetry::MetricsHandle;

/// How often recorded values are folded into their buckets.
const METRICS_EVERY: Duration = Duration::from_secs(5);
/// How often services are asked how they are.
const EXAMINE_EVERY: Duration = Duration::from_secs(5);

/// Commands that ended are kept for so many days: they tell who asked for what.
const COMMANDS_DAYS: i64 = 30;
/// The most commands that one run deletes.
const COMMANDS_PER_RUN: i64 = 10_000;
/// Events are for those who listen when they happen.
const EVENTS_AGE: &str = "10 minutes";
/// A process that was not seen for an hour does not come back.
const GONE_MS: i64 = 3_600_000;

/// The service `metrics`: without it, recorded values would pile up while Prometheus does not scrape.
pub fn metrics_upkeep(handle: MetricsHandle) -> impl Service {
    let about = "Folds recorded values into the buckets of histograms";
    Plain::new(Description::every("metrics", about, METRICS_EVERY).quiet(), move || {
        handle.run_upkeep();
        async { Ok(Summary::done()) }
    })
}

/// The service `notifier`: wakes the relay after commits.
pub fn notifier(sending: Sending) -> impl Service {
    let (about, sending) = ("Wakes the relay after commits", Arc::new(sending));
    Plain::new(Description::continuous("notifier", about), move || {
        let sending = Arc::clone(&sending);
        async move {
            sending.send().await;
            Ok(Summary::finished())
        }
    })
}

/// The service `schema`: says in the log, when the program starts, if the database is not reached or not up to date. Programs start
/// all the same: it may come later.
pub fn schema_check(database: DatabaseConfig, migrations: Migrations, migrate: &'static str) -> impl Service {
    let about = "Looks whether the database is reached and up to date";
    let limit = Duration::from_millis(database.connect_timeout_ms) + Duration::from_secs(5);
    Plain::new(Description::start_up("schema", about, 10, limit, OnFailure::Continue), move || {
        let database = database.clone();
        async move {
            database::first_look(database, migrations, migrate)
                .await
                .map(|()| Summary::done())
                .map_err(Fault::new)
        }
    })
}

/// The service `health`: asks all services of this process how they are.
#[derive(Debug)]
pub(super) struct HealthProbe;

impl Service for HealthProbe {
    fn describe(&self) -> Description {
        let about = "Asks the services of its process how they are";
        let action =
            ActionKind::new::<NoParameters>("force-probe", "Asks them now, and answers what they say");
        Description::every("health", about, EXAMINE_EVERY).at_start().quiet().action(action.repeatable())
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        run.services().examine();
        Box::pin(async { Ok(Summary::done()) })
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            call.parameters::<NoParameters>()?;
            call.services().examine();
            serde_json::to_value(call.services().health()).map_err(Fault::new)
        })
    }
}

/// The service `services_upkeep`.
#[derive(Debug)]
pub(super) struct Upkeep {
    database: DatabaseConfig,
}

impl Upkeep {
    pub(super) fn new(database: DatabaseConfig) -> Self {
        Self { database }
    }

    async fn clean(&self, run: &Run) -> Result<Summary, Fault> {
        let mut connection = database::connect(&self.database).await.map_err(Fault::new)?;
        let [commands, events, processes] = run
            .fenced(&mut connection, |connection| {
                Box::pin(async move {
                    Ok([
                        commands::forget(connection, COMMANDS_DAYS, COMMANDS_PER_RUN).await?,
                        events::forget(connection, EVENTS_AGE).await?,
                        processes::forget(connection, GONE_MS).await?,
                    ])
                })
            })
            .await?;
        Ok(Summary::of(json!({ "commands": commands, "events": events, "processes": processes })))
    }
}

impl Service for Upkeep {
    fn describe(&self) -> Description {
        let about = "Deletes old commands and events of services, and processes that have gone";
        Description::every("services_upkeep", about, Duration::from_secs(600)).at_start().one_of_all()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.clean(run))
    }
}
