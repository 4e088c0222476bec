//! Operator accounts: people who look after the programs, over HTTP, and belong to no company (ADR 27).
//!
//! They are made and disabled at the command line alone. Their commands run as [`OperatorCommand`]s, publish no events, and
//! stand in the operators' own chains of the audit trail. A log-in follows the rules of the users' ([`super::sessions`]).
//!
//! [`OperatorCommand`]: crate::application::OperatorCommand

mod aggregate;
mod ask_service;
mod authenticator;
mod commands;
mod queries;
mod repository;
mod session;

pub use aggregate::{NewOperator, Operator, OperatorError, OperatorName};
pub use ask_service::AskService;
pub use authenticator::{OperatorAuthenticator, OperatorTokens};
pub use commands::{CreateOperator, DisableOperator, EnableOperator, LogOutOperator, SetOperatorPassword};
pub use queries::{OperatorSessionView, OperatorView, list};
