//! The settings of `[identity]`.

use std::path::PathBuf;

use serde::Deserialize;

use super::keys;
use crate::platform::config::{ConfigError, SecretText};

/// The minimum parameters of Argon2id: OWASP's Password Storage Cheat Sheet (m = 19 MiB, t = 2, p = 1).
pub(super) const MIN_MEMORY_KIB: u32 = 19 * 1024;
pub(super) const MIN_ITERATIONS: u32 = 2;
/// The maximum parameters. More would be a mistake: 1 GiB, or seconds, for each log-in.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_ITERATIONS: u32 = 100;
/// The maximum lifetime of an access token. Its expiry is not looked up, so it must be short.
const MAX_ACCESS_TOKEN_SECONDS: u32 = 86_400;
const MAX_SESSION_HOURS: u32 = 87_600;
/// The maximum lifetime of a one-time token, 30 days: it opens an account, so it must not stay valid for long.
const MAX_TOKEN_HOURS: u32 = 720;
/// The maximum length of an issuer or an audience, in characters.
const MAX_NAME: usize = 200;

/// The settings of `[identity]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// The claim `iss` of access tokens, and the only one that is accepted.
    pub issuer: String,
    /// The claim `aud`, likewise.
    pub audience: String,
    pub access_token_seconds: u32,
    /// A refresh token expires if it is not used for this long.
    pub refresh_token_hours: u32,
    /// A session ends after this, however much it is used.
    pub session_hours: u32,
    /// A file with a private JWK Set (RFC 7517), read again when it changes. Empty means none.
    pub signing_keys_file: String,
    /// The private JWK Set itself. Empty means none.
    pub signing_keys: SecretText,
    pub password_memory_kib: u32,
    pub password_iterations: u32,
    /// The number of passwords that are hashed at once. 0 means half of the cores, at least one.
    pub password_hashes_at_once: usize,
    /// How many more passwords may wait for their turn.
    pub password_queue: usize,
    /// How long they wait.
    pub password_wait_ms: u64,
    /// The lifetime of a token that verifies an e-mail address.
    pub verification_token_hours: u32,
    /// The lifetime of a token that sets a password.
    pub reset_token_hours: u32,
}

impl IdentityConfig {
    /// # Errors
    /// Fails if a setting is weaker than Comptoir allows, or makes no sense.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |key, problem: String| Err(ConfigError::value(key, problem));
        for (key, name) in [("identity.issuer", &self.issuer), ("identity.audience", &self.audience)] {
            if name.is_empty() || name.chars().count() > MAX_NAME {
                return refuse(key, format!("must have 1 to {MAX_NAME} characters"));
            }
        }
        let ranges = [
            ("identity.access_token_seconds", self.access_token_seconds, 10, MAX_ACCESS_TOKEN_SECONDS),
            ("identity.refresh_token_hours", self.refresh_token_hours, 1, MAX_SESSION_HOURS),
            ("identity.session_hours", self.session_hours, 1, MAX_SESSION_HOURS),
            ("identity.verification_token_hours", self.verification_token_hours, 1, MAX_TOKEN_HOURS),
            ("identity.reset_token_hours", self.reset_token_hours, 1, MAX_TOKEN_HOURS),
            ("identity.password_memory_kib", self.password_memory_kib, MIN_MEMORY_KIB, MAX_MEMORY_KIB),
            ("identity.password_iterations", self.password_iterations, MIN_ITERATIONS, MAX_ITERATIONS),
        ];
        if let Some((key, _, least, most)) =
            ranges.into_iter().find(|(_, value, least, most)| !(least..=most).contains(&value))
        {
            return refuse(key, format!("must be at least {least} and at most {most}"));
        }
        if self.refresh_token_hours > self.session_hours {
            let problem = "must not be longer than identity.session_hours, which ends the session";
            return refuse("identity.refresh_token_hours", problem.to_owned());
        }
        if self.password_wait_ms == 0 {
            return refuse("identity.password_wait_ms", "must be at least 1".to_owned());
        }
        if !self.signing_keys_file.is_empty() && !self.signing_keys.expose().is_empty() {
            let problem = "is set, and identity.signing_keys as well; one of them must be empty";
            return refuse("identity.signing_keys_file", problem.to_owned());
        }
        // Invalid keys are found before anything starts.
        keys::configured(self).map(drop)
    }

    pub(super) fn keys_file(&self) -> Option<PathBuf> {
        (!self.signing_keys_file.is_empty()).then(|| PathBuf::from(&self.signing_keys_file))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::accounts::identity) fn config() -> IdentityConfig {
        IdentityConfig {
            issuer: "comptoir".to_owned(),
            audience: "comptoir-api".to_owned(),
            access_token_seconds: 600,
            refresh_token_hours: 720,
            session_hours: 2160,
            signing_keys_file: String::new(),
            signing_keys: SecretText::default(),
            password_memory_kib: MIN_MEMORY_KIB,
            password_iterations: MIN_ITERATIONS,
            password_hashes_at_once: 1,
            password_queue: 1,
            password_wait_ms: 60_000,
            verification_token_hours: 72,
            reset_token_hours: 24,
        }
    }

    #[test]
    fn what_is_weaker_than_allowed_or_contradicts_itself_is_refused_by_name() {
        config().validate().expect("valid");
        let keys = SecretText::new("{}");
        let cases = [
            ("identity.issuer", IdentityConfig { issuer: String::new(), ..config() }),
            ("identity.password_memory_kib", IdentityConfig { password_memory_kib: 19_455, ..config() }),
            ("identity.password_iterations", IdentityConfig { password_iterations: 1, ..config() }),
            ("identity.access_token_seconds", IdentityConfig { access_token_seconds: 0, ..config() }),
            ("identity.refresh_token_hours", IdentityConfig { refresh_token_hours: 2161, ..config() }),
            ("identity.password_wait_ms", IdentityConfig { password_wait_ms: 0, ..config() }),
            ("identity.signing_keys", IdentityConfig { signing_keys: keys.clone(), ..config() }),
            (
                "identity.signing_keys_file",
                IdentityConfig { signing_keys_file: "/does/not/exist".to_owned(), ..config() },
            ),
            (
                "identity.signing_keys_file",
                IdentityConfig { signing_keys_file: "keys.json".to_owned(), signing_keys: keys, ..config() },
            ),
        ];
        for (key, config) in cases {
            let error = config.validate().expect_err(key).to_string();
            assert!(error.contains(key), "{error}");
            assert!(!format!("{config:?}").contains("{}"), "keys are not printed");
        }
    }
}
