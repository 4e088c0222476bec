//! What `relay check` and `api check` have in common: what was found, the server's settings, and statements that are tried
//! in a transaction that is rolled back. What is judged is done, not asked about: a privilege that exists and a policy that
//! hides every row look the same from the catalogue.

mod findings;
mod server;
mod trial;

pub use findings::{Finding, Findings, Status};
pub use server::{Server, check_server, server};
pub use trial::{Failure, Step, attempt};

pub(crate) use trial::ALLOWED;
