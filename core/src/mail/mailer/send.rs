//! One attempt to send one e-mail.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::held::Held;
use super::{ATTEMPTS, SECONDS};
use crate::accounts::identity::secrets::OneTimeToken;
use crate::mail::config::{Links, MailConfig};
use crate::mail::email::{Discarded, EmailKind, EmailState};
use crate::mail::letters::{Setting, letter};
use crate::mail::queue::{self, Attempt, Claimed, Verdict};
use crate::mail::repository;
use crate::mail::transport::{Attached, Gate, Outcome, Outgoing, Parts, Transport, compose};
use crate::mail::turns::Lane;
use crate::platform::backoff::wait_before;
use crate::platform::database::Database;
use crate::platform::said::Said;

/// For how long an outcome is tried to be written down, if the database is away.
const WRITE_LIMIT: Duration = Duration::from_secs(600);
/// How often. No less, however long the database is away: who is late loses the e-mail to another process, which sends it again.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// The largest document that is attached, in bytes: many mail servers take no larger e-mails, and base64 makes it a third larger.
const MAX_ATTACHED: usize = 10 * 1024 * 1024;

/// What became of an attempt.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) lane: Lane,
    pub(super) outcome: &'static str,
    pub(super) is_slow: bool,
}

/// Sends e-mails, and writes down how it went.
#[derive(Debug)]
pub(super) struct Sender {
    services: Database,
    transport: Transport,
    /// The installation's own address.
    from: String,
    links: Links,
    /// The pause after the first attempt, and the longest.
    first_retry: Duration,
    longest_retry: Duration,
    /// Attempts in a row after which no server had decided about the e-mail.
    in_vain: AtomicU32,
}

struct OfAttempt {
    held: Arc<Held>,
    attempt: Attempt,
    stop: CancellationToken,
}

impl Gate for OfAttempt {
    fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    fn is_own(&self) -> bool {
        self.held.is_own(self.attempt)
    }
}

impl Sender {
    pub(super) fn new(services: Database, transport: Transport, settings: &MailConfig) -> Self {
        Self {
            services,
            transport,
            from: settings.from.clone(),
            links: settings.links(),
            first_retry: Duration::from_secs(settings.retry_first_seconds),
            longest_retry: Duration::from_secs(settings.retry_longest_seconds),
            in_vain: AtomicU32::new(0),
        }
    }

    pub(super) fn destination(&self) -> String {
        self.transport.name()
    }

    /// How many attempts in a row went in vain.
    pub(super) fn in_vain(&self) -> u32 {
        self.in_vain.load(Ordering::Relaxed)
    }

