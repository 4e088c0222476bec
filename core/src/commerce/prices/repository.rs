//! Price lists in the database, as commands read and write them; and which prices apply to what is ordered.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Numeric, Text, Uuid as SqlUuid};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::aggregate::{
    ChangedEntries, MAX_NAMED, Overlap, PriceList, PriceListCode, PriceListDetails, PriceListError,
    PriceListName, PriceTarget,
};
use super::entries::{PriceBreak, PriceEntry};
use super::events::PriceListEvent;
use super::queries::PriceListView;
use super::resolver::{ListedPrice, PriceBook, PriceQuestion, ValidPeriod};
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, Deletable, LockMode, find};
use crate::application::error::{Error, unless_held};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{price_list_entries, price_lists};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CustomerGroupId, CustomerId, PriceListId, ProductId, TenantId};
use crate::values::money::UnitPrice;

/// The constraint that makes codes unique.
const CODE_KEY: &str = "price_lists_code_key";
/// The constraint that keeps two lists of one target from pricing a product on the same day.
const OVERLAP: &str = "price_list_entries_overlap";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = price_lists, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct PriceListRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    code: String,
    name: String,
    customer_id: Option<Uuid>,
    group_id: Option<Uuid>,
    valid_from: Option<NaiveDate>,
    valid_to: Option<NaiveDate>,
    entries: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A price of a list, which has the list's target and period, too.
