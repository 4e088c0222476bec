//! The findings of a check, and what to do about them, which `relay check` and `api check` print in the same way.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::values::printable::printable_line;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It works, but something is not as it should be or could not be checked.
    Warn,
    /// It does not work.
    Fail,
}

#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    area: &'static str,
    /// A stable name.
    check: &'static str,
    status: Status,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub fn ok(&mut self, area: &'static str, check: &'static str, detail: impl Into<String>) {
        self.add(area, check, Status::Ok, detail.into(), None);
    }

    pub fn warn(
        &mut self,
        area: &'static str,
        check: &'static str,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(area, check, Status::Warn, detail.into(), Some(fix.into()));
    }

    pub fn fail(
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
        self.0.push(Finding { area, check, status, detail, fix });
    }

    /// Whether nothing failed.
    pub fn is_ok(&self) -> bool {
        self.count(Status::Fail) == 0
    }

    fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|finding| finding.status == status).count()
    }

    /// Returns the findings, which become one JSON object each: `area`, `check`, `status`, `detail`, `fix`.
    pub fn as_slice(&self) -> &[Finding] {
        &self.0
    }

    /// Returns the text for people, with colours.
    pub fn text(&self) -> String {
        const HEADING: Style = Style::new().bold();
        let width = self.0.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
        let mut text = String::new();
        let mut area = "";
        for finding in &self.0 {
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
            "{} check{}: {failures} failure{}, {warnings} warning{}",
            self.0.len(),
            plural(self.0.len()),
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
        let mut findings = Findings::default();
        findings.ok("database", "reachable", "yes");
        findings.warn("database", "clock", "2 s apart", "run NTP");
        assert!(findings.is_ok());
        findings.fail("broker", "exchange", "is direct", "delete it");
        assert!(!findings.is_ok());
        let text = anstream::adapter::strip_str(&findings.text()).to_string();
        assert!(text.contains("FAIL  exchange   is direct\n                   → delete it\n"), "{text}");
        assert!(text.ends_with("3 checks: 1 failure, 1 warning"), "{text}");
    }
}
