//! The queries on customers.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Customer, CustomerError};
use super::invoicing::CustomerInvoicingView;
use super::repository::CustomerRow;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::application::{Actor, Permission, Principal, TenantDatabase};
use crate::commerce::addresses::{self, Address};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::customers;
use crate::values::ids::{CustomerGroupId, CustomerId};

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerView {
    #[schema(value_type = Uuid)]
    pub id: CustomerId,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// What your own system calls it; null if it was not given.
    pub external_id: Option<String>,
    #[schema(example = "C-1042")]
    pub code: String,
    #[schema(example = "Librairie des Carmes")]
    pub name: String,
    #[schema(example = "achats@carmes.example")]
    pub email: String,
    pub vat_number: Option<String>,
    #[schema(schema_with = addresses::schema)]
    pub addresses: Vec<Address>,
    /// What the customer's open orders may come to, in your company's currency; null is no limit. Null for whoever may not see prices, too.
    #[schema(example = "5000.00")]
    pub credit_limit: Option<String>,
    /// What invoices need.
    pub invoicing: CustomerInvoicingView,
    /// The group whose prices it has; null if it is in none.
    #[schema(value_type = Option<Uuid>)]
    pub group_id: Option<CustomerGroupId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When everything was taken away that says who it was; null otherwise.
    pub anonymised_at: Option<DateTime<Utc>>,
}

impl From<Customer> for CustomerView {
    fn from(customer: Customer) -> Self {
        let Customer { id, version, details, created_at, updated_at, anonymised_at } = customer;
        let invoicing = CustomerInvoicingView::from(&details.invoicing);
        Self {
            id,
            version,
            external_id: details.external_id.map(Into::into),
            code: details.code.into(),
            name: details.name.into(),
            email: details.email.into(),
            vat_number: details.vat_number.map(Into::into),
            addresses: details.addresses,
            credit_limit: details.credit_limit.map(|limit| limit.to_string()),
            invoicing,
            group_id: details.group_id,
            created_at,
            updated_at,
            anonymised_at,
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

    /// The view as this principal may see it.
    #[must_use]
    pub fn seen_by(mut self, principal: &Principal) -> Self {
        if !sees_credit_limits(principal) {
            self.credit_limit = None;
        }
        self
    }
}

/// Whether a principal may see credit limits. Somebody at the command line of the machine holds no permission, and may see everything.
pub(super) fn sees_credit_limits(principal: &Principal) -> bool {
    principal.may(Permission::OrdersPrices) || principal.actor == Actor::Operator
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerSort {
    Code,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl SortKey for CustomerSort {
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

impl Listed<CustomerSort> for CustomerView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: CustomerSort) -> SortValue {
        match key {
            CustomerSort::Code => self.code.as_str().into(),
            CustomerSort::Name => self.name.as_str().into(),
            CustomerSort::CreatedAt => self.created_at.into(),
            CustomerSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct CustomerFilter {
    pub code: Option<String>,
    pub email: Option<String>,
    /// Only customers of this group.
    pub group_id: Option<CustomerGroupId>,
    pub selection: Selection,
}

type Rows<'a> = customers::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<CustomerRow, Pg>>>;
type Condition<'a> = Filter<'a, customers::table>;

impl<'q> Filtered<'q> for CustomerFilter {
    type Sort = CustomerSort;
    type Table = customers::table;
    type Rows = Rows<'q>;
    type Row = CustomerRow;
    type View = CustomerView;
    const TABLE: &'static str = "customers";
    const SEARCH: &'static str = "search_customers";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        customers::table.filter(customers::tenant_id.eq(tenant)).select(CustomerRow::as_select()).into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<CustomerSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use customers::{code, created_at, email, external_id, id, name, updated_at};
        if branch.is_some() {
            // What is unique is found by its own index.
            if let Some(wanted) = &self.code {
                rows = rows.filter(code.eq(wanted));
            }
            if let Some(wanted) = &self.selection.external_id {
                rows = rows.filter(external_id.eq(wanted));
            }
            if let Some(wanted) = &self.email {
                rows = rows.filter(email.eq(wanted));
            }
        }
        let Selection { created, updated, .. } = self.selection;
        match request.key {
            CustomerSort::Code => walk!(rows, request.texts(), [], code, id),
            CustomerSort::Name => walk!(rows, request.texts(), [], name, id),
            CustomerSort::CreatedAt => walk!(rows, request.times().within(created), [], created_at, id),
            CustomerSort::UpdatedAt => walk!(rows, request.times().within(updated), [], updated_at, id),
        }
    }

    fn is_served(&self, key: CustomerSort) -> bool {
        let Selection { external_id, created, updated, .. } = &self.selection;
        // There is no index of addresses by the time of the last change.
        let by_address = self.email.is_none() || key != CustomerSort::UpdatedAt;
        let in_period = (created.is_open() || key == CustomerSort::CreatedAt)
            && (updated.is_open() || key == CustomerSort::UpdatedAt);
        let is_of_all = self.group_id.is_none();
        self.code.is_some() || external_id.is_some() || (by_address && in_period && is_of_all)
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use customers::{code, created_at, email, external_id, group_id, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.code {
            conditions.push(Box::new(code.eq(wanted)));
        }
        if let Some(wanted) = &self.selection.external_id {
            conditions.push(Box::new(external_id.assume_not_null().eq(wanted)));
        }
        if let Some(wanted) = &self.email {
            conditions.push(Box::new(email.eq(wanted)));
        }
        if let Some(group) = self.group_id {
            conditions.push(Box::new(group_id.assume_not_null().eq(group.uuid())));
        }
        within(&mut conditions, created_at, self.selection.created);
        within(&mut conditions, updated_at, self.selection.updated);
        conditions
    }

    fn column(key: CustomerSort) -> &'static str {
        match key {
            CustomerSort::Code => customers::code::NAME,
            CustomerSort::Name => customers::name::NAME,
            CustomerSort::CreatedAt => customers::created_at::NAME,
            CustomerSort::UpdatedAt => customers::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(customers::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "customer_words(tenant_id, code, email, vat_number, external_id, name) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: CustomerSort) -> Option<Period> {
        match key {
            CustomerSort::CreatedAt => Some(self.selection.created),
            CustomerSort::UpdatedAt => Some(self.selection.updated),
            CustomerSort::Code | CustomerSort::Name => None,
        }
    }

    fn view(row: CustomerRow) -> Result<CustomerView, Error> {
        CustomerView::of_row(row)
    }
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
    Ok(CustomerView::of_row(row.ok_or(CustomerError::NotFound(id))?)?.seen_by(&context.principal))
}

/// Finds the customer with this code.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn find_by_code(
    db: &TenantDatabase,
    context: &RequestContext,
    code: &str,
) -> Result<Option<CustomerView>, Error> {
    let query = || {
        customers::table
            .filter(
                customers::tenant_id.eq(context.tenant_id().uuid()).and(customers::code.eq(code.to_owned())),
            )
            .select(CustomerRow::as_select())
    };
    let row: Option<CustomerRow> = db.find(context, query).await?;
    let view = row.map(CustomerView::of_row).transpose()?;
    Ok(view.map(|view| view.seen_by(&context.principal)))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &CustomerFilter,
    request: &PageRequest<CustomerSort>,
) -> Result<Page<CustomerView>, Error> {
    let page = db.list(context, filter, request).await?;
    Ok(page.map(|view| view.seen_by(&context.principal)))
}
