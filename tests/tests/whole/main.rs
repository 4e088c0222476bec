//! API, relay, broker and the order loader together.
#![expect(clippy::unwrap_used, reason = "tests")]

mod background_services;
mod backup_drill;
mod benchmarks;
mod broker;
mod clients;
mod consumers;
mod contracts;
mod counts;
mod deployment;
mod documents;
mod errors;
mod forgotten;
mod help;
mod invoice_race;
mod loader;
mod location_counts;
mod monitoring;
mod one_of_all;
mod operator;
mod pipeline;
mod projections;
mod services;
mod stock_race;
mod tracing;
