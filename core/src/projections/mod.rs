//! Projections: reads that are kept from the events which come back through the broker. The reference consumer: what
//! docs/consumers.md tells others, done here.
//!
//! A message first goes into the inbox ([`Projector::receive`]) and is acknowledged. Then it is applied ([`Projector::apply`]), per
//! aggregate in the order of its versions. What an event changes is decided by pure functions (`fact.rs`, `plan.rs`); all SQL is in
//! `inbox.rs`, `store.rs`, `invoiced.rs`, `rebuild.rs` and the queries. What is kept belongs to a generation: a rebuild fills another one from the
//! write model, beside the live one, and then makes it the live one.

mod apply;
mod commands;
mod fact;
mod inbox;
mod invoiced;
mod message;
mod metrics;
mod plan;
mod queries;
mod rebuild;
mod reports;
mod repository;
mod store;

pub use apply::{Projector, ProjectorConfig, Round};
pub use commands::{DecideMessage, Decision, MessageError};
pub use inbox::{MessageState, Standing};
pub use message::{Arrived, Told};
pub use queries::{MessageFilter, MessageSort, MessageView, OperatorFilter, get, list, list_of_all};
pub use rebuild::{Advance, BeginError, RebuildParameters, RebuildView};
pub use reports::{
    ActivityFilter, ActivitySort, ActivityView, DayFilter, DaySort, DayView, MonthFilter, MonthSort,
    MonthView, ProductFilter, ProductSales, ProductSort, ReceivableFilter, ReceivableSort, ReceivableView,
    TimelineFilter, TimelineSort, TimelineView, customer_activity, order_timelines, receivables,
    sales_by_day, sales_by_month, sales_by_product,
};

/// The name under which the inbox knows this consumer.
const CONSUMER: &str = "projections";
