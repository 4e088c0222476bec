//! Verifies the audit trail every night, so that a change of it does not wait for somebody who asks.

use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use serde_json::json;

use super::{Anchors, verify};
use crate::platform::database::DatabaseConfig;
use crate::services::{Description, Fault, Run, Schedule, ScheduleError, Service, Summary};

/// 03:10 UTC, when few write.
const NIGHTLY: &str = "10 3 * * *";

/// The service `audit_verification`. A trail that is broken makes it fail, and with it the health of its process.
#[derive(Debug)]
pub struct Verification {
    /// As the log-in of the services.
    database: DatabaseConfig,
    schedule: Schedule,
    /// Where each chain ended when it was verified last in this process: a chain that was cut off since is found.
    known: Mutex<Option<Anchors>>,
}

impl Verification {
    /// # Errors
    /// Never: the schedule is one.
    pub fn new(database: DatabaseConfig) -> Result<Self, ScheduleError> {
        Ok(Self { database, schedule: Schedule::cron(NIGHTLY)?, known: Mutex::default() })
    }

    async fn verify(&self, run: &Run) -> Result<Summary, Fault> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let told = |rows, total| run.progress(rows, Some(total));
        let report = verify(&self.database, None, known.as_ref(), told).await.map_err(Fault::new)?;
        if let Some(first) = report.broken.first() {
            run.tell("broken", json!({ "chains": report.broken.len() }));
            let others = report.broken.len() - 1;
            return Err(Fault::new(format_args!(
                "the audit trail is broken: {first} ({others} more chains); see `api audit verify`"
            )));
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.anchors());
        Ok(Summary::of(json!({ "rows": report.rows, "chains": report.heads.len() })))
    }
}

impl Service for Verification {
    fn describe(&self) -> Description {
        let about = "Verifies the chains of the audit trail";
        Description::at("audit_verification", about, self.schedule.clone()).one_of_all()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.verify(run))
    }
}
