//! The product and its rules.

use chrono::{DateTime, Utc};

use super::events::ProductEvent;
use crate::application::error::{Category, DomainError};
use crate::commerce::vat::Nature;
use crate::values::external_id::ExternalId;
use crate::values::gtin::Gtin;
use crate::values::ids::{CategoryId, ProductId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{QuantityDecimals, UnitPrice, VatRate};
use crate::values::text::text;
use crate::values::unit::Unit;

text!(
    /// The stock keeping unit: the product's number in the company's own books; unique in a tenant.
    Sku, "a SKU", 64
);
text!(ProductName, "a product name", 200);

/// The barcodes of a product: of itself and of its packages, at most 20, each number once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Barcodes(Vec<Gtin>);

impl Barcodes {
    const MAX: usize = 20;

    /// # Errors
    /// `too_many` if there are more than 20, `duplicate_barcode` if two are the same number, however it is written.
    pub fn parse(barcodes: Vec<Gtin>) -> Result<Self, Invalid> {
        if barcodes.len() > Self::MAX {
            let message = format!("at most {} barcodes are possible, not {}", Self::MAX, barcodes.len());
            return Err(Invalid::new("too_many", message));
        }
        for (at, barcode) in barcodes.iter().enumerate() {
            if barcodes.iter().take(at).any(|other| other.padded() == barcode.padded()) {
                let message = format!("the barcode {} is there twice", barcode.as_str());
                return Err(Invalid::new("duplicate_barcode", message));
            }
        }
        Ok(Self(barcodes))
    }

    /// Wraps barcodes from the database, where they were checked before they were stored.
    pub(super) fn stored(barcodes: Vec<Gtin>) -> Self {
        Self(barcodes)
    }

    pub fn as_slice(&self) -> &[Gtin] {
        &self.0
    }
}

impl From<Barcodes> for Vec<Gtin> {
    fn from(barcodes: Barcodes) -> Self {
        barcodes.0
    }
}

/// The data of a product in a request that creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductDetails {
    pub external_id: Option<ExternalId>,
    pub sku: Sku,
    pub name: ProductName,
    /// The net price, in the tenant's currency.
    pub unit_price: UnitPrice,
    pub vat_rate: VatRate,
    /// What is counted or measured of it. Orders keep the quantities that they were placed with, whatever changes here.
    pub unit: Unit,
    /// How many decimals the quantity of a new order's line may have.
    pub quantity_decimals: QuantityDecimals,
    /// Whether it is kept in stock.
    pub stocked: bool,
    pub category_id: Option<CategoryId>,
    pub barcodes: Barcodes,
    /// Goods or a service: the VAT of what is invoiced of it depends on this. What is charged with goods, such as postage, is goods.
    pub nature: Nature,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub(super) id: ProductId,
    pub(super) version: i64,
    pub(super) details: ProductDetails,
    /// Whether an order names it; such a product is archived, never deleted.
    pub(super) ordered: bool,
    pub(super) archived_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Product {
    pub fn create(id: ProductId, details: ProductDetails, now: DateTime<Utc>) -> (Self, ProductEvent) {
        let product = Self {
            id,
            version: 1,
            details,
            ordered: false,
            archived_at: None,
            created_at: now,
            updated_at: now,
        };
        let event = ProductEvent::Created(product.clone());
        (product, event)
    }

    /// Returns `None` if nothing changes.
    ///
    /// # Errors
    /// Fails if the product is archived.
    pub fn update(
        &mut self,
        details: ProductDetails,
        now: DateTime<Utc>,
    ) -> Result<Option<ProductEvent>, ProductError> {
        if self.is_archived() {
            return Err(ProductError::Archived(self.id));
        }
        if self.details == details {
            return Ok(None);
        }
        self.details = details;
        self.raise(now);
        Ok(Some(ProductEvent::Updated(self.clone())))
    }

    /// Takes the product off sale for good.
    ///
    /// # Errors
    /// Fails if the product is archived already.
    pub fn archive(&mut self, now: DateTime<Utc>) -> Result<ProductEvent, ProductError> {
        if self.is_archived() {
            return Err(ProductError::Archived(self.id));
        }
        self.archived_at = Some(now);
        self.raise(now);
        Ok(ProductEvent::Archived(self.clone()))
    }

    /// Deletes a product that no order names. A product that was ordered is archived instead.
    ///
    /// # Errors
    /// Fails if the product was ordered and is archived already: there is nothing left to do.
    pub fn remove(&mut self, now: DateTime<Utc>) -> Result<ProductEvent, ProductError> {
        if self.ordered {
            return self.archive(now);
        }
        self.raise(now);
        Ok(ProductEvent::Deleted(self.clone()))
    }

    fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn details(&self) -> &ProductDetails {
        &self.details
    }

    pub fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }

    pub fn is_ordered(&self) -> bool {
        self.ordered
    }

    pub fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.archived_at
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductError {
    #[error("there is no product {0}")]
    NotFound(ProductId),
    #[error("the SKU {0:?} belongs to another product; SKUs are unique")]
    SkuTaken(String),
    #[error("the external id {0:?} belongs to another product; external ids are unique")]
    ExternalIdTaken(String),
    #[error("the barcode {0} belongs to another product; barcodes are unique")]
    BarcodeTaken(String),
    #[error("there is no category {0}")]
    CategoryUnknown(CategoryId),
    #[error("product {0} is archived and cannot be changed")]
    Archived(ProductId),
}

impl DomainError for ProductError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::SkuTaken(_) | Self::ExternalIdTaken(_) | Self::BarcodeTaken(_) | Self::Archived(_) => {
                Category::Conflict
            }
            Self::CategoryUnknown(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "product_not_found",
            Self::SkuTaken(_) => "product_sku_taken",
            Self::ExternalIdTaken(_) => "product_external_id_taken",
            Self::BarcodeTaken(_) => "product_barcode_taken",
            Self::CategoryUnknown(_) => "invalid_request",
            Self::Archived(_) => "product_archived",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::CategoryUnknown(_) => {
                vec![Invalid::new("unknown_category", self.to_string()).at("/category_id")]
            }
            Self::NotFound(_)
            | Self::SkuTaken(_)
            | Self::ExternalIdTaken(_)
            | Self::BarcodeTaken(_)
            | Self::Archived(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::application::aggregate::Aggregate;

    pub(crate) fn details(sku: &str, price: &str, vat: &str) -> ProductDetails {
        ProductDetails {
            external_id: None,
            sku: Sku::parse(sku).expect("valid"),
            name: ProductName::parse("A thing").expect("valid"),
            unit_price: UnitPrice::parse(price).expect("valid"),
            vat_rate: VatRate::parse(vat).expect("valid"),
            unit: Unit::default(),
            quantity_decimals: QuantityDecimals::new(6).expect("valid"),
            stocked: false,
            category_id: None,
            barcodes: Barcodes::default(),
            nature: Nature::Goods,
        }
    }

    fn product() -> Product {
        Product::create(ProductId::generate(), details("T-1", "9.90", "20"), at(0)).0
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    #[test]
    fn creating_a_product_announces_it_at_version_one() {
        let (product, event) = Product::create(ProductId::generate(), details("T-1", "9.90", "20"), at(0));
        assert_eq!(product.version(), 1);
        assert_eq!(event, ProductEvent::Created(product));
    }

    #[test]
    fn updating_a_product_raises_its_version() {
        let mut product = product();
        let event = product.update(details("T-1", "10.90", "20"), at(1)).expect("allowed");
        assert_eq!(product.version(), 2);
        assert_eq!(event, Some(ProductEvent::Updated(product)));
    }

    #[test]
    fn an_update_that_changes_nothing_announces_nothing() {
        let mut product = product();
        assert_eq!(product.update(details("T-1", "9.90", "20"), at(1)), Ok(None));
        assert_eq!(product.version(), 1);
    }

    #[test]
    fn a_change_of_what_it_is_for_a_warehouse_or_for_vat_is_a_change() {
        let mut product = product();
        let stocked = ProductDetails { stocked: true, ..product.details().clone() };
        assert!(matches!(product.update(stocked, at(1)), Ok(Some(ProductEvent::Updated(_)))));
        let barcodes = Barcodes::parse(vec![Gtin::parse("96385074").expect("valid")]).expect("valid");
        let with_barcode = ProductDetails { barcodes, ..product.details().clone() };
        assert!(matches!(product.update(with_barcode, at(2)), Ok(Some(ProductEvent::Updated(_)))));
        let service = ProductDetails { nature: Nature::Service, ..product.details().clone() };
        assert!(matches!(product.update(service, at(3)), Ok(Some(ProductEvent::Updated(_)))));
        assert_eq!(product.version(), 4);
    }

    #[test]
    fn a_product_has_each_barcode_once_however_it_is_written_and_twenty_at_most() {
        let gtin = |text: &str| Gtin::parse(text).expect(text);
        let code = |barcodes| Barcodes::parse(barcodes).map_err(|invalid| invalid.code);
        let two = vec![gtin("036000291452"), gtin("3017620422003")];
        assert_eq!(code(two.clone()), Ok(Barcodes(two)));
        assert_eq!(code(vec![gtin("036000291452"), gtin("0036000291452")]), Err("duplicate_barcode"));
        assert_eq!(code(vec![gtin("96385074"); 21]), Err("too_many"));
    }

    #[test]
    fn an_archived_product_does_not_change() {
        let mut product = product();
        product.archive(at(1)).expect("allowed");
        let archived = Err(ProductError::Archived(product.id()));
        assert_eq!(product.update(details("T-1", "1", "20"), at(2)), archived.clone().map(|()| None));
        assert_eq!(product.archive(at(2)).map(drop), archived);
        assert_eq!(product.version(), 2);
    }

    #[test]
    fn removing_a_product_that_was_never_ordered_deletes_it() {
        let mut product = product();
        assert!(
            matches!(product.remove(at(1)), Ok(ProductEvent::Deleted(deleted)) if deleted.version() == 2)
        );
    }

    #[test]
    fn removing_a_product_that_was_ordered_archives_it() {
        let mut product = Product { ordered: true, ..product() };
        assert!(
            matches!(product.remove(at(1)), Ok(ProductEvent::Archived(archived)) if archived.is_archived())
        );
    }
}
