//! Rebuilds: another generation is filled from the write model, some aggregates at a time and each with the version that it has in
//! its snapshot; then it follows the inbox, where events up to these versions are skipped; then it becomes the live one.
//!
//! Each step is one transaction that also writes down how far it came: a rebuild goes on in another process where this one ended.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CONSUMER;
use super::apply::{Projector, SECOND_CURRENCY, is_of_the_data};
use super::inbox;
use super::plan::{GONE, Message, Verdict, plan};
use super::store::{self, Place, WriteError};
use crate::application::error::Error;

/// Aggregates that one step reads, or messages that it follows.
const STEP: i32 = 500;
/// Rows of a generation that one statement deletes.
const FORGET_BATCH: usize = 10_000;
/// How long a comparison waits for events that are on their way to the live generation. One that never comes, such as a dead letter
/// of the relay, is a difference.
const COMPARE_PATIENCE: TimeDelta = TimeDelta::seconds(60);
/// The shortest wait between two looks at what is on its way.
const SHORTEST_WAIT: Duration = Duration::from_millis(500);
/// How many times as long as the last look the wait for the next one is.
const WAIT_PER_LOOK: u32 = 10;
/// How long one step may take, the comparison of two generations included.
const STEP_LIMIT: Duration = Duration::from_secs(600);

/// A rebuild, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Queryable)]
pub struct RebuildView {
    pub id: Uuid,
    pub generation: i32,
    pub reason: String,
    /// Only compared with what readers see, and thrown away.
    pub only_compare: bool,
    /// running, done or failed.
    pub state: String,
    /// orders, customers, products, invoices, payments, gone (what was deleted), inbox, over.
    pub phase: String,
    #[serde(skip)]
    after_tenant: Uuid,
    #[serde(skip)]
    after_id: Uuid,
    #[serde(skip)]
    followed: i64,
    /// Aggregates that were read.
    pub done: i64,
    /// Roughly how many there are.
    pub total: i64,
    /// Rows that differ from what readers see, if they were compared.
    pub differences: Option<i64>,
    pub error: Option<String>,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Since when a comparison waits for what is on its way to the live generation.
    #[serde(skip)]
    waits_since: Option<DateTime<Utc>>,
}

impl RebuildView {
    fn kind(&self) -> &'static str {
        if self.only_compare { "comparison" } else { "rebuild" }
    }
}

/// The parameters of the action `rebuild`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RebuildParameters {
    /// Only compare what it comes to with what readers see, and throw it away.
    #[serde(default)]
    pub only_compare: bool,
}

/// Why a rebuild was not begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// One of the other kind is: whoever waited for its end would not get what they asked for.
    #[error("a {0} is under way: wait for its end (api projections status)")]
    UnderWay(&'static str),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<diesel::result::Error> for BeginError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What one step of a rebuild came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Advance {
    /// There is none, and none is wanted.
    Nothing,
    /// Another process makes this step.
    Elsewhere,
    /// It goes on.
    Progress(RebuildView),
    /// It is a comparison, and waits for what is on its way to the live generation. The next step is due after this time, not at once:
    /// the look costs as much as both generations have aggregates.
    Waits(RebuildView, Duration),
    Over(RebuildView),
}

crate::statement! {
    struct AskSize<'a> {} -> (BigInt,) = "SELECT projection_size()"
}

crate::statement! {
    /// In the transaction that locked the state: the one number that is certain.
    struct Begin<'a> { id: Uuid => SqlUuid, only_compare: bool => Bool, total: i64 => BigInt, reason: Option<&'a str> => Nullable<Text>, consumer: &'a str => Text }
    = "INSERT INTO projection_rebuilds (id, consumer, generation, reason, only_compare, state, phase, after_tenant, after_id, followed, done,
            total, started_at, updated_at)
        SELECT $1, s.consumer, GREATEST(s.generation, (SELECT max(generation) FROM projection_rebuilds)) + 1,
            COALESCE(asked.reason, s.wanted, 'asked for'), asked.only_compare, 'running', 'orders',
            '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', s.applied, 0, asked.total, now(), now()
        FROM projection_state AS s, (SELECT $2 AS only_compare, $3 AS total, $4 AS reason) AS asked
        WHERE s.consumer = $5
        ON CONFLICT DO NOTHING"
}

