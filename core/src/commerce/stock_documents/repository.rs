//! Stock documents in the database, as the command writes them.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{NewStockDocument, StockDocumentError};
use crate::application::Locked;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::stock_documents;
use crate::values::ids::{PurchaseOrderId, StockDocumentId, SupplierId, WarehouseId};

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
