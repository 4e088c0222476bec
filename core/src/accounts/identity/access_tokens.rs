//! Access tokens: JSON Web Tokens (RFC 7519) of the type `at+jwt` (RFC 9068), signed as a compact JWS (RFC 7515).
//!
//! Follows RFC 8725: the key decides the algorithm; the type, the issuer and the audience are checked; a token that names
//! extensions (`crit`) is refused. There is no `client_id`: Comptoir is no OAuth server, and has no clients to tell
//! apart. docs/adr/0012 says why this is implemented here, with `ring`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::keys::{self, SigningKeys};
use super::{IdentityConfig, IdentityError};
use crate::platform::config::ConfigError;
use crate::services::{Description, Fault, Plain, Service, Summary};
use crate::values::ids::{OperatorId, SessionId, TenantId, UserId};

/// The maximum length of a token, in bytes. Ours have about 500.
pub const MAX_TOKEN: usize = 4096;
/// The difference that is allowed between the clocks of two replicas.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);
/// The maximum number of cached tokens, whose signature is not verified again; each takes about 200 bytes.
const MAX_VERIFIED: u64 = 10_000;
/// The interval at which the key file is read again.
const RELOAD_EVERY: Duration = Duration::from_secs(5);
/// The type of a user's access token (RFC 9068, section 2.1).
const TYPE: &str = "at+jwt";
/// The type of an operator's. With a type and an audience of their own and no tenant, neither kind of token is ever taken for
/// the other (RFC 8725, section 3.12), here or by a program that verifies tokens with the public keys.
const OPERATOR_TYPE: &str = "operator-at+jwt";
/// Follows the audience in an operator's token.
const OPERATOR_AUDIENCE: &str = "/operators";

/// The claims of an access token: its user, tenant and session, and its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    pub user_id: UserId,
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub token_id: Uuid,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The claims of an operator's access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorClaims {
    pub operator_id: OperatorId,
    pub session_id: SessionId,
    pub token_id: Uuid,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The claims of an access token of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnyClaims {
    User(Claims),
    Operator(OperatorClaims),
}

impl AnyClaims {
    fn expires_at(self) -> DateTime<Utc> {
        match self {
            Self::User(claims) => claims.expires_at,
            Self::Operator(claims) => claims.expires_at,
        }
    }
}

/// A new token, and when it expires.
#[derive(Clone)]
pub struct IssuedAccessToken {
    pub text: String,
    pub expires_at: DateTime<Utc>,
    /// Seconds from its issue to its end.
    pub expires_in: u32,
}

impl std::fmt::Debug for IssuedAccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedAccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The reason why a token is refused, for logs and tests. A client gets 401 and no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error("longer than {MAX_TOKEN} bytes")]
    Oversized,
    #[error("not a compact JWS with the claims of an access token")]
    Malformed,
    #[error("of another type than {TYPE} or {OPERATOR_TYPE}, or not of the one that is wanted here")]
    Type,
    #[error("signed with a key that is not, or no longer, in the set")]
    UnknownKey,
    #[error("not signed with the algorithm of its key")]
    Algorithm,
    #[error("its signature is wrong")]
    Signature,
    #[error("from another issuer")]
    Issuer,
    #[error("for another audience")]
    Audience,
    #[error("expired")]
    Expired,
    #[error("not valid yet")]
    NotYetValid,
}

/// A token's header. Members that are not named here, such as `jwk` or `jku`, are ignored.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
    #[serde(skip_serializing)]
    crit: Option<serde::de::IgnoredAny>,
}

/// The claims as they are encoded in a token; times are seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: Uuid,
    /// A user's; an operator has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<TenantId>,
    sid: SessionId,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
    jti: Uuid,
}

/// A set of keys, and a cache of the tokens that were verified with it. New keys begin with an empty cache.
#[derive(Debug)]
struct Generation {
    keys: SigningKeys,
    /// The claims by the SHA-256 of the token's text, so that no usable token stays in memory.
    verified: Cache<[u8; 32], AnyClaims>,
}

impl Generation {
    fn of(keys: SigningKeys) -> Arc<Self> {
        Arc::new(Self { keys, verified: Cache::new(MAX_VERIFIED) })
    }
}

/// Issues and verifies access tokens.
#[derive(Debug)]
pub struct AccessTokens {
    issuer: String,
    audience: String,
    lifetime_seconds: u32,
    file: Option<PathBuf>,
    current: RwLock<Arc<Generation>>,
}

