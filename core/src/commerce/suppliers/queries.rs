//! The queries on suppliers.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Supplier, SupplierError};
use super::repository::SupplierRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::commerce::addresses::{self, Address};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::suppliers;
use crate::values::ids::SupplierId;
use crate::values::payment_terms::PaymentTerms;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Supplier)]
pub struct SupplierView {
    #[schema(value_type = Uuid)]
    pub id: SupplierId,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// What your own system calls it; null if it was not given.
    pub external_id: Option<String>,
    #[schema(example = "S-7")]
    pub code: String,
    #[schema(example = "Terres de Thé")]
    pub name: String,
    pub vat_number: Option<String>,
    #[schema(schema_with = addresses::schema)]
    pub addresses: Vec<Address>,
    /// Null if nothing was agreed.
    pub payment_terms: Option<PaymentTerms>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Supplier> for SupplierView {
    fn from(supplier: Supplier) -> Self {
        let Supplier { id, version, details, created_at, updated_at } = supplier;
        Self {
            id,
            version,
            external_id: details.external_id.map(Into::into),
            code: details.code.into(),
            name: details.name.into(),
            vat_number: details.vat_number.map(Into::into),
            addresses: details.addresses,
            payment_terms: details.payment_terms,
            created_at,
            updated_at,
        }
    }
}

impl SupplierView {
    pub(super) fn of(supplier: &Supplier) -> Self {
        Self::from(supplier.clone())
    }

    fn of_row(row: SupplierRow) -> Result<Self, Error> {
        row.into_supplier().map(Self::from)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SupplierSort {
    Code,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl SortKey for SupplierSort {
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

impl Listed<SupplierSort> for SupplierView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: SupplierSort) -> SortValue {
        match key {
            SupplierSort::Code => self.code.as_str().into(),
            SupplierSort::Name => self.name.as_str().into(),
            SupplierSort::CreatedAt => self.created_at.into(),
            SupplierSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct SupplierFilter {
    pub code: Option<String>,
    pub selection: Selection,
}

type Rows<'a> = suppliers::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<SupplierRow, Pg>>>;
type Condition<'a> = Filter<'a, suppliers::table>;

impl<'q> Filtered<'q> for SupplierFilter {
    type Sort = SupplierSort;
    type Table = suppliers::table;
    type Rows = Rows<'q>;
    type Row = SupplierRow;
    type View = SupplierView;
    const TABLE: &'static str = "suppliers";
    const SEARCH: &'static str = "search_suppliers";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        suppliers::table.filter(suppliers::tenant_id.eq(tenant)).select(SupplierRow::as_select()).into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<SupplierSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use suppliers::{code, created_at, external_id, id, name, updated_at};
        if branch.is_some() {
            // What is unique is found by its own index.
            if let Some(wanted) = &self.code {
                rows = rows.filter(code.eq(wanted));
            }
            if let Some(wanted) = &self.selection.external_id {
                rows = rows.filter(external_id.eq(wanted));
            }
        }
        let Selection { created, updated, .. } = self.selection;
        match request.key {
            SupplierSort::Code => walk!(rows, request.texts(), [], code, id),
            SupplierSort::Name => walk!(rows, request.texts(), [], name, id),
            SupplierSort::CreatedAt => walk!(rows, request.times().within(created), [], created_at, id),
            SupplierSort::UpdatedAt => walk!(rows, request.times().within(updated), [], updated_at, id),
        }
    }

    fn is_served(&self, key: SupplierSort) -> bool {
        let Selection { external_id, created, updated, .. } = &self.selection;
        let in_period = (created.is_open() || key == SupplierSort::CreatedAt)
            && (updated.is_open() || key == SupplierSort::UpdatedAt);
        self.code.is_some() || external_id.is_some() || (in_period)
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use suppliers::{code, created_at, external_id, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.code {
            conditions.push(Box::new(code.eq(wanted)));
        }
        if let Some(wanted) = &self.selection.external_id {
            conditions.push(Box::new(external_id.assume_not_null().eq(wanted)));
        }
        within(&mut conditions, created_at, self.selection.created);
        within(&mut conditions, updated_at, self.selection.updated);
        conditions
    }

    fn column(key: SupplierSort) -> &'static str {
        match key {
            SupplierSort::Code => suppliers::code::NAME,
            SupplierSort::Name => suppliers::name::NAME,
            SupplierSort::CreatedAt => suppliers::created_at::NAME,
            SupplierSort::UpdatedAt => suppliers::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(suppliers::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row =
            "supplier_words(tenant_id, code, vat_number, external_id, name) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: SupplierSort) -> Option<Period> {
        match key {
            SupplierSort::CreatedAt => Some(self.selection.created),
            SupplierSort::UpdatedAt => Some(self.selection.updated),
            SupplierSort::Code | SupplierSort::Name => None,
        }
    }

    fn view(row: SupplierRow) -> Result<SupplierView, Error> {
        SupplierView::of_row(row)
    }
}

/// # Errors
/// `NotFound` if the tenant has no such supplier. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: SupplierId,
) -> Result<SupplierView, Error> {
    let query =
        || suppliers::table.find((context.tenant_id().uuid(), id.uuid())).select(SupplierRow::as_select());
    let row: Option<SupplierRow> = db.find(context, query).await?;
    SupplierView::of_row(row.ok_or(SupplierError::NotFound(id))?)
}

/// Finds the supplier with this code.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn find_by_code(
    db: &TenantDatabase,
    context: &RequestContext,
    code: &str,
) -> Result<Option<SupplierView>, Error> {
    let query = || {
        suppliers::table
            .filter(
                suppliers::tenant_id.eq(context.tenant_id().uuid()).and(suppliers::code.eq(code.to_owned())),
            )
            .select(SupplierRow::as_select())
    };
    let row: Option<SupplierRow> = db.find(context, query).await?;
    row.map(SupplierView::of_row).transpose()
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &SupplierFilter,
    request: &PageRequest<SupplierSort>,
) -> Result<Page<SupplierView>, Error> {
    db.list(context, filter, request).await
}