crate::statement! {
    struct LockStateToChange<'a> { consumer: &'a str => Text } -> (Integer, BigInt, Nullable<Text>)
    = "SELECT generation, applied, wanted FROM projection_state WHERE consumer = $1 FOR UPDATE"
}

crate::statement! {
    struct Unwant<'a> { consumer: &'a str => Text } = "UPDATE projection_state SET wanted = NULL WHERE consumer = $1"
}

macro_rules! rebuilds {
    ($($name:ident<$lt:lifetime> { $($field:ident: $ty:ty => $sql_ty:ty),+ } where $which:literal;)+) => {
        $(crate::statement! {
            struct $name<$lt> { $($field: $ty => $sql_ty),+ } -> (
                SqlUuid, Integer, Text, Bool, Text, Text, SqlUuid, SqlUuid, BigInt, BigInt, BigInt, Nullable<BigInt>, Nullable<Text>,
                Timestamptz, Timestamptz, Nullable<Timestamptz>, Nullable<Timestamptz>,
            )
            = concat!("SELECT id, generation, reason, only_compare, state, phase, after_tenant, after_id, followed, done, total,
                    differences, error, started_at, updated_at, finished_at, waits_since
                FROM projection_rebuilds WHERE ", $which)
        })+
    };
}
rebuilds! {
    Latest<'a> { consumer: &'a str => Text, most: i64 => BigInt } where "consumer = $1 ORDER BY started_at DESC, id DESC LIMIT $2";
    Found<'a> { id: Uuid => SqlUuid } where "id = $1";
    // There is one at most.
    Running<'a> { consumer: &'a str => Text } where "consumer = $1 AND state = 'running'";
    LockRunning<'a> { consumer: &'a str => Text } where "consumer = $1 AND state = 'running' FOR UPDATE SKIP LOCKED";
}

crate::statement! {
    struct IsRunning<'a> { consumer: &'a str => Text } -> (Bool,)
    = "SELECT EXISTS (SELECT FROM projection_rebuilds WHERE consumer = $1 AND state = 'running')"
}

crate::statement! {
    /// Why a rebuild is wanted, and whether one is under way.
    struct Wanted<'a> { consumer: &'a str => Text } -> (Nullable<Text>, Bool)
    = "SELECT s.wanted, EXISTS (SELECT FROM projection_rebuilds AS r WHERE r.consumer = s.consumer AND r.state = 'running')
        FROM projection_state AS s WHERE s.consumer = $1"
}

crate::statement! {
    struct Save<'a> {
        state: &'a str => Text, phase: &'a str => Text, after_tenant: Uuid => SqlUuid, after_id: Uuid => SqlUuid, followed: i64 => BigInt,
        done: i64 => BigInt, differences: Option<i64> => Nullable<BigInt>, error: Option<&'a str> => Nullable<Text>,
        waits_since: Option<DateTime<Utc>> => Nullable<Timestamptz>, id: Uuid => SqlUuid,
    }
    = "UPDATE projection_rebuilds SET (state, finished_at)
                = (SELECT saved.state, CASE WHEN saved.state <> 'running' THEN now() END FROM (SELECT $1 AS state) AS saved),
            phase = $2, after_tenant = $3, after_id = $4, followed = $5, done = $6, differences = $7, error = $8, waits_since = $9,
            updated_at = now()
        WHERE id = $10"
}

crate::statement! {
    struct Switch<'a> { generation: i32 => Integer, consumer: &'a str => Text }
    = "UPDATE projection_state SET generation = $1, built_at = now() WHERE consumer = $2"
}