impl AccessTokens {
    /// Loads the configured keys; without any, generates a key for the lifetime of the process.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if the set is invalid.
    pub fn new(config: &IdentityConfig) -> Result<Self, ConfigError> {
        let keys = match keys::configured(config)? {
            Some(keys) => keys,
            None => {
                tracing::warn!(
                    "no signing keys are configured (identity.signing_keys_file): access tokens end with this process, \
                     and other replicas refuse them"
                );
                SigningKeys::ephemeral()
                    .map_err(|error| ConfigError::value("identity.signing_keys", error.to_string()))?
            }
        };
        Ok(Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            lifetime_seconds: config.access_token_seconds,
            file: config.keys_file(),
            current: RwLock::new(Generation::of(keys)),
        })
    }

    /// Issues a token for a user's session.
    ///
    /// # Errors
    /// `Signing` if no random bytes are available.
    pub fn issue(
        &self,
        user_id: UserId,
        tenant_id: TenantId,
        session_id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<IssuedAccessToken, IdentityError> {
        self.signed(Kind::User, user_id.uuid(), Some(tenant_id), session_id, now)
    }

    /// Issues a token for an operator's session.
    ///
    /// # Errors
    /// `Signing` if no random bytes are available.
    pub fn issue_to_operator(
        &self,
        operator_id: OperatorId,
        session_id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<IssuedAccessToken, IdentityError> {
        self.signed(Kind::Operator, operator_id.uuid(), None, session_id, now)
    }

    fn signed(
        &self,
        kind: Kind,
        sub: Uuid,
        tid: Option<TenantId>,
        sid: SessionId,
        now: DateTime<Utc>,
    ) -> Result<IssuedAccessToken, IdentityError> {
        let now = now.trunc_subsecs(0);
        let expires_at = now + TimeDelta::seconds(self.lifetime_seconds.into());
        let payload = Payload {
            iss: self.issuer.clone(),
            aud: self.audience(kind),
            sub,
            tid,
            sid,
            iat: now.timestamp(),
            nbf: None,
            exp: expires_at.timestamp(),
            jti: Uuid::now_v7(),
        };
        let generation = self.generation();
        let key = generation.keys.signing().ok_or(IdentityError::Signing)?;
        let header = Header { typ: kind.name(), alg: key.algorithm.name(), kid: &key.id, crit: None };
        let mut text = format!("{}.{}", part(&header)?, part(&payload)?);
        let signature = key.sign(text.as_bytes()).map_err(|_| IdentityError::Signing)?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(IssuedAccessToken { text, expires_at, expires_in: self.lifetime_seconds })
    }

    fn audience(&self, kind: Kind) -> String {
        match kind {
            Kind::User => self.audience.clone(),
            Kind::Operator => format!("{}{OPERATOR_AUDIENCE}", self.audience),
        }
    }

    /// Verifies a token of either kind and returns its claims. Only the database knows whether its session has ended.
    ///
    /// # Errors
    /// Fails with the reason why the token is refused.
    pub fn verify_any(&self, token: &str) -> Result<AnyClaims, TokenRefusal> {
        self.verify_any_at(token, Utc::now())
    }

    /// Verifies a user's token, as [`Self::verify_any`].
    ///
    /// # Errors
    /// Fails with the reason why the token is refused; `Type` if it is an operator's.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenRefusal> {
        self.verify_at(token, Utc::now())
    }

    fn verify_at(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenRefusal> {
        match self.verify_any_at(token, now)? {
            AnyClaims::User(claims) => Ok(claims),
            AnyClaims::Operator(_) => Err(TokenRefusal::Type),
        }
    }

    fn verify_any_at(&self, token: &str, now: DateTime<Utc>) -> Result<AnyClaims, TokenRefusal> {
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::Oversized);
        }
        let generation = self.generation();
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(claims) = generation.verified.get(&hash) {
            if now < claims.expires_at() + LEEWAY {
                return Ok(claims);
            }
            generation.verified.invalidate(&hash);
            return Err(TokenRefusal::Expired);
        }
        let (kind, payload) = verified_payload(&generation.keys, token)?;
        let claims = self.check(kind, payload, now)?;
        generation.verified.insert(hash, claims);
        Ok(claims)
    }

    /// Checks the claims of a token whose signature is right.
    fn check(&self, kind: Kind, payload: Payload, now: DateTime<Utc>) -> Result<AnyClaims, TokenRefusal> {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(TokenRefusal::Malformed);
        let (issued_at, expires_at) = (time(payload.iat)?, time(payload.exp)?);
        let valid_from = payload.nbf.map(time).transpose()?.unwrap_or(issued_at).max(issued_at);
        if payload.iss != self.issuer {
            return Err(TokenRefusal::Issuer);
        }
        if payload.aud != self.audience(kind) {
            return Err(TokenRefusal::Audience);
        }
        if now - LEEWAY >= expires_at {
            return Err(TokenRefusal::Expired);
        }
        if now + LEEWAY < valid_from {
            return Err(TokenRefusal::NotYetValid);
        }
        let Payload { sub, tid, sid: session_id, jti: token_id, .. } = payload;
        match (kind, tid) {
            (Kind::User, Some(tenant_id)) => {
                let user_id = UserId::from_uuid(sub);
                Ok(AnyClaims::User(Claims {
                    user_id,
                    tenant_id,
                    session_id,
                    token_id,
                    issued_at,
                    expires_at,
                }))
            }
            (Kind::Operator, None) => {
                let operator_id = OperatorId::from_uuid(sub);
                let claims = OperatorClaims { operator_id, session_id, token_id, issued_at, expires_at };
                Ok(AnyClaims::Operator(claims))
            }
            _ => Err(TokenRefusal::Malformed),
        }
    }

    /// The public JWK Set, as JSON.
    pub fn jwks(&self) -> String {
        self.generation().keys.public().to_owned()
    }

    /// Returns the service `signing_keys`, which applies changes of the key file, so that keys rotate without a restart. An invalid
    /// file is not used.
    pub fn service(self: Arc<Self>) -> impl Service {
        let about = "Applies changes of the file of signing keys";
        Plain::new(Description::every("signing_keys", about, RELOAD_EVERY).at_start().quiet(), move || {
            let read = match &self.file {
                Some(path) => self.reload(path).map_err(|problem| {
                    Fault::new(format_args!("the signing keys stay as they were: {problem}"))
                }),
                None => Ok(()),
            };
            async move { read.map(|()| Summary::done()) }
        })
    }

    /// Reads the whole file each time: a few kilobytes are easier than reasoning about modification times and links.
    fn reload(&self, path: &Path) -> Result<(), String> {
        let keys = SigningKeys::read(path)?;
        if keys.public() != self.generation().keys.public() {
            tracing::info!(keys = keys.ids().join(", "), "signing keys read; the first one signs");
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Generation::of(keys);
        }
        Ok(())
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn part(value: &impl Serialize) -> Result<String, IdentityError> {
    serde_json::to_vec(value).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| IdentityError::Signing)
}

