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
#[path = "access_tokens_tests.rs"]
mod tests;