    /// Sends an e-mail and writes down how it went. Never panics.
    pub(super) async fn attempt(
        self: Arc<Self>,
        email: Claimed,
        held: Arc<Held>,
        stop: CancellationToken,
    ) -> Done {
        let (lane, attempt, began) = (email.lane(), email.attempt(), Instant::now());
        let gate = OfAttempt { held: Arc::clone(&held), attempt, stop };
        let tried = AssertUnwindSafe(self.try_to_send(&email, &gate)).catch_unwind().await;
        let outcome = tried.unwrap_or_else(|_| Outcome::Unknown {
            detail: "the program failed: see its log".to_owned(),
            is_slow: false,
        });
        let outcome = outcome.map_detail(|detail| without_secrets(&detail, email.secret.as_deref()));
        match outcome {
            Outcome::Accepted(_) | Outcome::Refused(_) => self.in_vain.store(0, Ordering::Relaxed),
            Outcome::Failed { .. } | Outcome::Unknown { .. } => {
                self.in_vain.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Stopped | Outcome::Lost => {}
        }
        let is_slow =
            matches!(outcome, Outcome::Failed { is_slow: true, .. } | Outcome::Unknown { is_slow: true, .. });
        let verdict = self.verdict(&email, outcome);
        let name = verdict.as_ref().map_or("lost", |verdict| verdict.outcome);
        // What is to be tried again may be dead instead: the database says so, when it is written down.
        let ends = verdict.as_ref().filter(|verdict| verdict.state != EmailState::Waiting);
        let seconds = began.elapsed().as_secs_f64();
        metrics::counter!(ATTEMPTS, "outcome" => name).increment(1);
        metrics::histogram!(SECONDS, "outcome" => name).record(seconds);
        tracing::info!(
            email = %attempt.email,
            tenant_id = %attempt.tenant,
            destination = email.destination,
            correlation_id = email.correlation_id,
            attempt = email.attempts,
            outcome = name,
            state = ends.map(|verdict| verdict.state.name()),
            detail = verdict.as_ref().map(|verdict| verdict.detail.as_str()),
            seconds,
            "an attempt to send an e-mail"
        );
        if let Some(verdict) = verdict {
            self.write_down(attempt, &verdict).await;
        }
        held.release(attempt);
        Done { lane, outcome: name, is_slow }
    }

    async fn try_to_send(&self, email: &Claimed, gate: &OfAttempt) -> Outcome {
        let attached = match self.attached(email).await {
            Ok(attached) => attached,
            Err(outcome) => return outcome,
        };
        match self.composed(email, attached.as_ref()) {
            Ok(Some(outgoing)) => self.transport.send(&outgoing, gate).await,
            // Its cause is over: said by the verdict.
            Ok(None) => Outcome::Refused(String::new()),
            Err(problem) => Outcome::Refused(problem),
        }
    }

    /// Reads the document that goes with the e-mail, if one does: it is never in the queue itself.
    async fn attached(&self, email: &Claimed) -> Result<Option<Attached>, Outcome> {
        let kind = repository::content(email.content.clone()).map(|content| content.kind());
        if !kind.is_ok_and(|kind| kind == EmailKind::Invoice) {
            return Ok(None);
        }
        let failed = |detail| Outcome::Failed { detail, is_slow: false };
        match queue::document(&self.services, email.attempt()).await {
            Ok(Some((_, pdf))) if pdf.len() > MAX_ATTACHED => Err(Outcome::Refused(format!(
                "the document has {} bytes; at most {MAX_ATTACHED} are attached: let the customer download it",
                pdf.len()
            ))),
            Ok(Some((number, pdf))) => Ok(Some(Attached { name: format!("{number}.pdf"), pdf })),
            Ok(None) => Err(failed("the document is not there".to_owned())),
            Err(error) => Err(failed(format!("the document cannot be read: {error}"))),
        }
    }

    /// Returns the e-mail as it leaves; `None` if what it is to hand over does not hold any more.
    fn composed(&self, email: &Claimed, attached: Option<&Attached>) -> Result<Option<Outgoing>, String> {
        let content = repository::content(email.content.clone()).map_err(|error| error.to_string())?;
        if is_over(email, content.kind()) {
            return Ok(None);
        }
        let setting = Setting {
            company: &email.company,
            language: email.language(),
            time_zone: &email.time_zone,
            recipient: &email.recipient_name,
            deadline: email.deadline,
            links: &self.links,
        };
        let letter = letter(&content, &setting, email.secret.as_deref());
        let text = letter.text().map_err(|error| error.to_string())?;
        let html = letter.html().map_err(|error| error.to_string())?;
        compose(&Parts {
            id: email.attempt().email,
            edition: email.edition,
            envelope_from: &self.from,
            from: (&email.company, email.email_from.as_deref().unwrap_or(&self.from)),
            reply_to: email.email_reply_to.as_deref(),
            to: (&email.recipient_name, &email.recipient),
            subject: &letter.subject,
            text: &text,
            html: &html,
            attached,
        })
        .map(Some)
    }

    /// How long an e-mail waits after so many attempts.
    fn pause_after(&self, attempts: i32) -> Duration {
        let before = u32::try_from(attempts.saturating_sub(1)).unwrap_or_default();
        wait_before(before, self.first_retry, self.longest_retry)
    }

    /// What becomes of the e-mail; `None` if it is another process's by now.
    fn verdict(&self, email: &Claimed, outcome: Outcome) -> Option<Verdict> {
        let kind = repository::content(email.content.clone()).map(|content| content.kind());
        if kind.is_ok_and(|kind| is_over(email, kind)) {
            return Some(Verdict {
                outcome: "over",
                detail: "what it was to hand over was used, replaced or has expired".to_owned(),
                state: EmailState::Discarded,
                reason: Some(Discarded::CauseOver.name()),
                retry: Duration::ZERO,
            });
        }
        let over = |outcome, detail, state, reason| {
            Some(Verdict { outcome, detail, state, reason, retry: Duration::ZERO })
        };
        let again = |outcome, detail, retry: Duration| {
            Some(Verdict { outcome, detail, state: EmailState::Waiting, reason: None, retry })
        };
        let pause = self.pause_after(email.attempts);
        match outcome {
            Outcome::Accepted(detail) => over("accepted", detail, EmailState::Sent, None),
            Outcome::Refused(detail) => over("refused", detail, EmailState::Dead, Some("refused")),
            Outcome::Failed { detail, .. } => again("failed", detail, pause),
            Outcome::Unknown { detail, .. } => again("unknown", detail, pause),
            Outcome::Stopped => {
                again("failed", "the process stopped before the e-mail was sent".to_owned(), Duration::ZERO)
            }
            Outcome::Lost => None,
        }
    }

    /// Writes a verdict down. An e-mail that was accepted, and nobody knows of, would be sent again.
    async fn write_down(&self, attempt: Attempt, verdict: &Verdict) {
        let (began, mut trouble) = (Instant::now(), Said::default());
        loop {
            match queue::settle(&self.services, attempt, verdict).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::warn!(email = %attempt.email, "another process has taken the e-mail over");
                    return;
                }
                Err(error) if began.elapsed() < WRITE_LIMIT => {
                    if trouble.is_news(&error) {
                        tracing::warn!(%error, email = %attempt.email, "how the attempt went cannot be written down now");
                    }
                    tokio::time::sleep(WRITE_AGAIN).await;
                }
                Err(error) => {
                    tracing::error!(%error, email = %attempt.email, "how the attempt went is not written down");
                    return;
                }
            }
        }
    }
}

