//! The operator account and its rules.

use chrono::{DateTime, Utc};

use crate::accounts::identity::passwords::HashedPassword;
use crate::application::error::{Category, DomainError};
use crate::values::contact::Email;
use crate::values::ids::OperatorId;
use crate::values::text::text;

text!(OperatorName, "an operator's name", 200);

/// The data of a new operator. Whoever makes the account vouches for the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOperator {
    pub email: Email,
    pub name: OperatorName,
    pub password: HashedPassword,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    pub(super) id: OperatorId,
    pub(super) version: i64,
    pub(super) email: Email,
    pub(super) name: OperatorName,
    pub(super) password: HashedPassword,
    pub(super) disabled_at: Option<DateTime<Utc>>,
    pub(super) last_login_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Operator {
    pub fn create(id: OperatorId, new: NewOperator, now: DateTime<Utc>) -> Self {
        let NewOperator { email, name, password } = new;
        Self {
            id,
            version: 1,
            email,
            name,
            password,
            disabled_at: None,
            last_login_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    pub fn is_disabled(&self) -> bool {
        self.disabled_at.is_some()
    }

    /// Records a log-in with the password `compared`, which is stored as `replacement` if that is stronger.
    ///
    /// # Errors
    /// `InvalidCredentials` if the operator was disabled, or the password changed, while it was being compared.
    pub fn log_in(
        &mut self,
        compared: &HashedPassword,
        replacement: Option<HashedPassword>,
        now: DateTime<Utc>,
    ) -> Result<(), OperatorError> {
        if self.is_disabled() || self.password != *compared {
            return Err(OperatorError::InvalidCredentials);
        }
        self.last_login_at = Some(now);
        self.password = replacement.unwrap_or_else(|| self.password.clone());
        self.changed(now);
        Ok(())
    }

    pub fn set_password(&mut self, password: HashedPassword, now: DateTime<Utc>) {
        self.password = password;
        self.changed(now);
    }

    /// # Errors
    /// `AlreadyDisabled` if it is.
    pub fn disable(&mut self, now: DateTime<Utc>) -> Result<(), OperatorError> {
        if self.is_disabled() {
            return Err(OperatorError::AlreadyDisabled(self.email.clone()));
        }
        self.disabled_at = Some(now);
        self.changed(now);
        Ok(())
    }

    /// # Errors
    /// `NotDisabled` if it is not.
    pub fn enable(&mut self, now: DateTime<Utc>) -> Result<(), OperatorError> {
        if !self.is_disabled() {
            return Err(OperatorError::NotDisabled(self.email.clone()));
        }
        self.disabled_at = None;
        self.changed(now);
        Ok(())
    }

    fn changed(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn id(&self) -> OperatorId {
        self.id
    }

    pub fn email(&self) -> &Email {
        &self.email
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    #[error(
        "there is no operator with the e-mail address {0}: api operators list shows those that there are"
    )]
    NotFound(String),
    #[error("there is an operator with the e-mail address {} already", .0.as_str())]
    EmailTaken(Email),
    #[error("the operator {} is disabled already", .0.as_str())]
    AlreadyDisabled(Email),
    #[error("the operator {} is not disabled", .0.as_str())]
    NotDisabled(Email),
    /// One text for all these cases: it does not reveal whether there is such an operator.
    #[error("the e-mail address or the password is wrong, or the operator is disabled")]
    InvalidCredentials,
}

impl DomainError for OperatorError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::EmailTaken(_) | Self::AlreadyDisabled(_) | Self::NotDisabled(_) => Category::Conflict,
            Self::InvalidCredentials => Category::Unauthenticated,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "operator_not_found",
            Self::EmailTaken(_) => "operator_email_taken",
            Self::AlreadyDisabled(_) | Self::NotDisabled(_) => "operator_status_conflict",
            Self::InvalidCredentials => "invalid_credentials",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a valid time")
    }

    fn hash(text: &str) -> HashedPassword {
        HashedPassword::stored(text.to_owned())
    }

    fn operator() -> Operator {
        let new = NewOperator {
            email: Email::parse("ada@docks.example").expect("an address"),
            name: OperatorName::parse("Ada").expect("a name"),
            password: hash("first"),
        };
        Operator::create(OperatorId::generate(), new, at(0))
    }

    #[test]
    fn a_log_in_is_remembered_and_strengthens_the_stored_password() {
        let mut operator = operator();
        operator.log_in(&hash("first"), Some(hash("stronger")), at(5)).expect("logged in");
        assert_eq!((operator.version, operator.last_login_at, operator.updated_at), (2, Some(at(5)), at(5)));
        assert_eq!(operator.password, hash("stronger"));
        operator.log_in(&hash("stronger"), None, at(6)).expect("logged in");
        assert_eq!(operator.password, hash("stronger"));
    }

    #[test]
    fn who_is_disabled_or_has_another_password_by_now_does_not_log_in() {
        let mut operator = operator();
        operator.set_password(hash("second"), at(1));
        let refused = Err(OperatorError::InvalidCredentials);
        assert_eq!(operator.log_in(&hash("first"), None, at(2)), refused);
        operator.disable(at(3)).expect("disabled");
        assert_eq!(operator.log_in(&hash("second"), None, at(4)), refused);
        operator.enable(at(5)).expect("enabled");
        assert_eq!(operator.log_in(&hash("second"), None, at(6)), Ok(()));
    }

    #[test]
    fn an_operator_is_disabled_and_enabled_once() {
        let mut operator = operator();
        assert_eq!(operator.enable(at(1)), Err(OperatorError::NotDisabled(operator.email.clone())));
        operator.disable(at(2)).expect("disabled");
        assert_eq!(operator.disable(at(3)), Err(OperatorError::AlreadyDisabled(operator.email.clone())));
        assert_eq!((operator.disabled_at, operator.version), (Some(at(2)), 2));
    }
}
