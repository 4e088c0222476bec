//! What runs beside the requests, and beside the drain loop: **services**.
//!
//! A service has a name and is of one kind: continuous, periodic, at start-up, or on demand ([`Kind`]). It runs in every process, or in
//! one of all, under a lease ([`Scope`]). A supervisor runs it again after an error or a panic, and stops it in order
//! ([`Services`]). Others ask it for something by an **action**: a row, which whichever process runs the service takes
//! ([`Handle`]). `docs/background-services.md` lists all services; `docs/how-to-add-a-service.md` shows how one is made.
//!
//! This floor knows no domain, no HTTP and no broker. Its tables belong to what `relay migrate` makes.

mod actions;
mod client;
mod contract;
mod events;
pub mod faces;
mod handle;
mod health;
mod link;
mod listing;
mod own;
mod parameters;
mod plain;
mod registry;
mod report;
mod run;
mod schedule;
mod settings;
mod state;
pub mod store;
mod supervisor;
mod tasks;

pub use self::actions::{ActionKind, Ask, Face, NoParameters, Priority};
pub use self::client::Client;
pub use self::contract::{Description, Fault, Health, Kind, OnFailure, Scope, Service, Summary};
pub use self::events::{Event, Happening, Subscription};
pub use self::handle::{AskError, Asking, Handle, TypedHandle, Wish};
pub use self::health::{Contributor, HealthReport, HealthStatus};
pub use self::listing::{CommandView, Progress, RanIn, ServiceInProcess, ServiceView, grouped};
pub use self::own::{metrics_upkeep, notifier, schema_check};
pub use self::plain::Plain;
pub use self::registry::{Builder, Services, Unlinked};
pub use self::report::{print_command, print_commands, print_list, print_status};
pub use self::run::{Call, Fence, Run};
pub use self::schedule::{Schedule, ScheduleError};
pub use self::settings::{Environment, KNOWN, ServiceSettings, ServicesConfig};
pub use self::state::{Offer, State, Status};
pub use self::tasks::Tasks;
