//! The HTTP API, over HTTP, with a real database.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod api_keys;
mod audit;
mod authentication;
mod categories;
mod contention;
mod cors;
mod customers;
mod edits;
mod emails;
mod faults;
mod idempotency;
mod imports;
mod inventory_counts;
mod isolation;
mod keys;
mod limits;
mod lists;
mod locations;
mod mailer;
mod notifications;
mod notifications_crowd;
mod operations;
mod operators;
mod orders;
mod permissions;
mod products;
mod refusals;
mod search;
mod stock;
mod suppliers;
mod tenant;
mod throttle;
mod users;
mod warehouses;
