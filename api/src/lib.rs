//! The HTTP API: turns requests into commands and queries of `comptoir-core`, and their results into answers.
//!
//! Decides nothing about the business and knows no SQL; only `projections` knows the broker. Handlers are thin: extract, parse into a command,
//! call core, answer.

mod access;
mod authentication;
pub mod cli;
pub mod client_address;
pub mod config;
mod console;
pub mod cors;
mod documents;
mod endpoints;
mod error;
mod export;
mod extract;
mod files;
mod imports;
mod middleware;
pub mod openapi;
mod projections;
mod protection;
mod rate_limits;
mod request_path;
mod respond;
mod routes;
mod server;
mod services;
pub mod startup;
