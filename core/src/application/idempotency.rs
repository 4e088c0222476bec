//! Idempotency keys: a command that a client repeats under the same key runs once, and the answer is given again.
//!
//! The record is written in the command's own transaction, so it exists if, and only if, the command happened. A
//! refused command leaves no record: the same key may carry a corrected request.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::application::error::Error;
use crate::platform::schema::idempotency_records;
use crate::values::ids::{PrincipalId, TenantId};
use crate::values::invalid::Invalid;

/// The maximum length of a key, in characters.
const MAX_KEY: usize = 255;
/// The maximum number of records that one statement deletes, so that pruning never locks many rows at once.
pub(crate) const PRUNE_BATCH: i64 = 1_000;

/// A client's key, and the fingerprint of the request that it stands for.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    key: String,
    /// The hash of method and path, to which the body is added.
    target: Sha256,
    fingerprint: [u8; 32],
}

impl IdempotencyKey {
    /// # Errors
    /// `bad_idempotency_key` if the key is empty, longer than 255 characters, or not visible ASCII.
    pub fn parse(key: &str, method: &str, path: &str, body: &[u8]) -> Result<Self, Invalid> {
        if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::new(
                "bad_idempotency_key",
                format!(
                    "an Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters, a UUID for instance"
                ),
            ));
        }
        let target = part(part(Sha256::new(), method.as_bytes()), path.as_bytes());
        let fingerprint = part(target.clone(), body).finalize().into();
        Ok(Self { key: key.to_owned(), target, fingerprint })
    }

    /// Returns the key for a request whose body holds a secret. `content` is the body without the secret, as JSON; with
    /// the method and the path it identifies the request. The fingerprint is stored and is a fast hash: a reader of it
    /// could guess a password that went into it.
    #[must_use]
    pub fn without_secret(self, mut content: Value) -> Self {
        // Equal contents give equal text, whatever the order of their members.
        content.sort_all_objects();
        let fingerprint = part(self.target.clone(), content.to_string().as_bytes()).finalize().into();
        Self { fingerprint, ..self }
    }

    /// The advisory lock that is held for this key while its command runs.
    fn lock(&self, scope: Scope) -> i64 {
        let ids = Sha256::new().chain_update(scope.tenant_id.uuid()).chain_update(scope.principal_id.uuid());
        let hash: [u8; 32] = ids.chain_update(&self.key).finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Adds a part of a request, with its length in front. Otherwise `ab` + `c` and `a` + `bc` would hash alike.
fn part(hash: Sha256, part: &[u8]) -> Sha256 {
    hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
}

/// The owner of a key: two principals may choose the same key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    pub(crate) tenant_id: TenantId,
    pub(crate) principal_id: PrincipalId,
}

/// The answer that a client got: the parts of the HTTP response that a repetition needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    pub status: u16,
    pub location: Option<String>,
    pub etag: Option<String>,
    /// JSON text; empty if the response has no body.
    pub body: String,
}

/// The answer to a command, and whether it is the stored one of an earlier request.
#[derive(Debug)]
pub struct Answer {
    pub response: StoredResponse,
    pub replayed: bool,
}

crate::statement! {
    /// Takes the key's lock for this transaction, if it is free.
    struct TryLock<'a> { lock: i64 => BigInt } -> (Bool,)
    = "SELECT pg_try_advisory_xact_lock($1)"
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = idempotency_records)]
struct Record {
    fingerprint: Vec<u8>,
    status: i16,
    location: Option<String>,
    etag: Option<String>,
    body: String,
}

/// Returns the stored answer if the command has run already. Otherwise the key stays locked until the transaction ends.
///
/// # Errors
/// `IdempotencyKeyReused` if the key stands for another request, `IdempotencyKeyInUse` if its request is still running.
pub(crate) async fn claim(
    connection: &AsyncPgConnection,
    scope: Scope,
    key: &IdempotencyKey,
) -> Result<Option<StoredResponse>, Error> {
    // Two statements, although they are sent at once: the snapshot of the second is taken when the lock is held, so it sees the record of
    // the previous holder. One statement for both would overlook a request that commits in between.
    let (locked, record) =
        futures::try_join!(try_lock(connection, key.lock(scope)), find(connection, scope, key))?;
    match record {
        Some(Record { fingerprint, status, location, etag, body }) if fingerprint == key.fingerprint => {
            Ok(Some(StoredResponse { status: status.cast_unsigned(), location, etag, body }))
        }
        Some(_) => Err(Error::IdempotencyKeyReused),
        None if locked => Ok(None),
        None => Err(Error::IdempotencyKeyInUse),
    }
}

async fn try_lock(mut connection: &AsyncPgConnection, lock: i64) -> Result<bool, Error> {
    let (locked,): (bool,) = TryLock::new(lock).get_result(&mut connection).await?;
    Ok(locked)
}

async fn find(
    mut connection: &AsyncPgConnection,
    scope: Scope,
    key: &IdempotencyKey,
) -> Result<Option<Record>, Error> {
    let record: Option<Record> = idempotency_records::table
        .find((scope.tenant_id.uuid(), scope.principal_id.uuid(), &key.key))
        .select(Record::as_select())
        .first(&mut connection)
        .await
        .optional()?;
    Ok(record)
}

