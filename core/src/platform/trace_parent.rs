//! W3C Trace Context: the part of it that an event passes on.

use std::fmt;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use uuid::Uuid;

/// A trace and a span of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: String,
    span_id: String,
    flags: String,
}

impl TraceParent {
    /// Reads `00-<32 hex digits>-<16 hex digits>-<2 hex digits>` (W3C Trace Context, section 3.2).
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace_id, parent_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let nonzero = |text: &str| text.bytes().any(|byte| byte != b'0');
        // Version 00 has four parts; a later one may have more, ff is forbidden.
        let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let valid = known && hex(trace_id, 32) && hex(parent_id, 16) && hex(flags, 2);
        (valid && nonzero(trace_id) && nonzero(parent_id)).then(|| Self {
            trace_id: trace_id.to_owned(),
            span_id: parent_id.to_owned(),
            flags: flags.to_owned(),
        })
    }

    /// A trace that nobody records.
    pub fn generate() -> Self {
        let trace_id = Uuid::new_v4().simple().to_string();
        Self { trace_id, span_id: new_span_id(), flags: "00".to_owned() }
    }

    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// The same trace, a span of its own.
    pub fn child(&self) -> Self {
        Self { span_id: new_span_id(), ..self.clone() }
    }
}

impl From<&SpanContext> for TraceParent {
    fn from(context: &SpanContext) -> Self {
        Self {
            trace_id: context.trace_id().to_string(),
            span_id: context.span_id().to_string(),
            flags: format!("{:02x}", context.trace_flags().to_u8()),
        }
    }
}

impl From<&TraceParent> for SpanContext {
    fn from(parent: &TraceParent) -> Self {
        let flags = u8::from_str_radix(&parent.flags, 16).unwrap_or_default();
        Self::new(
            TraceId::from_hex(&parent.trace_id).unwrap_or(TraceId::INVALID),
            SpanId::from_hex(&parent.span_id).unwrap_or(SpanId::INVALID),
            TraceFlags::new(flags),
            true,
            TraceState::NONE,
        )
    }
}

/// As a header.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{}", self.trace_id, self.span_id, self.flags)
    }
}

fn new_span_id() -> String {
    format!("{:016x}", Uuid::new_v4().as_u64_pair().0 | 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_child_stays_in_its_trace_with_a_span_of_its_own() {
        let parent = TraceParent::parse(VALID).expect("valid");
        let child = parent.child();
        assert_eq!(TraceParent::parse(&child.to_string()), Some(child.clone()));
        assert_ne!(child, parent);
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_eq!(parent.to_string(), VALID);
        assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn what_is_malformed_is_not_a_trace() {
        for text in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text:?}");
        }
    }
}
