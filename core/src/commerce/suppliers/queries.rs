//! The queries on suppliers.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Supplier, SupplierError};
use super::repository::SupplierRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::commerce::addresses::{self, Address};
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
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
}

impl SortKey for SupplierSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("code", Self::Code), ("name", Self::Name), ("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "code";

    fn is_time(self) -> bool {
        self == Self::CreatedAt
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
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct SupplierFilter {
    pub code: Option<String>,
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

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &SupplierFilter,
    request: &PageRequest<SupplierSort>,
) -> Result<Page<SupplierView>, Error> {
    let query = || {
        let mut query = suppliers::table
            .filter(suppliers::tenant_id.eq(context.tenant_id().uuid()))
            .select(SupplierRow::as_select())
            .limit(request.rows())
            .into_boxed();
        if let Some(code) = &filter.code {
            query = query.filter(suppliers::code.eq(code));
        }
        match request.key {
            SupplierSort::Code => walk!(query, request.texts(), [], suppliers::code, suppliers::id),
            SupplierSort::Name => walk!(query, request.texts(), [], suppliers::name, suppliers::id),
            SupplierSort::CreatedAt => {
                walk!(query, request.times(), [], suppliers::created_at, suppliers::id)
            }
        }
    };
    db.page(context, request, query, SupplierView::of_row).await
}
