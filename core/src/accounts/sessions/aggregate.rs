//! The session and its rules.

use chrono::{DateTime, TimeDelta, Utc};

use super::events::SessionEvent;
use crate::accounts::identity::IdentityConfig;
use crate::application::error::{Category, DomainError};
use crate::values::ids::{SessionId, UserId};
use crate::values::invalid::{FieldError, Invalid};

/// The reason why a session ended before it expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    LoggedOut,
    /// Ended by its user, from another session.
    EndedByUser,
    EndedByAdministrator,
    /// A refresh token was used for the second time: another person has it too.
    RefreshTokenReused,
    PasswordChanged,
    /// The password was reset with a one-time token.
    PasswordReset,
    UserDisabled,
    /// The session was one of an operator account, which was disabled.
    OperatorDisabled,
    /// The user has too many newer sessions.
    Superseded,
}

impl EndReason {
    const ALL: &'static [Self] = &[
        Self::LoggedOut,
        Self::EndedByUser,
        Self::EndedByAdministrator,
        Self::RefreshTokenReused,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::UserDisabled,
        Self::OperatorDisabled,
        Self::Superseded,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::EndedByUser => "ended_by_user",
            Self::EndedByAdministrator => "ended_by_administrator",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::UserDisabled => "user_disabled",
            Self::OperatorDisabled => "operator_disabled",
            Self::Superseded => "superseded",
        }
    }

    pub(crate) fn stored(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.name() == name)
    }
}

/// The lifetimes of sessions and of their refresh tokens.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// A session is over if it was not refreshed for this long.
    pub refresh: TimeDelta,
    /// A session is over after this, however much it is used.
    pub session: TimeDelta,
}

impl Lifetimes {
    pub(crate) fn of(config: &IdentityConfig) -> Self {
        Self {
            refresh: TimeDelta::hours(config.refresh_token_hours.into()),
            session: TimeDelta::hours(config.session_hours.into()),
        }
    }
}

/// Where a log-in is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// The API, by a program.
    Api,
    /// The console, in a browser.
    Console,
}

/// The origin of a log-in, by which its user recognises it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    pub address: Option<String>,
    /// At most [`Self::MAX_USER_AGENT`] characters.
    pub user_agent: Option<String>,
    /// Whether the log-in was made in the console.
    pub in_console: bool,
}

impl Client {
    /// The maximum length in characters; the rest is cut off.
    pub const MAX_USER_AGENT: usize = 300;

    pub(crate) fn new(address: Option<String>, user_agent: Option<&str>, entrance: Entrance) -> Self {
        let shortened =
            |text: &str| text.chars().filter(|c| !c.is_control()).take(Self::MAX_USER_AGENT).collect();
        let in_console = entrance == Entrance::Console;
        Self { address, user_agent: user_agent.map(shortened), in_console }
    }

    /// For how long after its first use a refresh token may be used again, if the request is made in a browser. Never where
    /// the log-in was not: a browser that presents such a token is not who got it.
    pub(crate) fn again(&self, in_browser: TimeDelta) -> TimeDelta {
        if self.in_console { in_browser } else { TimeDelta::zero() }
    }
}

/// A session of a user, begun by a log-in. It expires at `expires_at` without an event, or is ended earlier with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub(super) id: SessionId,
    pub(super) version: i64,
    pub(super) user_id: UserId,
    pub(super) client: Client,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_used_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) ended: Option<(DateTime<Utc>, EndReason)>,
}

