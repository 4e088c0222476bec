//! What `api check` finds out about e-mail.

use super::config::{MailConfig, TransportKind};
use super::transport::Transport;
use crate::platform::check::Findings;
use crate::services::Environment;

const AREA: &str = "mail";
const FIX: &str = "correct [mail], or what it names (docs/email.md)";

/// Whether e-mails can leave: goes as far as the mail server's word that it takes e-mails from `mail.from`, or writes a file and
/// deletes it. Sends nothing.
pub async fn check(config: &MailConfig, environment: Environment, findings: &mut Findings) {
    let transport = match Transport::new(config) {
        Ok(transport) => transport,
        Err(error) => return findings.fail(AREA, "transport", error.to_string(), FIX),
    };
    let to = transport.name();
    match transport.probe(&config.from).await {
        Err(problem) => findings.fail(AREA, "transport", format!("{to}: {problem}"), FIX),
        Ok(()) if config.transport != TransportKind::Smtp && environment == Environment::Production => {
            let fix = "set mail.transport = \"smtp\" and MAIL_URL (docs/email.md)";
            findings.warn(AREA, "transport", format!("e-mails go to {to}: nobody receives them"), fix);
        }
        Ok(()) => findings.ok(AREA, "transport", format!("{to} takes e-mails from {}", config.from)),
    }
}
