//! What the tests, the demo, the order loader and the benchmarks share. Everything here looks at `api` and `relay` from
//! outside: it starts them as programs, talks HTTP, AMQP and SQL to them, and knows none of their code.
//!
//! - [`harness`]: services, databases, virtual hosts, programs, a proxy that cuts connections, a consumer
//! - [`faults`]: a stage, the catalogue of faults, the load, and the verdict
//! - [`torture`]: all of these at random, for as long as one likes
//! - [`ledger`]: was everything that was committed delivered, in order, and nothing else?
//! - [`loader`]: the orders of a sales file, over HTTP
//! - [`bench`]: what the benchmarks measure
//! - [`demo`]: the main job from end to end, and its summary
//! - [`sample`]: the file that the project ships

pub mod bench;
pub mod demo;
pub mod faults;
pub mod harness;
pub mod ledger;
pub mod loader;
pub mod sample;
pub mod torture;
