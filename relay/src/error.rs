//! The classes of faults. The class decides how the relay reacts.
//!
//! | class | such as | reaction |
//! |---|---|---|
//! | broker | connection or channel gone, blocked, exchange missing, confirm timeout | back off, connect again, publish what is unconfirmed again; no retry count moves |
//! | event | nack, unroutable, too large, no message can be made of it | that event's own retry or dead letter ([`EventFault`]) |
//! | lease | expired before it was renewed, taken over | stop publishing from that shard, close the channel |
//! | database | connection gone, statement failed | back off, try the same statement again |

use std::sync::Arc;

use comptoir_core::platform::config::ConfigError;
use comptoir_core::platform::database::{
    ConnectFault, MigrationError, statement_fault_reason, statement_fix,
};

use crate::broker_reason;
use crate::config::Config;

/// What brings the relay's tables up to date.
const MIGRATE: &str = "relay migrate";

/// Why a command of the relay ended. Faults of a running relay do not end it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Migration(#[from] MigrationError),
    #[error("{0}")]
    Database(#[from] DatabaseFault),
    #[error("RabbitMQ failed: {0}")]
    Broker(#[from] BrokerFault),
    /// `what` is a whole line for people.
    #[error("not reached within {seconds} s: {what}")]
    NotReached { what: String, seconds: u64 },
    #[error("cannot start: {0}")]
    Startup(String),
    #[error("{0}")]
    Usage(String),
    /// What was in flight was finished; the log has the panic itself.
    #[error("the background task {0} panicked, and the relay stopped")]
    Panicked(&'static str),
    /// It did what it could, and that is not all that was asked for.
    #[error("{0}")]
    Incomplete(String),
}

impl RelayError {
    /// Returns the error as one line for people: which server, what is wrong, and what to do.
    pub(crate) fn line(&self, config: &Config) -> String {
        match self {
            Self::Migration(error) => {
                config.database.complaint_about(error, MIGRATE).unwrap_or_else(|| error.to_string())
            }
            Self::Database(fault) => Trouble::from(fault).of_database(config),
            Self::Broker(fault) => Trouble::from(fault).of_broker(config),
            other => other.to_string(),
        }
    }
}

/// The database failed the relay, not the other way round.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseFault {
    #[error("{0}")]
    Connection(#[from] ConnectFault),
    #[error("{0}")]
    Statement(#[from] diesel::result::Error),
    #[error("no answer within {0} ms")]
    NoAnswer(u128),
}

impl DatabaseFault {
    /// A stable word for metrics, log lines and health checks.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Connection(fault) => fault.reason(),
            Self::Statement(error) => statement_fault_reason(error),
            Self::NoAnswer(_) => "no-answer",
        }
    }

    fn fix(&self) -> Option<String> {
        match self {
            Self::Connection(fault) => fault.fix("DATABASE_URL"),
            Self::Statement(error) => statement_fix(error, MIGRATE),
            Self::NoAnswer(_) => None,
        }
    }
}

/// The broker, the network or this process's connection is at fault: no event is.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BrokerFault {
    #[error("{}", broker_reason::text(.0))]
    Client(#[from] lapin::Error),
    /// While the connection was being opened, where the same error means something else than on an open one.
    #[error("{}", broker_reason::text(.0))]
    Connect(lapin::Error),
    /// With TLS 1.3 a client certificate is judged when the client believes itself connected.
    #[error("{}, right after the TLS handshake: does the broker want a client certificate, or another one?", broker_reason::text(.0))]
    HungUp(lapin::Error),
    #[error("no answer within {0} ms")]
    ConnectTimeout(u64),
    #[error("a publish was not confirmed within {0} ms")]
    ConfirmTimeout(u64),
    #[error("frames of {0} bytes were agreed on (frame_max); the relay needs {least}", least = crate::message::LEAST_FRAME_BYTES)]
    FrameTooSmall(u32),
    #[error("the channel is not in confirm mode")]
    Unconfirmed,
    #[error("{0}")]
    Settings(String),
    #[error("a lease was lost with messages on their way")]
    LeaseLost,
    #[error("the broker does not answer, and other replicas can publish")]
    Silent,
    #[error("the connection is made anew, as somebody asked")]
    Restarted,
    /// Found while it was connected. When it connects, the same is an error of the client's.
    #[error("an object at the broker is not as the relay declares it: {0}")]
    Topology(lapin::Error),
}

impl BrokerFault {
    /// A stable word for metrics, log lines and health checks.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Client(error) | Self::Topology(error) => broker_reason::on_open_connection(error),
            Self::Connect(error) => broker_reason::while_connecting(error),
            Self::HungUp(_) => "tls",
            Self::ConnectTimeout(_) => "connect-timeout",
            Self::ConfirmTimeout(_) => "confirm-timeout",
            Self::Unconfirmed => "channel-closed",
            Self::Settings(_) | Self::FrameTooSmall(_) => "settings",
            Self::LeaseLost => "lease-lost",
            Self::Silent => "silent",
            Self::Restarted => "restarted",
        }
    }

    /// Returns what an operator can do about it.
    pub(crate) fn fix(&self) -> Option<&'static str> {
        Some(match self.reason() {
            "credentials" => "give the right user and password in AMQP_URL",
            "virtual-host" => {
                "give a virtual host in AMQP_URL that exists and on which this user has permissions"
            }
            "permission" => "rabbitmqctl set_permissions: docs/relay.md says which this user needs",
            "tls" => {
                "look at the certificates, and whether the port is the one for amqps (docs/connections.md)"
            }
            "settings" => "correct AMQP_URL, or the files that the settings name",
            "connection-refused" | "unreachable" | "connect-timeout" | "connection-lost" => {
                "start RabbitMQ, or give the right host and port in AMQP_URL"
            }
            _ => return None,
        })
    }
}