pub(crate) async fn store(
    mut connection: &AsyncPgConnection,
    scope: Scope,
    key: &IdempotencyKey,
    response: &StoredResponse,
) -> Result<(), Error> {
    diesel::insert_into(idempotency_records::table)
        .values((
            idempotency_records::tenant_id.eq(scope.tenant_id.uuid()),
            idempotency_records::principal_id.eq(scope.principal_id.uuid()),
            idempotency_records::key.eq(&key.key),
            idempotency_records::fingerprint.eq(&key.fingerprint[..]),
            // Statuses have three digits.
            idempotency_records::status.eq(response.status.cast_signed()),
            idempotency_records::location.eq(&response.location),
            idempotency_records::etag.eq(&response.etag),
            idempotency_records::body.eq(&response.body),
        ))
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// Inserts a record without a principal, to test whether the database accepts writes. It runs in a transaction that is
/// bound to the nil tenant id and rolled back.
pub(crate) const WRITE_PROBE: &str = "INSERT INTO idempotency_records
    (tenant_id, principal_id, key, fingerprint, status, body)
    VALUES ('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', gen_random_uuid()::text, '', 200, '')";

/// Deletes one batch of the records of all tenants that are older than `retention_hours`; `reached` is where the batch before ended.
/// Returns where this one ended, and how many it deleted: fewer than [`PRUNE_BATCH`] if it was the last.
///
/// # Errors
/// Fails if the database does not answer or refuses.
pub(crate) async fn prune(
    connection: &mut AsyncPgConnection,
    retention_hours: i32,
    reached: Option<DateTime<Utc>>,
) -> QueryResult<(Option<DateTime<Utc>>, i64)> {
    Prune::new(retention_hours, PRUNE_BATCH, reached).get_result(connection).await
}

crate::statement! {
    /// Deletes one batch. Returns where it ended, for the next batch to continue there, and how many records it deleted.
    struct Prune<'a> { hours: i32 => Integer, batch: i64 => BigInt, reached: Option<DateTime<Utc>> => Nullable<Timestamptz> }
    -> (Nullable<Timestamptz>, BigInt)
    = "SELECT reached, pruned FROM prune_idempotency_records($1, $2, $3)"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(key: &str, path: &str, body: &str) -> Result<IdempotencyKey, Invalid> {
        IdempotencyKey::parse(key, "POST", path, body.as_bytes())
    }

    #[test]
    fn a_key_is_short_visible_ascii() {
        for bad in ["", "a b", "é", "a\u{7f}", &"x".repeat(256)] {
            assert_eq!(
                key(bad, "/", "").map_err(|error| error.code).map(drop),
                Err("bad_idempotency_key"),
                "{bad:?}"
            );
        }
        assert!(key(&"x".repeat(255), "/", "").is_ok());
    }

    #[test]
    fn requests_that_differ_anywhere_have_different_fingerprints() {
        let print = |path, body| key("k", path, body).expect("valid").fingerprint;
        assert_eq!(print("/a", "b"), print("/a", "b"));
        assert_ne!(print("/a", "b"), print("/ab", ""));
        assert_ne!(print("/a", "b"), print("/a", "c"));
        let of_method = |method| IdempotencyKey::parse("k", method, "/a", b"b").expect("valid").fingerprint;
        assert_ne!(of_method("POST"), of_method("PUT"));
    }

    #[test]
    fn a_key_is_locked_for_one_principal_of_one_tenant() {
        let scope = |tenant: u128, principal: u128| Scope {
            tenant_id: TenantId::from_uuid(uuid::Uuid::from_u128(tenant)),
            principal_id: PrincipalId::from_uuid(uuid::Uuid::from_u128(principal)),
        };
        let lock = |text, scope| key(text, "/", "").expect("valid").lock(scope);
        let locks =
            [lock("k", scope(1, 2)), lock("k", scope(2, 1)), lock("k", scope(1, 3)), lock("l", scope(1, 2))];
        assert_eq!(std::collections::HashSet::from(locks).len(), locks.len(), "{locks:?}");
        // The lock does not depend on the request: another request is refused by its fingerprint.
        assert_eq!(locks[0], key("k", "/other", "body").expect("valid").lock(scope(1, 2)));
    }

    #[test]
    fn a_request_without_its_secret_is_recognised_by_method_path_and_content() {
        let print = |path, content: &Value| {
            let key = key("k", path, "with a secret").expect("valid");
            key.without_secret(content.clone()).fingerprint
        };
        let (one, same) = (json!({"a": 1, "b": [2]}), json!({"b": [2], "a": 1}));
        assert_eq!(print("/a", &one), print("/a", &same));
        assert_ne!(print("/a", &one), print("/b", &one));
        assert_ne!(print("/a", &one), print("/a", &json!({"a": 1, "b": [3]})));
        // Fingerprints are stored for days and compared by later versions: the format must never change.
        let kept = Sha256::new()
            .chain_update(4_u64.to_be_bytes())
            .chain_update("POST")
            .chain_update(2_u64.to_be_bytes())
            .chain_update("/a")
            .chain_update(15_u64.to_be_bytes())
            .chain_update(r#"{"a":1,"b":[2]}"#);
        assert_eq!(print("/a", &one), <[u8; 32]>::from(kept.finalize()));
    }
}