/// What one statement of a phase filled: the last aggregate, and how many there were.
type Filled = (Uuid, Uuid, i64);

macro_rules! fill {
    ($name:ident, $function:literal) => {
        crate::statement! {
            struct $name<'a> { generation: i32 => Integer, tenant: Uuid => SqlUuid, id: Uuid => SqlUuid, most: i32 => Integer }
                -> (SqlUuid, SqlUuid, BigInt)
            = concat!("SELECT last_tenant, last_id, filled FROM ", $function, "($1, $2, $3, $4)")
        }
    };
}
fill!(FillOrders, "projection_fill_orders");
fill!(FillCustomers, "projection_fill_customers");
fill!(FillProducts, "projection_fill_products");
fill!(FillInvoices, "projection_fill_invoices");
fill!(FillPayments, "projection_fill_payments");
fill!(FillGone, "projection_fill_gone");

/// Why a step was rolled back.
enum Stop {
    Failed(Error),
    /// The rebuild itself cannot go on, whoever tries.
    Impossible(Uuid, String),
}

impl From<diesel::result::Error> for Stop {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Projector {
    /// Begins a rebuild, or returns the one of the same kind that is under way. With `only_compare`, what it comes to is compared
    /// with what readers see, and thrown away.
    ///
    /// # Errors
    /// `UnderWay` if one of the other kind is. Fails if the database cannot be reached.
    pub async fn begin_rebuild(
        &self,
        reason: Option<&str>,
        only_compare: bool,
    ) -> Result<RebuildView, BeginError> {
        let mut connection = self.database.connection().await.map_err(Error::from)?;
        loop {
            let begun = connection
                .transaction(async |connection| begin(connection, reason, only_compare).await)
                .await?;
            if let Some(view) = begun {
                return Ok(view);
            }
        }
    }

    /// Returns the latest rebuilds.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn rebuilds(&self, most: i64) -> Result<Vec<RebuildView>, Error> {
        let mut connection = self.database.connection().await?;
        Ok(Latest::new(CONSUMER, most).load(&mut connection).await?)
    }

    /// Makes one step of the rebuild that is under way, or begins one that is wanted.
    ///
    /// # Errors
    /// Fails if the database cannot be reached. The step is then made again, by whoever calls next.
    pub async fn advance(&self) -> Result<Advance, Error> {
        let mut connection = self.database.connection().await?;
        let began = Instant::now();
        let work = connection.transaction(async |connection| step(connection).await);
        let outcome = match tokio::time::timeout(STEP_LIMIT, work).await {
            Ok(outcome) => outcome,
            Err(_) => {
                connection.close();
                return Err(Error::TookTooLong { limit_ms: STEP_LIMIT.as_millis() });
            }
        };
        match outcome {
            Ok(Some((view, Some(left)))) => Ok(Advance::Waits(view, wait_after(began.elapsed(), left))),
            Ok(Some((view, None))) if view.state == "running" => Ok(Advance::Progress(view)),
            Ok(Some((view, None))) => Ok(Advance::Over(view)),
            Ok(None) => {
                drop(connection);
                self.begin_what_is_wanted().await
            }
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Impossible(id, error)) => {
                drop(connection);
                self.give_up(id, &error).await
            }
        }
    }

    async fn begin_what_is_wanted(&self) -> Result<Advance, Error> {
        let mut connection = self.database.connection().await?;
        let (wanted, running): (Option<String>, bool) =
            Wanted::new(CONSUMER).get_result(&mut connection).await?;
        drop(connection);
        if running {
            return Ok(Advance::Elsewhere);
        }
        if wanted.is_none() {
            return Ok(Advance::Nothing);
        }
        let view = match self.begin_rebuild(None, false).await {
            Ok(view) => view,
            // It began in between.
            Err(BeginError::UnderWay(_)) => return Ok(Advance::Elsewhere),
            Err(BeginError::Failed(error)) => return Err(error),
        };
        tracing::info!(
            reason = view.reason,
            generation = view.generation,
            "the projections are built from the write model"
        );
        Ok(Advance::Progress(view))
    }

    async fn give_up(&self, id: Uuid, error: &str) -> Result<Advance, Error> {
        tracing::error!(error, "the projections could not be built");
        let mut connection = self.database.connection().await?;
        let latest: RebuildView = Latest::new(CONSUMER, 1).get_result(&mut connection).await?;
        if latest.id == id {
            if !latest.only_compare {
                inbox::want_rebuild(&mut connection, &latest.reason).await?;
            }
            save(
                &mut connection,
                &RebuildView { state: "failed".to_owned(), error: Some(error.to_owned()), ..latest },
            )
            .await?;
        }
        let view: RebuildView = Latest::new(CONSUMER, 1).get_result(&mut connection).await?;
        Ok(Advance::Over(view))
    }

    /// Deletes what is left of other generations than the live one, unless one is being built. Returns the number of rows.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn forget(&self) -> Result<usize, Error> {
        let mut connection = self.database.connection().await?;
        let mut forgotten = 0;
        for &table in Kept::ALL {
            loop {
                let some =
                    connection.transaction(async |connection| forget_some(connection, table).await).await?;
                forgotten += some;
                if some < FORGET_BATCH {
                    break;
                }
            }
        }
        Ok(forgotten)
    }
}

