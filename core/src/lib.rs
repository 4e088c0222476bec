//! The domain of Comptoir, the unit of work that commits it together with its events, and the outbox that the relay
//! drains. Knows neither HTTP nor command lines nor the broker.
//!
//! One folder per aggregate, the same files in each: `aggregate` and `events` are pure (no database, no clock),
//! `commands` and `queries` are what can be asked, SQL lives in `repository` (writes), `queries` (reads) and `outbox`.

pub mod access;
pub mod api_keys;
pub mod audit;
pub mod check;
pub mod config;
pub mod contact;
pub mod context;
pub mod customers;
pub mod database;
pub mod error;
pub mod idempotency;
pub mod identity;
pub mod ids;
pub mod integration;
pub mod invalid;
pub mod login_throttle;
pub mod money;
pub mod orders;
pub mod outbox;
pub mod paging;
mod policies;
pub mod printable;
pub mod products;
pub mod rate_limits;
pub mod schema;
pub mod secret_file;
pub mod sessions;
pub mod spans;
pub mod statement;
pub mod telemetry;
pub mod tenants;
pub mod text;
pub mod tls;
pub mod unit_of_work;
pub mod users;
