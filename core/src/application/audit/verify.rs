//! Verifies the audit trail. Every hash is recalculated here, not by the database: its functions may have been changed
//! together with the rows.
//!
//! Rows are streamed, one chain at a time, each chain in its own snapshot. So memory does not grow with the trail, and no
//! transaction stays open longer than it takes to read 1/64 of a tenant's rows. docs/audit.md says what this proves and
//! what not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use diesel::OptionalExtension;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::anchors::{Anchors, ChainId, Head};
use super::chain::{Fault, Follower, Row, RowsOf, Rule};
use super::erase::ERASE;
use super::sight::{self, Sight};
use crate::platform::database::{self, ConnectFault, DatabaseConfig};
use crate::values::ids::TenantId;

/// The number of rows after which `progress` is called again.
const PROGRESS_EVERY: u64 = 1_000;
/// What must be seen as a whole.
const TABLES: [&str; 3] = ["audit_events", "audit_chains", "tenants"];

/// The first row of a chain that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub tenant_id: TenantId,
    pub chain: i16,
    pub position: i64,
    /// `None` if there is no such row.
    pub id: Option<Uuid>,
    pub rule: Rule,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant_id, chain, position, id, rule } = self;
        match *tenant_id {
            TenantId::OPERATORS => write!(f, "operators")?,
            tenant => write!(f, "tenant {tenant}")?,
        }
        write!(f, ", chain {chain}, position {position}, ")?;
        match id {
            Some(id) => write!(f, "id {id}: {rule}"),
            None => write!(f, "no row: {rule}"),
        }
    }
}

/// The result of a verification.
#[derive(Debug, Default)]
pub struct Report {
    /// The number of rows that were verified.
    pub rows: u64,
    /// The number of those rows whose `before` and `after` were erased. Their digests are unchanged.
    pub erased: u64,
    /// The tenants that were verified, including those without a row. The operators, whose chains are verified as a tenant's,
    /// are [`TenantId::OPERATORS`] here and below.
    pub tenants: BTreeSet<TenantId>,
    /// The last sound row of every chain.
    pub heads: BTreeMap<ChainId, Head>,
    /// The breaks, at most one for each chain, in the order of tenants and chains.
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
        let mut tenants: BTreeMap<TenantId, Anchors> =
            self.tenants.iter().map(|tenant| (*tenant, Anchors::default())).collect();
        for (id, head) in &self.heads {
            tenants.entry(id.0).or_default().0.insert(*id, head.clone());
        }
        let digest = |(tenant_id, anchors): (TenantId, Anchors)| TenantDigest {
            tenant_id,
            rows: anchors.0.values().map(|head| head.position).sum(),
            digest: hex::encode(Sha256::digest(anchors.to_string())),
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
        "this database user does not see the rows of all tenants, to it an empty trail would look sound: verify as the owner \
         of the tables, or as an auditor (docs/audit.md)"
    )]
    NotEverything,
    #[error(
        "there is no tenant {0}, nor a row of it in the trail: api tenants list names those that there are"
    )]
    UnknownTenant(TenantId),
    #[error("nothing is anchored of what is to be verified: the file of anchors names no chain of it")]
    NothingAnchored,
}

crate::statement! {
    /// Finds all chains, from rows and from heads: either may have been removed. It needs one index look-up for each chain.
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
    struct Tenants<'a> {} -> (SqlUuid,) = "SELECT id FROM tenants"
}

crate::statement! {
    struct WasErased<'a> { tenant: Uuid => SqlUuid, resource_type: &'a str => Text, resource_id: &'a str => Text, erase: &'a str => Text }
    -> (Bool,)
    = "SELECT EXISTS (SELECT FROM audit_events
        WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3 AND action = $4)"
}

/// Verifies all chains, or one tenant's, and compares them with `anchors` if given. `progress` gets the number of rows
/// verified so far and the number of rows expected.
///
/// # Errors
/// Fails if the database cannot be reached, if the database user does not see every row, if the tenant does not exist, or
/// if `anchors` names no chain to be verified. Faults of the trail are in the report.
pub async fn verify(
    config: &DatabaseConfig,
    tenant: Option<TenantId>,
    anchors: Option<&Anchors>,
    progress: impl Fn(u64, u64),
) -> Result<Report, VerifyError> {
    // A chain may take minutes; its transaction only reads.
    let patient =
        DatabaseConfig { statement_timeout_ms: 0, idle_in_transaction_timeout_ms: 0, ..config.clone() };
    let mut connection = database::connect(&patient).await?;
    if sight::of(&mut connection, &TABLES).await? == Sight::Hidden {
        return Err(VerifyError::NotEverything);
    }
    let (total,): (Option<i64>,) = Rows::new().get_result(&mut connection).await?;
    let total = total.unwrap_or_default().max(0).cast_unsigned();
    let wanted = |of: &TenantId| tenant.is_none_or(|tenant| *of == tenant);
    let anchored = chosen(anchors, wanted)?;
    let mut report = Report { tenants: tenants(&mut connection).await?, ..Report::default() };
    report.tenants.retain(wanted);
    if tenant == Some(TenantId::OPERATORS) {
        // They are in no list, and may not have done anything yet.
        report.tenants.insert(TenantId::OPERATORS);
    }
    let stored: Vec<(Uuid, i16)> = Chains::new().load(&mut connection).await?;
    let stored = stored.into_iter().map(|(tenant, chain)| (TenantId::from_uuid(tenant), chain));
    let mut chains: BTreeSet<ChainId> = stored.filter(|(of, _)| wanted(of)).collect();
    chains.extend(anchored.keys().copied());
    if let Some(tenant) = tenant
        && chains.is_empty()
        && report.tenants.is_empty()
    {
        return Err(VerifyError::UnknownTenant(tenant));
    }
    for id in chains {
        let mut follower = Follower::new(anchored.get(&id));
        let outcome =
            follow(&mut connection, id, &mut follower, &mut report.rows, &|rows| progress(rows, total))
                .await?;
        let outcome = match outcome {
            Ok(()) => erasures(&mut connection, id.0, &follower).await?,
            broken => broken,
        };
        if let Err((position, row, rule)) = outcome {
            report.broken.push(Broken { tenant_id: id.0, chain: id.1, position, id: row, rule });
        }
        report.erased += follower.erased;
        report.heads.insert(id, follower.last);
    }
    // A policy may have been dropped while the rows were read.
    if sight::of(&mut connection, &TABLES).await? == Sight::Hidden {
        return Err(VerifyError::NotEverything);
    }
    progress(report.rows, total);
    Ok(report)
}

