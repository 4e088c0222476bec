//! The queries on groups of customers.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{CustomerGroup, CustomerGroupError};
use super::repository::CustomerGroupRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::customer_groups;
use crate::values::ids::CustomerGroupId;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CustomerGroup)]
pub struct CustomerGroupView {
    #[schema(value_type = Uuid)]
    pub id: CustomerGroupId,
    /// Rises with every change; the ETag.
    pub version: i64,
    #[schema(example = "RESELLERS")]
    pub code: String,
    #[schema(example = "Revendeurs")]
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<CustomerGroup> for CustomerGroupView {
    fn from(group: CustomerGroup) -> Self {
        let CustomerGroup { id, version, details, created_at, updated_at } = group;
        Self { id, version, code: details.code.into(), name: details.name.into(), created_at, updated_at }
    }
}

impl CustomerGroupView {
    pub(super) fn of(group: &CustomerGroup) -> Self {
        Self::from(group.clone())
    }

    fn of_row(row: CustomerGroupRow) -> Self {
        row.into_group().into()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerGroupSort {
    Code,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl SortKey for CustomerGroupSort {
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

impl Listed<CustomerGroupSort> for CustomerGroupView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: CustomerGroupSort) -> SortValue {
        match key {
            CustomerGroupSort::Code => self.code.as_str().into(),
            CustomerGroupSort::Name => self.name.as_str().into(),
            CustomerGroupSort::CreatedAt => self.created_at.into(),
            CustomerGroupSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct CustomerGroupFilter {
    pub code: Option<String>,
    pub selection: Selection,
}

type Rows<'a> = customer_groups::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<CustomerGroupRow, Pg>>>;
type Condition<'a> = Filter<'a, customer_groups::table>;

impl<'q> Filtered<'q> for CustomerGroupFilter {
    type Sort = CustomerGroupSort;
    type Table = customer_groups::table;
    type Rows = Rows<'q>;
    type Row = CustomerGroupRow;
    type View = CustomerGroupView;
    const TABLE: &'static str = "customer_groups";
    const SEARCH: &'static str = "search_customer_groups";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        customer_groups::table
            .filter(customer_groups::tenant_id.eq(tenant))
            .select(CustomerGroupRow::as_select())
            .into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<CustomerGroupSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use customer_groups::{code, created_at, id, name, updated_at};
        if branch.is_some() {
            // What is unique is found by its own index.
            if let Some(wanted) = &self.code {
                rows = rows.filter(code.eq(wanted));
            }
        }
        let Selection { created, updated, .. } = self.selection;
        match request.key {
            CustomerGroupSort::Code => walk!(rows, request.texts(), [], code, id),
            CustomerGroupSort::Name => walk!(rows, request.texts(), [], name, id),
            CustomerGroupSort::CreatedAt => walk!(rows, request.times().within(created), [], created_at, id),
            CustomerGroupSort::UpdatedAt => walk!(rows, request.times().within(updated), [], updated_at, id),
        }
    }

    fn is_served(&self, key: CustomerGroupSort) -> bool {
        let Selection { created, updated, .. } = &self.selection;
        let in_period = (created.is_open() || key == CustomerGroupSort::CreatedAt)
            && (updated.is_open() || key == CustomerGroupSort::UpdatedAt);
        self.code.is_some() || in_period
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use customer_groups::{code, created_at, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.code {
            conditions.push(Box::new(code.eq(wanted)));
        }
        within(&mut conditions, created_at, self.selection.created);
        within(&mut conditions, updated_at, self.selection.updated);
        conditions
    }

    fn column(key: CustomerGroupSort) -> &'static str {
        match key {
            CustomerGroupSort::Code => customer_groups::code::NAME,
            CustomerGroupSort::Name => customer_groups::name::NAME,
            CustomerGroupSort::CreatedAt => customer_groups::created_at::NAME,
            CustomerGroupSort::UpdatedAt => customer_groups::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(customer_groups::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "customer_group_words(tenant_id, code, name) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: CustomerGroupSort) -> Option<Period> {
        match key {
            CustomerGroupSort::CreatedAt => Some(self.selection.created),
            CustomerGroupSort::UpdatedAt => Some(self.selection.updated),
            CustomerGroupSort::Code | CustomerGroupSort::Name => None,
        }
    }

    fn view(row: CustomerGroupRow) -> Result<CustomerGroupView, Error> {
        Ok(CustomerGroupView::of_row(row))
    }
}

/// # Errors
/// `NotFound` if the tenant has no such group. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: CustomerGroupId,
) -> Result<CustomerGroupView, Error> {
    let query = || {
        customer_groups::table
            .find((context.tenant_id().uuid(), id.uuid()))
            .select(CustomerGroupRow::as_select())
    };
    let row: Option<CustomerGroupRow> = db.find(context, query).await?;
    Ok(CustomerGroupView::of_row(row.ok_or(CustomerGroupError::NotFound(id))?))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &CustomerGroupFilter,
    request: &PageRequest<CustomerGroupSort>,
) -> Result<Page<CustomerGroupView>, Error> {
    db.list(context, filter, request).await
}
