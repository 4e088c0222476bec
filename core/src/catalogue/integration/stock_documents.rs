//! The integration events of stock documents.

use serde::Serialize;

use super::{IntegrationEvent, Payload, payload};
use crate::application::error::Error;
use crate::commerce::stock_documents::{PostedLine, StockDocument, StockDocumentEvent, StockDocumentKind};

macro_rules! moved {
    ($(#[$doc:meta])* $name:ident, $event_type:literal) => {
        $(#[$doc])*
        #[derive(Debug, Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub(super) struct $name {
            stock_document_id: String,
            warehouse_id: String,
            supplier_id: Option<String>,
            reference: Option<String>,
            reason: Option<String>,
            /// When it was, as the business counts: RFC 3339, full-date.
            business_date: String,
            /// What was moved, in the document's own sequence.
            lines: Vec<MovedLineV1>,
        }
        payload!($name, "stock_document", $event_type, 1);

        impl From<&StockDocument> for $name {
            fn from(document: &StockDocument) -> Self {
                Self {
                    stock_document_id: document.id().to_string(),
                    warehouse_id: document.warehouse_id().to_string(),
                    supplier_id: document.supplier_id().map(|id| id.to_string()),
                    reference: document.reference().map(ToString::to_string),
                    reason: document.reason().map(ToString::to_string),
                    business_date: document.business_date().to_string(),
                    lines: lines(document),
                }
            }
        }
    };
}

moved!(
    /// Goods came.
    StockReceivedV1,
    "stock.received"
);
moved!(
    /// What the books say is there was corrected.
    StockAdjustedV1,
    "stock.adjusted"
);
moved!(
    /// Goods are lost: broken, stolen, spoilt.
    StockWrittenOffV1,
    "stock.written_off"
);

/// Goods were taken from one warehouse to another.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StockTransferredV1 {
    stock_document_id: String,
    /// Where they were.
    from_warehouse_id: String,
    /// Where they are now.
    to_warehouse_id: Option<String>,
    reference: Option<String>,
    reason: Option<String>,
    /// When it was, as the business counts: RFC 3339, full-date.
    business_date: String,
    /// What was moved, in the document's own sequence.
    lines: Vec<MovedLineV1>,
}
payload!(StockTransferredV1, "stock_document", "stock.transferred", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MovedLineV1 {
    /// Counts from 1.
    position: usize,
    product_id: String,
    sku: String,
    name: String,
    /// How what is on hand changed, a decimal string: less if it begins with a minus sign.
    change: String,
}

/// Returns `None` if nothing is published: where in a warehouse goods lie concerns nobody else.
pub(super) fn translate(event: &StockDocumentEvent) -> Result<Option<IntegrationEvent>, Error> {
    let StockDocumentEvent::Posted(document) = event;
    match document.kind() {
        StockDocumentKind::Receipt => told(document, &StockReceivedV1::from(&**document)).map(Some),
        StockDocumentKind::Adjustment => told(document, &StockAdjustedV1::from(&**document)).map(Some),
        StockDocumentKind::WriteOff => told(document, &StockWrittenOffV1::from(&**document)).map(Some),
        StockDocumentKind::Transfer => told(document, &transferred(document)).map(Some),
        StockDocumentKind::Relocation => Ok(None),
    }
}

/// A document is posted once: it has one version.
fn told<P: Payload>(document: &StockDocument, payload: &P) -> Result<IntegrationEvent, Error> {
    super::event_of(document.id().to_string(), 1, payload)
}

fn transferred(document: &StockDocument) -> StockTransferredV1 {
    StockTransferredV1 {
        stock_document_id: document.id().to_string(),
        from_warehouse_id: document.warehouse_id().to_string(),
        to_warehouse_id: document.to_warehouse_id().map(|id| id.to_string()),
        reference: document.reference().map(ToString::to_string),
        reason: document.reason().map(ToString::to_string),
        business_date: document.business_date().to_string(),
        lines: lines(document),
    }
}

fn lines(document: &StockDocument) -> Vec<MovedLineV1> {
    let line = |(position, line): (usize, &PostedLine)| MovedLineV1 {
        position,
        product_id: line.product_id.to_string(),
        sku: line.sku.clone(),
        name: line.name.clone(),
        change: line.change.to_string(),
    };
    (1..).zip(document.lines()).map(line).collect()
}
