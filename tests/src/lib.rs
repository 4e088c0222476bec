//! The code that the tests, the demo, the order loader and the benchmarks share. It sees `api` and `relay` from outside only:
//! it starts them as programs, talks HTTP, AMQP and SQL to them, and knows none of their code.
//!
//! - [`harness`]: services, databases, virtual hosts, programs, a proxy that cuts connections, a consumer
//! - [`faults`]: a stage, the catalogue of faults, the load, and the verdict
//! - [`torture`]: random faults for any length of time
//! - [`ledger`]: checks that every committed event was delivered, in order, and no other
//! - [`loader`]: loads the orders of a sales file over HTTP
//! - [`bench`]: the benchmarks
//! - [`demo`]: the main job from end to end, and its summary
//! - [`sample`]: the file that the project ships
//! - [`year`]: a year of sales, made of one day's file

pub mod bench;
pub mod demo;
pub mod faults;
pub mod harness;
pub mod ledger;
pub mod loader;
pub mod sample;
pub mod torture;
pub mod year;
