//! The queries on price lists.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{PriceList, PriceListError};
use super::entries::PriceBreak;
use super::repository::{PriceListRow, breaks};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::{price_list_entries, price_lists, products};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CustomerGroupId, CustomerId, PriceListId, ProductId};
use crate::values::money::UnitPrice;

/// A price list without its prices.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceList)]
pub struct PriceListView {
    #[schema(value_type = Uuid)]
    pub id: PriceListId,
    /// Rises with every change, also of a price; the ETag.
    pub version: i64,
    #[schema(example = "SPRING-2026")]
    pub code: String,
    #[schema(example = "Printemps 2026")]
    pub name: String,
    /// Whose prices they are: this customer's; null if they are not one customer's.
    #[schema(value_type = Option<Uuid>)]
    pub customer_id: Option<CustomerId>,
    /// Whose prices they are: this group's. If both are null: everybody's.
    #[schema(value_type = Option<Uuid>)]
    pub group_id: Option<CustomerGroupId>,
    /// The first day on which they are valid; null if they always were.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub valid_from: Option<BusinessDate>,
    /// The first day on which they are not valid any more; null if there is no end.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub valid_to: Option<BusinessDate>,
    /// How many products have a price in it.
    pub entries: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<PriceList> for PriceListView {
    fn from(list: PriceList) -> Self {
        let PriceList { id, version, details, target, entries, created_at, updated_at } = list;
        Self {
            id,
            version,
            code: details.code.into(),
            name: details.name.into(),
            customer_id: target.customer(),
            group_id: target.group(),
            valid_from: details.period.from,
            valid_to: details.period.to,
            entries,
            created_at,
            updated_at,
        }
    }
}

impl PriceListView {
    pub(super) fn of(list: &PriceList) -> Self {
        Self::from(list.clone())
    }

