//! Verifies the audit trail: every hash is calculated anew, here and not by the database, whose functions may have been
//! changed together with the rows.
//!
//! Rows are read as a stream, a chain at a time, each in a snapshot of its own: memory does not grow with the trail, and no
//! transaction stays open for longer than a sixty-fourth of a tenant's rows takes. What this proves and what not is in
//! docs/audit.md.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use diesel::data_types::PgTimestamp;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, Queryable};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::database::{self, ConnectFault, DatabaseConfig};
use crate::ids::TenantId;

/// What the first row of a chain follows.
const BEGINNING: [u8; 32] = [0; 32];
/// PostgreSQL counts microseconds from 2000-01-01, the hash from 1970-01-01.
const EPOCH_DIFFERENCE_US: i64 = 946_684_800_000_000;
/// So many rows at a time are told to `progress`.
const PROGRESS_EVERY: u64 = 1_000;

/// One of a tenant's chains.
pub type ChainId = (TenantId, i16);

/// The last row of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub position: i64,
    pub hash: Vec<u8>,
}

/// Heads of chains as they were once, kept where nobody can change them who can change the database. The rows of that time
/// must still be there, whatever has been added.
///
/// As text, a line for each chain: tenant, chain, position, hash in hexadecimal. What follows a `#` is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors(BTreeMap<ChainId, Head>);

impl fmt::Display for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((tenant, chain), Head { position, hash }) in &self.0 {
            writeln!(f, "{tenant} {chain} {position} {}", hex(hash))?;
        }
        Ok(())
    }
}

impl FromStr for Anchors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let line = |line: &str| {
            let [tenant, chain, position, hash] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                return None;
            };
            let head = Head { position: position.parse().ok()?, hash: from_hex(hash)? };
            Some(((tenant.parse().ok()?, chain.parse().ok()?), head))
        };
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let anchors = lines.enumerate().filter(|(_, text)| !text.is_empty()).map(|(at, text)| {
            line(text).ok_or_else(|| format!("line {}: expected tenant, chain, position, hash", at + 1))
        });
        anchors.collect::<Result<_, _>>().map(Self)
    }
}

/// What a row, or the end of a chain, is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    #[error("its content is not what its hash was made of")]
    Content,
    #[error("its previous_hash is not the hash of the row before it")]
    Link,
    #[error("the row before it is missing")]
    Gap,
    #[error("the chain's head in audit_chains is another row: rows at the end were removed or added")]
    Head,
    #[error("it is not the row that was anchored: the trail was written anew")]
    Anchor,
    #[error("it was anchored and is missing: rows at the end were removed")]
    AnchorMissing,
}

impl Rule {
    /// Stable, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Link => "link",
            Self::Gap => "gap",
            Self::Head => "head",
            Self::Anchor => "anchor",
            Self::AnchorMissing => "anchor_missing",
        }
    }
}

/// The first row of a chain that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub tenant_id: TenantId,
    pub chain: i16,
    pub position: i64,
    /// `None` where there is no such row.
    pub id: Option<Uuid>,
    pub rule: Rule,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant_id, chain, position, id, rule } = self;
        write!(f, "tenant {tenant_id}, chain {chain}, position {position}, ")?;
        match id {
            Some(id) => write!(f, "id {id}: {rule}"),
            None => write!(f, "no row: {rule}"),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows that were verified.
    pub rows: u64,
    /// The last sound row of every chain.
    pub heads: BTreeMap<ChainId, Head>,
    /// At most one of a chain, in the order of tenants and chains.
    pub broken: Vec<Broken>,
}

/// One tenant's part of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantDigest {
    pub tenant_id: TenantId,
    pub rows: i64,
    /// SHA-256 of the tenant's anchors as text, in hexadecimal: the same as long as nothing is added.
    pub digest: String,
}

impl Report {
    pub fn anchors(&self) -> Anchors {
        Anchors(self.heads.clone())
    }

    pub fn tenants(&self) -> Vec<TenantDigest> {
        let mut tenants: BTreeMap<TenantId, Anchors> = BTreeMap::new();
        for (id, head) in &self.heads {
            tenants.entry(id.0).or_default().0.insert(*id, head.clone());
        }
        let digest = |(tenant_id, anchors): (TenantId, Anchors)| TenantDigest {
            tenant_id,
            rows: anchors.0.values().map(|head| head.position).sum(),
            digest: hex(&Sha256::digest(anchors.to_string())),
        };
        tenants.into_iter().map(digest).collect()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectFault),
    #[error("cannot read the audit trail: {0}")]
    Statement(#[from] diesel::result::Error),
    #[error(
        "this database user does not see the rows of all tenants: verify as an auditor (docs/roles.md), or as the owner of the tables"
    )]
    NotEverything,
}

