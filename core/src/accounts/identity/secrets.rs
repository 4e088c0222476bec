//! Random secrets that this program hands out and is shown again: API keys, refresh tokens, one-time tokens.
//!
//! Each has 256 random bits, so that no salt and no slow hash is needed: SHA-256 of it is what the database keeps, and a
//! secret is found by that hash. No comparison in constant time either: an index tells by its timing something about
//! hashes, and whoever tries secrets can neither choose their hashes nor undo them.
//!
//! A fixed start says what it is, to people and to programs that search for leaked secrets, and a checksum at the end
//! finds typing errors before anything is looked up.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::values::invalid::Invalid;

/// Random bytes of a secret.
const RANDOM: usize = 32;
/// Characters of those in base64url.
const RANDOM_TEXT: usize = 43;
/// Bytes of the checksum, and its characters in base64url.
const CHECKSUM: usize = 4;
const CHECKSUM_TEXT: usize = 6;
/// Characters by which an API key is recognised.
const PREFIX: usize = 8;
/// Without those that look alike (0 and o, 1, i and l).
const PREFIX_ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// What is kept of a secret: SHA-256 of its whole text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

/// 32 bytes of the operating system's generator, by way of a generator that it seeds, and the checksum.
fn generate(start: &str) -> String {
    let mut text = format!("{start}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; RANDOM]>()));
    let sum = checksum(&text);
    text.push_str(&sum);
    text
}

fn checksum(text: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    URL_SAFE_NO_PAD.encode(hash.first_chunk::<CHECKSUM>().unwrap_or(&[0; CHECKSUM]))
}

/// The text, if it has the form of a secret that begins with `start` characters of something else.
fn parse(text: &str, start: usize, what: &str) -> Result<String, Invalid> {
    let refuse = |problem: &str| Err(Invalid::new("not_a_secret", format!("this is no {what}: {problem}")));
    if !text.is_ascii() || text.len() != start + RANDOM_TEXT + CHECKSUM_TEXT {
        return refuse("its length is wrong; perhaps a part of it is missing");
    }
    let (body, sum) = text.split_at(start + RANDOM_TEXT);
    if checksum(body) != sum {
        return refuse("its checksum is wrong; perhaps it was mistyped");
    }
    Ok(text.to_owned())
}

/// Declares a secret that begins with a fixed text.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $start:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            pub const START: &'static str = $start;

            pub fn generate() -> Self {
                Self(generate(Self::START))
            }

            /// # Errors
            /// `not_a_secret`: the start, the length or the checksum is wrong.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                if !text.starts_with(Self::START) {
                    let message = concat!("this is no ", $what, ": it does not begin with ", $start);
                    return Err(Invalid::new("not_a_secret", message));
                }
                parse(text, Self::START.len(), $what).map(Self)
            }

            /// What the database keeps of it.
            pub fn hash(&self) -> SecretHash {
                SecretHash::of(&self.0)
            }

            /// The whole secret, for the one answer that shows it; never for a log line.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($start, "***"))
            }
        }
    };
}

secret!(
    /// Prolongs a session, once: its use gives another one.
    RefreshToken, "crt_", "refresh token"
);
secret!(
    /// Verifies an e-mail address or sets a password, once.
    OneTimeToken, "cot_", "one-time token"
);

/// An API key: `ck_`, eight characters by which it is recognised, `_`, the secret and the checksum.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText(String);

impl ApiKeyText {
    pub const START: &'static str = "ck_";
    /// The part that may be shown: the start and eight characters.
    const SHOWN: usize = Self::START.len() + PREFIX;

    pub fn generate() -> Self {
        let prefix: String = (0..PREFIX)
            .filter_map(|_| PREFIX_ALPHABET.get(rand::random_range(0..PREFIX_ALPHABET.len())))
            .map(|byte| char::from(*byte))
            .collect();
        Self(generate(&format!("{}{prefix}_", Self::START)))
    }

    /// # Errors
    /// `not_a_secret`: the start, the length or the checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let shaped = text.starts_with(Self::START) && text.as_bytes().get(Self::SHOWN) == Some(&b'_');
        if !shaped {
            return Err(Invalid::new("not_a_secret", "this is no API key: it does not begin with ck_"));
        }
        parse(text, Self::SHOWN + 1, "API key").map(Self)
    }

    /// `ck_` and eight characters, which are no secret: lists and logs show them.
    pub fn prefix(&self) -> &str {
        self.0.get(..Self::SHOWN).unwrap_or_default()
    }

    /// What the database keeps of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    /// The whole key, for the one answer that shows it; never for a log line.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_***", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_was_written_and_found_by_the_same_hash() {
        let key = ApiKeyText::generate();
        assert_eq!(key.expose().len(), 61);
        assert_eq!(ApiKeyText::parse(key.expose()).expect("valid").hash(), key.hash());
        let token = RefreshToken::generate();
        assert_eq!(token.expose().len(), 53);
        assert_eq!(RefreshToken::parse(token.expose()).expect("valid").hash(), token.hash());
        assert_eq!(OneTimeToken::parse(OneTimeToken::generate().expose()).map(drop), Ok(()));
    }

    #[test]
    fn no_two_secrets_are_alike() {
        assert_ne!(ApiKeyText::generate().hash(), ApiKeyText::generate().hash());
        assert_ne!(RefreshToken::generate(), RefreshToken::generate());
    }

    #[test]
    fn a_change_of_any_character_is_found() {
        let key = ApiKeyText::generate();
        for at in 0..key.expose().len() {
            let mut bytes = key.expose().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let text = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(ApiKeyText::parse(&text).map_err(|refused| refused.code), Err("not_a_secret"), "{at}");
        }
    }

    #[test]
    fn what_is_no_such_secret_is_refused() {
        let (key, token) = (ApiKeyText::generate(), RefreshToken::generate());
        let shorter = &key.expose()[..60];
        for text in
            ["", "ck_", "ck_abcdefgh_", shorter, token.expose(), &format!("{}x", key.expose()), "ck_é"]
        {
            assert!(ApiKeyText::parse(text).is_err(), "{text}");
        }
        for text in ["", "crt_", key.expose(), OneTimeToken::generate().expose(), "crt_é"] {
            assert!(RefreshToken::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_secret_is_ever_printed() {
        let key = ApiKeyText::generate();
        assert_eq!(format!("{key:?}"), format!("{}_***", key.prefix()));
        assert_eq!(format!("{:?}", RefreshToken::generate()), "crt_***");
        assert_eq!(format!("{:?}", key.hash()), "SecretHash(***)");
    }
}
