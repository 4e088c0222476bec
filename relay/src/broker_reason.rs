//! One stable word for each error of the broker's client. The words are listed in docs/metrics.md.

use std::io;

use comptoir_core::values::printable::without_error_number;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{Error, ErrorKind};

/// The end of RabbitMQ's answer to a wrong password.
const LOOK_THERE: &str = ". For details see the broker logfile.";

/// Returns the word for an error before the connection is usable. RabbitMQ answers a wrong password with the same code as
/// an object that the user may not access.
pub(crate) fn while_connecting(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::ProtocolError(answer) => match answer.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => "credentials",
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => "virtual-host",
            _ => on_open_connection(error),
        },
        ErrorKind::AuthProviderError(_) => "credentials",
        _ => on_open_connection(error),
    }
}

pub(crate) fn on_open_connection(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::IOError(error) => io_reason(error),
        ErrorKind::ProtocolError(answer) => match answer.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => "permission",
            AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => "exchange-missing",
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => "precondition",
            AMQPErrorKind::Soft(_) => "channel-closed",
            // A broker that stops, or an operator who closes the connection.
            AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED) => "closed-by-broker",
            AMQPErrorKind::Hard(_) => "protocol",
        },
        ErrorKind::MissingHeartbeatError => "heartbeat",
        ErrorKind::InvalidChannel(_) | ErrorKind::InvalidChannelState(..) => "channel-closed",
        ErrorKind::ParsingError(_)
        | ErrorKind::SerialisationError(_)
        | ErrorKind::InvalidProtocolVersion(_) => "protocol",
        _ => "connection-lost",
    }
}

/// Returns the error in the broker's or the system's own words.
pub(crate) fn text(error: &Error) -> String {
    match error.kind() {
        ErrorKind::IOError(error) => without_error_number(&error.to_string()),
        ErrorKind::ProtocolError(answer) => {
            answer.get_message().as_str().trim_end_matches(LOOK_THERE).to_owned()
        }
        _ => error.to_string(),
    }
}

/// Marks any failed handshake as a TLS error, also when the other side just closes, as a port without TLS does.
pub(crate) fn as_tls(error: io::Error) -> io::Error {
    if is_tls(&error) { error } else { io::Error::other(rustls::Error::General(error.to_string())) }
}

/// Also true of an ordinary read: for the client, the broker refuses a certificate only after the handshake.
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

fn io_reason(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_tls(error) => "tls",
        io::ErrorKind::ConnectionRefused => "connection-refused",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "unreachable",
        // The resolver's errors have no kind.
        _ if error.to_string().contains("lookup address") => "unreachable",
        _ => "connection-lost",
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPError;

    use super::*;

    fn answer(kind: impl Into<AMQPErrorKind>) -> Error {
        ErrorKind::ProtocolError(AMQPError::new(kind.into(), "as the broker says".into())).into()
    }

    #[test]
    fn a_refused_password_is_not_a_missing_permission() {
        let refused = answer(AMQPSoftError::ACCESSREFUSED);
        assert_eq!(while_connecting(&refused), "credentials");
        assert_eq!(on_open_connection(&refused), "permission");
    }

    #[test]
    fn faults_of_channel_and_connection_are_told_apart() {
        for (error, reason) in [
            (answer(AMQPSoftError::NOTFOUND), "exchange-missing"),
            (answer(AMQPSoftError::PRECONDITIONFAILED), "precondition"),
            (answer(AMQPHardError::CONNECTIONFORCED), "closed-by-broker"),
            (answer(AMQPHardError::FRAMEERROR), "protocol"),
            (ErrorKind::MissingHeartbeatError.into(), "heartbeat"),
            (io::Error::from(io::ErrorKind::ConnectionRefused).into(), "connection-refused"),
            (io::Error::from(io::ErrorKind::ConnectionReset).into(), "connection-lost"),
            (as_tls(io::ErrorKind::ConnectionReset.into()).into(), "tls"),
        ] {
            assert_eq!(on_open_connection(&error), reason, "{error}");
        }
    }
}
