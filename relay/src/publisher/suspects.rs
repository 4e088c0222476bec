//! Finds the message that made the broker close the channel. No I/O.
//!
//! The broker's exception names no message. If it says how large a message may be, every larger unconfirmed message is at
//! fault. Otherwise all unconfirmed messages are suspects, and are published again one at a time. If the channel is closed
//! again, the one message in flight is at fault. So each such message costs two connections, and none can make the relay
//! reconnect for ever.

use std::num::NonZeroUsize;

use lapin::ErrorKind;
use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError};

use crate::error::{BrokerFault, EventFault};

#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// The number of messages that are still to be published one at a time.
    alone: usize,
    /// The largest message that the broker says it accepts, in bytes.
    limit: Option<NonZeroUsize>,
}

impl Suspects {
    /// Whether only one message at a time may be in flight.
    pub(super) fn remain(&self) -> bool {
        self.alone > 0
    }

    /// Notes that the broker decided about so many messages.
    pub(super) fn decided(&mut self, messages: usize) {
        self.alone = self.alone.saturating_sub(messages);
    }

    /// Returns the limit that the broker named, if it is lower than the relay's own.
    pub(super) fn limit(&self) -> Option<usize> {
        self.limit.map(NonZeroUsize::get)
    }

    /// The connection was lost with unconfirmed messages of these sizes. Returns the faults of the messages that caused it, by
    /// index.
    pub(super) fn lost(&mut self, fault: &BrokerFault, unconfirmed: &[usize]) -> Vec<(usize, EventFault)> {
        let Some(text) = complaint(fault) else {
            // The fault is not about a message. The next connection may lead to a broker with a higher limit.
            self.limit = None;
            return Vec::new();
        };
        if let Some((size, limit)) = sizes(text)
            && unconfirmed.contains(&size)
        {
            self.limit = NonZeroUsize::new(limit);
            let too_large = |(index, bytes): (usize, &usize)| {
                (*bytes > limit).then_some((index, EventFault::TooLarge { bytes: *bytes, limit }))
            };
            return unconfirmed.iter().enumerate().filter_map(too_large).collect();
        }
        if let [_] = unconfirmed {
            self.decided(1);
            return vec![(0, EventFault::Rejected(text.to_owned()))];
        }
        self.alone = unconfirmed.len();
        Vec::new()
    }
}

/// Returns the text of an exception that the broker raised because of a message, not because of an object or a user.
fn complaint(fault: &BrokerFault) -> Option<&str> {
    let error = protocol_error(fault)?;
    let about_a_message = match error.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::CONTENTTOOLARGE | AMQPSoftError::PRECONDITIONFAILED) => true,
        // Permissions by topic depend on the routing key.
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => error.get_message().as_str().contains("topic"),
        AMQPErrorKind::Hard(
            AMQPHardError::FRAMEERROR | AMQPHardError::SYNTAXERROR | AMQPHardError::UNEXPECTEDFRAME,
        ) => true,
        AMQPErrorKind::Soft(_) | AMQPErrorKind::Hard(_) => false,
    };
    about_a_message.then(|| error.get_message().as_str())
}

/// Returns the broker's own error, if the fault is one, and not one that followed from it.
pub(super) fn protocol_error(fault: &BrokerFault) -> Option<&AMQPError> {
    match fault {
        BrokerFault::Client(error) => match error.kind() {
            ErrorKind::ProtocolError(error) => Some(error),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the two numbers of RabbitMQ's "message size 2000 is larger than configured max size 1000".
fn sizes(text: &str) -> Option<(usize, usize)> {
    let (_, rest) = text.split_once("message size ")?;
    let mut numbers = rest.split_whitespace().filter_map(|word| word.parse().ok());
    let (size, limit) = (numbers.next()?, numbers.next()?);
    (size > limit).then_some((size, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_LARGE: &str = "PRECONDITION_FAILED - message size 2000 is larger than configured max size 1000";

    fn closed(kind: AMQPErrorKind, text: &str) -> BrokerFault {
        let error = AMQPError::new(kind, text.into());
        BrokerFault::Client(ErrorKind::ProtocolError(error).into())
    }

    fn refused(text: &str) -> BrokerFault {
        closed(AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED), text)
    }

    #[test]
    fn the_size_that_the_broker_names_convicts_all_that_are_too_large() {
        let mut suspects = Suspects::default();
        let faults = suspects.lost(&refused(TOO_LARGE), &[10, 2000, 1000, 1001]);
        assert_eq!(faults.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(faults[0].1, EventFault::TooLarge { bytes: 2000, limit: 1000 });
        assert_eq!((suspects.limit(), suspects.remain()), (Some(1000), false));
    }

    #[test]
    fn the_limit_is_forgotten_with_a_connection_that_is_lost_otherwise() {
        let mut suspects = Suspects::default();
        suspects.lost(&refused(TOO_LARGE), &[2000]);
        assert!(suspects.lost(&BrokerFault::ConfirmTimeout(1), &[5]).is_empty());
        assert_eq!(suspects.limit(), None);
    }

    #[test]
    fn a_message_that_is_alone_is_at_fault_and_the_others_go_on_one_by_one() {
        let mut suspects = Suspects::default();
        let complaint = closed(AMQPErrorKind::Hard(AMQPHardError::FRAMEERROR), "FRAME_ERROR");
        assert!(suspects.lost(&complaint, &[1, 1, 1]).is_empty());
        assert!(suspects.remain());
        suspects.decided(1);
        let faults = suspects.lost(&complaint, &[1]);
        assert_eq!(faults, [(0, EventFault::Rejected("FRAME_ERROR".to_owned()))]);
        assert!(suspects.remain());
        suspects.decided(1);
        assert!(!suspects.remain());
    }

    #[test]
    fn a_size_that_no_message_has_convicts_none() {
        let mut suspects = Suspects::default();
        assert!(suspects.lost(&refused(TOO_LARGE), &[10, 3000]).is_empty());
        assert!(suspects.remain());
    }

    #[test]
    fn what_is_not_about_a_message_makes_no_suspects() {
        let mut suspects = Suspects::default();
        for fault in [
            closed(AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND), "NOT_FOUND - no exchange"),
            closed(AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), "ACCESS_REFUSED - access to exchange"),
            closed(AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED), "CONNECTION_FORCED"),
        ] {
            assert!(suspects.lost(&fault, &[1]).is_empty(), "{fault}");
        }
        assert!(!suspects.remain());
    }

    #[test]
    fn a_key_that_the_user_may_not_write_is_the_events_fault() {
        let text = "ACCESS_REFUSED - access to topic 'a.b' in exchange 'x' in vhost '/' refused for user 'u'";
        let fault = closed(AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), text);
        assert_eq!(Suspects::default().lost(&fault, &[1]).len(), 1);
    }
}