/// Begins a rebuild, or returns the one that is under way. `None` if that one ended just now.
async fn begin(
    connection: &mut AsyncPgConnection,
    reason: Option<&str>,
    only_compare: bool,
) -> Result<Option<RebuildView>, BeginError> {
    // Whoever applies is done, or has not begun: the place in the order of application is certain.
    let _: (i32, i64, Option<String>) = LockStateToChange::new(CONSUMER).get_result(connection).await?;
    let (total,): (i64,) = AskSize::new().get_result(connection).await?;
    let id = Uuid::now_v7();
    let begun = Begin::new(id, only_compare, total, reason, CONSUMER).execute(connection).await?;
    if begun == 0 {
        // What is wanted stays so: the one that runs may have begun before it was.
        let running: Option<RebuildView> = Running::new(CONSUMER).get_result(connection).await.optional()?;
        return match running {
            Some(view) if view.only_compare != only_compare => Err(BeginError::UnderWay(view.kind())),
            shared => Ok(shared),
        };
    }
    if !only_compare {
        Unwant::new(CONSUMER).execute(connection).await?;
    }
    Ok(Some(Found::new(id).get_result(connection).await?))
}

/// How long to wait after a look that took so long, if the wait as a whole may last for `left`.
fn wait_after(took: Duration, left: Duration) -> Duration {
    took.saturating_mul(WAIT_PER_LOOK).max(SHORTEST_WAIT).min(left.max(SHORTEST_WAIT))
}

/// One step of the rebuild that is under way, and if it is a comparison that waits: for how long it may still do so. `None` if there
/// is no rebuild, or if another process makes the step.
async fn step(connection: &mut AsyncPgConnection) -> Result<Option<(RebuildView, Option<Duration>)>, Stop> {
    connection.batch_execute(&format!("SET LOCAL statement_timeout = {}", STEP_LIMIT.as_millis())).await?;
    let running: Option<RebuildView> = LockRunning::new(CONSUMER).get_result(connection).await.optional()?;
    let Some(mut rebuild) = running else { return Ok(None) };
    let mut left = None;
    match next_phase(&rebuild.phase) {
        Some(next) => {
            let filled = fill(connection, &rebuild).await?;
            match filled {
                Some((tenant, id, number)) => {
                    (rebuild.after_tenant, rebuild.after_id) = (tenant, id);
                    // What was deleted is counted by tenants.
                    rebuild.done += if rebuild.phase == "gone" { 0 } else { number };
                }
                None => {
                    (rebuild.after_tenant, rebuild.after_id) = (Uuid::nil(), Uuid::nil());
                    rebuild.phase = next.to_owned();
                }
            }
        }
        None => left = follow(connection, &mut rebuild).await?,
    }
    save(connection, &rebuild).await?;
    Ok(Some((rebuild, left)))
}

