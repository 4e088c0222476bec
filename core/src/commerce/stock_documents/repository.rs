//! Stock documents in the database, as the command writes them.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{NewStockDocument, StockDocumentError};
use crate::application::Locked;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::locations::LocationCode;
use crate::commerce::products::Sku;
use crate::commerce::warehouses::WarehouseCode;
use crate::platform::schema::{locations, products, stock_documents, warehouses};
use crate::values::ids::{LocationId, ProductId, PurchaseOrderId, StockDocumentId, SupplierId, WarehouseId};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_documents, treat_none_as_default_value = false)]
pub(crate) struct StockDocumentRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) warehouse_id: Uuid,
    pub(super) to_warehouse_id: Option<Uuid>,
    pub(super) supplier_id: Option<Uuid>,
    pub(super) reference: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) business_date: NaiveDate,
    pub(super) lines: i16,
    pub(super) created_by: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) purchase_order_id: Option<Uuid>,
}

/// Inserts a document. Its lines are its movements.
///
/// # Errors
/// Fails if the reference is taken, if there is no such supplier, or if the database cannot be reached.
pub(super) async fn insert(
    work: &mut UnitOfWork<'_>,
    id: StockDocumentId,
    new: &NewStockDocument<'_>,
) -> Result<(), Error> {
    // The foreign keys lock the supplier and the purchase order.
    work.locks(Locked::Supplier);
    if new.purchase_order_id.is_some() {
        work.locks(Locked::PurchaseOrder);
    }
    let row = StockDocumentRow {
        tenant_id: work.tenant().uuid(),
        id: id.uuid(),
        kind: new.kind.as_str().to_owned(),
        warehouse_id: new.warehouse_id.uuid(),
        to_warehouse_id: new.to_warehouse_id.map(WarehouseId::uuid),
        supplier_id: new.supplier_id.map(SupplierId::uuid),
        reference: new.reference.as_ref().map(|reference| reference.as_str().to_owned()),
        reason: new.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        business_date: new.business_date.date(),
        // `check_line_count` refuses more lines than an i16 counts.
        lines: i16::try_from(new.lines.len()).unwrap_or(i16::MAX),
        created_by: new.created_by.clone(),
        created_at: work.now(),
        purchase_order_id: new.purchase_order_id.map(PurchaseOrderId::uuid),
    };
    let inserted = diesel::insert_into(stock_documents::table).values(&row).execute(work.connection()).await;
    inserted.map(drop).map_err(|error| refused(error, new))
}

/// Returns the product with this SKU, which is not locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn product_with(work: &mut UnitOfWork<'_>, sku: &Sku) -> Result<Option<ProductId>, Error> {
    let id: Option<Uuid> = products::table
        .filter(products::tenant_id.eq(work.tenant().uuid()).and(products::sku.eq(sku.as_str())))
        .select(products::id)
        .first(work.connection())
        .await
        .optional()?;
    Ok(id.map(ProductId::from_uuid))
}

/// Returns the warehouse with this code, which is not locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn warehouse_with(
    work: &mut UnitOfWork<'_>,
    code: &WarehouseCode,
) -> Result<Option<WarehouseId>, Error> {
    let id: Option<Uuid> = warehouses::table
        .filter(warehouses::tenant_id.eq(work.tenant().uuid()).and(warehouses::code.eq(code.as_str())))
        .select(warehouses::id)
        .first(work.connection())
        .await
        .optional()?;
    Ok(id.map(WarehouseId::from_uuid))
}

/// Returns the location of a warehouse with this code, which is not locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn location_with(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    code: &LocationCode,
) -> Result<Option<LocationId>, Error> {
    let of_warehouse =
        locations::tenant_id.eq(work.tenant().uuid()).and(locations::warehouse_id.eq(warehouse.uuid()));
    let id: Option<Uuid> = locations::table
        .filter(of_warehouse.and(locations::code.eq(code.as_str())))
        .select(locations::id)
        .first(work.connection())
        .await
        .optional()?;
    Ok(id.map(LocationId::from_uuid))
}

crate::statement! {
    /// Whether nothing was on hand before but what other rows of opening stock received elsewhere. NULL is no location. What is promised to
    /// orders moves nothing: they may be placed between two rows.
    struct Opens<'a> {
        tenant: Uuid => SqlUuid,
        document: Uuid => SqlUuid,
        location: Option<Uuid> => Nullable<SqlUuid>,
        reason: &'a str => Text,
    }
        -> (Bool,)
    = "WITH wanted AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS document_id, $3 AS location_id, $4 AS reason),
    own AS (
        SELECT m.tenant_id, m.stock_id, m.position FROM wanted
        JOIN stock_movements AS m ON m.tenant_id = wanted.tenant_id AND m.document_id = wanted.document_id
    )
    SELECT NOT EXISTS (
        SELECT FROM wanted, own
        JOIN stock_movements AS m ON m.tenant_id = own.tenant_id AND m.stock_id = own.stock_id AND m.position < own.position
        WHERE m.on_hand_change <> 0::numeric AND (
            m.document_type <> 'receipt' OR m.reason IS DISTINCT FROM wanted.reason
            OR wanted.location_id IS NOT DISTINCT FROM (
                SELECT l.location_id FROM stock_location_movements AS l
                WHERE l.tenant_id = m.tenant_id AND l.document_id = m.document_id AND l.stock_id = m.stock_id LIMIT 1
            )
        )
    )"
}

/// Whether a receipt of one line, with this reason, is the opening stock of its product in this location: nothing but opening stock was
/// received of it in the warehouse before, and none in this location. `None` is no location.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn opens(
    work: &mut UnitOfWork<'_>,
    id: StockDocumentId,
    location: Option<LocationId>,
    reason: &str,
) -> Result<bool, Error> {
    let (tenant, location) = (work.tenant().uuid(), location.map(LocationId::uuid));
    let (opens,): (bool,) =
        Opens::new(tenant, id.uuid(), location, reason).get_result(work.connection()).await?;
    Ok(opens)
}

fn refused(error: diesel::result::Error, new: &NewStockDocument<'_>) -> Error {
    let diesel::result::Error::DatabaseError(_, info) = &error else { return error.into() };
    let refusal = match info.constraint_name() {
        Some("stock_documents_reference_key") => {
            new.reference.as_ref().map(|reference| StockDocumentError::ReferenceTaken(reference.to_string()))
        }
        Some("stock_documents_supplier_fkey") => new.supplier_id.map(StockDocumentError::SupplierUnknown),
        _ => None,
    };
    refusal.map_or_else(|| error.into(), Into::into)
}