crate::statement! {
    /// Row-level security does not hold for the role, or a policy of its own shows it every row. For others it hides rows:
    /// nothing would look sound.
    struct SeesEverything<'a> {} -> (Bool,)
    = "SELECT bool_and(NOT row_security_active(c.oid)
        OR EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND r.oid = ANY (p.polroles) AND p.polpermissive
            AND p.polcmd IN ('r', '*') AND pg_get_expr(p.polqual, p.polrelid) = 'true')
            AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND NOT p.polpermissive))
    FROM pg_class AS c, pg_roles AS r
    WHERE c.oid IN ('audit_events'::regclass, 'audit_chains'::regclass) AND r.rolname = current_user"
}

crate::statement! {
    /// Of rows and of heads: either may have been removed. One look into the index for each chain.
    struct Chains<'a> {} -> (SqlUuid, SmallInt)
    = "WITH RECURSIVE known AS (
        (SELECT tenant_id, chain FROM audit_events ORDER BY tenant_id, chain LIMIT 1)
        UNION ALL
        SELECT next.tenant_id, next.chain FROM known, LATERAL (
            SELECT tenant_id, chain FROM audit_events AS e
            WHERE (e.tenant_id, e.chain) > (known.tenant_id, known.chain)
            ORDER BY tenant_id, chain LIMIT 1) AS next
    )
    SELECT tenant_id, chain FROM known UNION SELECT tenant_id, chain FROM audit_chains ORDER BY tenant_id, chain"
}

crate::statement! {
    struct Rows<'a> {} -> (Nullable<BigInt>,) = "SELECT sum(position)::bigint FROM audit_chains"
}

crate::statement! {
    struct HeadOf<'a> { tenant: Uuid => SqlUuid, chain: i16 => SmallInt } -> (BigInt, Binary)
    = "SELECT position, hash FROM audit_chains WHERE tenant_id = $1 AND chain = $2"
}

crate::statement! {
    struct RowsOf<'a> { tenant: Uuid => SqlUuid, chain: i16 => SmallInt } -> (
        SqlUuid, SmallInt, BigInt, SqlUuid, Timestamptz, Text, Nullable<SqlUuid>, Text, Nullable<SqlUuid>, Text, Text, Text,
        Nullable<Text>, Nullable<Text>, Text, Nullable<Text>, Binary, Binary,
    )
    = "SELECT tenant_id, chain, position, id, occurred_at, actor_type, actor_id, actor_name, session_id, action,
        resource_type, resource_id, before::text, after::text, request_id, client_address, previous_hash, hash
    FROM audit_events WHERE tenant_id = $1 AND chain = $2 ORDER BY position"
}

/// A row as it is stored, with the text of its JSON.
#[derive(Debug, Clone, Queryable)]
struct Row {
    tenant_id: Uuid,
    chain: i16,
    position: i64,
    id: Uuid,
    // As PostgreSQL has it, so that no time is impossible.
    occurred_at: PgTimestamp,
    actor_type: String,
    actor_id: Option<Uuid>,
    actor_name: String,
    session_id: Option<Uuid>,
    action: String,
    resource_type: String,
    resource_id: String,
    before: Option<String>,
    after: Option<String>,
    request_id: String,
    client_address: Option<String>,
    previous_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl Row {
    /// As the function `audit_hash` of the database calculates it; docs/audit.md says it in words.
    fn expected_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(&self.previous_hash);
        let mut field = |value: Option<&str>| match value {
            None => hash.update("-"),
            Some(value) => {
                // The length in front, or two rows could be cut differently and read alike.
                hash.update(format!("{}:", value.len()));
                hash.update(value);
            }
        };
        let text = |id: Uuid| id.hyphenated().to_string();
        field(Some(&text(self.tenant_id)));
        field(Some(&self.chain.to_string()));
        field(Some(&self.position.to_string()));
        field(Some(&text(self.id)));
        field(Some(&self.occurred_at.0.wrapping_add(EPOCH_DIFFERENCE_US).to_string()));
        field(Some(&self.actor_type));
        field(self.actor_id.map(text).as_deref());
        field(Some(&self.actor_name));
        field(self.session_id.map(text).as_deref());
        field(Some(&self.action));
        field(Some(&self.resource_type));
        field(Some(&self.resource_id));
        field(self.before.as_deref());
        field(self.after.as_deref());
        field(Some(&self.request_id));
        field(self.client_address.as_deref());
        hash.finalize().into()
    }
}

/// Follows one chain, row by row.
struct Follower<'a> {
    last: Head,
    last_id: Option<Uuid>,
    anchor: Option<&'a Head>,
}

/// Where a chain is broken, and how.
type Fault = (i64, Option<Uuid>, Rule);

