//! The common parts of `relay check` and `api check`: findings, the server's settings, and statements that are tried in a
//! transaction that is rolled back. A statement is tried because the catalogue does not say enough: there, a privilege looks
//! the same whether or not a policy hides every row.

mod findings;
mod server;
mod trial;

pub use findings::{Finding, Findings, Status};
pub use server::{Server, check_server, server};
pub use trial::{Failure, Step, attempt};

pub(crate) use trial::ALLOWED;
