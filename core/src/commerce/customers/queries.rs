//! The queries on customers.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Customer, CustomerError};
use super::repository::CustomerRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::commerce::addresses::{self, Address};
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::customers;
use crate::values::ids::CustomerId;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerView {
    #[schema(value_type = Uuid)]
    pub id: CustomerId,
    /// Rises with every change; the ETag.
    pub version: i64,
    #[schema(example = "C-1042")]
    pub code: String,
    #[schema(example = "Librairie des Carmes")]
    pub name: String,
    #[schema(example = "achats@carmes.example")]
    pub email: String,
    pub vat_number: Option<String>,
    #[schema(schema_with = addresses::schema)]
    pub addresses: Vec<Address>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Customer> for CustomerView {
    fn from(customer: Customer) -> Self {
        let Customer { id, version, details, created_at, updated_at } = customer;
        Self {
            id,
            version,
            code: details.code.into(),
            name: details.name.into(),
            email: details.email.into(),
            vat_number: details.vat_number.map(Into::into),
            addresses: details.addresses,
            created_at,
            updated_at,
        }
    }
}

impl CustomerView {
    pub(super) fn of(customer: &Customer) -> Self {
        Self::from(customer.clone())
    }

    fn of_row(row: CustomerRow) -> Result<Self, Error> {
        row.into_customer().map(Self::from)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerSort {
    Code,
    Name,
    CreatedAt,
}

impl SortKey for CustomerSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("code", Self::Code), ("name", Self::Name), ("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "code";

    fn is_time(self) -> bool {
        self == Self::CreatedAt
    }
}

impl Listed<CustomerSort> for CustomerView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: CustomerSort) -> SortValue {
        match key {
            CustomerSort::Code => self.code.as_str().into(),
            CustomerSort::Name => self.name.as_str().into(),
            CustomerSort::CreatedAt => self.created_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct CustomerFilter {
    pub code: Option<String>,
    pub email: Option<String>,
}

/// # Errors
/// `NotFound` if the tenant has no such customer. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: CustomerId,
) -> Result<CustomerView, Error> {
    let query =
        || customers::table.find((context.tenant_id().uuid(), id.uuid())).select(CustomerRow::as_select());
    let row: Option<CustomerRow> = db.find(context, query).await?;
    CustomerView::of_row(row.ok_or(CustomerError::NotFound(id))?)
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &CustomerFilter,
    request: &PageRequest<CustomerSort>,
) -> Result<Page<CustomerView>, Error> {
    let query = || {
        let mut query = customers::table
            .filter(customers::tenant_id.eq(context.tenant_id().uuid()))
            .select(CustomerRow::as_select())
            .limit(request.rows())
            .into_boxed();
        if let Some(code) = &filter.code {
            query = query.filter(customers::code.eq(code));
        }
        if let Some(email) = &filter.email {
            query = query.filter(customers::email.eq(email));
        }
        match request.key {
            CustomerSort::Code => {
                walk!(query, request.texts(), [], customers::code, customers::id)
            }
            CustomerSort::Name => {
                walk!(query, request.texts(), [], customers::name, customers::id)
            }
            CustomerSort::CreatedAt => {
                walk!(query, request.times(), [], customers::created_at, customers::id)
            }
        }
    };
    db.page(context, request, query, CustomerView::of_row).await
}
