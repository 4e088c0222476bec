//! The command that enters what lies in a warehouse in the beginning: a row of an import.

use super::aggregate::{StockDocumentError, StockDocumentKind};
use super::commands::{MoveGoods, MoveGoodsLine};
use super::queries::StockDocumentView;
use super::repository;
use crate::application::error::{Category, DomainError, Error};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::locations::LocationCode;
use crate::commerce::products::Sku;
use crate::commerce::stock::StockReason;
use crate::commerce::warehouses::{self, WarehouseCode};
use crate::values::goods::Units;
use crate::values::ids::{LocationId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{Quantity, UnitPrice};

/// Why the goods are there, as the ledger says it.
const REASON: &str = "opening stock";

/// Receives what lies in a warehouse in the beginning: of a product that lies in several locations, a row for each. A product that has moved
/// there before, or was entered for this location, is refused: so a file may be sent again.
#[derive(Debug)]
pub struct OpenStock {
    pub sku: Sku,
    pub quantity: Quantity,
    pub unit_cost: Option<UnitPrice>,
    /// `None` stands for the company's default.
    pub warehouse: Option<WarehouseCode>,
    /// Where in the warehouse they lie. `None` is no location.
    pub location: Option<LocationCode>,
}

impl Command for OpenStock {
    type Outcome = StockDocumentView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<StockDocumentView, Error> {
        let product_id = repository::product_with(work, &self.sku).await?;
        let product_id = product_id.ok_or_else(|| OpeningError::SkuUnknown(self.sku.to_string()))?;
        let warehouse_id = self.warehouse_id(work).await?;
        let (warehouse_id, location_id) = self.location_id(work, warehouse_id).await?;
        let line = MoveGoodsLine {
            product_id,
            units: Units::from(&self.quantity),
            adds: true,
            unit_cost: self.unit_cost.clone(),
            location_id,
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
        // The level is locked since: whoever comes first opens it.
        if repository::opens(work, view.summary.id, location_id, REASON).await? {
            Ok(view)
        } else {
            Err(OpeningError::InStock.into())
        }
    }
}

impl OpenStock {
    async fn warehouse_id(&self, work: &mut UnitOfWork<'_>) -> Result<Option<WarehouseId>, Error> {
        let Some(code) = &self.warehouse else { return Ok(None) };
        let found = repository::warehouse_with(work, code).await?;
        Ok(Some(found.ok_or_else(|| OpeningError::WarehouseUnknown(code.to_string()))?))
    }

    /// Returns the location, which the receipt locks, and its warehouse: the company's default if none is named.
    async fn location_id(
        &self,
        work: &mut UnitOfWork<'_>,
        warehouse: Option<WarehouseId>,
    ) -> Result<(Option<WarehouseId>, Option<LocationId>), Error> {
        let Some(code) = &self.location else { return Ok((warehouse, None)) };
        let warehouse = match warehouse {
            Some(id) => id,
            None => warehouses::repository::find_default(work).await?,
        };
        let found = repository::location_with(work, warehouse, code).await?;
        let location = found.ok_or_else(|| OpeningError::LocationUnknown(code.to_string()))?;
        Ok((Some(warehouse), Some(location)))
    }

    /// Returns what is wrong in the words of the row, which has no lines.
    fn of_row(&self, error: Error) -> Error {
        match error.refusal() {
            Some(StockDocumentError::ProductsNotStocked(_)) => OpeningError::NotStocked.into(),
            Some(StockDocumentError::TooPrecise(..)) => OpeningError::TooPrecise.into(),
            Some(StockDocumentError::WarehouseUnknown { .. }) => {
                let code = self.warehouse.as_ref().map(ToString::to_string);
                OpeningError::WarehouseUnknown(code.unwrap_or_default()).into()
            }
            Some(StockDocumentError::LocationsUnknown(_)) => {
                let code = self.location.as_ref().map(ToString::to_string);
                OpeningError::LocationUnknown(code.unwrap_or_default()).into()
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
    #[error("there is no location {0:?} in this warehouse that is in use")]
    LocationUnknown(String),
    #[error("this product is not kept in stock; set stocked of it first")]
    NotStocked,
    #[error("the product allows fewer digits after the point")]
    TooPrecise,
    #[error(
        "this product has moved in the warehouse before, or its opening stock in this location is entered: adjust what is there instead"
    )]
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
            Self::LocationUnknown(_) => ("/location", "unknown_location"),
            Self::NotStocked => ("/sku", "not_stocked"),
            Self::TooPrecise => ("/quantity", "too_precise"),
            Self::InStock => ("/sku", "already_in_stock"),
        };
        vec![Invalid::new(code, self.to_string()).at(pointer)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_of_the_column_of_the_row() {
        for (error, pointer, code) in [
            (OpeningError::SkuUnknown("TEA".to_owned()), "/sku", "unknown_product"),
            (OpeningError::WarehouseUnknown("MAIN".to_owned()), "/warehouse", "unknown_warehouse"),
            (OpeningError::LocationUnknown("A-01".to_owned()), "/location", "unknown_location"),
            (OpeningError::NotStocked, "/sku", "not_stocked"),
            (OpeningError::TooPrecise, "/quantity", "too_precise"),
        ] {
            let fields = error.fields();
            assert_eq!((fields[0].pointer.as_str(), fields[0].code), (pointer, code));
            assert_eq!((error.category(), error.code()), (Category::Invalid, "invalid_stock_document"));
        }
    }
}
