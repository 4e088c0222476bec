//! Passwords: which ones may be chosen, how they are stored, and how they are checked without slowing other requests down.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_public_assigned;

use super::{IdentityConfig, IdentityError};
use crate::values::contact::Email;
use crate::values::invalid::Invalid;
use crate::values::text::folded;

/// One lane: more would let a single log-in use several cores.
const LANES: u32 = 1;
/// The password that is compared for unknown users. Nobody can log in with it: it belongs to no user.
const UNKNOWN_USER_PASSWORD: &str = "the password of nobody";

/// The most common passwords, in lower case, without those shorter than [`Password::MIN`]. The file's licence is beside it.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common-passwords.txt").lines().collect());

/// A password as typed, in the form in which it is hashed: NFKC, so that it does not matter how a keyboard or a system
/// composes an accent (NIST SP 800-63B revision 3, section 5.1.1.2). Never trimmed, never cut off, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The minimum length, in Unicode code points after normalization (NIST SP 800-63B, section 5.1.1.2).
    pub const MIN: usize = 8;
    pub const MAX: usize = 128;

    /// A password that a user claims to have. Any text is accepted, even one that could not be chosen today.
    pub fn claimed(text: &str) -> Self {
        Self(text.nfkc().collect())
    }

    /// A new password for the account with this e-mail address. There are no composition rules: NIST advises against them.
    ///
    /// # Errors
    /// Fails with `too_short`, `too_long`, `unassigned_character`, `common_password` or `password_is_email`.
    pub fn chosen(text: &str, email: &Email) -> Result<Self, Invalid> {
        let password = Self::claimed(text);
        let length = password.0.chars().count();
        if length < Self::MIN {
            return Err(Invalid::new(
                "too_short",
                format!("a password has at least {} characters", Self::MIN),
            ));
        }
        if length > Self::MAX {
            return Err(Invalid::new("too_long", format!("a password has at most {} characters", Self::MAX)));
        }
        if !text.chars().all(is_public_assigned) {
            // A later version of Unicode may give them another normal form, and the password would not match any more
            // (UAX #15, section 12.1).
            let message = "a password must not contain characters that Unicode has not assigned";
            return Err(Invalid::new("unassigned_character", message));
        }
        let lower = folded(&password.0);
        if COMMON.contains(lower.as_str()) {
            let message =
                "this is among the most common passwords, which are tried first; choose another one";
            return Err(Invalid::new("common_password", message));
        }
        let email = email.folded();
        let local_part = email.as_str().rsplit_once('@').map_or("", |(local, _)| local);
        if lower == email.as_str() || lower == local_part {
            return Err(Invalid::new("password_is_email", "a password must not be the e-mail address"));
        }
        Ok(password)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A password as it is stored: its Argon2id hash, with the parameters and the salt, as a PHC string. Never printed either.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedPassword(String);

impl HashedPassword {
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    /// `replacement` is to be stored, if there is one: the compared hash is weaker than the settings now require.
    Right {
        replacement: Option<HashedPassword>,
    },
}

/// Hashes and compares passwords, a few at a time, on threads for blocking work: other requests do not wait for it.
#[derive(Debug, Clone)]
pub struct Passwords {
    argon2: Arc<Argon2<'static>>,
    nobody: HashedPassword,
    /// One permit for each password that is being hashed.
    slots: Arc<Semaphore>,
    /// One permit for each password that is being hashed or waits.
    queue: Arc<Semaphore>,
    wait: Duration,
}

impl Passwords {
    /// Hashes the password that stands for unknown users.
    ///
    /// # Errors
    /// Fails if Argon2 does not accept the parameters; `config.validate()` refuses them earlier.
    pub fn new(config: &IdentityConfig) -> Result<Self, IdentityError> {
        let params = Params::new(config.password_memory_kib, config.password_iterations, LANES, None)
            .map_err(|error| IdentityError::Hashing(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon2, &Password::claimed(UNKNOWN_USER_PASSWORD))?;
        let at_once = match config.password_hashes_at_once {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2).max(1),
            at_once => at_once,
        };
        Ok(Self {
            argon2: Arc::new(argon2),
            nobody,
            slots: Arc::new(Semaphore::new(at_once)),
            queue: Arc::new(Semaphore::new(
                at_once.saturating_add(config.password_queue).min(Semaphore::MAX_PERMITS),
            )),
            wait: Duration::from_millis(config.password_wait_ms),
        })
    }

    /// # Errors
    /// `Busy` if the queue is full or the wait was too long.
    pub async fn hash(&self, password: Password) -> Result<HashedPassword, IdentityError> {
        let argon2 = Arc::clone(&self.argon2);
        self.run(move || hash(&argon2, &password)).await
    }

    /// Compares a password with the stored one. Without a stored one (an unknown user), returns `Wrong` after the same
    /// work, so that the time does not reveal whether there is such a user.
    ///
    /// # Errors
    /// `Busy` if the queue is full or the wait was too long, `Hashing` if the stored text is no PHC string of Argon2.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<HashedPassword>,
    ) -> Result<Verdict, IdentityError> {
        let argon2 = Arc::clone(&self.argon2);
        let nobody = self.nobody.clone();
        self.run(move || match stored {
            Some(stored) => verify(&argon2, &password, &stored),
            None => verify(&argon2, &password, &nobody).map(|_| Verdict::Wrong),
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, IdentityError> + Send + 'static,
    ) -> Result<T, IdentityError> {
        let _queued = self.queue.try_acquire().map_err(|_| IdentityError::Busy)?;
        let slot = tokio::time::timeout(self.wait, Arc::clone(&self.slots).acquire_owned())
            .await
            .map_err(|_| IdentityError::Busy)?
            .map_err(|_| IdentityError::Busy)?;
        // The work holds the slot until it ends, even if the client hangs up meanwhile.
        let work = move || {
            let result = work();
            drop(slot);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| IdentityError::Hashing(error.to_string()))?
    }
}

fn hash(argon2: &Argon2<'_>, password: &Password) -> Result<HashedPassword, IdentityError> {
    let hash = argon2.hash_password(password.0.as_bytes()).map_err(failed)?;
    Ok(HashedPassword(hash.to_string()))
}

fn verify(
    argon2: &Argon2<'_>,
    password: &Password,
    stored: &HashedPassword,
) -> Result<Verdict, IdentityError> {
    let parsed = PasswordHash::new(&stored.0).map_err(failed)?;
    // Uses the parameters that are stored with the hash; the outputs are compared in constant time.
    match argon2.verify_password(password.0.as_bytes(), &parsed) {
        Ok(()) => {}
        Err(argon2::password_hash::Error::PasswordInvalid) => return Ok(Verdict::Wrong),
        Err(error) => return Err(failed(error)),
    }
    let used = Params::try_from(&parsed).map_err(failed)?;
    let wanted = argon2.params();
    let weaker = used.m_cost() < wanted.m_cost() || used.t_cost() < wanted.t_cost();
    let replacement = if weaker { Some(hash(argon2, password)?) } else { None };
    Ok(Verdict::Right { replacement })
}

fn failed(error: impl fmt::Display) -> IdentityError {
    IdentityError::Hashing(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::identity::config::tests::config;

    fn email() -> Email {
        Email::parse("Marie.Dupont@example.com").expect("valid")
    }

    fn refusal(text: &str) -> Option<&'static str> {
        Password::chosen(text, &email()).err().map(|refused| refused.code)
    }

    #[test]
    fn a_password_has_8_to_128_characters_whatever_their_bytes() {
        assert_eq!(refusal("ab:1cd7"), Some("too_short"));
        assert_eq!(refusal("Zwölf Äpfel"), None);
        assert_eq!(refusal("œuf à la coque"), None);
        assert_eq!(refusal("🦊🦉🐢🦔🐝🦋🐌🐙"), None);
        assert_eq!(refusal("  x y z "), None, "spaces count and are not trimmed");
        assert_eq!(refusal(&"é".repeat(128)), None);
        assert_eq!(refusal(&"é".repeat(129)), Some("too_long"));
    }

    #[test]
    fn common_passwords_are_refused_in_any_case_and_width() {
        for text in ["password1", "Password1", "AZERTYUIOP", "motdepasse", "12345678", "ｐａｓｓｗｏｒｄ"]
        {
            assert_eq!(refusal(text), Some("common_password"), "{text}");
        }
    }

    #[test]
    fn the_list_of_common_passwords_is_in_lower_case_and_long_enough_to_matter() {
        assert!(COMMON.len() > 8_000);
        assert!(COMMON.iter().all(|word| word.len() >= Password::MIN && *word == folded(word)));
    }

    #[test]
    fn neither_the_email_nor_its_local_part_is_a_password() {
        for text in ["marie.dupont@example.com", "Marie.Dupont", "MARIE.DUPONT@EXAMPLE.COM"] {
            assert_eq!(refusal(text), Some("password_is_email"), "{text}");
        }
    }

    #[test]
    fn what_unicode_has_not_assigned_is_refused() {
        assert_eq!(refusal("abcdefg\u{378}"), Some("unassigned_character"));
    }

    #[test]
    fn no_password_is_ever_printed() {
        let password = Password::claimed("correct horse");
        let hashed = HashedPassword::stored("$argon2id$…".to_owned());
        assert_eq!(format!("{password:?} {hashed:?}"), "*** ***");
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_however_its_accents_are_composed() {
        let passwords = Passwords::new(&config()).expect("usable");
        let stored = passwords.hash(Password::claimed("caf\u{e9} serr\u{e9}")).await.expect("hashed");
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.as_str());
        let composed = Password::claimed("cafe\u{301} serre\u{301}");
        let verdict = passwords.verify(composed, Some(stored.clone())).await.expect("compared");
        assert_eq!(verdict, Verdict::Right { replacement: None });
        let wrong = passwords.verify(Password::claimed("cafe serre"), Some(stored)).await.expect("compared");
        assert_eq!(wrong, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_weaker_than_asked_for_is_replaced_when_the_password_is_known() {
        let weak = Passwords::new(&config()).expect("usable");
        let strong = Passwords::new(&IdentityConfig { password_iterations: 3, ..config() }).expect("usable");
        let stored = weak.hash(Password::claimed("correct horse")).await.expect("hashed");
        let verdict = strong.verify(Password::claimed("correct horse"), Some(stored.clone())).await;
        let Ok(Verdict::Right { replacement: Some(replacement) }) = verdict else { panic!("{verdict:?}") };
        assert!(replacement.as_str().contains("t=3"));
        let wrong = strong.verify(Password::claimed("wrong horse"), Some(stored)).await.expect("compared");
        assert_eq!(wrong, Verdict::Wrong);
    }

    #[tokio::test]
    async fn nobody_can_log_in_as_an_unknown_user() {
        let passwords = Passwords::new(&config()).expect("usable");
        for text in ["correct horse", UNKNOWN_USER_PASSWORD] {
            let verdict = passwords.verify(Password::claimed(text), None).await.expect("compared");
            assert_eq!(verdict, Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn a_full_queue_and_a_long_wait_are_told_at_once() {
        let impatient = IdentityConfig { password_queue: 1, password_wait_ms: 1, ..config() };
        let passwords = Passwords::new(&impatient).expect("usable");
        let slot = passwords.slots.clone().acquire_owned().await.expect("open");
        let waited = passwords.hash(Password::claimed("waits in the queue")).await;
        assert!(matches!(waited, Err(IdentityError::Busy)), "{waited:?}");
        let queued = passwords.queue.clone().acquire_many_owned(2).await.expect("open");
        let refused = passwords.hash(Password::claimed("finds the queue full")).await;
        assert!(matches!(refused, Err(IdentityError::Busy)), "{refused:?}");
        drop((slot, queued));
        passwords.hash(Password::claimed("has its turn")).await.expect("hashed");
    }
}
