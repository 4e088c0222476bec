//! The reports: what the projections hold, of the live generation.

mod customers;
mod days;
mod months;
mod products;
mod receivables;
mod timelines;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

pub use self::customers::{ActivityFilter, ActivitySort, ActivityView, customer_activity};
pub use self::days::{DayFilter, DaySort, DayView, sales_by_day};
pub use self::months::{MonthFilter, MonthSort, MonthView, sales_by_month};
pub use self::products::{ProductFilter, ProductSales, ProductSort, sales_by_product};
pub use self::receivables::{ReceivableFilter, ReceivableSort, ReceivableView, receivables};
pub use self::timelines::{TimelineFilter, TimelineSort, TimelineView, order_timelines};
use super::CONSUMER;
use crate::application::error::Error;
use crate::platform::schema::projection_state as state;

/// The generation that readers see. Read in the transaction of the page, which has one snapshot.
async fn live(mut connection: &AsyncPgConnection) -> Result<i32, Error> {
    Ok(state::table.find(CONSUMER).select(state::generation).first(&mut connection).await?)
}
