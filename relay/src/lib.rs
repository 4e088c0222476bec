//! Drains `outbox_events` to RabbitMQ: at least once, in order per aggregate, by any number of replicas.
//!
//! The way of an event: [`engine`] reads it (`fetch`), queues it behind the earlier events of its aggregate (`backlog`),
//! publishes it and waits for the broker's confirm ([`publisher`]), then writes the outcome down (`settle`).
//! [`leases`] decides from which shards this replica may publish.
//!
//! Knows neither the domain nor the API. Never parses a payload. Declares its own exchange, dead-letter exchange and
//! dead-letter queue, and no other object of the broker.

mod answer_timeout;
mod broker_reason;
mod check;
pub mod cli;
mod completions;
mod config;
mod daemon;
mod dead_letters;
mod details;
mod engine;
mod error;
mod events;
mod history;
mod http;
mod json_array;
mod leases;
mod listen;
mod looks;
mod message;
mod metrics;
mod notes;
mod once;
mod operations;
mod operator_options;
mod publisher;
mod replay;
mod service_manager;
mod services;
mod spans;
mod status;
mod tail;
mod wakeup;
