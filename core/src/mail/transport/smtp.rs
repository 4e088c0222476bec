//! A mail server (RFC 5321). Each step has a limit of its own (section 4.5.3.2), and the answer to the end of the e-mail the
//! longest: whoever gives up sooner sends it twice.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use rustls::ClientConfig;

use super::server::{Server, Tls};
use super::stream::{Answers, dial, encrypt};
use super::{Gate, Limits, Outcome, Outgoing};
use crate::mail::config::MailConfig;
use crate::platform::config::ConfigError;
use crate::platform::tls::{ServerCheck, TlsError, TlsFiles};

/// How long an idle connection is kept. Servers close theirs after minutes.
const IDLE: Duration = Duration::from_secs(10);
/// E-mails over one connection.
const MAX_EMAILS: u32 = 100;
/// The maximum length of what is kept of a server's answer, in characters.
const MAX_DETAIL: usize = 500;
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];
/// What a server says to whom it does not trust, or whom it wants encrypted: the e-mail is not at fault.
const NOT_THE_EMAILS: &[u16] = &[421, 500, 502, 503, 530, 534, 535, 538];

#[derive(Debug)]
pub(in crate::mail) struct Smtp {
    server: Server,
    tls_files: TlsFiles,
    limits: Limits,
    idle: Mutex<Vec<Connection>>,
    most_idle: usize,
}

/// An open connection.
struct Connection {
    smtp: AsyncSmtpConnection,
    emails: u32,
    used: Instant,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("emails", &self.emails).finish_non_exhaustive()
    }
}

/// Why a step did not succeed.
#[derive(Debug)]
enum Fault {
    /// The server said no.
    Answer {
        code: u16,
        text: String,
    },
    /// The connection failed, or what came was no answer.
    Connection(String),
    Slow(String),
    /// The server cannot take this e-mail at all.
    Unfit(String),
    Stopped,
    Lost,
}