    fn of_row(row: PriceListRow) -> Self {
        row.into_list().into()
    }
}

/// What a product costs in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceListEntry)]
pub struct PriceEntryView {
    #[serde(skip)]
    id: Uuid,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    /// The smallest quantity first.
    pub breaks: Vec<PriceBreakView>,
    /// When the product got its first price in the list.
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// From so many units on, each costs so much.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceBreak)]
pub struct PriceBreakView {
    /// Zero if it applies to any quantity.
    #[schema(value_type = String, example = "10")]
    pub from_quantity: Units,
    /// Net, in your company's currency.
    #[schema(value_type = String, example = "11.50")]
    pub unit_price: UnitPrice,
}

impl From<PriceBreak> for PriceBreakView {
    fn from(PriceBreak { from_quantity, unit_price }: PriceBreak) -> Self {
        Self { from_quantity, unit_price }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntrySort {
    CreatedAt,
}

impl SortKey for EntrySort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<EntrySort> for PriceEntryView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: EntrySort) -> SortValue {
        self.created_at.into()
    }
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = price_list_entries)]
struct EntryRow {
    id: Uuid,
    product_id: Uuid,
    from_quantities: Vec<Option<BigDecimal>>,
    unit_prices: Vec<Option<BigDecimal>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// The id, the SKU and the name of a product.
type ProductNames = (Uuid, String, String);
type Entries<'a> = price_list_entries::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<EntryRow, Pg>>>;

/// Returns the prices of a list, a page at a time.
///
/// # Errors
/// `NotFound` if the tenant has no such list. Fails if the database cannot be reached.
pub async fn entries(
    db: &TenantDatabase,
    context: &RequestContext,
    id: PriceListId,
    request: &PageRequest<EntrySort>,
) -> Result<Page<PriceEntryView>, Error> {
    use price_list_entries::{created_at, id as entry_id, list_id, tenant_id};
    let tenant = context.tenant_id().uuid();
    let query = || -> Entries<'_> {
        let of_list = tenant_id.eq(tenant).and(list_id.eq(id.uuid()));
        let rows = price_list_entries::table
            .filter(of_list)
            .select(EntryRow::as_select())
            .limit(request.rows())
            .into_boxed();
        walk!(rows, request.times(), [list_id => id.uuid()], created_at, entry_id)
    };
    let found: Option<(Vec<EntryRow>, Vec<ProductNames>)> = db
        .read(context, async |mut connection| {
            let list: Option<Uuid> = price_lists::table
                .find((tenant, id.uuid()))
                .select(price_lists::id)
                .first(&mut connection)
                .await
                .optional()?;
            if list.is_none() {
                return Ok(None);
            }
            let rows: Vec<EntryRow> = query().load(&mut connection).await?;
            let ids: Vec<Uuid> = rows.iter().map(|row| row.product_id).collect();
            let names: Vec<ProductNames> = products::table
                .filter(products::tenant_id.eq(tenant).and(products::id.eq_any(ids)))
                .select((products::id, products::sku, products::name))
                .load(&mut connection)
                .await?;
            Ok(Some((rows, names)))
        })
        .await?;
    let (rows, names) = found.ok_or(PriceListError::NotFound(id))?;
    let mut names: HashMap<Uuid, (String, String)> =
        names.into_iter().map(|(product, sku, name)| (product, (sku, name))).collect();
    let view = |row: EntryRow| {
        // What has a price is archived, and never deleted.
        let (sku, name) = names.remove(&row.product_id).unwrap_or_default();
        let breaks = breaks(row.from_quantities, row.unit_prices);
        PriceEntryView {
            id: row.id,
            product_id: ProductId::from_uuid(row.product_id),
            sku,
            name,
            breaks: breaks.into_iter().map(PriceBreakView::from).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    };
    Ok(request.page(rows.into_iter().map(view).collect()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceListSort {
    Code,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl SortKey for PriceListSort {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("code", Self::Code),
        ("name", Self::Name),
        ("created_at", Self::CreatedAt),
        ("updated_at", Self::UpdatedAt),
    ];
    const DEFAULT: &'static str = "code";

    fn is_time(self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt)
    }
}

impl Listed<PriceListSort> for PriceListView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: PriceListSort) -> SortValue {
        match key {
            PriceListSort::Code => self.code.as_str().into(),
            PriceListSort::Name => self.name.as_str().into(),
            PriceListSort::CreatedAt => self.created_at.into(),
            PriceListSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct PriceListFilter {
    pub code: Option<String>,
    /// Only lists of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only lists of this group.
    pub group_id: Option<CustomerGroupId>,
    pub selection: Selection,
}

type Rows<'a> = price_lists::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<PriceListRow, Pg>>>;
type Condition<'a> = Filter<'a, price_lists::table>;

impl<'q> Filtered<'q> for PriceListFilter {
    type Sort = PriceListSort;
    type Table = price_lists::table;
    type Rows = Rows<'q>;
    type Row = PriceListRow;
    type View = PriceListView;
    const TABLE: &'static str = "price_lists";
    const SEARCH: &'static str = "search_price_lists";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        price_lists::table
            .filter(price_lists::tenant_id.eq(tenant))
            .select(PriceListRow::as_select())
            .into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<PriceListSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use price_lists::{code, created_at, id, name, updated_at};
        if branch.is_some() {
            // What is unique is found by its own index.
            if let Some(wanted) = &self.code {
                rows = rows.filter(code.eq(wanted));
            }
        }
        let Selection { created, updated, .. } = self.selection;
        match request.key {
            PriceListSort::Code => walk!(rows, request.texts(), [], code, id),
            PriceListSort::Name => walk!(rows, request.texts(), [], name, id),
            PriceListSort::CreatedAt => walk!(rows, request.times().within(created), [], created_at, id),
            PriceListSort::UpdatedAt => walk!(rows, request.times().within(updated), [], updated_at, id),
        }
    }

    fn is_served(&self, key: PriceListSort) -> bool {
        let Selection { created, updated, .. } = &self.selection;
        let in_period = (created.is_open() || key == PriceListSort::CreatedAt)
            && (updated.is_open() || key == PriceListSort::UpdatedAt);
        let is_of_all = self.customer_id.is_none() && self.group_id.is_none();
        self.code.is_some() || (in_period && is_of_all)
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use price_lists::{code, created_at, customer_id, group_id, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.code {
            conditions.push(Box::new(code.eq(wanted)));
        }
        if let Some(customer) = self.customer_id {
            conditions.push(Box::new(customer_id.assume_not_null().eq(customer.uuid())));
        }
        if let Some(group) = self.group_id {
            conditions.push(Box::new(group_id.assume_not_null().eq(group.uuid())));
        }
        within(&mut conditions, created_at, self.selection.created);
        within(&mut conditions, updated_at, self.selection.updated);
        conditions
    }

    fn column(key: PriceListSort) -> &'static str {
        match key {
            PriceListSort::Code => price_lists::code::NAME,
            PriceListSort::Name => price_lists::name::NAME,
            PriceListSort::CreatedAt => price_lists::created_at::NAME,
            PriceListSort::UpdatedAt => price_lists::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(price_lists::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "price_list_words(tenant_id, code, name) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: PriceListSort) -> Option<Period> {
        match key {
            PriceListSort::CreatedAt => Some(self.selection.created),
            PriceListSort::UpdatedAt => Some(self.selection.updated),
            PriceListSort::Code | PriceListSort::Name => None,
        }
    }

    fn view(row: PriceListRow) -> Result<PriceListView, Error> {
        Ok(PriceListView::of_row(row))
    }
}

/// # Errors
/// `NotFound` if the tenant has no such list. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: PriceListId,
) -> Result<PriceListView, Error> {
    let query =
        || price_lists::table.find((context.tenant_id().uuid(), id.uuid())).select(PriceListRow::as_select());
    let row: Option<PriceListRow> = db.find(context, query).await?;
    Ok(PriceListView::of_row(row.ok_or(PriceListError::NotFound(id))?))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &PriceListFilter,
    request: &PageRequest<PriceListSort>,
) -> Result<Page<PriceListView>, Error> {
    db.list(context, filter, request).await
}
