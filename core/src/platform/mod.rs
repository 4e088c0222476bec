//! The parts that any program of this kind needs, whatever its business: settings, connections, statements, lists in pages,
//! logs and traces.

pub mod backoff;
pub mod check;
pub mod config;
pub mod database;
pub mod listening;
pub(crate) mod locking;
pub mod paging;
pub mod said;
pub mod schema;
pub mod secret_file;
pub mod socket;
pub mod spans;
pub mod statement;
pub mod table;
pub mod telemetry;
pub mod tls;
pub mod trace_parent;
pub mod when;
pub mod who;
