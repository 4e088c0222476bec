//! The service that tells of levels which change more often than is told of them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

use super::aggregate::TOLD_EVERY_MS;
use super::commands::TellLevels;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::unit_of_work::Executor;
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Service, Summary};
use crate::values::ids::{StockId, TenantId};

const NAME: &str = "stock_levels";
const EVERY: Duration = Duration::from_millis(TOLD_EVERY_MS.unsigned_abs());
/// Levels in one batch.
const BATCH: i64 = 500;

crate::statement! {
    struct Untold<'a> { told_before: DateTime<Utc> => Timestamptz, most: i64 => BigInt } -> (SqlUuid, SqlUuid)
    = "SELECT tenant_id, id FROM untold_stock($1, $2)"
}

/// The service `stock_levels`.
#[derive(Debug)]
pub struct StockLevels {
    /// As the log-in of the services.
    pub database: Database,
    pub executor: Executor,
}

impl StockLevels {
    async fn tell(&self, run: &Run) -> Result<Summary, Fault> {
        let mut told = 0;
        loop {
            let due = self.due().await.map_err(Fault::new)?;
            let full = i64::try_from(due.len()).is_ok_and(|number| number == BATCH);
            let mut rest = due.as_slice();
            while let Some((tenant, _)) = rest.first() {
                let (of_tenant, others) = rest.split_at(rest.partition_point(|(other, _)| other == tenant));
                let ids = of_tenant.iter().map(|(_, id)| *id).collect();
                let context = RequestContext::of_service(NAME, *tenant);
                told += self.executor.run(context, TellLevels { ids }).await.map_err(Fault::new)?;
                rest = others;
            }
            if !full || run.stop().is_cancelled() {
                return Ok(Summary::of(json!({ "told": told })));
            }
        }
    }

    /// Returns levels of which something can be told by now, by tenant.
    async fn due(&self) -> Result<Vec<(TenantId, StockId)>, Error> {
        let told_before = Utc::now() - TimeDelta::milliseconds(TOLD_EVERY_MS);
        let mut connection = self.database.connection().await?;
        let due: Vec<(Uuid, Uuid)> = Untold::new(told_before, BATCH).load(&mut connection).await?;
        let due = due.into_iter().map(|(tenant, id)| (TenantId::from_uuid(tenant), StockId::from_uuid(id)));
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        Ok(due)
    }
}

impl Service for StockLevels {
    fn describe(&self) -> Description {
        let about = "Tells of levels of stock that change more often than is told of them at once";
        Description::every(NAME, about, EVERY).at_start().one_of_all().quiet()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.tell(run))
    }
}
