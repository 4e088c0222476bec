//! Projections: the side of the broker. Messages go into the inbox of `core/src/projections` and are acknowledged; core applies them.
//! The one place of the API that knows RabbitMQ (ADR 26).

mod check;
mod config;
mod connection;
mod message;
mod service;
mod topology;

pub(crate) use check::check;
pub(crate) use config::ProjectionsConfig;
pub(crate) use service::{Absent, Projections, projector};
