//! What a scanner reads: the barcode of a product, its SKU, or the code of a location.

use comptoir_core::application::listing::Selection;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::locations::{self, LocationFilter, LocationView};
use comptoir_core::commerce::products::{self, ProductFilter, ProductView};
use comptoir_core::values::gtin::Gtin;
use comptoir_core::values::ids::WarehouseId;

use super::choose::words;
use super::lists::first;
use super::visitor::Visitor;
use crate::error::ApiError;

/// How many locations with the same words are looked at for the one that is called exactly so.
const LIKE: u8 = 50;

/// Whether a text is a barcode: 8 digits or more, and the last one fits the others.
pub(crate) fn is_barcode(text: &str) -> bool {
    Gtin::parse(text).is_ok()
}

/// Returns the product with this barcode or this SKU.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn product(
    code: &str,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<ProductView>, ApiError> {
    if !visitor.may(Permission::ProductsRead) {
        return Ok(None);
    }
    if let Ok(barcode) = Gtin::parse(code) {
        let filter = ProductFilter { barcode: Some(barcode), ..ProductFilter::default() };
        let found = products::list(database, &visitor.context, &filter, &first(1)?).await?;
        if let Some(product) = found.data.into_iter().next() {
            return Ok(Some(product));
        }
    }
    Ok(products::find_by_sku(database, &visitor.context, code).await?)
}

/// Returns the location with this code in a warehouse, if it is in use.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn location(
    code: &str,
    warehouse_id: WarehouseId,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<LocationView>, ApiError> {
    let Some(words) = words(code).filter(|_| visitor.may(Permission::WarehousesRead)) else {
        return Ok(None);
    };
    let selection = Selection { words: Some(words), ..Selection::default() };
    let filter = LocationFilter { warehouse_id: Some(warehouse_id), archived: Some(false), selection };
    let found = locations::list(database, &visitor.context, &filter, &first(LIKE)?).await?;
    Ok(found.data.into_iter().find(|location| location.code.eq_ignore_ascii_case(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barcode_has_a_right_check_digit() {
        assert!(is_barcode("3017620422003") && is_barcode("96385074"));
        assert!(!is_barcode("3017620422004") && !is_barcode("24") && !is_barcode("12345678"));
    }
}
