//! Groups of customers in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{
    CustomerGroup, CustomerGroupCode, CustomerGroupDetails, CustomerGroupError, CustomerGroupName,
};
use super::events::CustomerGroupEvent;
use super::queries::CustomerGroupView;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, Deletable, LockMode, find};
use crate::application::error::{Error, unless_held, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::customer_groups;
use crate::values::ids::{CustomerGroupId, TenantId};

/// The constraint that makes codes unique.
const CODE_KEY: &str = "customer_groups_code_key";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = customer_groups, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct CustomerGroupRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    code: String,
    name: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl CustomerGroupRow {
    fn of(tenant: TenantId, group: &CustomerGroup) -> Self {
        Self {
            tenant_id: tenant.uuid(),
            id: group.id.uuid(),
            version: group.version,
            code: group.details.code.to_string(),
            name: group.details.name.to_string(),
            created_at: group.created_at,
            updated_at: group.updated_at,
        }
    }

    pub(super) fn into_group(self) -> CustomerGroup {
        CustomerGroup {
            id: CustomerGroupId::from_uuid(self.id),
            version: self.version,
            details: CustomerGroupDetails {
                code: CustomerGroupCode::stored(self.code),
                name: CustomerGroupName::stored(self.name),
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Loads a group under its lock.
///
/// # Errors
/// `NotFound` if the tenant has no such group. Fails if the database cannot be reached.
pub(super) async fn load(
    work: &mut UnitOfWork<'_>,
    id: CustomerGroupId,
    lock: LockMode,
) -> Result<CustomerGroup, Error> {
    let query =
        customer_groups::table.find((work.tenant().uuid(), id.uuid())).select(CustomerGroupRow::as_select());
    let row: Option<CustomerGroupRow> = find(work, Locked::CustomerGroup, lock, query).await?;
    Ok(row.ok_or(CustomerGroupError::NotFound(id))?.into_group())
}

impl CustomerGroup {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<CustomerGroupError> {
        (constraint == CODE_KEY).then(|| CustomerGroupError::CodeTaken(self.details.code.as_str().to_owned()))
    }

    /// Refuses a code that another group has: see [`unless_held`].
    async fn refuse_held(&self, work: &mut UnitOfWork<'_>, row: &CustomerGroupRow) -> Result<(), Error> {
        let others = customer_groups::table
            .filter(customer_groups::tenant_id.eq(row.tenant_id).and(customer_groups::id.ne(row.id)));
        let code = exists(others.filter(customer_groups::code.eq(row.code.as_str())));
        let held: bool = diesel::select(code).get_result(work.connection()).await?;
        unless_held([(CODE_KEY, held)], |key| self.taken(key))
    }
}

impl Creatable for CustomerGroup {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = CustomerGroupRow::of(work.tenant(), self);
        let inserted =
            diesel::insert_into(customer_groups::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |constraint| self.taken(constraint))
    }
}

impl Aggregate for CustomerGroup {
    type Id = CustomerGroupId;
    type Event = CustomerGroupEvent;
    type Audited = CustomerGroupView;
    const NAME: &'static str = "customer_group";

    fn id(&self) -> CustomerGroupId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> CustomerGroupView {
        CustomerGroupView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = CustomerGroupRow::of(work.tenant(), self);
        self.refuse_held(work, &row).await?;
        let updated = diesel::update(customer_groups::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        unless_taken(updated, |constraint| self.taken(constraint))
    }
}

impl Deletable for CustomerGroup {
    async fn delete(id: CustomerGroupId, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let group = customer_groups::table.find((work.tenant().uuid(), id.uuid()));
        let deleted = diesel::delete(group).execute(work.connection()).await;
        deleted.map(drop).map_err(|error| match &error {
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
                CustomerGroupError::InUse(id).into()
            }
            _ => error.into(),
        })
    }
}
