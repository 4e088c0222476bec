//! Deletes what is too old to be kept, of all companies.

use std::time::Duration;

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures::future::BoxFuture;
use serde_json::json;

use crate::accounts::sessions;
use crate::application::idempotency;
use crate::commerce::imports;
use crate::mail;
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Service, Summary};

const EVERY: Duration = Duration::from_secs(600);

/// The service `pruning`.
#[derive(Debug)]
pub struct Pruning {
    /// As the log-in of the services.
    pub database: Database,
    pub idempotency_retention_hours: i32,
    pub import_retention_days: i32,
    pub mail_retention_days: i32,
}

impl Pruning {
    async fn prune(&self, run: &Run) -> Result<Summary, Fault> {
        let mut reached = None;
        let mut records = 0;
        loop {
            let hours = self.idempotency_retention_hours;
            let (end, batch) = self.fenced(run, |c| Box::pin(idempotency::prune(c, hours, reached))).await?;
            (reached, records) = (end, records + batch);
            if batch < idempotency::PRUNE_BATCH || run.stop().is_cancelled() {
                break;
            }
        }
        let sessions = self.batches(run, sessions::PRUNE_BATCH, |c| Box::pin(sessions::prune(c))).await?;
        let days = self.import_retention_days;
        let imports = self.batches(run, imports::PRUNE_BATCH, |c| Box::pin(imports::prune(c, days))).await?;
        let days = self.mail_retention_days;
        let emails = self.batches(run, mail::PRUNE_BATCH, |c| Box::pin(mail::prune(c, days))).await?;
        let figures = json!({ "idempotency_records": records, "sessions": sessions, "imports": imports, "emails": emails });
        Ok(Summary::of(figures))
    }

    /// Deletes batch after batch, each in a transaction of its own, until one is not full.
    async fn batches(
        &self,
        run: &Run,
        full: i64,
        delete: impl for<'c> Fn(&'c mut AsyncPgConnection) -> BoxFuture<'c, QueryResult<i64>> + Copy + Send + Sync,
    ) -> Result<i64, Fault> {
        let mut deleted = 0;
        loop {
            let batch = self.fenced(run, delete).await?;
            deleted += batch;
            if batch < full || run.stop().is_cancelled() {
                return Ok(deleted);
            }
        }
    }

    async fn fenced<T: Send + Sync>(
        &self,
        run: &Run,
        work: impl for<'c> FnOnce(&'c mut AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send + Sync,
    ) -> Result<T, Fault> {
        let mut connection = self.database.connection().await.map_err(Fault::new)?;
        run.fenced(&mut connection, work).await
    }
}

impl Service for Pruning {
    fn describe(&self) -> Description {
        let about = "Deletes old idempotency records, sessions, tokens, imports and e-mails of all companies";
        Description::every("pruning", about, EVERY).at_start().one_of_all()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.prune(run))
    }
}