#[derive(Debug, Insertable)]
#[diesel(table_name = price_list_entries, treat_none_as_default_value = false)]
struct NewEntryRow {
    tenant_id: Uuid,
    list_id: Uuid,
    product_id: Uuid,
    id: Uuid,
    target: Uuid,
    valid_from: Option<NaiveDate>,
    valid_to: Option<NaiveDate>,
    from_quantities: Vec<Option<BigDecimal>>,
    unit_prices: Vec<Option<BigDecimal>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl PriceListRow {
    fn of(tenant: TenantId, list: &PriceList) -> Self {
        let details = &list.details;
        Self {
            tenant_id: tenant.uuid(),
            id: list.id.uuid(),
            version: list.version,
            code: details.code.to_string(),
            name: details.name.to_string(),
            customer_id: list.target.customer().map(CustomerId::uuid),
            group_id: list.target.group().map(CustomerGroupId::uuid),
            valid_from: details.period.from.map(BusinessDate::date),
            valid_to: details.period.to.map(BusinessDate::date),
            entries: list.entries,
            created_at: list.created_at,
            updated_at: list.updated_at,
        }
    }

    pub(super) fn into_list(self) -> PriceList {
        let customer = self.customer_id.map(CustomerId::from_uuid).map(PriceTarget::Customer);
        let group = self.group_id.map(CustomerGroupId::from_uuid).map(PriceTarget::Group);
        PriceList {
            id: PriceListId::from_uuid(self.id),
            version: self.version,
            details: PriceListDetails {
                code: PriceListCode::stored(self.code),
                name: PriceListName::stored(self.name),
                period: ValidPeriod::stored(self.valid_from, self.valid_to),
            },
            target: customer.or(group).unwrap_or(PriceTarget::Everybody),
            entries: self.entries,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// How entries name their target.
fn target_id(target: PriceTarget) -> Uuid {
    match target {
        PriceTarget::Customer(id) => id.uuid(),
        PriceTarget::Group(id) => id.uuid(),
        PriceTarget::Everybody => Uuid::nil(),
    }
}

/// Reads breaks, which are stored as two arrays.
pub(super) fn breaks(
    quantities: Vec<Option<BigDecimal>>,
    prices: Vec<Option<BigDecimal>>,
) -> Vec<PriceBreak> {
    let pairs = quantities.into_iter().flatten().zip(prices.into_iter().flatten());
    let one = |(quantity, price)| PriceBreak {
        from_quantity: Units::stored(quantity),
        unit_price: UnitPrice::stored(price),
    };
    pairs.map(one).collect()
}

/// Loads a list under its lock.
///
/// # Errors
/// `NotFound` if the tenant has no such list. Fails if the database cannot be reached.
pub(super) async fn load(
    work: &mut UnitOfWork<'_>,
    id: PriceListId,
    lock: LockMode,
) -> Result<PriceList, Error> {
    let query = price_lists::table.find((work.tenant().uuid(), id.uuid())).select(PriceListRow::as_select());
    let row: Option<PriceListRow> = find(work, Locked::PriceList, lock, query).await?;
    Ok(row.ok_or(PriceListError::NotFound(id))?.into_list())
}

/// Reads a list without a lock: it can change at any time.
///
/// # Errors
/// `NotFound` if the tenant has no such list. Fails if the database cannot be reached.
pub(super) async fn look_at(work: &mut UnitOfWork<'_>, id: PriceListId) -> Result<PriceList, Error> {
    let query = price_lists::table.find((work.tenant().uuid(), id.uuid())).select(PriceListRow::as_select());
    let row: Option<PriceListRow> = query.first(work.connection()).await.optional()?;
    Ok(row.ok_or(PriceListError::NotFound(id))?.into_list())
}

/// Finds the list with this code, without a lock.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn list_with(
    work: &mut UnitOfWork<'_>,
    code: &PriceListCode,
) -> Result<Option<PriceListId>, Error> {
    let with_code =
        price_lists::tenant_id.eq(work.tenant().uuid()).and(price_lists::code.eq(code.as_str().to_owned()));
    let query = price_lists::table.filter(with_code).select(price_lists::id);
    let found: Option<Uuid> = query.first(work.connection()).await.optional()?;
    Ok(found.map(PriceListId::from_uuid))
}

type EntryPrices = (Uuid, Vec<Option<BigDecimal>>, Vec<Option<BigDecimal>>);

/// Returns the prices that these products have in a list, which is locked, in the same order; without breaks where they have none.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn prices_of(
    work: &mut UnitOfWork<'_>,
    list: PriceListId,
    products: &[ProductId],
) -> Result<Vec<PriceEntry>, Error> {
    use price_list_entries::{from_quantities, list_id, product_id, tenant_id, unit_prices};
    let ids: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let rows: Vec<EntryPrices> = price_list_entries::table
        .filter(tenant_id.eq(work.tenant().uuid()).and(list_id.eq(list.uuid())))
        .filter(product_id.eq_any(ids))
        .select((product_id, from_quantities, unit_prices))
        .load(work.connection())
        .await?;
    let mut known: HashMap<Uuid, Vec<PriceBreak>> =
        rows.into_iter().map(|(product, quantities, prices)| (product, breaks(quantities, prices))).collect();
    let entry =
        |id: &ProductId| PriceEntry { product_id: *id, breaks: known.remove(&id.uuid()).unwrap_or_default() };
    Ok(products.iter().map(entry).collect())
}

crate::statement! {
    /// Other lists of the same target that price some products on some of the same days.
    struct OverlapsOfProducts<'a> {
        tenant: Uuid => SqlUuid,
        list: Uuid => SqlUuid,
        target: Uuid => SqlUuid,
        valid_from: Option<NaiveDate> => Nullable<Date>,
        valid_to: Option<NaiveDate> => Nullable<Date>,
        products: &'a [Uuid] => Array<SqlUuid>,
        most: i64 => BigInt,
    } -> (SqlUuid, SqlUuid, Text, Nullable<Date>, Nullable<Date>)
    = "WITH given AS (SELECT $1 AS tenant_id, $2 AS list_id, $3 AS target, $4 AS valid_from, $5 AS valid_to)
     SELECT e.product_id, l.id, l.code, l.valid_from, l.valid_to
     FROM given AS g
     JOIN price_list_entries AS e ON e.tenant_id = g.tenant_id AND e.target = g.target AND e.product_id = ANY ($6)
        AND e.list_id <> g.list_id AND daterange(e.valid_from, e.valid_to) && daterange(g.valid_from, g.valid_to)
     JOIN price_lists AS l ON l.tenant_id = e.tenant_id AND l.id = e.list_id
     ORDER BY e.product_id, l.code LIMIT $7"
}

crate::statement! {
    /// The same of all products of a list whose period is to change.
    struct OverlapsOfList<'a> {
        tenant: Uuid => SqlUuid,
        list: Uuid => SqlUuid,
        valid_from: Option<NaiveDate> => Nullable<Date>,
        valid_to: Option<NaiveDate> => Nullable<Date>,
        most: i64 => BigInt,
    } -> (SqlUuid, SqlUuid, Text, Nullable<Date>, Nullable<Date>)
    = "WITH given AS (SELECT $1 AS tenant_id, $2 AS list_id, $3 AS valid_from, $4 AS valid_to)
     SELECT e.product_id, l.id, l.code, l.valid_from, l.valid_to
     FROM given AS g
     JOIN price_list_entries AS own ON own.tenant_id = g.tenant_id AND own.list_id = g.list_id
     JOIN price_list_entries AS e ON e.tenant_id = own.tenant_id AND e.target = own.target AND e.product_id = own.product_id
        AND e.list_id <> own.list_id AND daterange(e.valid_from, e.valid_to) && daterange(g.valid_from, g.valid_to)
     JOIN price_lists AS l ON l.tenant_id = e.tenant_id AND l.id = e.list_id
     ORDER BY e.product_id, l.code LIMIT $5"
}