/// What a server said, without what the e-mail hands over: spam filters quote its links.
fn without_secrets(text: &str, secret: Option<&str>) -> String {
    let text = secret
        .filter(|secret| !secret.is_empty())
        .map_or_else(|| text.to_owned(), |secret| text.replace(secret, "***"));
    let lower = text.to_ascii_lowercase();
    let (mut kept, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(found) = lower[at..].find(OneTimeToken::START) {
        let token = at + found + OneTimeToken::START.len();
        kept.push_str(&text[at..token]);
        kept.push_str("***");
        // `=` and a space behind it: where a line of the e-mail was broken.
        let mut before = ' ';
        let end = text[token..].find(|c: char| {
            let goes_on = c.is_ascii_alphanumeric() || "_-=%".contains(c) || c == ' ' && before == '=';
            before = c;
            !goes_on
        });
        at = end.map_or(text.len(), |end| token + end);
    }
    kept.push_str(&text[at..]);
    kept
}

fn is_over(email: &Claimed, kind: EmailKind) -> bool {
    email.is_over || kind.hands_over() && email.secret.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_quotes_of_an_e_mail_has_no_token() {
        let token = OneTimeToken::generate();
        let secret = token.expose();
        let (first, last) = secret.split_at(20);
        for quoted in [
            format!("554 listed URL: https://shop.example/p#token={secret} (see the list)"),
            // As the e-mail breaks its lines.
            format!("554 listed URL: https://shop.example/p#token=3D{first}= {last} (see the list)"),
            format!("554 listed URL: {} (see the list)", secret.to_ascii_uppercase()),
        ] {
            let kept = without_secrets(&quoted, Some(secret));
            let hidden = [&secret[4..], &first[4..], last]
                .iter()
                .all(|part| !kept.to_ascii_lowercase().contains(&part.to_ascii_lowercase()));
            assert!(
                hidden && kept.starts_with("554 listed URL: ") && kept.ends_with(" (see the list)"),
                "{kept}"
            );
        }
        // Of another e-mail, or of none.
        assert_eq!(without_secrets("250 queued cot_", None), "250 queued cot_***");
        assert_eq!(without_secrets("250 ça va", Some("")), "250 ça va");
    }
}