impl<'a> Follower<'a> {
    fn new(anchor: Option<&'a Head>) -> Self {
        Self { last: Head { position: 0, hash: BEGINNING.to_vec() }, last_id: None, anchor }
    }

    fn follow(&mut self, row: Row) -> Result<(), Fault> {
        let broken = |rule| Err((row.position, Some(row.id), rule));
        if row.position != self.last.position + 1 {
            return broken(Rule::Gap);
        }
        if row.previous_hash != self.last.hash {
            return broken(Rule::Link);
        }
        if row.hash != row.expected_hash() {
            return broken(Rule::Content);
        }
        if self.anchor.is_some_and(|anchor| anchor.position == row.position && anchor.hash != row.hash) {
            return broken(Rule::Anchor);
        }
        self.last = Head { position: row.position, hash: row.hash };
        self.last_id = Some(row.id);
        Ok(())
    }

    /// The chain has no more rows.
    fn end(&self, head: Option<&Head>) -> Result<(), Fault> {
        if head != Some(&self.last) {
            let position = head.map_or(self.last.position, |head| head.position.max(self.last.position));
            return Err((position, self.last_id.filter(|_| position == self.last.position), Rule::Head));
        }
        match self.anchor {
            Some(anchor) if anchor.position > self.last.position => {
                Err((anchor.position, None, Rule::AnchorMissing))
            }
            _ => Ok(()),
        }
    }
}

/// Verifies all chains, or one tenant's, against `anchors` as well. `progress` is told how many rows there may be and how
/// many were verified.
///
/// # Errors
/// No database; a user who does not see everything. What is wrong with the trail is in the report.
pub async fn verify(
    config: &DatabaseConfig,
    tenant: Option<TenantId>,
    anchors: &Anchors,
    progress: impl Fn(u64, u64),
) -> Result<Report, VerifyError> {
    // A chain may take minutes; its transaction only reads.
    let patient =
        DatabaseConfig { statement_timeout_ms: 0, idle_in_transaction_timeout_ms: 0, ..config.clone() };
    let mut connection = database::connect(&patient).await?;
    let (sees_everything,): (bool,) = SeesEverything::new().get_result(&mut connection).await?;
    if !sees_everything {
        return Err(VerifyError::NotEverything);
    }
    let (total,): (Option<i64>,) = Rows::new().get_result(&mut connection).await?;
    let total = total.unwrap_or_default().max(0).cast_unsigned();
    let stored: Vec<(Uuid, i16)> = Chains::new().load(&mut connection).await?;
    let stored = stored.into_iter().map(|(tenant, chain)| (TenantId::from_uuid(tenant), chain));
    let chains: std::collections::BTreeSet<ChainId> = stored.chain(anchors.0.keys().copied()).collect();
    let mut report = Report::default();
    for id in chains.into_iter().filter(|(of, _)| tenant.is_none_or(|tenant| *of == tenant)) {
        let mut follower = Follower::new(anchors.0.get(&id));
        let outcome =
            follow(&mut connection, id, &mut follower, &mut report.rows, &|rows| progress(rows, total))
                .await?;
        if let Err((position, row, rule)) = outcome {
            report.broken.push(Broken { tenant_id: id.0, chain: id.1, position, id: row, rule });
        }
        report.heads.insert(id, follower.last);
    }
    progress(report.rows, total);
    Ok(report)
}

