//! The keys that sign access tokens: a private JWK Set (RFC 7517), of which the first key signs and all verify.
//!
//! Only Ed25519 (RFC 8037; `EdDSA`) and P-256 (RFC 7518, section 6.2; `ES256`) are supported. The algorithm belongs to
//! the key: a token cannot choose it (RFC 8725, section 3.1).

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::IdentityConfig;
use crate::platform::config::ConfigError;
use crate::platform::secret_file;

/// The maximum number of keys in a set: the key that signs, and keys whose tokens have not expired yet.
const MAX_KEYS: usize = 16;
/// The maximum length of a key's `kid`, in bytes.
const MAX_KEY_ID: usize = 100;
/// The length of a coordinate or a private key of either curve, in bytes.
const COORDINATE: usize = 32;
/// The byte in front of the two coordinates of an uncompressed point (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The reason why a set of keys is invalid. It never shows the content of the set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("this is no JWK Set (RFC 7517): {0}")]
    NotASet(String),
    #[error("a JWK Set has 1 to {MAX_KEYS} keys here, not {0}")]
    Count(usize),
    #[error("key number {number}: {problem}")]
    Key { number: usize, problem: &'static str },
}

/// The algorithm with which a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    EdDsa,
    Es256,
}

impl Algorithm {
    /// The algorithm's name in JOSE.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// `kty` and `crv` of its keys.
    fn family(self) -> (&'static str, &'static str) {
        match self {
            Self::EdDsa => ("OKP", "Ed25519"),
            Self::Es256 => ("EC", "P-256"),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

/// A JSON Web Key. Members that are not named here are ignored, as RFC 7517 section 4 demands.
#[derive(Clone, Serialize, Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    /// The private part.
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
}

enum Signer {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

/// A key that verifies, and perhaps signs.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    /// The 32 bytes of Ed25519, or the point of P-256.
    public: Vec<u8>,
    signer: Option<Signer>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Result<Self, &'static str> {
        let algorithm = match (jwk.kty.as_str(), jwk.crv.as_str()) {
            ("OKP", "Ed25519") => Algorithm::EdDsa,
            ("EC", "P-256") => Algorithm::Es256,
            _ => return Err("neither an Ed25519 key (kty OKP) nor a P-256 key (kty EC)"),
        };
        if jwk.alg.as_deref().is_some_and(|name| name != algorithm.name()) {
            return Err("its alg does not belong to its kty and crv");
        }
        if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err("its use is not sig");
        }
        if jwk.kid.is_empty() || jwk.kid.len() > MAX_KEY_ID {
            return Err("its kid does not have 1 to 100 bytes");
        }
        let public = match (algorithm, &jwk.y) {
            (Algorithm::EdDsa, _) => coordinate(&jwk.x)?.to_vec(),
            (Algorithm::Es256, Some(y)) => {
                [&[UNCOMPRESSED][..], &coordinate(&jwk.x)?, &coordinate(y)?].concat()
            }
            (Algorithm::Es256, None) => return Err("y is missing"),
        };
        let signer = jwk.d.as_deref().map(|d| signer(algorithm, &coordinate(d)?, &public)).transpose()?;
        Ok(Self { id: jwk.kid.clone(), algorithm, public, signer })
    }

    /// # Errors
    /// Fails if the key is public only, or if no random bytes are available (P-256).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ring::error::Unspecified> {
        match &self.signer {
            Some(Signer::Ed25519(pair)) => Ok(pair.sign(message).as_ref().to_vec()),
            Some(Signer::P256(pair)) => Ok(pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec()),
            None => Err(ring::error::Unspecified),
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self.algorithm {
            Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature),
            Algorithm::Es256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.public).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

fn coordinate(text: &str) -> Result<[u8; COORDINATE], &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "x, y or d is not base64url without padding")?;
    bytes.try_into().map_err(|_| "x, y or d does not have 32 bytes")
}

fn signer(algorithm: Algorithm, private: &[u8], public: &[u8]) -> Result<Signer, &'static str> {
    let pair = match algorithm {
        Algorithm::EdDsa => Ed25519KeyPair::from_seed_and_public_key(private, public).map(Signer::Ed25519),
        Algorithm::Es256 => EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            private,
            public,
            &SystemRandom::new(),
        )
        .map(Signer::P256),
    };
    pair.map_err(|_| "its d is not the private part of the rest")
}

/// A valid set of keys.
#[derive(Debug)]
pub struct SigningKeys {
    /// At least one; the first one signs.
    keys: Vec<Key>,
    /// The public JWK Set.
    public: String,
}