type OverlapRow = (Uuid, Uuid, String, Option<NaiveDate>, Option<NaiveDate>);

fn overlap((product, list, code, from, to): OverlapRow) -> Overlap {
    Overlap {
        product_id: ProductId::from_uuid(product),
        list_id: PriceListId::from_uuid(list),
        code,
        period: ValidPeriod::stored(from, to),
        pointer: "/valid_from".to_owned(),
    }
}

/// Returns the lists that are in the way of new prices of these products; the first twenty.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn overlaps_of(
    work: &mut UnitOfWork<'_>,
    list: &PriceList,
    products: &[ProductId],
) -> Result<Vec<Overlap>, Error> {
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let (tenant, period) = (work.tenant().uuid(), list.details.period);
    let (from, to) = (period.from.map(BusinessDate::date), period.to.map(BusinessDate::date));
    let statement =
        OverlapsOfProducts::new(tenant, list.id.uuid(), target_id(list.target), from, to, &ids, MAX_NAMED);
    let rows: Vec<OverlapRow> = statement.load(work.connection()).await?;
    Ok(rows.into_iter().map(overlap).collect())
}

/// Returns the lists that are in the way of another period of a list; the first twenty.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn overlaps_in(
    work: &mut UnitOfWork<'_>,
    list: PriceListId,
    period: ValidPeriod,
) -> Result<Vec<Overlap>, Error> {
    let (from, to) = (period.from.map(BusinessDate::date), period.to.map(BusinessDate::date));
    let statement = OverlapsOfList::new(work.tenant().uuid(), list.uuid(), from, to, MAX_NAMED);
    let rows: Vec<OverlapRow> = statement.load(work.connection()).await?;
    Ok(rows.into_iter().map(overlap).collect())
}

/// What an error of a write of entries means. Another list was made to price a product on the same days, or is being made so, since the
/// overlaps were looked for: the unit of work begins anew, and then finds and names it.
fn overtaken(error: diesel::result::Error) -> Error {
    match &error {
        diesel::result::Error::DatabaseError(_, info) if info.constraint_name() == Some(OVERLAP) => {
            Error::Overtaken
        }
        _ => error.into(),
    }
}

