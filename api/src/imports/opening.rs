//! A row of opening stock.

use comptoir_core::commerce::locations::LocationCode;
use comptoir_core::commerce::products::Sku;
use comptoir_core::commerce::stock_documents::OpenStock;
use comptoir_core::commerce::warehouses::WarehouseCode;
use comptoir_core::values::money::{Quantity, UnitPrice};
use deserr::Deserr;

use crate::extract::Faults;

/// The columns that a CSV file may have.
pub(super) const COLUMNS: &[&str] = &["sku", "quantity", "unit_cost", "warehouse", "location"];

/// What lies of a product in a warehouse in the beginning.
#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(super) struct OpeningStock {
    sku: Sku,
    quantity: Quantity,
    #[deserr(default)]
    unit_cost: Option<UnitPrice>,
    /// The warehouse's code; the company's default if it is left out.
    #[deserr(default)]
    warehouse: Option<WarehouseCode>,
    /// The code of a location of that warehouse; none if it is left out.
    #[deserr(default)]
    location: Option<LocationCode>,
}

impl From<OpeningStock> for OpenStock {
    fn from(OpeningStock { sku, quantity, unit_cost, warehouse, location }: OpeningStock) -> Self {
        Self { sku, quantity, unit_cost, warehouse, location }
    }
}
