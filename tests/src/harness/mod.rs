//! The parts that a test needs: real servers, a database and a virtual host of its own, the programs under test.

mod api;
mod broker;
mod committed;
mod consumer;
mod database;
mod http;
mod private_services;
mod process;
mod project;
mod proxy;
mod relay;
mod services;
mod urls;
mod wait;
mod world;
mod writer;

pub use api::{Api, order_body};
pub use broker::{Management, VirtualHost};
pub use committed::committed_events;
pub use consumer::{Consumer, EXCHANGE, Message, QueueOptions, declare_exchange};
pub use database::{TestDatabase, connect};
pub use http::{Answer, Http};
pub use private_services::PrivateServices;
pub use process::{Daemon, Exit, run};
pub use project::{free_port, program, root};
pub use proxy::Proxy;
pub use relay::Relay;
pub use services::Services;
pub use urls::{address, with_address, with_path, with_user};
pub use wait::until;
pub use world::World;
pub use writer::{Writers, insert_event, insert_many};