/// Returns the anchors of the chains to be verified.
fn chosen(
    anchors: Option<&Anchors>,
    wanted: impl Fn(&TenantId) -> bool,
) -> Result<BTreeMap<ChainId, Head>, VerifyError> {
    let Some(Anchors(anchors)) = anchors else { return Ok(BTreeMap::new()) };
    let of_wanted = anchors.iter().filter(|((tenant, _), _)| wanted(tenant));
    let chosen: BTreeMap<_, _> = of_wanted.map(|(id, head)| (*id, head.clone())).collect();
    if chosen.is_empty() { Err(VerifyError::NothingAnchored) } else { Ok(chosen) }
}

async fn tenants(connection: &mut AsyncPgConnection) -> Result<BTreeSet<TenantId>, VerifyError> {
    let known: Vec<(Uuid,)> = Tenants::new().load(connection).await?;
    Ok(known.into_iter().map(|(id,)| TenantId::from_uuid(id)).collect())
}

/// Checks that the trail records every erasure. This runs after the chain was read: an erasure writes its record in the
/// same transaction, but to any chain.
async fn erasures(
    connection: &mut AsyncPgConnection,
    tenant: TenantId,
    follower: &Follower<'_>,
) -> Result<Result<(), Fault>, VerifyError> {
    for ((resource_type, resource_id), (position, row)) in &follower.erased_of {
        let was_erased = WasErased::new(tenant.uuid(), resource_type, resource_id, ERASE);
        let (recorded,): (bool,) = was_erased.get_result(connection).await?;
        if !recorded {
            return Ok(Err((*position, Some(*row), Rule::Erasure)));
        }
    }
    Ok(Ok(()))
}

/// Verifies one chain in one snapshot.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(number))
    }

    fn head(position: i64) -> Head {
        Head { position, hash: vec![7; 32] }
    }

    #[test]
    fn anchors_are_those_of_the_chains_that_are_verified_and_a_file_without_any_is_a_mistake() {
        let anchors = Anchors([((tenant(1), 0), head(5)), ((tenant(2), 0), head(6))].into());
        let of = |number: u128| chosen(Some(&anchors), |tenant_id| *tenant_id == tenant(number));
        let one: Vec<_> = of(1).expect("it has one").into_iter().collect();
        assert_eq!(one, [((tenant(1), 0), head(5))]);
        assert!(matches!(of(3), Err(VerifyError::NothingAnchored)));
        assert!(matches!(chosen(Some(&Anchors::default()), |_| true), Err(VerifyError::NothingAnchored)));
        assert!(chosen(None, |_| true).is_ok_and(|none| none.is_empty()));
    }

    #[test]
    fn each_tenant_has_the_rows_and_the_digest_of_its_own_chains() {
        let mut report = Report { tenants: [tenant(1), tenant(2), tenant(3)].into(), ..Report::default() };
        let of_two = ((tenant(2), 0), head(5));
        report.heads.extend([((tenant(1), 0), head(5)), ((tenant(1), 1), head(2)), of_two.clone()]);
        let tenants = report.tenants();
        let rows: Vec<_> = tenants.iter().map(|of| (of.tenant_id, of.rows)).collect();
        assert_eq!(rows, [(tenant(1), 7), (tenant(2), 5), (tenant(3), 0)]);
        let digest = |anchors: Anchors| hex::encode(Sha256::digest(anchors.to_string()));
        assert_eq!(tenants[1].digest, digest(Anchors([of_two].into())));
        assert_eq!(tenants[2].digest, digest(Anchors::default()));
        assert_ne!(tenants[0].digest, tenants[1].digest);
        assert_eq!(report.anchors().0, report.heads);
    }

    #[test]
    fn a_break_is_named_by_whose_chain_it_is_in_and_by_its_row_if_there_is_one() {
        let broken =
            |tenant_id, id| Broken { tenant_id, chain: 3, position: 9, id, rule: Rule::Gap }.to_string();
        let (of, row, rule) = (tenant(1), Uuid::from_u128(4), Rule::Gap);
        assert_eq!(broken(of, Some(row)), format!("tenant {of}, chain 3, position 9, id {row}: {rule}"));
        let of_operators = broken(TenantId::OPERATORS, None);
        assert_eq!(of_operators, format!("operators, chain 3, position 9, no row: {rule}"));
    }
}
