//! What `relay check` and `api check` have in common: what was found, the server's settings, and statements that are tried
//! in a transaction that is rolled back. What is judged is done, not asked about: a privilege that exists and a policy that
//! hides every row look the same from the catalogue.

mod api;
mod findings;
mod roles;
mod server;
mod trial;

pub use api::{ApiSetup, check_api};
pub use findings::{Finding, Findings, Status};
pub use server::check_server;
pub use trial::{Failure, Step, attempt};
