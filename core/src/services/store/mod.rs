//! The tables of services: processes, states, leases, commands, events. One statement each, on the connection of whoever calls.

pub(super) mod commands;
pub(super) mod events;
pub mod leases;
pub mod probe;
pub(super) mod processes;

/// The channel on which processes tell each other that there is a command, or a free lease.
pub(super) const CHANNEL: &str = "comptoir_services";
/// What is said there when a lease was given back.
pub(super) const LEASE_FREE: &str = "lease";
