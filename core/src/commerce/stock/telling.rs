//! The service that tells of levels which change more often than is told of them.

use std::collections::BTreeSet;
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
const EVERY: Duration = Duration::from_secs(1);
/// Levels in one batch.
const BATCH: i64 = 500;
/// Levels of companies that failed which are read once more in one run, to find those behind them.
const MOST_SKIPPED: i64 = 10_000;

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
    /// A company of which nothing can be told keeps no other from being told of: the run goes on without it, and fails at its end.
    async fn tell(&self, run: &Run) -> Result<Summary, Fault> {
        let (mut told, mut skipped, mut fault) = (0, 0, None);
        let mut failed: BTreeSet<TenantId> = BTreeSet::new();
        loop {
            // So many more as were passed over: the levels of companies that failed are still the first.
            let most = BATCH + skipped;
            let due = self.due(most).await.map_err(Fault::new)?;
            let full = number_of(&due) == most;
            skipped = 0;
            let by_tenant: Vec<_> = due.chunk_by(|(one, _), (other, _)| one == other).collect();
            for of_tenant in by_tenant {
                let Some((tenant, _)) = of_tenant.first() else { continue };
                if !failed.contains(tenant) {
                    let ids = of_tenant.iter().map(|(_, id)| *id).collect();
                    let context = RequestContext::of_service(NAME, *tenant);
                    match self.executor.run(context, TellLevels { ids }).await {
                        Ok(now) => told += now,
                        Err(error) => {
                            failed.insert(*tenant);
                            fault = fault.or_else(|| Some(Fault::new(error)));
                        }
                    }
                }
                if failed.contains(tenant) {
                    skipped += number_of(of_tenant);
                }
            }
            if !full || skipped > MOST_SKIPPED || run.stop().is_cancelled() {
                return fault.map_or_else(|| Ok(Summary::of(json!({ "told": told }))), Err);
            }
        }
    }

    /// Returns levels of which something can be told by now, by tenant.
    async fn due(&self, most: i64) -> Result<Vec<(TenantId, StockId)>, Error> {
        let told_before = Utc::now() - TimeDelta::milliseconds(TOLD_EVERY_MS);
        let mut connection = self.database.connection().await?;
        let due: Vec<(Uuid, Uuid)> = Untold::new(told_before, most).load(&mut connection).await?;
        let due = due.into_iter().map(|(tenant, id)| (TenantId::from_uuid(tenant), StockId::from_uuid(id)));
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        Ok(due)
    }
}

fn number_of(levels: &[(TenantId, StockId)]) -> i64 {
    i64::try_from(levels.len()).unwrap_or(i64::MAX)
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