/// Writes the prices of a list that have changed.
///
/// # Errors
/// `Overtaken` if another list prices one of the products on the same days by now. Fails if the database cannot be reached.
pub(super) async fn write_prices(
    work: &mut UnitOfWork<'_>,
    list: &PriceList,
    changed: &ChangedEntries,
) -> Result<(), Error> {
    use price_list_entries::{from_quantities, list_id, product_id, tenant_id, unit_prices, updated_at};
    let (tenant, period) = (work.tenant().uuid(), list.details.period);
    let (gone, kept): (Vec<&PriceEntry>, Vec<&PriceEntry>) =
        changed.after.iter().partition(|entry| entry.breaks.is_empty());
    if !gone.is_empty() {
        let gone: Vec<Uuid> = gone.iter().map(|entry| entry.product_id.uuid()).collect();
        let of_list = tenant_id.eq(tenant).and(list_id.eq(list.id.uuid()));
        diesel::delete(price_list_entries::table.filter(of_list).filter(product_id.eq_any(gone)))
            .execute(work.connection())
            .await?;
    }
    let row = |entry: &PriceEntry| NewEntryRow {
        tenant_id: tenant,
        list_id: list.id.uuid(),
        product_id: entry.product_id.uuid(),
        id: Uuid::now_v7(),
        target: target_id(list.target),
        valid_from: period.from.map(BusinessDate::date),
        valid_to: period.to.map(BusinessDate::date),
        from_quantities: entry.breaks.iter().map(|one| Some(one.from_quantity.value().clone())).collect(),
        unit_prices: entry.breaks.iter().map(|one| Some(one.unit_price.value().clone())).collect(),
        created_at: list.updated_at,
        updated_at: list.updated_at,
    };
    let mut rows: Vec<NewEntryRow> = kept.into_iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    // In one order: two lists that want the same products wait for each other, and for nothing more.
    rows.sort_by_key(|row| row.product_id);
    diesel::insert_into(price_list_entries::table)
        .values(rows.as_slice())
        .on_conflict((tenant_id, list_id, product_id))
        .do_update()
        .set((
            from_quantities.eq(excluded(from_quantities)),
            unit_prices.eq(excluded(unit_prices)),
            updated_at.eq(excluded(updated_at)),
        ))
        .execute(work.connection())
        .await
        .map_err(overtaken)?;
    Ok(())
}

/// Gives the prices of a list the list's period.
///
/// # Errors
/// Fails as [`write_prices`] does.
pub(super) async fn move_prices(work: &mut UnitOfWork<'_>, list: &PriceList) -> Result<(), Error> {
    use price_list_entries::{list_id, tenant_id, valid_from, valid_to};
    let period = list.details.period;
    let of_list = tenant_id.eq(work.tenant().uuid()).and(list_id.eq(list.id.uuid()));
    diesel::update(price_list_entries::table.filter(of_list))
        .set((
            valid_from.eq(period.from.map(BusinessDate::date)),
            valid_to.eq(period.to.map(BusinessDate::date)),
        ))
        .execute(work.connection())
        .await
        .map_err(overtaken)?;
    Ok(())
}

crate::statement! {
    /// The prices that lists have for some products, valid on a day, of a customer, of their group, and of everybody; with the group.
    struct ListedPrices<'a> {
        tenant: Uuid => SqlUuid,
        customer: Option<Uuid> => Nullable<SqlUuid>,
        on: NaiveDate => Date,
        products: &'a [Uuid] => Array<SqlUuid>,
    } -> (SqlUuid, SqlUuid, SqlUuid, Nullable<Date>, Nullable<Date>, Array<Nullable<Numeric>>, Array<Nullable<Numeric>>, Nullable<SqlUuid>)
    = "WITH asked AS (SELECT $1 AS tenant_id, $2 AS customer_id, $3 AS day),
    buyer AS (
        SELECT asked.*, (SELECT c.group_id FROM customers AS c WHERE c.tenant_id = asked.tenant_id AND c.id = asked.customer_id) AS group_id
        FROM asked
    )
    SELECT e.product_id, e.list_id, e.target, e.valid_from, e.valid_to, e.from_quantities, e.unit_prices, buyer.group_id
    FROM buyer JOIN price_list_entries AS e ON e.tenant_id = buyer.tenant_id AND e.product_id = ANY ($4)
        AND e.target = ANY (ARRAY[buyer.customer_id, buyer.group_id, '00000000-0000-0000-0000-000000000000'::uuid])
        AND COALESCE(e.valid_from <= buyer.day, true) AND COALESCE(e.valid_to > buyer.day, true)"
}

type ListedRow = (
    Uuid,
    Uuid,
    Uuid,
    Option<NaiveDate>,
    Option<NaiveDate>,
    Vec<Option<BigDecimal>>,
    Vec<Option<BigDecimal>>,
    Option<Uuid>,
);