/// The reason why the database or the broker is not reached, for status and health checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) reason: &'static str,
    text: Arc<str>,
    fix: Option<Arc<str>>,
}

impl Trouble {
    /// Returns the line for people.
    pub(crate) fn of_database(&self, config: &Config) -> String {
        config.database.complaint(&self.text, self.fix.as_deref())
    }

    /// Returns the line for people.
    pub(crate) fn of_broker(&self, config: &Config) -> String {
        let fix = self.fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
        format!("RabbitMQ at {}: {}{fix}", config.broker.url.named("AMQP_URL"), self.text)
    }
}

impl From<&BrokerFault> for Trouble {
    fn from(fault: &BrokerFault) -> Self {
        Self { reason: fault.reason(), text: fault.to_string().into(), fix: fault.fix().map(Into::into) }
    }
}

impl From<&DatabaseFault> for Trouble {
    fn from(fault: &DatabaseFault) -> Self {
        Self { reason: fault.reason(), text: fault.to_string().into(), fix: fault.fix().map(Into::into) }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason, self.text)
    }
}

/// One event could not be published, and it is that event's own fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EventFault {
    #[error("no queue is bound for it: {0}")]
    Unroutable(String),
    #[error("the broker refused it (nack)")]
    Nacked,
    #[error(
        "its body has {bytes} bytes, more than the {limit} that broker.max_message_bytes and the broker allow"
    )]
    TooLarge { bytes: usize, limit: usize },
    #[error("the broker closes the channel when it is published: {0}")]
    Rejected(String),
    #[error("its routing key has {bytes} bytes; AMQP permits {limit}")]
    RoutingKeyTooLong { bytes: usize, limit: usize },
    #[error("no message can be made of it: {0}")]
    Unsendable(String),
}

impl EventFault {
    pub(crate) const UNROUTABLE: &str = "unroutable";
    /// Every word of [`Self::reason`].
    pub(crate) const REASONS: &[&str] =
        &[Self::UNROUTABLE, "nacked", "too-large", "rejected", "routing-key-too-long", "unsendable"];

    /// A stable word for metrics and for `outbox_dead_letters.reason`.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unroutable(_) => Self::UNROUTABLE,
            Self::Nacked => "nacked",
            Self::TooLarge { .. } => "too-large",
            Self::Rejected(_) => "rejected",
            Self::RoutingKeyTooLong { .. } => "routing-key-too-long",
            Self::Unsendable(_) => "unsendable",
        }
    }
}
