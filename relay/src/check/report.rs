//! What was found, and what to do about it.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::printable::printable_line;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// The relay works, and something is not as it should be or could not be checked.
    Warn,
    /// The relay does not work, or events do not arrive.
    Fail,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    area: &'static str,
    /// A stable name.
    check: &'static str,
    status: Status,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// Where an event type goes.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Route {
    pub(super) event_type: String,
    pub(super) pending: i64,
    /// In the last day.
    pub(super) published: i64,
    /// Of the newest event of this type; `null` if there is none, and a routing rule makes it of more than the type.
    pub(super) routing_key: Option<String>,
    /// Queues that an event with this key reaches; `null` if that is not known.
    pub(super) queues: Option<Vec<String>>,
}

#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    pub(super) routes: Vec<Route>,
}

/// As JSON.
#[derive(Serialize)]
struct Whole<'a> {
    ok: bool,
    checks: &'a [Finding],
    event_types: &'a [Route],
}

impl Report {
    pub(super) fn ok(&mut self, area: &'static str, check: &'static str, detail: impl Into<String>) {
        self.add(area, check, Status::Ok, detail.into(), None);
    }

    pub(super) fn warn(
        &mut self,
        area: &'static str,
        check: &'static str,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(area, check, Status::Warn, detail.into(), Some(fix.into()));
    }

    pub(super) fn fail(
        &mut self,
        area: &'static str,
        check: &'static str,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(area, check, Status::Fail, detail.into(), Some(fix.into()));
    }

    fn add(
        &mut self,
        area: &'static str,
        check: &'static str,
        status: Status,
        detail: String,
        fix: Option<String>,
    ) {
        self.findings.push(Finding { area, check, status, detail, fix });
    }

    /// Nothing failed.
    pub(super) fn is_ok(&self) -> bool {
        self.count(Status::Fail) == 0
    }

    fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }

    /// A reader that has gone away, such as `head`, is not an error.
    pub(super) fn print(&self, json: bool) {
        let text = if json { self.json() } else { self.text() };
        let _ = writeln!(anstream::stdout(), "{text}");
    }

    fn json(&self) -> String {
        let whole = Whole { ok: self.is_ok(), checks: &self.findings, event_types: &self.routes };
        // Structs of plain values always serialise.
        serde_json::to_string_pretty(&whole).unwrap_or_default()
    }

    fn text(&self) -> String {
        const HEADING: Style = Style::new().bold();
        let width = self.findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
        let mut text = String::new();
        let mut area = "";
        for finding in &self.findings {
            if finding.area != area {
                area = finding.area;
                text += &format!("{HEADING}{area}{HEADING:#}\n");
            }
            let (word, style) = match finding.status {
                Status::Ok => ("ok  ", AnsiColor::Green.on_default()),
                Status::Warn => ("warn", AnsiColor::Yellow.on_default()),
                Status::Fail => ("FAIL", AnsiColor::Red.on_default().bold()),
            };
            let detail = printable_line(&finding.detail);
            text += &format!("  {style}{word}{style:#}  {:width$}  {detail}\n", finding.check);
            if let Some(fix) = &finding.fix {
                text += &format!("        {:width$}  → {}\n", "", printable_line(fix));
            }
        }
        let (failures, warnings) = (self.count(Status::Fail), self.count(Status::Warn));
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        text + &format!(
            "{} checks: {failures} failure{}, {warnings} warning{}",
            self.findings.len(),
            plural(failures),
            plural(warnings)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_is_a_failure() {
        let mut report = Report::default();
        report.ok("database", "reachable", "yes");
        report.warn("database", "clock", "2 s apart", "run NTP");
        assert!(report.is_ok());
        report.fail("broker", "exchange", "is direct", "delete it");
        assert!(!report.is_ok());
        let text = anstream::adapter::strip_str(&report.text()).to_string();
        assert!(text.contains("FAIL  exchange   is direct\n                   → delete it\n"), "{text}");
        assert!(text.ends_with("3 checks: 1 failure, 1 warning"), "{text}");
    }
}