impl Smtp {
    pub(super) fn new(config: &MailConfig) -> Result<Self, ConfigError> {
        let server = config.server()?;
        if server.exposes_secrets() {
            tracing::warn!(
                "mail.url has tls=none: e-mails, their tokens and the password cross the network unencrypted"
            );
        }
        Ok(Self {
            server,
            tls_files: TlsFiles::from_settings(&config.tls_ca_file, "", ""),
            limits: Limits {
                connect: Duration::from_secs(config.connect_timeout_seconds),
                command: Duration::from_secs(config.command_timeout_seconds),
                accept: Duration::from_secs(config.accept_timeout_seconds),
            },
            idle: Mutex::default(),
            most_idle: config.connections,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("smtp://{}:{}", self.server.host, self.server.port)
    }

    pub(super) async fn send(&self, email: &Outgoing, gate: &dyn Gate) -> Outcome {
        // Until the server has all of it, nothing is lost by breaking off.
        let offered = tokio::select! {
            offered = self.offer(email, gate) => offered,
            () = gate.stop().cancelled() => Err((Fault::Stopped, None)),
        };
        let mut connection = match offered {
            Ok(connection) => connection,
            Err((fault, connection)) => {
                if let (Some(connection), Fault::Answer { code, .. }) = (connection, &fault)
                    && *code != 421
                {
                    self.reset(connection).await;
                }
                return fault.before_the_end();
            }
        };
        let accepted = self
            .limited("the end of the e-mail", self.limits.accept, connection.smtp.message(&email.bytes))
            .await;
        match accepted {
            Ok(response) => {
                connection.emails += 1;
                self.put_back(connection);
                Outcome::Accepted(text_of(&response))
            }
            Err(fault) => {
                if matches!(fault, Fault::Answer { .. }) {
                    connection.emails += 1;
                    self.put_back(connection);
                }
                fault.after_the_end()
            }
        }
    }

    /// Goes as far as the server's word that it takes e-mails from this address.
    pub(super) async fn probe(&self, from: &str) -> Result<(), String> {
        let from = from.parse().map_err(|error| format!("mail.from: {error}"))?;
        let trial = async {
            let mut connection = self.connect().await?;
            self.mail_from(&mut connection, Mail::new(Some(from), vec![])).await?;
            // It was all that there was to find out.
            let _ = connection.smtp.quit().await;
            Ok(())
        };
        let limit = self.limits.connect;
        match tokio::time::timeout(limit, trial).await {
            Ok(done) => done.map_err(|fault: Fault| fault.text()),
            Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
        }
    }

    /// Goes as far as the server's word that it expects the e-mail.
    async fn offer(
        &self,
        email: &Outgoing,
        gate: &dyn Gate,
    ) -> Result<Connection, (Fault, Option<Connection>)> {
        let mut connection = match self.take() {
            Some(mut idle) => match self.mail(&mut idle, email).await {
                Ok(()) => return self.recipient_and_data(idle, email, gate).await,
                // The server has closed it in the meantime, or does so now.
                Err(Fault::Connection(_) | Fault::Answer { code: 421, .. }) => self.connect().await,
                Err(fault) => return Err((fault, Some(idle))),
            },
            None => self.connect().await,
        }
        .map_err(|fault| (fault, None))?;
        match self.mail(&mut connection, email).await {
            Ok(()) => self.recipient_and_data(connection, email, gate).await,
            Err(fault) => Err((fault, Some(connection))),
        }
    }

    async fn recipient_and_data(
        &self,
        mut connection: Connection,
        email: &Outgoing,
        gate: &dyn Gate,
    ) -> Result<Connection, (Fault, Option<Connection>)> {
        for to in email.envelope.to() {
            let step = connection.smtp.command(Rcpt::new(to.clone(), vec![]));
            if let Err(fault) = self.limited("RCPT", self.limits.command, step).await {
                return Err((fault, Some(connection)));
            }
        }
        if !gate.is_own() {
            return Err((Fault::Lost, None));
        }
        match self.limited("DATA", self.limits.command, connection.smtp.command(Data)).await {
            Ok(_) => Ok(connection),
            Err(fault) => Err((fault, Some(connection))),
        }
    }

    async fn mail(&self, connection: &mut Connection, email: &Outgoing) -> Result<(), Fault> {
        let mut parameters = vec![];
        if email.needs_utf8 {
            if !connection.smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
                let problem = "the server takes no addresses with other letters than ASCII (SMTPUTF8)";
                return Err(Fault::Unfit(problem.to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let mail = Mail::new(email.envelope.from().cloned(), parameters);
        self.mail_from(connection, mail).await
    }

    async fn mail_from(&self, connection: &mut Connection, mail: Mail) -> Result<(), Fault> {
        self.limited("MAIL", self.limits.command, connection.smtp.command(mail)).await?;
        Ok(())
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        // What a server says before it knows of the e-mail is not about the e-mail.
        let mut smtp = self.begin().await.map_err(Fault::of_server)?;
        if let Some(credentials) = &self.server.credentials {
            let authenticated = smtp.auth(MECHANISMS, credentials);
            self.limited("AUTH", self.limits.command, authenticated).await.map_err(Fault::of_server)?;
        }
        Ok(Connection { smtp, emails: 0, used: Instant::now() })
    }

    /// Goes as far as the answer to EHLO, encrypted if that is wanted.
    async fn begin(&self) -> Result<AsyncSmtpConnection, Fault> {
        let (limits, client) = (self.limits, ClientId::default());
        let Server { host, port, tls, .. } = &self.server;
        // The connection with its encryption, the greeting, and the answer to EHLO.
        let limit = limits.connect + limits.command;
        match tls {
            Tls::None => {
                let begun = async {
                    let stream = dial(host, *port, limits.connect).await?;
                    Answers::new(stream).hello(&client).await
                };
                self.limited("the connection", limit, begun).await
            }
            Tls::Required => {
                let config = self.tls_config()?;
                let begun = async {
                    let stream = dial(host, *port, limits.connect).await?;
                    Answers::new(encrypt(stream, host, config).await?).hello(&client).await
                };
                self.limited("the connection", limit, begun).await
            }
            Tls::StartTls => {
                let begun = async {
                    let stream = dial(host, *port, limits.connect).await?;
                    Answers::new(stream).offering_tls(&client).await
                };
                let answers = self.limited("the connection", limit, begun).await?;
                let config = self.tls_config()?;
                let started = async {
                    let stream = answers.start_tls().await?;
                    Answers::greeted(encrypt(stream, host, config).await?).hello(&client).await
                };
                self.limited("STARTTLS", limits.command, started).await
            }
        }
    }

    /// Reads the file of authorities anew for every connection.
    fn tls_config(&self) -> Result<Arc<ClientConfig>, Fault> {
        match self.tls_files.client_config(ServerCheck::ChainAndName) {
            Ok(config) => Ok(Arc::new(config)),
            Err(TlsError::Ca(problem)) => Err(Fault::Connection(format!("mail.tls_ca_file: {problem}"))),
            Err(error) => Err(Fault::Connection(format!("TLS: {error}"))),
        }
    }

    async fn limited<T, E: std::error::Error + 'static>(
        &self,
        step: &'static str,
        limit: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Fault> {
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result.map_err(|error| Fault::of(step, &error)),
            Err(_) => Err(Fault::Slow(format!("{step}: no answer within {} s", limit.as_secs_f32()))),
        }
    }

    /// Makes a connection ready for the next e-mail, after one that the server refused.
    async fn reset(&self, mut connection: Connection) {
        let reset = connection.smtp.command(Rset);
        if self.limited("RSET", self.limits.connect, reset).await.is_ok() {
            self.put_back(connection);
        }
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| connection.used.elapsed() < IDLE);
        idle.pop()
    }

    fn put_back(&self, mut connection: Connection) {
        if connection.emails >= MAX_EMAILS {
            return;
        }
        connection.used = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle {
            idle.push(connection);
        }
    }
}

impl Fault {
    fn of(step: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let mut text = String::new();
        for cause in causes.map(ToString::to_string).filter(|cause| !cause.is_empty()) {
            if !text.contains(&cause) {
                text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
            }
        }
        let text = short(&format!("{step}: {text}"));
        let smtp = error.downcast_ref::<SmtpError>();
        let is_slow = smtp.is_some_and(SmtpError::is_timeout)
            || error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        match smtp.and_then(SmtpError::status) {
            Some(code) => Self::Answer { code: u16::from(code), text },
            None if is_slow => Self::Slow(text),
            None => Self::Connection(text),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Answer { text, .. } | Self::Connection(text) | Self::Slow(text) | Self::Unfit(text) => text,
            Self::Stopped | Self::Lost => "it was broken off".to_owned(),
        }
    }

    /// A server that refuses to talk says nothing about an e-mail.
    fn of_server(self) -> Self {
        match self {
            Self::Answer { text, .. } => Self::Connection(text),
            other => other,
        }
    }

    /// What a fault means as long as the server did not have the whole e-mail.
    fn before_the_end(self) -> Outcome {
        match self {
            Self::Answer { code, text } => refusal(code, text),
            Self::Connection(detail) => Outcome::Failed { detail, is_slow: false },
            Self::Slow(detail) => Outcome::Failed { detail, is_slow: true },
            Self::Unfit(detail) => Outcome::Refused(detail),
            Self::Stopped => Outcome::Stopped,
            Self::Lost => Outcome::Lost,
        }
    }

    /// What it means once the server may have it.
    fn after_the_end(self) -> Outcome {
        match self {
            Self::Connection(detail) => Outcome::Unknown { detail, is_slow: false },
            Self::Slow(detail) => Outcome::Unknown { detail, is_slow: true },
            other => other.before_the_end(),
        }
    }
}

fn refusal(code: u16, text: String) -> Outcome {
    if (500..600).contains(&code) && !NOT_THE_EMAILS.contains(&code) {
        Outcome::Refused(text)
    } else {
        Outcome::Failed { detail: text, is_slow: false }
    }
}

pub(super) fn text_of(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    short(&format!("{} {}", response.code(), lines.join(" ")))
}

/// A server's words, without what a log or a terminal would take for more.
fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAIL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_server_says_of_the_e_mail_itself_is_for_good() {
        for (code, is_for_good) in
            [(450, false), (550, true), (552, true), (554, true), (530, false), (535, false)]
        {
            let outcome = Fault::Answer { code, text: "no".to_owned() }.before_the_end();
            assert_eq!(matches!(outcome, Outcome::Refused(_)), is_for_good, "{code}");
        }
        let of_server = Fault::Answer { code: 554, text: "no".to_owned() }.of_server().before_the_end();
        assert!(matches!(of_server, Outcome::Failed { .. }));
    }

    #[test]
    fn whoever_does_not_hear_the_answer_to_the_end_does_not_know() {
        let closed = || Fault::Connection("closed".to_owned());
        let slow = || Fault::Slow("no answer".to_owned());
        assert!(matches!(closed().before_the_end(), Outcome::Failed { is_slow: false, .. }));
        assert!(matches!(closed().after_the_end(), Outcome::Unknown { is_slow: false, .. }));
        assert!(matches!(slow().before_the_end(), Outcome::Failed { is_slow: true, .. }));
        assert!(matches!(slow().after_the_end(), Outcome::Unknown { is_slow: true, .. }));
        let refused = Fault::Answer { code: 451, text: "no".to_owned() }.after_the_end();
        assert!(matches!(refused, Outcome::Failed { .. }));
    }
}
