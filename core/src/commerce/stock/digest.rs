//! The service that tells people once a day what is low in stock.

use std::collections::BTreeSet;

use bigdecimal::BigDecimal;
use chrono::{Days, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Numeric, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::users;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, Executor, UnitOfWork};
use crate::application::{Permission, Role};
use crate::mail::{LowStock, Policies};
use crate::platform::database::Database;
use crate::platform::schema::stock_digests;
use crate::services::{Description, Fault, Run, Schedule, ScheduleError, Service, Summary};
use crate::values::goods::Units;
use crate::values::ids::TenantId;

const NAME: &str = "stock_digest";
/// 05:00 UTC, before people come to work.
const DAILY: &str = "0 5 * * *";
/// Products that one e-mail names; it says how many more there are.
const NAMED: i64 = 50;
/// The most that are counted.
const COUNTED: i64 = 10_000;
/// Users of one company who get one.
const RECIPIENTS: i64 = 1_000;
/// Companies that are looked for at a time.
const BATCH: i64 = 500;
/// Companies that failed which are passed over in one run, to find those behind them.
const MOST_FAILED: usize = 10_000;
/// How long it is kept that a company was told, in days.
const KEPT_DAYS: u64 = 30;

/// Tells the active users of a company who look after its stock what is low: by one e-mail each, once on a day. Returns how many.
#[derive(Debug)]
pub struct SendStockDigest {
    pub day: NaiveDate,
    pub policies: Policies,
}

impl Command for SendStockDigest {
    type Outcome = usize;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<usize, Error> {
        // Whoever marks the day sends; who comes later, or again, finds the mark.
        if !mark(work, self.day).await? {
            return Ok(0);
        }
        let (low, more) = low(work).await?;
        if low.is_empty() {
            return Ok(0);
        }
        let users =
            users::repository::active_of(work, &[Role::Warehouse, Role::Management], RECIPIENTS).await?;
        let mut told = 0;
        for user in users.iter().filter(|user| user.permissions().contains(Permission::StockRead)) {
            self.policies.stock_low(work, user, &low, more).await?;
            told += 1;
        }
        Ok(told)
    }
}

/// Marks that the company is told on this day. Returns `false` if it was before.
async fn mark(work: &mut UnitOfWork<'_>, day: NaiveDate) -> Result<bool, Error> {
    let tenant = work.tenant().uuid();
    let long_ago = day.checked_sub_days(Days::new(KEPT_DAYS)).unwrap_or(NaiveDate::MIN);
    let old = stock_digests::tenant_id.eq(tenant).and(stock_digests::day.lt(long_ago));
    diesel::delete(stock_digests::table.filter(old)).execute(work.connection()).await?;
    let marked = diesel::insert_into(stock_digests::table)
        .values((stock_digests::tenant_id.eq(tenant), stock_digests::day.eq(day)))
        .on_conflict_do_nothing()
        .execute(work.connection())
        .await?;
    Ok(marked > 0)
}

crate::statement! {
    struct Low<'a> { tenant: Uuid => SqlUuid, most: i64 => BigInt }
        -> (Text, Text, Text, Numeric, Nullable<Numeric>, Nullable<Numeric>)
    = "WITH wanted AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS most),
    low AS (
        SELECT s.* FROM wanted, LATERAL (
            SELECT * FROM stock_levels AS l WHERE l.low AND l.tenant_id = wanted.tenant_id ORDER BY l.sku, l.id LIMIT wanted.most
        ) AS s
    )
    SELECT low.sku, low.name, w.code, low.on_hand - low.reserved, low.reorder_point, low.reorder_quantity
    FROM low JOIN warehouses AS w ON w.tenant_id = low.tenant_id AND w.id = low.warehouse_id
    ORDER BY low.sku, low.id"
}

crate::statement! {
    struct CountLow<'a> { tenant: Uuid => SqlUuid, most: i64 => BigInt } -> (BigInt,)
    = "SELECT count(*) FROM (SELECT FROM stock_levels WHERE low AND tenant_id = $1 LIMIT $2) AS low"
}

