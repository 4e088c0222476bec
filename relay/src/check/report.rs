//! The findings of the check, each with its remedy.

use std::io::Write;
use std::ops::{Deref, DerefMut};

use comptoir_core::platform::check::{Finding, Findings};
use serde::Serialize;

/// The route of an event type.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Route {
    pub(super) event_type: String,
    pub(super) pending: i64,
    /// Events that were published in the last day.
    pub(super) published: i64,
    /// The key of the newest event of this type. `null` if there is no event and a routing rule needs more than the type.
    pub(super) routing_key: Option<String>,
    /// Queues that an event with this key reaches; `null` if that is not known.
    pub(super) queues: Option<Vec<String>>,
}

#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Findings,
    pub(super) routes: Vec<Route>,
}

/// The report as JSON.
#[derive(Serialize)]
struct Whole<'a> {
    ok: bool,
    checks: &'a [Finding],
    event_types: &'a [Route],
}

impl Deref for Report {
    type Target = Findings;

    fn deref(&self) -> &Findings {
        &self.findings
    }
}

impl DerefMut for Report {
    fn deref_mut(&mut self) -> &mut Findings {
        &mut self.findings
    }
}

impl Report {
    /// A reader that has gone away, such as `head`, is not an error.
    pub(super) fn print(&self, json: bool) {
        let text = if json { self.json() } else { self.text() };
        let _ = writeln!(anstream::stdout(), "{text}");
    }

    fn json(&self) -> String {
        let whole = Whole { ok: self.is_ok(), checks: self.as_slice(), event_types: &self.routes };
        // Structs of plain values always serialise.
        serde_json::to_string_pretty(&whole).unwrap_or_default()
    }
}