/// The phase behind one that reads the write model.
fn next_phase(phase: &str) -> Option<&'static str> {
    Some(match phase {
        "orders" => "customers",
        "customers" => "products",
        "products" => "invoices",
        "invoices" => "payments",
        "payments" => "gone",
        "gone" => "inbox",
        _ => return None,
    })
}

async fn fill(connection: &mut AsyncPgConnection, rebuild: &RebuildView) -> QueryResult<Option<Filled>> {
    let RebuildView { generation, after_tenant, after_id, .. } = *rebuild;
    match rebuild.phase.as_str() {
        "orders" => FillOrders::new(generation, after_tenant, after_id, STEP).get_result(connection).await,
        "customers" => {
            FillCustomers::new(generation, after_tenant, after_id, STEP).get_result(connection).await
        }
        "products" => {
            FillProducts::new(generation, after_tenant, after_id, STEP).get_result(connection).await
        }
        "invoices" => {
            FillInvoices::new(generation, after_tenant, after_id, STEP).get_result(connection).await
        }
        "payments" => {
            FillPayments::new(generation, after_tenant, after_id, STEP).get_result(connection).await
        }
        _ => FillGone::new(generation, after_tenant, after_id, STEP).get_result(connection).await,
    }
    .optional()
}

/// Applies to the new generation what was applied to the live one since the rebuild began. When nothing more is left, nobody applies
/// for a moment, and it becomes the live one. Returns for how long a comparison that waits may still do so.
async fn follow(
    connection: &mut AsyncPgConnection,
    rebuild: &mut RebuildView,
) -> Result<Option<Duration>, Stop> {
    if follow_some(connection, rebuild).await? == STEP as usize {
        return Ok(None);
    }
    if rebuild.only_compare
        && let Some(left) = waits(connection, rebuild).await?
    {
        return Ok(Some(left));
    }
    let (live, ..): (i32, i64, Option<String>) =
        LockStateToChange::new(CONSUMER).get_result(connection).await?;
    while follow_some(connection, rebuild).await? > 0 {}
    if rebuild.only_compare {
        rebuild.differences = Some(differences(connection, live, rebuild.generation).await?);
    } else {
        Switch::new(rebuild.generation, CONSUMER).execute(connection).await?;
    }
    (rebuild.state, rebuild.phase) = ("done".to_owned(), "over".to_owned());
    Ok(None)
}

/// If the live generation has yet to apply something that the write model told the other one: how much time it still has.
async fn waits(
    connection: &mut AsyncPgConnection,
    rebuild: &mut RebuildView,
) -> QueryResult<Option<Duration>> {
    let (behind, now): (bool, DateTime<Utc>) =
        LiveIsBehind::new(rebuild.generation, GONE, CONSUMER).get_result(connection).await?;
    let since = *rebuild.waits_since.get_or_insert(now);
    let left = (COMPARE_PATIENCE - (now - since)).to_std().unwrap_or_default();
    Ok(Some(left).filter(|left| behind && !left.is_zero()))
}

crate::statement! {
    struct LiveIsBehind<'a> { other: i32 => Integer, gone: i64 => BigInt, consumer: &'a str => Text } -> (Bool, Timestamptz)
    = "SELECT EXISTS (SELECT FROM projection_positions AS o
            LEFT JOIN projection_positions AS l
                ON l.generation = s.generation AND l.tenant_id = o.tenant_id AND l.aggregate_id = o.aggregate_id
            WHERE o.generation = $1 AND CASE WHEN o.version < $2 THEN COALESCE(l.version, 0) < o.version ELSE
                EXISTS (SELECT FROM customer_activity AS c
                    WHERE c.generation = s.generation AND c.tenant_id = o.tenant_id AND c.customer_id = o.aggregate_id)
                OR EXISTS (SELECT FROM sales_by_product AS p
                    WHERE p.generation = s.generation AND p.tenant_id = o.tenant_id AND p.product_id = o.aggregate_id) END), now()
        FROM projection_state AS s WHERE s.consumer = $3"
}

