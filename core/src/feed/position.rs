//! A position in the log, as clients keep it: text that says nothing to them.
//!
//! The log is read in steps, each from one snapshot to the next, and a step in the order of `seq`. So a position is a
//! snapshot all of whose events were delivered (the base), and how far a step from there has come. Nothing in it belongs to
//! one replica.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use crate::outbox::Snapshot;

const FORMAT: u8 = 1;
/// The maximum length of a position's text, in bytes.
const MAX_LENGTH: usize = 4096;
/// The maximum number of transactions that a snapshot may name as running.
const MAX_RUNNING: u64 = 1000;

/// A snapshot of the database, and what helps to find the events after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) snapshot: Snapshot,
    /// No event that the snapshot sees has a higher seq. After a crash the server may give ids of transactions out again, but no seq.
    pub(crate) highest: i64,
    /// When it was, in seconds of the database's clock.
    pub(crate) at: i64,
}

impl Mark {
    /// Before everything.
    pub(crate) fn start() -> Self {
        Self::default()
    }

    pub(crate) fn is_start(&self) -> bool {
        self.snapshot.xmax == 0
    }

    /// Whether an event was visible then.
    pub(crate) fn has(&self, transaction: i64, seq: i64) -> bool {
        self.snapshot.sees(transaction) && seq <= self.highest
    }

    pub(crate) fn time(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.at, 0).unwrap_or_default()
    }
}

/// Up to where the log was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Which database this is of.
    pub(crate) cluster: u32,
    /// Everything that this sees was delivered.
    pub(crate) base: Mark,
    /// Of what this sees, everything up to this seq was delivered as well.
    pub(crate) step: Option<(Mark, i64)>,
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a position in the log: take one from an answer, as it is")]
pub struct UnknownPosition;

impl Position {
    /// The position in front of the oldest event that is kept.
    pub fn start() -> Self {
        Self { cluster: 0, base: Mark::start(), step: None }
    }

    pub(crate) fn at(cluster: u32, mark: Mark) -> Self {
        Self { cluster, base: mark, step: None }
    }

    pub(crate) fn is_from_start(&self) -> bool {
        self.base.is_start()
    }

    /// # Errors
    /// Fails if the text is none that [`Position`] displays.
    pub fn parse(text: &str) -> Result<Self, UnknownPosition> {
        if text.len() > MAX_LENGTH {
            return Err(UnknownPosition);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| UnknownPosition)?;
        let mut reader = Reader(&bytes);
        let position = reader.position().ok_or(UnknownPosition)?;
        if reader.0.is_empty() { Ok(position) } else { Err(UnknownPosition) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.cluster.to_le_bytes());
        put_mark(&mut bytes, &self.base);
        if let Some((upto, seq)) = &self.step {
            put_mark(&mut bytes, upto);
            put(&mut bytes, *seq);
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn put_mark(bytes: &mut Vec<u8>, mark: &Mark) {
    let Mark { snapshot: Snapshot { xmax, in_progress }, highest, at } = mark;
    put(bytes, *xmax);
    put(bytes, i64::try_from(in_progress.len()).unwrap_or(i64::MAX));
    for running in in_progress {
        put(bytes, xmax.saturating_sub(*running));
    }
    put(bytes, *highest);
    put(bytes, *at);
}

/// Writes a number that is not negative, seven bits to a byte.
fn put(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = number.max(0).unsigned_abs();
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn position(&mut self) -> Option<Position> {
        let (format, rest) = self.0.split_first()?;
        let (cluster, rest) = rest.split_first_chunk()?;
        self.0 = rest;
        if *format != FORMAT {
            return None;
        }
        let (cluster, base) = (u32::from_le_bytes(*cluster), self.mark()?);
        let step = if self.0.is_empty() { None } else { Some((self.mark()?, self.number()?)) };
        if step.as_ref().is_some_and(|(upto, _)| upto.is_start()) {
            return None;
        }
        Some(Position { cluster, base, step })
    }

    fn mark(&mut self) -> Option<Mark> {
        let (xmax, count) = (self.number()?, self.number()?.unsigned_abs());
        if count > MAX_RUNNING {
            return None;
        }
        let in_progress = (0..count)
            .map(|_| self.number().filter(|below| *below >= 1 && *below < xmax).map(|below| xmax - below))
            .collect::<Option<_>>()?;
        let (highest, at) = (self.number()?, self.number()?);
        DateTime::from_timestamp(at, 0)?;
        Some(Mark { snapshot: Snapshot { xmax, in_progress }, highest, at })
    }

    fn number(&mut self) -> Option<i64> {
        let mut number: u64 = 0;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return i64::try_from(number).ok();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(xmax: i64, in_progress: Vec<i64>) -> Mark {
        Mark { snapshot: Snapshot { xmax, in_progress }, highest: 77, at: 1_800_000_000 }
    }

    #[test]
    fn a_position_is_read_back_from_its_text() {
        for step in [None, Some((mark(1 << 40, vec![(1 << 40) - 3, 7]), i64::MAX))] {
            let position = Position { cluster: 0xdead_beef, base: mark(1000, vec![900, 999]), step };
            assert_eq!(Position::parse(&position.to_string()), Ok(position));
        }
        assert_eq!(Position::parse(&Position::start().to_string()), Ok(Position::start()));
    }

    #[test]
    fn a_position_of_a_quiet_database_is_short() {
        let position = Position::at(1, mark(1_000_000, vec![]));
        assert!(position.to_string().len() <= 24, "{position}");
    }

    #[test]
    fn an_event_of_before_a_mark_is_told_from_one_whose_transaction_got_an_old_id() {
        let mark = mark(100, vec![90]);
        assert!(mark.has(99, 70) && !mark.has(90, 70) && !mark.has(100, 70) && !mark.has(99, 78));
    }

    proptest! {
        #[test]
        fn no_text_does_harm(text in "[A-Za-z0-9_-]{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Position::parse(&text);
            let mut made = vec![FORMAT];
            made.extend(bytes);
            if let Ok(position) = Position::parse(&URL_SAFE_NO_PAD.encode(made)) {
                prop_assert_eq!(Position::parse(&position.to_string()), Ok(position));
            }
        }
    }
}
