//! The service that gives goods to orders which wait for them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

use super::queue;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, Executor, UnitOfWork};
use crate::commerce::stock::{self, StockView};
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Service, Summary};
use crate::values::ids::{ProductId, TenantId, WarehouseId};

const NAME: &str = "back_orders";
const EVERY: Duration = Duration::from_secs(1);
/// Places that are looked at in one run, with goods or without: products in warehouses for which orders wait. If there are more, the next run
/// goes on behind them: goods may never come, and however many wait for some, a run takes a moment.
const PLACES: i64 = 10_000;
/// How often one place is served in one run, before it is the turn of the others.
const ROUNDS: u32 = 50;

/// Gives what is available of a product to orders that wait for it, the oldest first, as many as are served at once. Returns how many
/// got something.
#[derive(Debug)]
pub struct ServeWaiting {
    pub warehouse_id: WarehouseId,
    pub product_id: ProductId,
}

impl Command for ServeWaiting {
    type Outcome = usize;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<usize, Error> {
        let (warehouse, product) = (self.warehouse_id, self.product_id);
        let mut waiting = queue::lock_waiting(work, warehouse, &[product]).await?;
        let mut levels = stock::repository::lock(work, &[(warehouse, product)]).await?;
        let Some(before) = levels.get(warehouse, product).map(StockView::of) else { return Ok(0) };
        let events = waiting.serve(&mut levels, work).await?;
        let served = events.len();
        if served == 0 {
            return Ok(0);
        }
        queue::save(work, events).await?;
        let levels = levels.save(work).await?;
        let after = levels.get(warehouse, product).map(StockView::of);
        work.audit("stock.serve_waiting", ("stock", before.id), Some(&before), after.as_ref())?;
        Ok(served)
    }
}

crate::statement! {
    struct ToPromise<'a> {
        after_tenant: Uuid => SqlUuid,
        after_warehouse: Uuid => SqlUuid,
        after_product: Uuid => SqlUuid,
        most: i64 => BigInt,
    } -> (SqlUuid, SqlUuid, SqlUuid, Bool, Bool)
    = "SELECT tenant_id, warehouse_id, product_id, has_goods, is_last FROM stock_to_promise($1, $2, $3, $4)"
}

/// A company's warehouse, and a product in it, in the order in which they are looked at.
type Place = (Uuid, Uuid, Uuid);

/// In front of all places.
const BEGINNING: Place = (Uuid::nil(), Uuid::nil(), Uuid::nil());

/// The service `back_orders`.
#[derive(Debug)]
pub struct BackOrders {
    database: Database,
    executor: Executor,
    /// The last place that a run looked at which did not come to the end.
    reached: Mutex<Place>,
}

impl BackOrders {
    /// `database` is reached by the log-in of the services.
    pub fn new(database: Database, executor: Executor) -> Self {
        Self { database, executor, reached: Mutex::new(BEGINNING) }
    }

    /// A place that cannot be served keeps no other from it: the run goes on, and fails at its end.
    async fn serve(&self, run: &Run) -> Result<Summary, Fault> {
        let (mut served, mut fault) = (0, None);
        'places: for (tenant, warehouse_id, product_id) in self.due().await.map_err(Fault::new)? {
            for _ in 0..ROUNDS {
                if run.stop().is_cancelled() {
                    break 'places;
                }
                let context = RequestContext::of_service(NAME, tenant);
                let command = ServeWaiting { warehouse_id, product_id };
                match self.executor.run(context, command).await {
                    Ok(0) => break,
                    Ok(now) => served += now,
                    Err(error) => {
                        fault = fault.or_else(|| Some(Fault::new(error)));
                        break;
                    }
                }
            }
        }
        fault.map_or_else(|| Ok(Summary::of(json!({ "served": served }))), Err)
    }

    /// Returns where goods are available for which orders wait, of the places whose turn it is.
    async fn due(&self) -> Result<Vec<(TenantId, WarehouseId, ProductId)>, Error> {
        let (tenant, warehouse, product) = *self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = self.database.connection().await?;
        let found: Vec<(Uuid, Uuid, Uuid, bool, bool)> =
            ToPromise::new(tenant, warehouse, product, PLACES).load(&mut connection).await?;
        let last = found.iter().find(|(.., is_last)| *is_last);
        let reached =
            last.map_or(BEGINNING, |(tenant, warehouse, product, ..)| (*tenant, *warehouse, *product));
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = reached;
        let due = found.into_iter().filter(|(.., has_goods, _)| *has_goods);
        let place = |(tenant, warehouse, product, ..): (Uuid, Uuid, Uuid, bool, bool)| {
            (TenantId::from_uuid(tenant), WarehouseId::from_uuid(warehouse), ProductId::from_uuid(product))
        };
        Ok(due.map(place).collect())
    }
}

impl Service for BackOrders {
    fn describe(&self) -> Description {
        let about = "Gives goods to orders that wait for them, the oldest first";
        Description::every(NAME, about, EVERY).at_start().one_of_all().quiet()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.serve(run))
    }
}
