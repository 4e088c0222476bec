//! Passwords and tokens in requests.

use std::fmt;

use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::values::invalid::Invalid;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};

use crate::extract::Faults;

/// The maximum length of a password that is only compared, in characters: none that can be chosen is longer.
const MAX_CLAIMED: usize = 1000;

/// A password or a token in a request, which never prints.
pub(super) struct SecretInput(String);

impl SecretInput {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl Deserr<Faults> for SecretInput {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, Faults> {
        match value {
            Value::String(text) => Ok(Self(text)),
            // Another message than for other texts: that one quotes the value.
            _ => Err(Faults::one(location, Invalid::new("wrong_type", "expected a string"))),
        }
    }
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Reads a password that is only compared, for `#[deserr(try_from(SecretInput) = claimed -> Invalid)]`.
pub(super) fn claimed(input: SecretInput) -> Result<Password, Invalid> {
    if input.0.chars().nth(MAX_CLAIMED).is_some() {
        return Err(Invalid::new(
            "too_long",
            format!("a password has at most {MAX_CLAIMED} characters here"),
        ));
    }
    Ok(Password::claimed(&input.0))
}