/// Loads the prices of lists for all of these products, in one statement. What they are may change at any time: nothing is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn book(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    customer: Option<CustomerId>,
    products: Vec<ProductId>,
    on: BusinessDate,
) -> Result<PriceBook, Error> {
    let mut ids: Vec<Uuid> = products.into_iter().map(ProductId::uuid).collect();
    if ids.is_empty() {
        return Ok(PriceBook::default());
    }
    ids.sort_unstable();
    ids.dedup();
    let statement = ListedPrices::new(tenant.uuid(), customer.map(CustomerId::uuid), on.date(), &ids);
    let rows: Vec<ListedRow> = statement.load(&mut connection).await?;
    let group = rows.iter().find_map(|row| row.7).map(CustomerGroupId::from_uuid);
    let target = |id: Uuid| match (customer, group) {
        (Some(customer), _) if customer.uuid() == id => PriceTarget::Customer(customer),
        (_, Some(group)) if group.uuid() == id => PriceTarget::Group(group),
        _ => PriceTarget::Everybody,
    };
    let listed = |(product, list, of, from, to, quantities, prices, _): ListedRow| ListedPrice {
        list: PriceListId::from_uuid(list),
        target: target(of),
        period: ValidPeriod::stored(from, to),
        product: ProductId::from_uuid(product),
        breaks: breaks(quantities, prices),
    };
    Ok(PriceBook::of(&PriceQuestion { customer, group, on }, rows.into_iter().map(listed)))
}

impl PriceList {
    fn refused(&self, error: diesel::result::Error) -> Error {
        let diesel::result::Error::DatabaseError(_, info) = &error else { return error.into() };
        let refusal = match info.constraint_name() {
            Some(CODE_KEY) => Some(PriceListError::CodeTaken(self.details.code.as_str().to_owned())),
            Some("price_lists_customer_fkey") => self.target.customer().map(PriceListError::CustomerUnknown),
            Some("price_lists_group_fkey") => self.target.group().map(PriceListError::GroupUnknown),
            _ => None,
        };
        refusal.map_or_else(|| error.into(), Into::into)
    }

    /// Refuses a code that another list has: see [`unless_held`].
    async fn refuse_held(&self, work: &mut UnitOfWork<'_>, row: &PriceListRow) -> Result<(), Error> {
        let others = price_lists::table
            .filter(price_lists::tenant_id.eq(row.tenant_id).and(price_lists::id.ne(row.id)));
        let code = exists(others.filter(price_lists::code.eq(row.code.as_str())));
        let held: bool = diesel::select(code).get_result(work.connection()).await?;
        unless_held([(CODE_KEY, held)], |_| {
            Some(PriceListError::CodeTaken(self.details.code.as_str().to_owned()))
        })
    }
}

impl Creatable for PriceList {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        // The foreign keys lock what the list is for.
        match self.target {
            PriceTarget::Customer(_) => work.locks(Locked::Customer),
            PriceTarget::Group(_) => work.locks(Locked::CustomerGroup),
            PriceTarget::Everybody => {}
        }
        let row = PriceListRow::of(work.tenant(), self);
        let inserted = diesel::insert_into(price_lists::table).values(&row).execute(work.connection()).await;
        inserted.map(drop).map_err(|error| self.refused(error))
    }
}

impl Aggregate for PriceList {
    type Id = PriceListId;
    type Event = PriceListEvent;
    type Audited = PriceListView;
    const NAME: &'static str = "price_list";

    fn id(&self) -> PriceListId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> PriceListView {
        PriceListView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = PriceListRow::of(work.tenant(), self);
        self.refuse_held(work, &row).await?;
        let updated = diesel::update(price_lists::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        updated.map(drop).map_err(|error| self.refused(error))
    }
}

impl Deletable for PriceList {
    async fn delete(id: PriceListId, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let tenant = work.tenant().uuid();
        let of_list = price_list_entries::tenant_id.eq(tenant).and(price_list_entries::list_id.eq(id.uuid()));
        diesel::delete(price_list_entries::table.filter(of_list)).execute(work.connection()).await?;
        diesel::delete(price_lists::table.find((tenant, id.uuid()))).execute(work.connection()).await?;
        Ok(())
    }
}
