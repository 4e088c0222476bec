//! The command that enters what lies in a warehouse in the beginning: a row of an import.

use super::aggregate::{StockDocumentError, StockDocumentKind};
use super::commands::{MoveGoods, MoveGoodsLine};
use super::queries::StockDocumentView;
use super::repository;
use crate::application::error::{Category, DomainError, Error};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::products::Sku;
use crate::commerce::stock::StockReason;
use crate::commerce::warehouses::WarehouseCode;
use crate::values::goods::Units;
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{Quantity, UnitPrice};

/// Why the goods are there, as the ledger says it.
const REASON: &str = "opening stock";

/// Receives what lies in a warehouse in the beginning. A product that has moved there before is refused: so a file may be sent again.
#[derive(Debug)]
pub struct OpenStock {
    pub sku: Sku,
    pub quantity: Quantity,
    pub unit_cost: Option<UnitPrice>,
    /// `None` stands for the company's default.
    pub warehouse: Option<WarehouseCode>,
}

impl Command for OpenStock {
    type Outcome = StockDocumentView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<StockDocumentView, Error> {
        let product_id = repository::product_with(work, &self.sku).await?;
        let product_id = product_id.ok_or_else(|| OpeningError::SkuUnknown(self.sku.to_string()))?;
        let warehouse_id = match &self.warehouse {
            Some(code) => {
                let found = repository::warehouse_with(work, code).await?;
                Some(found.ok_or_else(|| OpeningError::WarehouseUnknown(code.to_string()))?)
            }
            None => None,
        };
        let line = MoveGoodsLine {
            product_id,
            units: Units::from(&self.quantity),
            adds: true,
            unit_cost: self.unit_cost.clone(),
            location_id: None,
            to_location_id: None,
        };
        let receipt = MoveGoods {
            kind: StockDocumentKind::Receipt,
            warehouse_id,
            to_warehouse_id: None,
            supplier_id: None,
            purchase_order_id: None,
            reference: None,
            reason: Some(StockReason::stored(REASON.to_owned())),
            business_date: None,
            lines: vec![line],
        };
        let view = receipt.execute(work).await.map_err(|error| self.of_row(error))?;
        // The level is locked since: whoever comes first has its first movement.
        if repository::is_first(work, view.summary.id).await? {
            Ok(view)
        } else {
            Err(OpeningError::InStock.into())
        }
    }
}

impl OpenStock {
    /// Returns what is wrong in the words of the row, which has no lines.
    fn of_row(&self, error: Error) -> Error {
        match error.refusal() {
            Some(StockDocumentError::ProductsNotStocked(_)) => OpeningError::NotStocked.into(),
            Some(StockDocumentError::TooPrecise(..)) => OpeningError::TooPrecise.into(),
            Some(StockDocumentError::WarehouseUnknown { .. }) => {
                let code = self.warehouse.as_ref().map(ToString::to_string);
                OpeningError::WarehouseUnknown(code.unwrap_or_default()).into()
            }
            _ => error,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    #[error("there is no product {0:?}")]
    SkuUnknown(String),
    #[error("there is no warehouse {0:?} that is in use")]
    WarehouseUnknown(String),
    #[error("this product is not kept in stock; set stocked of it first")]
    NotStocked,
    #[error("the product allows fewer digits after the point")]
    TooPrecise,
    #[error("this product has moved in the warehouse before: adjust what is there instead")]
    InStock,
}

impl DomainError for OpeningError {
    fn category(&self) -> Category {
        match self {
            Self::InStock => Category::Conflict,
            _ => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InStock => "already_in_stock",
            _ => "invalid_stock_document",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let (pointer, code) = match self {
            Self::SkuUnknown(_) => ("/sku", "unknown_product"),
            Self::WarehouseUnknown(_) => ("/warehouse", "unknown_warehouse"),
            Self::NotStocked => ("/sku", "not_stocked"),
            Self::TooPrecise => ("/quantity", "too_precise"),
            Self::InStock => ("/sku", "already_in_stock"),
        };
        vec![Invalid::new(code, self.to_string()).at(pointer)]
    }
}
