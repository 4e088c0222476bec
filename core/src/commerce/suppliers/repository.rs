//! Suppliers in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{Supplier, SupplierCode, SupplierDetails, SupplierError, SupplierName};
use super::events::SupplierEvent;
use super::queries::SupplierView;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, Deletable, LockMode, find};
use crate::application::error::{Error, unless_held, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::addresses;
use crate::platform::schema::suppliers;
use crate::values::contact::VatNumber;
use crate::values::external_id::ExternalId;
use crate::values::ids::{SupplierId, TenantId};
use crate::values::payment_terms::PaymentTerms;

/// The constraints that make codes and external ids unique.
const CODE_KEY: &str = "suppliers_code_key";
const EXTERNAL_ID_KEY: &str = "suppliers_external_id_key";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = suppliers, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct SupplierRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    code: String,
    name: String,
    vat_number: Option<String>,
    addresses: Value,
    payment_days: Option<i16>,
    payment_end_of_month: Option<bool>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    external_id: Option<String>,
}

impl SupplierRow {
    fn of(tenant: TenantId, supplier: &Supplier) -> Result<Self, Error> {
        let details = &supplier.details;
        Ok(Self {
            tenant_id: tenant.uuid(),
            id: supplier.id.uuid(),
            version: supplier.version,
            code: details.code.to_string(),
            name: details.name.to_string(),
            vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
            addresses: addresses::to_json(&details.addresses)?,
            payment_days: details.payment_terms.map(|terms| terms.days()),
            payment_end_of_month: details.payment_terms.map(|terms| terms.is_end_of_month()),
            created_at: supplier.created_at,
            updated_at: supplier.updated_at,
            external_id: details.external_id.as_ref().map(|id| id.as_str().to_owned()),
        })
    }

    pub(super) fn into_supplier(self) -> Result<Supplier, Error> {
        let payment_terms = self.payment_days.zip(self.payment_end_of_month);
        Ok(Supplier {
            id: SupplierId::from_uuid(self.id),
            version: self.version,
            details: SupplierDetails {
                external_id: self.external_id.map(ExternalId::stored),
                code: SupplierCode::stored(self.code),
                name: SupplierName::stored(self.name),
                vat_number: self.vat_number.map(VatNumber::stored),
                addresses: addresses::from_json(self.addresses)?,
                payment_terms: payment_terms
                    .map(|(days, end_of_month)| PaymentTerms::stored(days, end_of_month)),
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Loads a supplier under its lock.
///
/// # Errors
/// `NotFound` if the tenant has no such supplier. Fails if the database cannot be reached.
pub(super) async fn load(
    work: &mut UnitOfWork<'_>,
    id: SupplierId,
    lock: LockMode,
) -> Result<Supplier, Error> {
    let query = suppliers::table.find((work.tenant().uuid(), id.uuid())).select(SupplierRow::as_select());
    let row: Option<SupplierRow> = find(work, Locked::Supplier, lock, query).await?;
    row.ok_or(SupplierError::NotFound(id))?.into_supplier()
}

/// Whether there is such a supplier. If so, it is locked as a foreign key would lock it: until the unit of work ends, it is not
/// deleted.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn hold(work: &mut UnitOfWork<'_>, id: SupplierId) -> Result<bool, Error> {
    work.locks(Locked::Supplier);
    let found: Option<Uuid> = suppliers::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(suppliers::id)
        .for_key_share()
        .first(work.connection())
        .await
        .optional()?;
    Ok(found.is_some())
}

impl Supplier {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<SupplierError> {
        let details = &self.details;
        match constraint {
            CODE_KEY => Some(SupplierError::CodeTaken(details.code.as_str().to_owned())),
            EXTERNAL_ID_KEY => {
                details.external_id.as_ref().map(|id| SupplierError::ExternalIdTaken(id.as_str().to_owned()))
            }
            _ => None,
        }
    }

    /// Refuses a code or an external id that another supplier has: see [`unless_held`].
    async fn refuse_held(&self, work: &mut UnitOfWork<'_>, row: &SupplierRow) -> Result<(), Error> {
        let others =
            suppliers::table.filter(suppliers::tenant_id.eq(row.tenant_id).and(suppliers::id.ne(row.id)));
        let code = exists(others.filter(suppliers::code.eq(row.code.as_str())));
        let external_id = exists(others.filter(suppliers::external_id.eq(row.external_id.as_deref())));
        let (code, external_id): (bool, bool) =
            diesel::select((code, external_id)).get_result(work.connection()).await?;
        unless_held([(CODE_KEY, code), (EXTERNAL_ID_KEY, external_id)], |key| self.taken(key))
    }
}

impl Creatable for Supplier {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = SupplierRow::of(work.tenant(), self)?;
        let inserted = diesel::insert_into(suppliers::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |constraint| self.taken(constraint))
    }
}

impl Aggregate for Supplier {
    type Id = SupplierId;
    type Event = SupplierEvent;
    type Audited = SupplierView;
    const NAME: &'static str = "supplier";

    fn id(&self) -> SupplierId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> SupplierView {
        SupplierView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = SupplierRow::of(work.tenant(), self)?;
        self.refuse_held(work, &row).await?;
        let updated = diesel::update(suppliers::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        unless_taken(updated, |constraint| self.taken(constraint))
    }
}

impl Deletable for Supplier {
    async fn delete(id: SupplierId, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let supplier = suppliers::table.find((work.tenant().uuid(), id.uuid()));
        let deleted = diesel::delete(supplier).execute(work.connection()).await;
        deleted.map(drop).map_err(|error| match &error {
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
                SupplierError::InUse(id).into()
            }
            _ => error.into(),
        })
    }
}
