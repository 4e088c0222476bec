//! Faults of everything that the relay stands on, under load, and the question that ends each: was everything that was
//! committed delivered, nothing else, in order?
//!
//! - [`Stage`]: replicas, each behind proxies of its own, servers that may be killed, and an independent consumer
//! - [`Fault`]: the catalogue of what can go wrong, and for how long
//! - [`Load`]: concurrent writers of every kind
//! - [`Verdict`]: what must hold afterwards

mod fault;
mod load;
mod stage;
mod transaction;
mod verdict;

pub use fault::{Direction, End, Fault, Side, Strike};
pub use load::{Load, LoadOptions, Written};
pub use stage::{Options, Stage};
pub use verdict::Verdict;
