//! Deletes what the tables of services need no more.

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::json;

use super::contract::{Description, Fault, Service, Summary};
use super::run::Run;
use super::store::{commands, events, leases, processes};
use crate::platform::database::{self, DatabaseConfig};
use diesel_async::{AsyncConnection, AsyncPgConnection};

/// Commands that ended are kept for so many days: they tell who asked for what.
const COMMANDS_DAYS: i64 = 30;
/// The most commands that one run deletes.
const COMMANDS_PER_RUN: i64 = 10_000;
/// Events are for those who listen when they happen.
const EVENTS_AGE: &str = "10 minutes";
/// A process that was not seen for an hour does not come back.
const GONE_MS: i64 = 3_600_000;

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
        let Some(fence) = run.fence() else { return Err(Fault::new("it has no lease")) };
        let deleted: Option<[usize; 3]> = connection
            .transaction(async |connection: &mut AsyncPgConnection| {
                if !leases::hold(connection, fence).await? {
                    return Ok(None);
                }
                Ok::<_, diesel::result::Error>(Some([
                    commands::forget(connection, COMMANDS_DAYS, COMMANDS_PER_RUN).await?,
                    events::forget(connection, EVENTS_AGE).await?,
                    processes::forget(connection, GONE_MS).await?,
                ]))
            })
            .await
            .map_err(Fault::new)?;
        let Some([commands, events, processes]) = deleted else {
            return Err(Fault::new("its lease was lost"));
        };
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
