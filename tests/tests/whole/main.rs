//! API, relay, broker and the order loader together.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod broker;
mod deployment;
mod loader;
mod monitoring;
mod operator;
mod pipeline;
mod tracing;
