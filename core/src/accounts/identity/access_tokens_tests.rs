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
    let tokens = AccessTokens::new(&IdentityConfig { signing_keys_file: name, ..config() }).expect("usable");
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