/// Returns how many messages there were, at most [`STEP`].
async fn follow_some(connection: &mut AsyncPgConnection, rebuild: &mut RebuildView) -> Result<usize, Stop> {
    let followed = inbox::applied_after(connection, rebuild.followed, STEP.into()).await?;
    let mut tenants: Vec<Uuid> = followed.iter().map(|one| one.tenant).collect();
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants {
        let of_tenant = followed.iter().filter(|one| one.tenant == tenant);
        let messages: Vec<Message> = of_tenant.map(|one| one.message.clone()).collect();
        let place = Place { tenant, generation: rebuild.generation };
        let known = store::known(connection, place, &messages).await?;
        let (verdicts, changes) = plan(&messages, known);
        if let Some(refused) =
            verdicts.iter().zip(&messages).find_map(|(verdict, message)| impossible(verdict, message))
        {
            return Err(Stop::Impossible(rebuild.id, refused));
        }
        store::write(connection, place, &changes).await.map_err(|error| match error {
            WriteError::Currency => Stop::Impossible(rebuild.id, SECOND_CURRENCY.to_owned()),
            WriteError::Database(error) if is_of_the_data(&error) => {
                Stop::Impossible(rebuild.id, error.to_string())
            }
            WriteError::Database(error) => error.into(),
        })?;
    }
    rebuild.followed = followed.last().map_or(rebuild.followed, |last| last.applied);
    Ok(followed.len())
}

/// What the live generation took and this one cannot take. An aggregate of which the write model knows nothing is left out: it was
/// written by another program, and told of before the rebuild began.
fn impossible(verdict: &Verdict, message: &Message) -> Option<String> {
    match verdict {
        Verdict::Refused(error) => Some(format!("the event {}: {error}", message.id)),
        Verdict::Missing(version) if *version > 1 => Some(format!(
            "the event {}: version {version} of {} is missing before it",
            message.id, message.aggregate_id
        )),
        _ => None,
    }
}

