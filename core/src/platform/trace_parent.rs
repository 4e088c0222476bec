//! The `traceparent` of W3C Trace Context, which events pass on.

use std::fmt;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use uuid::Uuid;

/// A trace and a span of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
}

impl TraceParent {
    /// Reads `00-<32 hex digits>-<16 hex digits>-<2 hex digits>` (W3C Trace Context, section 3.2).
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        // Version 00 has four parts; a later version may have more; ff is forbidden.
        let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        if !is_known || !is_hex(trace_id, 32) || !is_hex(span_id, 16) || !is_hex(flags, 2) {
            return None;
        }
        let (trace_id, span_id) = (TraceId::from_hex(trace_id).ok()?, SpanId::from_hex(span_id).ok()?);
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
        let is_valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
        is_valid.then_some(Self { trace_id, span_id, flags })
    }

    /// Returns a new trace, which is not recorded (flags `00`).
    pub fn generate() -> Self {
        let trace_id = TraceId::from(Uuid::new_v4().as_u128());
        Self { trace_id, span_id: new_span_id(), flags: TraceFlags::default() }
    }

    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns a new span of the same trace.
    pub fn child(self) -> Self {
        Self { span_id: new_span_id(), flags: self.known_flags(), ..self }
    }

    /// The flags without those that this version does not know, which are not passed on (section 4.3 of the specification).
    fn known_flags(self) -> TraceFlags {
        self.flags & TraceFlags::SAMPLED
    }
}

impl From<&SpanContext> for TraceParent {
    fn from(context: &SpanContext) -> Self {
        Self { trace_id: context.trace_id(), span_id: context.span_id(), flags: context.trace_flags() }
    }
}

impl From<TraceParent> for SpanContext {
    fn from(parent: TraceParent) -> Self {
        Self::new(parent.trace_id, parent.span_id, parent.known_flags(), true, TraceState::NONE)
    }
}

/// Writes the value of the header.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags.to_u8())
    }
}

fn new_span_id() -> SpanId {
    SpanId::from(Uuid::new_v4().as_u64_pair().0 | 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_child_stays_in_its_trace_with_a_span_of_its_own() {
        let parent = TraceParent::parse(VALID).expect("valid");
        let child = parent.child();
        assert_eq!(TraceParent::parse(&child.to_string()), Some(child));
        assert_ne!(child, parent);
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_eq!(parent.to_string(), VALID);
        assert_eq!(parent.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn flags_that_are_not_known_are_not_passed_on() {
        let parent =
            TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff").expect("valid");
        assert!(parent.child().to_string().ends_with("-01"));
        assert_eq!(SpanContext::from(parent).trace_flags(), TraceFlags::SAMPLED);
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
