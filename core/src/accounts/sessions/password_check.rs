//! Passwords of people who log in or change them: compared under the throttle, and chosen.

use std::net::{IpAddr, Ipv4Addr};

use super::aggregate::SessionError;
use crate::accounts::identity::passwords::{HashedPassword, Password, Passwords, Verdict};
use crate::accounts::login_throttle::{self, ThrottleKey};
use crate::application::error::Error;
use crate::platform::database::Database;
use crate::values::contact::Email;
use crate::values::invalid::Invalid;

/// The address of a request without a known address, in tests.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The address from which an attempt is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AttemptFrom {
    /// A log-in, which counts against its address.
    Address(Option<IpAddr>),
    /// A session, of somebody who has logged in.
    Session,
}

#[derive(Debug)]
pub(crate) struct PasswordCheck {
    database: Database,
    passwords: Passwords,
}

impl PasswordCheck {
    pub(crate) fn new(database: Database, passwords: Passwords) -> Self {
        Self { database, passwords }
    }

    /// Compares a password, unless the account or the address has failed too often. The attempt counts as a failure until
    /// it is known to be none. Takes the same time whether there is a stored one or not.
    ///
    /// # Errors
    /// `TooManyAttempts` or `Busy`; also fails if the database cannot be reached.
    pub(crate) async fn compared(
        &self,
        account: ThrottleKey,
        from: AttemptFrom,
        password: Password,
        stored: Option<HashedPassword>,
    ) -> Result<Verdict, Error> {
        let address = match from {
            AttemptFrom::Address(address) => Some(address.unwrap_or(NOWHERE)),
            AttemptFrom::Session => None,
        };
        let ticket = login_throttle::attempt(&self.database, account, address).await?;
        let verdict = self.passwords.verify(password, stored).await;
        match &verdict {
            Ok(Verdict::Right { .. }) => login_throttle::succeed(&self.database, ticket).await?,
            Ok(Verdict::Wrong) => {}
            Err(_) => login_throttle::withdraw(&self.database, ticket).await?,
        }
        Ok(verdict?)
    }

    /// Hashes a new password, if it may be chosen.
    ///
    /// # Errors
    /// `PasswordRefused`, with `pointer`, or `Busy`.
    pub(crate) async fn chosen(
        &self,
        pointer: &'static str,
        text: &str,
        email: &Email,
    ) -> Result<HashedPassword, Error> {
        let refused = |Invalid { code, message }| SessionError::PasswordRefused { pointer, code, message };
        let password = Password::chosen(text, email).map_err(refused)?;
        Ok(self.passwords.hash(password).await?)
    }
}