impl SigningKeys {
    /// Reads a private JWK Set. Keys after the first may be public only: they only verify.
    ///
    /// # Errors
    /// Fails if the text is no set of keys of the two kinds with distinct `kid`s, or if the first key cannot sign.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let set = JwkSet::parse(text)?;
        let mut keys: Vec<Key> = Vec::with_capacity(set.keys.len());
        for (at, jwk) in set.keys.iter().enumerate() {
            let refuse = |problem| KeyError::Key { number: at + 1, problem };
            let key = Key::of(jwk).map_err(refuse)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(refuse("another key has the same kid"));
            }
            if at == 0 && key.signer.is_none() {
                return Err(refuse("the first key signs, and this one has no private part (d)"));
            }
            keys.push(key);
        }
        Ok(Self { keys, public: set.public()? })
    }

    /// Reads a file with a private JWK Set.
    ///
    /// # Errors
    /// Fails with a message if the file cannot be read, if other users may read it too, or if the set is invalid.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = String::from_utf8(secret_file::read(path)?)
            .map_err(|_| format!("{} is not text in UTF-8", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Generates one Ed25519 key, for the lifetime of the process.
    ///
    /// # Errors
    /// Fails only if this module has a bug.
    pub fn ephemeral() -> Result<Self, KeyError> {
        Self::parse(&generate(None, Place::First)?)
    }

    /// The public JWK Set, as JSON.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The `kid`s of the keys, that of the signing key first.
    pub fn ids(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.id.as_str()).collect()
    }

    /// The key that signs. Never `None`, because a set has at least one key.
    pub(super) fn signing(&self) -> Option<&Key> {
        self.keys.first()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl JwkSet {
    fn parse(text: &str) -> Result<Self, KeyError> {
        // serde's own message could quote a part of a key.
        let set: Self = serde_json::from_str(text).map_err(|error| {
            let what = if error.is_data() { "a member is missing or of the wrong type" } else { "not JSON" };
            KeyError::NotASet(format!("{what}, line {}, column {}", error.line(), error.column()))
        })?;
        match set.keys.len() {
            1..=MAX_KEYS => Ok(set),
            count => Err(KeyError::Count(count)),
        }
    }

    fn public(&self) -> Result<String, KeyError> {
        let public = |jwk: &Jwk| {
            let alg = if jwk.kty == "OKP" { Algorithm::EdDsa } else { Algorithm::Es256 };
            let alg = Some(alg.name().to_owned());
            Jwk { alg, purpose: Some("sig".to_owned()), d: None, ..jwk.clone() }
        };
        let set = Self { keys: self.keys.iter().map(public).collect() };
        serde_json::to_string(&set).map_err(|error| KeyError::NotASet(error.to_string()))
    }
}

/// Loads the keys that the settings name; `None` if they name none.
///
/// # Errors
/// Fails if the file cannot be read, or if the set is invalid.
pub(super) fn configured(config: &IdentityConfig) -> Result<Option<SigningKeys>, ConfigError> {
    match (config.keys_file(), config.signing_keys.expose()) {
        (Some(path), _) => {
            let keys = SigningKeys::read(&path);
            keys.map(Some).map_err(|problem| ConfigError::value("identity.signing_keys_file", problem))
        }
        (None, "") => Ok(None),
        (None, text) => {
            let keys = SigningKeys::parse(text);
            keys.map(Some).map_err(|error| ConfigError::value("identity.signing_keys", error.to_string()))
        }
    }
}

/// The place of a new key in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It signs from now on.
    First,
    /// It only verifies, until it is moved to the front.
    Last,
}

/// Returns a private JWK Set with a new Ed25519 key. `existing` is a set, and how many of its first keys are kept at most.
///
/// # Errors
/// Fails if `existing` is no valid set of keys.
pub fn generate(existing: Option<(&str, usize)>, place: Place) -> Result<String, KeyError> {
    let mut keys = Vec::new();
    if let Some((existing, keep)) = existing {
        SigningKeys::parse(existing)?;
        keys.extend(JwkSet::parse(existing)?.keys.into_iter().take(keep.min(MAX_KEYS - 1)));
    }
    let at = if place == Place::First { 0 } else { keys.len() };
    keys.insert(at, generate_key()?);
    serde_json::to_string_pretty(&JwkSet { keys }).map_err(|error| KeyError::NotASet(error.to_string()))
}

fn generate_key() -> Result<Jwk, KeyError> {
    let seed: [u8; COORDINATE] = rand::random();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
        .map_err(|_| KeyError::Key { number: 1, problem: "no key can be made of random bytes" })?;
    let (kty, crv) = Algorithm::EdDsa.family();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    // The key's thumbprint (RFC 8037, appendix A.3).
    let kid = Sha256::digest(format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}"}}"#));
    Ok(Jwk {
        kty: kty.to_owned(),
        crv: crv.to_owned(),
        kid: URL_SAFE_NO_PAD.encode(kid),
        alg: Some(Algorithm::EdDsa.name().to_owned()),
        purpose: Some("sig".to_owned()),
        x,
        y: None,
        d: Some(URL_SAFE_NO_PAD.encode(seed)),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// RFC 8037, appendix A.1.
    const RFC_8037: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"rfc","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// RFC 7515, appendix A.3.1.
    const RFC_7515: &str = r#"{"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

    pub(in crate::accounts::identity) fn set(keys: &[&str]) -> String {
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    pub(in crate::accounts::identity) fn p256() -> &'static str {
        RFC_7515
    }

    fn problem(text: &str) -> String {
        SigningKeys::parse(text).expect_err("refused").to_string()
    }

    #[test]
    fn the_signature_of_rfc_8037_is_made_and_verified() {
        let keys = SigningKeys::parse(&set(&[RFC_8037])).expect("valid");
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let key = keys.signing().expect("one");
        let signature = key.sign(message).expect("signed");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(&signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
        assert!(key.verifies(message, &signature));
        assert!(!key.verifies(b"another message", &signature));
    }

    #[test]
    fn the_signature_of_rfc_7515_is_verified() {
        let keys = SigningKeys::parse(&set(&[RFC_7515])).expect("valid");
        let message = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature =
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let key = keys.signing().expect("one");
        assert!(key.verifies(message, &URL_SAFE_NO_PAD.decode(signature).expect("base64url")));
        let own = key.sign(message).expect("signed");
        assert!(key.verifies(message, &own));
    }

    #[test]
    fn the_public_set_has_every_key_and_no_private_part() {
        let keys = SigningKeys::parse(&set(&[RFC_8037, RFC_7515])).expect("valid");
        let public: serde_json::Value = serde_json::from_str(keys.public()).expect("JSON");
        let listed = public["keys"].as_array().expect("a list");
        assert_eq!(listed.len(), 2);
        assert!(listed.iter().all(|key| key.get("d").is_none() && key["use"] == "sig"), "{public}");
        assert_eq!((&listed[0]["alg"], &listed[1]["alg"]), (&"EdDSA".into(), &"ES256".into()));
    }

    #[test]
    fn a_new_key_stands_in_front_of_those_that_are_kept_or_behind_them() {
        let made = |existing, place| generate(existing, place).expect("made");
        let ids = |text: &str| -> Vec<String> {
            SigningKeys::parse(text).expect("valid").ids().into_iter().map(ToOwned::to_owned).collect()
        };
        let first = made(None, Place::First);
        let second = made(Some((&first, 1)), Place::First);
        let third = made(Some((&second, 1)), Place::First);
        assert_eq!(ids(&second)[1..], ids(&first));
        assert_eq!(ids(&third)[1..], ids(&second)[..1]);
        let waiting = made(Some((&second, 2)), Place::Last);
        assert_eq!(ids(&waiting)[..2], ids(&second));
        assert_eq!(ids(&waiting).len(), 3);
    }

    #[test]
    fn a_retired_key_may_be_public_only_but_not_the_first() {
        let public = RFC_8037.replace(r#""d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","#, "");
        SigningKeys::parse(&set(&[RFC_7515, &public])).expect("valid");
        assert!(problem(&set(&[&public, RFC_7515])).contains("no private part"));
    }

    #[test]
    fn sets_that_are_not_in_order_are_refused_without_showing_what_is_in_them() {
        let changed = |from: &str, to: &str| set(&[&RFC_8037.replacen(from, to, 1)]);
        let cases = [
            ("not JSON".to_owned(), "not JSON"),
            (r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#.to_owned(), "missing or of the wrong type"),
            (r#"{"keys":[]}"#.to_owned(), "1 to 16 keys"),
            (set(&[RFC_8037; 17]), "1 to 16 keys"),
            (set(&[RFC_8037, RFC_8037]), "same kid"),
            (changed("OKP", "RSA"), "neither an Ed25519"),
            (changed("Ed25519", "X25519"), "neither an Ed25519"),
            (changed(r#""kid":"rfc""#, r#""kid":"rfc","alg":"ES256""#), "its alg"),
            (changed(r#""kid":"rfc""#, r#""kid":"rfc","use":"enc""#), "its use"),
            (changed(r#""kid":"rfc""#, r#""kid":"""#), "its kid"),
            (changed("nWGxne_9", "nWGxne_8"), "not the private part"),
            (changed("11qYAYKx", "11qYAYK*"), "not base64url"),
            (changed("11qYAYKx", ""), "32 bytes"),
        ];
        for (text, expected) in cases {
            let problem = problem(&text);
            assert!(problem.contains(expected), "{problem}");
            assert!(!problem.contains("nWGx") && !problem.contains("c2Vj"), "{problem}");
        }
    }
}
