//! Faults of everything that the relay depends on, under load. Afterwards a check: was every committed event delivered, and
//! no other, in order?
//!
//! - [`Stage`]: replicas, each behind proxies of its own, servers that may be killed, and an independent consumer
//! - [`Fault`]: the catalogue of faults
//! - [`Load`]: concurrent writers of every kind
//! - [`Verdict`]: the conditions that must hold afterwards

mod fault;
mod load;
mod stage;
mod transaction;
mod verdict;

pub use fault::{Direction, End, Fault, Side, Strike};
pub use load::{Load, LoadOptions, Written};
pub use stage::{Options, Stage};
pub use verdict::Verdict;
