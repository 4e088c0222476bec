//! The relay as a program between a real database and a real broker, with events written in plain SQL.

mod check;
mod command_line;
mod crashes;
mod dead_letters;
mod delivery;
mod encryption;
mod envelope;
mod events;
mod fences;
mod guide;
mod health;
mod held;
mod history;
mod listen;
mod metrics;
mod network;
mod once;
mod pooling;
mod refused;
mod rejected;
mod replay;
mod routing;
mod service_manager;
mod tail;
mod unsendable;