/// Returns the content of a token, if one of the keys has signed it.
fn verified_payload(keys: &SigningKeys, token: &str) -> Result<(Kind, Payload), TokenRefusal> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenRefusal::Malformed);
    let (message, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(TokenRefusal::Malformed)?;
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| TokenRefusal::Malformed)?;
    let kind = Kind::named(header.typ).filter(|_| header.crit.is_none()).ok_or(TokenRefusal::Type)?;
    let key = keys.find(header.kid).ok_or(TokenRefusal::UnknownKey)?;
    if header.alg != key.algorithm.name() {
        return Err(TokenRefusal::Algorithm);
    }
    if !key.verifies(message.as_bytes(), &signature) {
        return Err(TokenRefusal::Signature);
    }
    // The payload is parsed only after its signature was verified.
    let payload = serde_json::from_slice(&payload).map_err(|_| TokenRefusal::Malformed)?;
    Ok((kind, payload))
}

/// For whom a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Operator,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::User => TYPE,
            Self::Operator => OPERATOR_TYPE,
        }
    }

    /// Media types are case-insensitive, and the prefix is optional (RFC 7515, section 4.1.9).
    fn named(typ: &str) -> Option<Self> {
        let typ = typ.to_ascii_lowercase();
        let typ = typ.strip_prefix("application/").unwrap_or(&typ);
        [Self::User, Self::Operator].into_iter().find(|kind| kind.name() == typ)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ring::hmac;
    use serde_json::{Value, json};

    use super::super::keys::Place;
    use super::super::keys::tests::{p256, set};
    use super::*;
    use crate::accounts::identity::config::tests::config;
    use crate::platform::config::SecretText;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a valid time")
    }

    fn later(seconds: i64) -> DateTime<Utc> {
        now() + TimeDelta::seconds(seconds)
    }

    /// An issuer with these private keys.
    fn tokens(keys: &str) -> AccessTokens {
        let config = IdentityConfig { signing_keys: SecretText::new(keys), ..config() };
        AccessTokens::new(&config).expect("usable")
    }

    fn ed25519() -> String {
        keys::generate(None, Place::First).expect("made")
    }

    fn issue(tokens: &AccessTokens) -> String {
        let (user, tenant, session) = (UserId::generate(), TenantId::generate(), SessionId::generate());
        tokens.issue(user, tenant, session, now()).expect("issued").text
    }

    fn encode(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn claims() -> Value {
        json!({
            "iss": "comptoir", "aud": "comptoir-api", "iat": now().timestamp(), "exp": later(600).timestamp(),
            "sub": UserId::generate(), "tid": TenantId::generate(), "sid": SessionId::generate(), "jti": Uuid::now_v7(),
        })
    }

    fn header(tokens: &AccessTokens) -> Value {
        let generation = tokens.generation();
        let key = generation.keys.signing().expect("one");
        json!({"typ": "at+jwt", "alg": key.algorithm.name(), "kid": key.id})
    }

    /// Any header and claims, signed with the right key.
    fn signed(tokens: &AccessTokens, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature =
            tokens.generation().keys.signing().expect("one").sign(message.as_bytes()).expect("signed");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn refusal(tokens: &AccessTokens, token: &str) -> Option<TokenRefusal> {
        tokens.verify_at(token, now()).err()
    }

    #[test]
    fn a_token_speaks_for_whom_it_was_issued_with_a_key_of_either_kind() {
        for keys in [ed25519(), set(&[p256()])] {
            let tokens = tokens(&keys);
            let (user, tenant, session) = (UserId::generate(), TenantId::generate(), SessionId::generate());
            let token = tokens.issue(user, tenant, session, now()).expect("issued");
            // The first time by its signature, the second time from memory.
            for _ in 0..2 {
                let claims = tokens.verify_at(&token.text, now()).expect("valid");
                assert_eq!((claims.user_id, claims.tenant_id, claims.session_id), (user, tenant, session));
                assert_eq!((claims.issued_at, claims.expires_at), (now(), later(600)));
            }
            assert_eq!((token.expires_at, token.expires_in), (later(600), 600));
        }
    }

    #[test]
    fn an_operators_token_is_never_taken_for_a_users_nor_the_reverse() {
        let tokens = tokens(&ed25519());
        let (operator, session) = (OperatorId::generate(), SessionId::generate());
        let token = tokens.issue_to_operator(operator, session, now()).expect("issued").text;
        for _ in 0..2 {
            let Ok(AnyClaims::Operator(claims)) = tokens.verify_any_at(&token, now()) else {
                panic!("no operator's token")
            };
            assert_eq!((claims.operator_id, claims.session_id), (operator, session));
            assert_eq!(refusal(&tokens, &token), Some(TokenRefusal::Type));
        }
        assert!(matches!(tokens.verify_any_at(&issue(&tokens), now()), Ok(AnyClaims::User(_))));

        // Each of the three differences is enough, whatever else a token says.
        let any = |typ: &str, aud: &str, tid: Value| {
            let (mut header, mut claims) = (header(&tokens), claims());
            header["typ"] = typ.into();
            claims["aud"] = aud.into();
            claims["tid"] = tid;
            tokens.verify_any_at(&signed(&tokens, &header, &claims), now()).err()
        };
        let tenant = || serde_json::to_value(TenantId::generate()).expect("JSON");
        let (of_users, of_operators) = ("comptoir-api", "comptoir-api/operators");
        assert_eq!(any(TYPE, of_users, tenant()), None);
        assert_eq!(any(OPERATOR_TYPE, of_operators, Value::Null), None);
        assert_eq!(any(TYPE, of_operators, tenant()), Some(TokenRefusal::Audience));
        assert_eq!(any(OPERATOR_TYPE, of_users, Value::Null), Some(TokenRefusal::Audience));
        assert_eq!(any(TYPE, of_users, Value::Null), Some(TokenRefusal::Malformed));
        assert_eq!(any(OPERATOR_TYPE, of_operators, tenant()), Some(TokenRefusal::Malformed));
    }

    #[test]
    fn a_token_ends_when_it_says_whether_it_is_remembered_or_not() {
        let tokens = tokens(&ed25519());
        let token = issue(&tokens);
        assert_eq!(tokens.verify_at(&token, later(605)), Err(TokenRefusal::Expired));
        tokens.verify_at(&token, later(604)).expect("valid, within the leeway");
        assert_eq!(tokens.verify_at(&token, later(605)), Err(TokenRefusal::Expired));
        assert_eq!(tokens.verify_at(&token, later(605)), Err(TokenRefusal::Expired));
    }

    #[test]
    fn a_token_from_the_future_is_refused() {
        let tokens = tokens(&ed25519());
        let token = issue(&tokens);
        assert_eq!(tokens.verify_at(&token, later(-6)), Err(TokenRefusal::NotYetValid));
        let mut claims = claims();
        claims["nbf"] = later(6).timestamp().into();
        let token = signed(&tokens, &header(&tokens), &claims);
        assert_eq!(refusal(&tokens, &token), Some(TokenRefusal::NotYetValid));
    }

    #[test]
    fn no_algorithm_at_all_is_refused() {
        let tokens = tokens(&ed25519());
        for alg in ["none", "None", "NONE", ""] {
            let mut header = header(&tokens);
            header["alg"] = alg.into();
            let message = format!("{}.{}", encode(&header), encode(&claims()));
            assert_eq!(refusal(&tokens, &format!("{message}.")), Some(TokenRefusal::Algorithm), "{alg}");
            assert_eq!(refusal(&tokens, &message), Some(TokenRefusal::Malformed), "{alg}");
        }
    }

    #[test]
    fn a_public_key_is_not_accepted_as_the_secret_of_an_hmac() {
        let tokens = tokens(&ed25519());
        let mut header = header(&tokens);
        header["alg"] = "HS256".into();
        let message = format!("{}.{}", encode(&header), encode(&claims()));
        let public: Value = serde_json::from_str(&tokens.jwks()).expect("JSON");
        let x = public["keys"][0]["x"].as_str().expect("text");
        for secret in
            [x.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(x).expect("base64url"), tokens.jwks().into_bytes()]
        {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
            assert_eq!(refusal(&tokens, &token), Some(TokenRefusal::Algorithm));
        }
    }

    #[test]
    fn the_key_decides_the_algorithm_and_not_the_token() {
        let tokens = tokens(&set(&[p256()]));
        let mut header = header(&tokens);
        header["alg"] = "EdDSA".into();
        assert_eq!(refusal(&tokens, &signed(&tokens, &header, &claims())), Some(TokenRefusal::Algorithm));
    }

    #[test]
    fn another_key_does_not_count_whatever_it_calls_itself() {
        let (ours, theirs) = (tokens(&ed25519()), tokens(&ed25519()));
        assert_eq!(refusal(&ours, &issue(&theirs)), Some(TokenRefusal::UnknownKey));
        let token = signed(&theirs, &header(&ours), &claims());
        assert_eq!(refusal(&ours, &token), Some(TokenRefusal::Signature));
        // A key that comes with the token, or the URL of one, is ignored.
        let mut header = header(&ours);
        header["jwk"] = serde_json::from_str::<Value>(&theirs.jwks()).expect("JSON")["keys"][0].clone();
        header["jku"] = "https://example.com/keys".into();
        assert_eq!(refusal(&ours, &signed(&theirs, &header, &claims())), Some(TokenRefusal::Signature));
    }

    #[test]
    fn tokens_for_others_and_from_others_are_refused() {
        let tokens = tokens(&ed25519());
        let with = |claim: &str, value: Value| {
            let mut claims = claims();
            claims[claim] = value;
            refusal(&tokens, &signed(&tokens, &header(&tokens), &claims))
        };
        assert_eq!(with("aud", "another-api".into()), Some(TokenRefusal::Audience));
        assert_eq!(with("aud", json!(["comptoir-api", "another-api"])), Some(TokenRefusal::Malformed));
        assert_eq!(with("iss", "somebody".into()), Some(TokenRefusal::Issuer));
        assert_eq!(with("exp", later(-5).timestamp().into()), Some(TokenRefusal::Expired));
        assert_eq!(with("exp", i64::MAX.into()), Some(TokenRefusal::Malformed));
        assert_eq!(with("sub", "root".into()), Some(TokenRefusal::Malformed));
        assert_eq!(with("scope", "more than we know".into()), None);
    }

    #[test]
    fn every_claim_must_be_there() {
        let tokens = tokens(&ed25519());
        for claim in ["iss", "aud", "sub", "tid", "sid", "iat", "exp", "jti"] {
            let mut claims = claims();
            claims.as_object_mut().expect("an object").remove(claim);
            let token = signed(&tokens, &header(&tokens), &claims);
            assert_eq!(refusal(&tokens, &token), Some(TokenRefusal::Malformed), "{claim}");
        }
    }

    #[test]
    fn only_access_tokens_without_extensions_count() {
        let tokens = tokens(&ed25519());
        let with = |member: &str, value: Value| {
            let mut header = header(&tokens);
            header[member] = value;
            refusal(&tokens, &signed(&tokens, &header, &claims()))
        };
        assert_eq!(with("typ", "application/AT+JWT".into()), None);
        assert_eq!(with("typ", "JWT".into()), Some(TokenRefusal::Type));
        assert_eq!(with("crit", json!(["b64"])), Some(TokenRefusal::Type));
        assert_eq!(with("kid", "unknown".into()), Some(TokenRefusal::UnknownKey));
        assert_eq!(with("kid", Value::Null), Some(TokenRefusal::Malformed));
    }

    #[test]
    fn a_change_of_any_character_is_found() {
        for keys in [ed25519(), set(&[p256()])] {
            let tokens = tokens(&keys);
            let token = issue(&tokens);
            for at in 0..token.len() {
                for other in [b'A', b'x', b'.'] {
                    let mut bytes = token.clone().into_bytes();
                    if bytes[at] == other {
                        continue;
                    }
                    bytes[at] = other;
                    let changed = String::from_utf8(bytes).expect("ASCII");
                    assert!(refusal(&tokens, &changed).is_some(), "{changed}");
                }
            }
            for changed in
                [format!("{token}="), format!("{token}."), format!(".{token}"), token.replace('.', "..")]
            {
                assert!(refusal(&tokens, &changed).is_some(), "{changed}");
            }
        }
    }

    #[test]
    fn what_is_no_token_is_refused_however_long_it_is() {
        let tokens = tokens(&ed25519());
        for text in ["", ".", "..", "...", "a.b.c", "é.é.é"] {
            assert_eq!(refusal(&tokens, text), Some(TokenRefusal::Malformed), "{text}");
        }
        let mut claims = claims();
        claims["filling"] = "x".repeat(MAX_TOKEN).into();
        let long = signed(&tokens, &header(&tokens), &claims);
        assert_eq!(refusal(&tokens, &long), Some(TokenRefusal::Oversized));
    }

    #[test]
    fn keys_rotate_with_their_file_and_a_broken_file_changes_nothing() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let first = ed25519();
        file.write_all(first.as_bytes()).expect("written");
        let path = file.path().to_owned();
        let name = path.display().to_string();
        let tokens =
            AccessTokens::new(&IdentityConfig { signing_keys_file: name, ..config() }).expect("usable");
        let old = issue(&tokens);
        tokens.verify_at(&old, now()).expect("valid");
        let second = keys::generate(Some((&first, 1)), Place::First).expect("made");
        std::fs::write(&path, &second).expect("written");
        let signing = header(&tokens);
        tokens.reload(&path).expect("reloaded");
        assert_ne!(header(&tokens), signing, "the new key signs");
        tokens.verify_at(&old, now()).expect("its key is still in the set");
        std::fs::write(&path, "{").expect("written");
        assert!(tokens.reload(&path).is_err());
        tokens.verify_at(&old, now()).expect("the set stays as it was");
        let third = keys::generate(None, Place::First).expect("made");
        std::fs::write(&path, &third).expect("written");
        tokens.reload(&path).expect("reloaded");
        assert_eq!(refusal(&tokens, &old), Some(TokenRefusal::UnknownKey), "although it was remembered");
    }

    #[test]
    fn a_missing_file_of_keys_is_an_error_and_no_keys_at_all_are_made_for_the_time_being() {
        let absent = IdentityConfig { signing_keys_file: "/does/not/exist".to_owned(), ..config() };
        let error = AccessTokens::new(&absent).expect_err("refused").to_string();
        assert!(error.contains("identity.signing_keys_file"), "{error}");
        let tokens = AccessTokens::new(&config()).expect("usable");
        tokens.verify_at(&issue(&tokens), now()).expect("valid");
    }
}
