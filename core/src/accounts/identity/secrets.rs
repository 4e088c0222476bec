//! Random secrets that this program issues and later recognises: API keys, refresh tokens, one-time tokens.
//!
//! Each has 256 random bits, so it needs no salt and no slow hash: the database stores its SHA-256, and finds it by that
//! hash. It needs no comparison in constant time either. The timing of the index reveals something about hashes only, and
//! an attacker who tries secrets can neither choose their hashes nor invert them.
//!
//! A fixed start names the kind of secret, for people and for programs that search for leaked secrets. A checksum at the
//! end finds typing errors before anything is looked up.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use sha2::{Digest, Sha256};

use crate::values::ids::SessionId;
use crate::values::invalid::Invalid;

/// The number of random bytes in a secret.
const RANDOM: usize = 32;
/// The number of characters of those bytes in base64url.
const RANDOM_TEXT: usize = 43;
/// The length of the checksum in bytes, and in characters of base64url.
const CHECKSUM: usize = 4;
const CHECKSUM_TEXT: usize = 6;
/// The number of characters by which people recognise an API key.
const PREFIX: usize = 8;
/// The characters of a prefix, without those that look alike (0 and o, 1, i and l).
const PREFIX_ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// The SHA-256 of a secret's whole text, which is stored instead of the secret.
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

/// Generates the text: `start`, 32 random bytes from a generator that the operating system seeds, and the checksum.
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

/// Returns the text, if it has the form of a secret: `start` characters, the random part, and the right checksum.
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
            /// `not_a_secret` if the start, the length or the checksum is wrong.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                if !text.starts_with(Self::START) {
                    let message = concat!("this is no ", $what, ": it does not begin with ", $start);
                    return Err(Invalid::new("not_a_secret", message));
                }
                parse(text, Self::START.len(), $what).map(Self)
            }

            /// The hash that the database stores.
            pub fn hash(&self) -> SecretHash {
                SecretHash::of(&self.0)
            }

            /// The whole secret, for the one response that shows it; never for a log line.
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
    /// A token that prolongs a session, once: its use gives a new token.
    RefreshToken, "crt_", "refresh token"
);
secret!(
    /// The same for a session of an operator account.
    OperatorRefreshToken, "cpt_", "operator's refresh token"
);
secret!(
    /// A token that verifies an e-mail address or sets a password, once.
    OneTimeToken, "cot_", "one-time token"
);
secret!(
    /// What a browser keeps, so that the forms of its pages can be told from those of other sites.
    FormSecret, "cfs_", "form secret"
);

/// Of pages without a session.
const NO_SESSION: &str = "no session";

impl FormSecret {
    /// Returns the text that a form of a page has to send back: an HMAC of the session, so that a form which was left
    /// open is of no use in the next session of the same browser.
    pub fn token(&self, session: Option<SessionId>) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key(), &subject(session)))
    }

    /// Whether a form has sent the text of [`Self::token`]; compared in constant time.
    pub fn verifies(&self, session: Option<SessionId>, presented: &str) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(presented);
        tag.is_ok_and(|tag| hmac::verify(&self.key(), &subject(session), &tag).is_ok())
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes())
    }
}

fn subject(session: Option<SessionId>) -> Vec<u8> {
    session.map_or_else(|| NO_SESSION.as_bytes().to_vec(), |id| id.uuid().as_bytes().to_vec())
}

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
    /// `not_a_secret` if the start, the length or the checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let shaped = text.starts_with(Self::START) && text.as_bytes().get(Self::SHOWN) == Some(&b'_');
        if !shaped {
            return Err(Invalid::new("not_a_secret", "this is no API key: it does not begin with ck_"));
        }
        parse(text, Self::SHOWN + 1, "API key").map(Self)
    }

    /// The public start of the key, `ck_` and eight characters: lists and logs show it.
    pub fn prefix(&self) -> &str {
        self.0.get(..Self::SHOWN).unwrap_or_default()
    }

    /// The hash that the database stores.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    /// The whole key, for the one response that shows it; never for a log line.
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
    fn a_forms_token_is_of_one_browser_and_one_session() {
        let (secret, session) = (FormSecret::generate(), SessionId::generate());
        let token = secret.token(Some(session));
        assert!(secret.verifies(Some(session), &token));
        assert!(!secret.verifies(None, &token) && !secret.verifies(Some(SessionId::generate()), &token));
        assert!(!FormSecret::generate().verifies(Some(session), &token));
        assert!(!secret.verifies(Some(session), "") && !secret.verifies(Some(session), &token[1..]));
        assert!(secret.verifies(None, &secret.token(None)));
    }

    #[test]
    fn no_secret_is_ever_printed() {
        let key = ApiKeyText::generate();
        assert_eq!(format!("{key:?}"), format!("{}_***", key.prefix()));
        assert_eq!(format!("{:?}", RefreshToken::generate()), "crt_***");
        assert_eq!(format!("{:?}", key.hash()), "SecretHash(***)");
    }
}