/// One chain in one snapshot.
async fn follow(
    connection: &mut AsyncPgConnection,
    (tenant, chain): ChainId,
    follower: &mut Follower<'_>,
    rows: &mut u64,
    progress: &impl Fn(u64),
) -> Result<Result<(), Fault>, diesel::result::Error> {
    connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    let head: Option<(i64, Vec<u8>)> =
        HeadOf::new(tenant.uuid(), chain).get_result(connection).await.optional()?;
    let head = head.map(|(position, hash)| Head { position, hash });
    let mut outcome = Ok(());
    {
        let mut stream = RowsOf::new(tenant.uuid(), chain).load_stream::<Row>(connection).await?;
        while let Some(row) = stream.try_next().await? {
            outcome = follower.follow(row);
            if outcome.is_err() {
                break;
            }
            *rows += 1;
            if rows.is_multiple_of(PROGRESS_EVERY) {
                progress(*rows);
            }
        }
    }
    connection.batch_execute("COMMIT").await?;
    Ok(outcome.and_then(|()| follower.end(head.as_ref())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (text.len() == 64).then(|| (0..32).map(|at| pair(at * 2)).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: i64, previous_hash: &[u8]) -> Row {
        let mut row = Row {
            tenant_id: Uuid::from_u128(1),
            chain: 7,
            position,
            id: Uuid::from_u128(position.cast_unsigned().into()),
            occurred_at: PgTimestamp(1_000_000),
            actor_type: "user".to_owned(),
            actor_id: Some(Uuid::from_u128(2)),
            actor_name: "alice@example.com".to_owned(),
            session_id: None,
            action: "order.place".to_owned(),
            resource_type: "order".to_owned(),
            resource_id: "1".to_owned(),
            before: None,
            after: Some("{}".to_owned()),
            request_id: "r".to_owned(),
            client_address: None,
            previous_hash: previous_hash.to_vec(),
            hash: Vec::new(),
        };
        row.hash = row.expected_hash().to_vec();
        row
    }

    fn chain(length: i64) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for position in 1..=length {
            let previous = rows.last().map_or(BEGINNING.to_vec(), |row| row.hash.clone());
            rows.push(row(position, &previous));
        }
        rows
    }

    fn verified(rows: Vec<Row>, head: Option<&Head>, anchor: Option<&Head>) -> Result<(), (i64, Rule)> {
        let mut follower = Follower::new(anchor);
        let followed = rows.into_iter().try_for_each(|row| follower.follow(row));
        followed.and_then(|()| follower.end(head)).map_err(|(position, _, rule)| (position, rule))
    }

    fn head(rows: &[Row]) -> Head {
        let last = rows.last().expect("a row");
        Head { position: last.position, hash: last.hash.clone() }
    }

    #[test]
    fn a_chain_that_nobody_touched_is_sound() {
        let rows = chain(3);
        let head = head(&rows);
        assert_eq!(verified(rows, Some(&head), Some(&head)), Ok(()));
    }

    #[test]
    fn a_row_that_is_changed_removed_or_moved_is_named() {
        let rows = chain(5);
        let head = head(&rows);
        let mut changed = rows.clone();
        changed[2].resource_id = "2".to_owned();
        assert_eq!(verified(changed, Some(&head), None), Err((3, Rule::Content)));
        let mut removed = rows.clone();
        removed.remove(2);
        assert_eq!(verified(removed, Some(&head), None), Err((4, Rule::Gap)));
        let mut rehashed = rows.clone();
        rehashed[2].action = "order.cancel".to_owned();
        rehashed[2].hash = rehashed[2].expected_hash().to_vec();
        assert_eq!(verified(rehashed, Some(&head), None), Err((4, Rule::Link)));
        assert_eq!(verified(rows[1..].to_vec(), Some(&head), None), Err((2, Rule::Gap)));
    }

    #[test]
    fn a_tail_that_is_gone_differs_from_the_head_and_from_an_anchor() {
        let rows = chain(5);
        let (whole, cut) = (head(&rows), head(&rows[..3]));
        assert_eq!(verified(rows[..3].to_vec(), Some(&whole), None), Err((5, Rule::Head)));
        assert_eq!(verified(rows[..3].to_vec(), None, None), Err((3, Rule::Head)));
        assert_eq!(verified(rows[..3].to_vec(), Some(&cut), Some(&whole)), Err((5, Rule::AnchorMissing)));
    }

    #[test]
    fn a_chain_that_was_written_anew_is_sound_but_for_its_anchor() {
        let mut rows = chain(3);
        let anchor = head(&rows);
        rows[2].after = Some("null".to_owned());
        rows[2].hash = rows[2].expected_hash().to_vec();
        let written_anew = head(&rows);
        assert_eq!(verified(rows.clone(), Some(&written_anew), None), Ok(()));
        assert_eq!(verified(rows, Some(&written_anew), Some(&anchor)), Err((3, Rule::Anchor)));
    }

    #[test]
    fn what_stands_in_one_field_cannot_stand_in_the_next() {
        let (mut one, mut other) = (row(1, &BEGINNING), row(1, &BEGINNING));
        (one.action, one.resource_type) = ("ab".to_owned(), "c".to_owned());
        (other.action, other.resource_type) = ("a".to_owned(), "bc".to_owned());
        assert_ne!(one.expected_hash(), other.expected_hash());
        (one.before, one.after) = (None, Some("1".to_owned()));
        other = Row { before: Some("1".to_owned()), after: None, ..one.clone() };
        assert_ne!(one.expected_hash(), other.expected_hash());
    }

    #[test]
    fn anchors_are_read_as_they_are_written() {
        let head = Head { position: 12, hash: vec![0xab; 32] };
        let anchors = Anchors([((TenantId::from_uuid(Uuid::from_u128(5)), 63), head)].into());
        let text = format!("# kept on paper\n{anchors}\n");
        assert_eq!(text.parse(), Ok(anchors));
        let refused = "# one\nnonsense".parse::<Anchors>().expect_err("refused");
        assert!(refused.starts_with("line 2:"), "{refused}");
    }
}