async fn save(connection: &mut AsyncPgConnection, rebuild: &RebuildView) -> QueryResult<()> {
    let RebuildView { after_tenant, after_id, followed, done, differences, waits_since, id, .. } = *rebuild;
    let (state, phase, error) = (&rebuild.state, &rebuild.phase, rebuild.error.as_deref());
    Save::new(state, phase, after_tenant, after_id, followed, done, differences, error, waits_since, id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Counts the rows that only one of two generations has.
async fn differences(connection: &mut AsyncPgConnection, one: i32, other: i32) -> QueryResult<i64> {
    let (number,): (i64,) = Differences::new(one, other).get_result(connection).await?;
    Ok(number)
}

crate::statement! {
    struct Differences<'a> { one: i32 => Integer, other: i32 => Integer } -> (BigInt,)
    = "WITH compared AS (SELECT $1 AS one, $2 AS other),
        timeline AS (
            SELECT tenant_id, order_id, version, event, occurred_at, reference, customer_id, tracking_number, reason, request_id
            FROM order_timeline, compared WHERE generation IN (one, other) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 HAVING count(*) = 1),
        days AS (
            SELECT tenant_id, day, currency, orders, net_total, vat_total, gross_total, cancelled_orders, cancelled_gross_total
            FROM sales_by_day, compared WHERE generation IN (one, other) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 HAVING count(*) = 1),
        products AS (
            SELECT tenant_id, product_id, sku, name, archived, currency, orders, quantity, net_total, last_ordered_at
            FROM sales_by_product, compared WHERE generation IN (one, other) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 HAVING count(*) = 1),
        customers AS (
            SELECT tenant_id, customer_id, code, name, currency, orders, cancelled_orders, gross_total, first_order_at, last_order_at,
                last_activity_at
            FROM customer_activity, compared WHERE generation IN (one, other) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 HAVING count(*) = 1),
        months AS (
            SELECT tenant_id, month, customer_id, currency, documents, net_total, vat_total
            FROM sales_by_month, compared WHERE generation IN (one, other) GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING count(*) = 1),
        owed AS (
            SELECT tenant_id, customer_id, currency, invoiced, credited, paid
            FROM receivables, compared WHERE generation IN (one, other) GROUP BY 1, 2, 3, 4, 5, 6 HAVING count(*) = 1)
        SELECT (SELECT count(*) FROM timeline) + (SELECT count(*) FROM days) + (SELECT count(*) FROM products)
            + (SELECT count(*) FROM customers) + (SELECT count(*) FROM months) + (SELECT count(*) FROM owed)"
}

macro_rules! forget {
    ($($kept:ident $name:ident $table:literal;)+) => {
        $(crate::statement! {
            struct $name<'a> { from: i32 => Integer, below: i32 => Integer, most: i64 => BigInt }
            = concat!("DELETE FROM ", $table, " WHERE ctid = ANY (ARRAY(SELECT ctid FROM ", $table,
                " WHERE generation >= $1 AND generation < $2 LIMIT $3))")
        })+

        /// What a generation is kept in.
        #[derive(Debug, Clone, Copy)]
        enum Kept { $($kept),+ }

        impl Kept {
            const ALL: &'static [Self] = &[$(Self::$kept),+];

            /// Deletes rows of the generations in this range, at most so many.
            async fn forget(self, connection: &mut AsyncPgConnection, from: i32, below: i32, most: usize) -> QueryResult<usize> {
                match self {
                    $(Self::$kept => $name::new(from, below, most as i64).execute(connection).await,)+
                }
            }
        }
    };
}
forget! {
    Timeline ForgetTimeline "order_timeline";
    Days ForgetDays "sales_by_day";
    Products ForgetProducts "sales_by_product";
    Customers ForgetCustomers "customer_activity";
    Months ForgetMonths "sales_by_month";
    Receivables ForgetReceivables "receivables";
    Orders ForgetOrders "projection_orders";
    OrderProducts ForgetOrderProducts "projection_order_products";
    Positions ForgetPositions "projection_positions";
}

/// Deletes some rows of one table. Short: as long as it takes, nobody applies.
async fn forget_some(connection: &mut AsyncPgConnection, table: Kept) -> Result<usize, Error> {
    // As long as this is locked, no rebuild begins and none becomes live.
    let (live, ..): (i32, i64, Option<String>) =
        LockStateToChange::new(CONSUMER).get_result(connection).await?;
    let (running,): (bool,) = IsRunning::new(CONSUMER).get_result(connection).await?;
    if running {
        return Ok(0);
    }
    let before = table.forget(connection, i32::MIN, live, FORGET_BATCH).await?;
    let behind = table.forget(connection, live.saturating_add(1), i32::MAX, FORGET_BATCH - before).await?;
    Ok(before + behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_looks_for_a_tenth_of_its_wait_at_most_and_not_behind_its_patience() {
        let seconds = Duration::from_secs;
        assert_eq!(wait_after(Duration::from_millis(5), seconds(60)), SHORTEST_WAIT);
        assert_eq!(wait_after(seconds(2), seconds(60)), seconds(20));
        assert_eq!(wait_after(seconds(20), seconds(40)), seconds(40));
        assert_eq!(wait_after(seconds(20), Duration::from_millis(1)), SHORTEST_WAIT);
    }

    #[test]
    fn who_asks_beside_another_kind_is_told_which_one_and_what_to_do() {
        let error = BeginError::UnderWay("comparison").to_string();
        assert_eq!(error, "a comparison is under way: wait for its end (api projections status)");
    }
}
