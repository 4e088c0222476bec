//! How an e-mail leaves: to a mail server, as a file, or as a log line.

mod file;
mod message;
mod server;
mod smtp;
mod stream;

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::smtp::Smtp;
use super::config::{MailConfig, TransportKind};
use crate::platform::config::ConfigError;
use crate::values::ids::EmailId;

pub(super) use self::message::{Attached, Outgoing, Parts, compose};
pub(super) use self::server::Server;

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server is responsible for it now.
    Accepted(String),
    /// The server refuses it for good.
    Refused(String),
    /// It was certainly not accepted, and may be later.
    Failed { detail: String, is_slow: bool },
    /// It may have been accepted: nobody heard the answer.
    Unknown { detail: String, is_slow: bool },
    /// It was not tried to the end, because this process stops.
    Stopped,
    /// It was not tried to the end, because another process may be at it.
    Lost,
}

impl Outcome {
    /// Changes what is told of it.
    pub(super) fn map_detail(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Accepted(detail) => Self::Accepted(change(detail)),
            Self::Refused(detail) => Self::Refused(change(detail)),
            Self::Failed { detail, is_slow } => Self::Failed { detail: change(detail), is_slow },
            Self::Unknown { detail, is_slow } => Self::Unknown { detail: change(detail), is_slow },
            other @ (Self::Stopped | Self::Lost) => other,
        }
    }
}

/// Whether an attempt may go on. It is asked until the server has the whole e-mail.
pub(super) trait Gate: Send + Sync {
    /// Cancelled when this process stops.
    fn stop(&self) -> &CancellationToken;
    /// Whether the e-mail is still this process's own.
    fn is_own(&self) -> bool;
}

#[derive(Debug)]
pub(super) enum Transport {
    Smtp(Box<Smtp>),
    File(PathBuf),
    Log,
}

impl Transport {
    /// # Errors
    /// Fails if the configuration is not usable.
    pub(super) fn new(config: &MailConfig) -> Result<Self, ConfigError> {
        Ok(match config.transport {
            TransportKind::Smtp => Self::Smtp(Box::new(Smtp::new(config)?)),
            TransportKind::File => Self::File(PathBuf::from(&config.directory)),
            TransportKind::Log => Self::Log,
        })
    }

    pub(super) async fn send(&self, email: &Outgoing, gate: &dyn Gate) -> Outcome {
        match self {
            Self::Smtp(smtp) => smtp.send(email, gate).await,
            Self::File(directory) => file::write(directory, email).await,
            Self::Log => {
                let (id, to, subject) = (email.id, &email.to, &email.subject);
                tracing::info!(email = %id, %to, subject, "an e-mail would be sent (mail.transport = \"log\")");
                Outcome::Accepted("written to the log".to_owned())
            }
        }
    }

    /// Tries whether e-mails from this address could leave now. Sends nothing.
    ///
    /// # Errors
    /// Fails with what is wrong.
    pub(super) async fn probe(&self, from: &str) -> Result<(), String> {
        match self {
            Self::Smtp(smtp) => smtp.probe(from).await,
            Self::File(directory) => file::probe(directory).await,
            Self::Log => Ok(()),
        }
    }

    /// Where e-mails go, without secrets.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Smtp(smtp) => smtp.name(),
            Self::File(directory) => format!("files in {}", directory.display()),
            Self::Log => "the log".to_owned(),
        }
    }
}

/// The limits of the steps to a mail server.
#[derive(Debug, Clone, Copy)]
struct Limits {
    connect: Duration,
    command: Duration,
    accept: Duration,
}

/// The name of an e-mail's file, without its ending.
fn stem(id: EmailId, edition: i32) -> String {
    format!("{id}.{edition}")
}