type LowRow = (String, String, String, BigDecimal, Option<BigDecimal>, Option<BigDecimal>);

/// Returns what is low, by SKU, and how many more products are.
async fn low(work: &mut UnitOfWork<'_>) -> Result<(Vec<LowStock>, u64), Error> {
    let tenant = work.tenant().uuid();
    let rows: Vec<LowRow> = Low::new(tenant, NAMED).load(work.connection()).await?;
    let (number,): (i64,) = CountLow::new(tenant, COUNTED).get_result(work.connection()).await?;
    let text = |amount: Option<BigDecimal>| amount.map(Units::stored).unwrap_or_else(Units::zero).to_string();
    let of_row = |(sku, name, warehouse, available, point, quantity): LowRow| LowStock {
        sku,
        name,
        warehouse,
        available: text(Some(available)),
        reorder_point: text(point),
        reorder_quantity: text(quantity),
    };
    let low: Vec<LowStock> = rows.into_iter().map(of_row).collect();
    let named = u64::try_from(low.len()).unwrap_or(u64::MAX);
    Ok((low, u64::try_from(number).unwrap_or_default().saturating_sub(named)))
}

crate::statement! {
    struct ToDigest<'a> { day: NaiveDate => Date, most: i64 => BigInt } -> (SqlUuid,)
    = "SELECT tenant_id FROM stock_to_digest($1, $2)"
}

/// The service `stock_digest`.
#[derive(Debug)]
pub struct StockDigest {
    /// As the log-in of the services.
    database: Database,
    executor: Executor,
    policies: Policies,
    schedule: Schedule,
}

impl StockDigest {
    /// # Errors
    /// Never: the schedule is one.
    pub fn new(database: Database, executor: Executor, policies: Policies) -> Result<Self, ScheduleError> {
        Ok(Self { database, executor, policies, schedule: Schedule::cron(DAILY)? })
    }

    /// A company that cannot be told keeps no other from it: the run goes on without it, and fails at its end.
    async fn tell(&self, run: &Run) -> Result<Summary, Fault> {
        let day = Utc::now().date_naive();
        let (mut companies, mut emails, mut fault) = (0, 0, None);
        let mut failed: BTreeSet<TenantId> = BTreeSet::new();
        loop {
            // So many more as failed: they are still due, and may be the first.
            let most = BATCH + i64::try_from(failed.len()).unwrap_or(BATCH);
            let mut due = self.due(day, most).await.map_err(Fault::new)?;
            due.retain(|tenant| !failed.contains(tenant));
            let is_last = due.is_empty();
            for tenant in due {
                if run.stop().is_cancelled() {
                    break;
                }
                let context = RequestContext::of_service(NAME, tenant);
                let command = SendStockDigest { day, policies: self.policies.clone() };
                match self.executor.run(context, command).await {
                    Ok(sent) => {
                        emails += sent;
                        companies += 1;
                    }
                    Err(error) => {
                        failed.insert(tenant);
                        fault = fault.or_else(|| Some(Fault::new(error)));
                    }
                }
            }
            if is_last || failed.len() > MOST_FAILED || run.stop().is_cancelled() {
                let summary = json!({ "companies": companies, "emails": emails });
                return fault.map_or_else(|| Ok(Summary::of(summary)), Err);
            }
        }
    }

    /// Returns companies that have something low and were not told of it on this day.
    async fn due(&self, day: NaiveDate, most: i64) -> Result<Vec<TenantId>, Error> {
        let mut connection = self.database.connection().await?;
        let due: Vec<(Uuid,)> = ToDigest::new(day, most).load(&mut connection).await?;
        Ok(due.into_iter().map(|(tenant,)| TenantId::from_uuid(tenant)).collect())
    }
}

impl Service for StockDigest {
    fn describe(&self) -> Description {
        let about = "Tells people by e-mail once a day what is low in stock";
        Description::at(NAME, about, self.schedule.clone()).one_of_all()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.tell(run))
    }
}