impl Session {
    pub fn begin(
        id: SessionId,
        user_id: UserId,
        client: Client,
        lifetimes: Lifetimes,
        now: DateTime<Utc>,
    ) -> (Self, SessionEvent) {
        let session = Self {
            id,
            version: 1,
            user_id,
            client,
            created_at: now,
            last_used_at: now,
            expires_at: now + lifetimes.session,
            ended: None,
        };
        let event = SessionEvent::Created(session.clone());
        (session, event)
    }

    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.ended.is_none() && now < self.expires_at
    }

    /// Records that the refresh token was used, and returns until when the next one is valid. There is no event, so the
    /// version stays.
    pub fn refresh(&mut self, lifetimes: Lifetimes, now: DateTime<Utc>) -> DateTime<Utc> {
        self.last_used_at = now;
        self.refresh_until(lifetimes, now)
    }

    /// Returns until when a refresh token that is made now is valid.
    pub fn refresh_until(&self, lifetimes: Lifetimes, now: DateTime<Utc>) -> DateTime<Utc> {
        (now + lifetimes.refresh).min(self.expires_at)
    }

    /// Ends the session; returns `None` if it is over already.
    pub fn end(&mut self, reason: EndReason, now: DateTime<Utc>) -> Option<SessionEvent> {
        if !self.is_open(now) {
            return None;
        }
        self.ended = Some((now, reason));
        self.version += 1;
        Some(SessionEvent::Ended(self.clone()))
    }

    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    pub fn last_used_at(&self) -> DateTime<Utc> {
        self.last_used_at
    }

    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    pub fn ended(&self) -> Option<(DateTime<Utc>, EndReason)> {
        self.ended
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("there is no session {0}")]
    NotFound(SessionId),
    /// One text for all these cases: it does not reveal whether there is such a user.
    #[error(
        "the e-mail address or the password is wrong, the user is disabled, or the company must be named"
    )]
    InvalidCredentials,
    #[error(
        "the e-mail address is not verified yet: POST /api/v1/auth/verify-email with the token that was sent to it"
    )]
    EmailNotVerified,
    #[error("this refresh token is not known, expired, used already, or its session is over: log in again")]
    RefreshRefused,
    #[error("the current password is wrong")]
    WrongPassword,
    #[error("{message}")]
    PasswordRefused { pointer: &'static str, code: &'static str, message: String },
    #[error("this is for people who have logged in; an API key has no session and no password")]
    NotASession,
}

impl DomainError for SessionError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::InvalidCredentials | Self::RefreshRefused => Category::Unauthenticated,
            Self::EmailNotVerified | Self::NotASession => Category::Forbidden,
            Self::WrongPassword | Self::PasswordRefused { .. } => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "session_not_found",
            Self::InvalidCredentials => "invalid_credentials",
            Self::EmailNotVerified => "email_not_verified",
            Self::RefreshRefused => "invalid_refresh_token",
            Self::WrongPassword | Self::PasswordRefused { .. } => "invalid_request",
            Self::NotASession => "not_a_session",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| vec![Invalid::new(code, self.to_string()).at(pointer)];
        match self {
            Self::WrongPassword => field("/current_password", "wrong_password"),
            Self::PasswordRefused { pointer, code, .. } => field(pointer, code),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::application::aggregate::Aggregate;

    pub(crate) fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a valid time")
    }

    const LIFETIMES: Lifetimes =
        Lifetimes { refresh: TimeDelta::seconds(100), session: TimeDelta::seconds(250) };

    fn session() -> Session {
        let (id, user) = (SessionId::generate(), UserId::generate());
        Session::begin(id, user, Client::default(), LIFETIMES, at(0)).0
    }

    #[test]
    fn beginning_a_session_announces_it_at_version_one() {
        let (id, user) = (SessionId::generate(), UserId::generate());
        let (session, event) = Session::begin(id, user, Client::default(), LIFETIMES, at(0));
        assert_eq!((session.version(), session.expires_at()), (1, at(250)));
        assert_eq!(event, SessionEvent::Created(session));
    }

    #[test]
    fn a_refresh_token_never_outlives_its_session() {
        let mut session = session();
        assert_eq!(session.refresh(LIFETIMES, at(90)), at(190));
        assert_eq!(session.refresh(LIFETIMES, at(180)), at(250));
        assert_eq!((session.last_used_at(), session.version()), (at(180), 1));
    }

    #[test]
    fn ending_a_session_announces_it_once() {
        let mut session = session();
        let event = session.end(EndReason::LoggedOut, at(10)).expect("announced");
        assert_eq!((session.version(), session.ended()), (2, Some((at(10), EndReason::LoggedOut))));
        assert_eq!(event, SessionEvent::Ended(session.clone()));
        assert_eq!(session.end(EndReason::UserDisabled, at(11)), None);
        assert!(!session.is_open(at(11)));
    }

    #[test]
    fn a_session_that_is_over_by_itself_does_not_end_again() {
        let mut session = session();
        assert!(session.is_open(at(249)) && !session.is_open(at(250)));
        assert_eq!(session.end(EndReason::LoggedOut, at(250)), None);
    }

    #[test]
    fn reasons_are_read_back() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::stored(reason.name()), Some(*reason));
        }
    }

    #[test]
    fn what_a_client_says_of_itself_is_cut_off_and_cleaned() {
        let client = Client::new(None, Some(&format!("a\r\nb{}", "x".repeat(1000))), Entrance::Api);
        let said = client.user_agent.expect("said");
        assert_eq!(said.chars().count(), Client::MAX_USER_AGENT);
        assert!(said.starts_with("abx"));
    }
}
