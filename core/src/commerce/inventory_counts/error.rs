//! What an inventory count refuses, and how it is told: the category, the code and the members at fault.

use super::aggregate::{CountStatus, MAX_CATEGORIES, MAX_DEVIATIONS, MAX_ENTRIES, MAX_LINES, MAX_LOCATIONS};
use crate::application::error::{Category, DomainError};
use crate::values::ids::{InventoryCountId, LocationId, ProductId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryCountError {
    #[error("there is no inventory count {0}")]
    NotFound(InventoryCountId),
    #[error("inventory count {id} is {status} and cannot be {action}; it would have to be {}", names(from))]
    State { id: InventoryCountId, status: CountStatus, action: &'static str, from: &'static [CountStatus] },
    #[error("there is no warehouse {0} that is in use")]
    WarehouseUnknown(WarehouseId),
    #[error(
        "a count names 1 to {MAX_CATEGORIES} categories, not {0}; leave them out to count the whole warehouse"
    )]
    CategoryCount(usize),
    #[error("some of these categories do not exist")]
    CategoriesUnknown(Vec<usize>),
    #[error(
        "a count names 1 to {MAX_LOCATIONS} locations, not {0}; leave them out to count the whole warehouse"
    )]
    LocationCount(usize),
    #[error("some of these locations are not in use in this warehouse, or named twice")]
    LocationsUnknown(Vec<usize>),
    #[error("location {0} was archived since; plan another count without it")]
    LocationArchived(LocationId),
    #[error("a count is of categories or of locations, not of both; plan two")]
    TwoScopes,
    #[error("some entries do not say in which location of this count the product lies")]
    LocationsMissing(Vec<usize>),
    #[error("some entries name a location, and this count is not of locations")]
    LocationsUnwanted(Vec<usize>),
    #[error("some entries name locations that this count does not have")]
    LocationsOutOfScope(Vec<usize>),
    #[error("this count does not have the location {0}")]
    LocationOutOfScope(LocationId),
    #[error("the reference {0:?} belongs to another inventory count; references are unique")]
    ReferenceTaken(String),
    #[error("another inventory count of warehouse {0} is under way; close it or cancel it first")]
    AlreadyRunning(WarehouseId),
    #[error(
        "more than {MAX_LINES} products would be counted; name categories or locations, and count them one after the other"
    )]
    TooManyLines,
    #[error("a request has 1 to {MAX_ENTRIES} entries, not {0}")]
    EntryCount(usize),
    #[error("1 to {MAX_ENTRIES} products are counted again at once, not {0}")]
    RecountCount(usize),
    #[error("some entries name what another one names")]
    Duplicates(Vec<usize>),
    #[error("some entries name products that do not exist")]
    ProductsUnknown(Vec<usize>),
    #[error("some entries name products that are not kept in stock")]
    ProductsNotStocked(Vec<usize>),
    #[error("some entries name products that are in no category of this count")]
    OutOfScope(Vec<usize>),
    #[error("some entries have more decimals than their products allow")]
    TooPrecise(Vec<usize>),
    #[error("some of these products are not lines of this count")]
    LinesUnknown(Vec<usize>),
    #[error("{} not counted yet; count it, or say with \"uncounted\" what becomes of it", lines(*.0))]
    NotCounted(usize),
    #[error("more than {MAX_DEVIATIONS} lines differ; they cannot be posted at once")]
    TooManyDeviations,
    #[error("what is on hand of product {0} is not what it was when it was counted; count it again")]
    Moved(ProductId),
    #[error("this count is blind: which lines differ is told when it is in review")]
    Blind,
    #[error("{}", .0.message)]
    BusinessDate(Invalid),
}

fn lines(number: usize) -> String {
    if number == 1 { "one line is".to_owned() } else { format!("{number} lines are") }
}

fn names(statuses: &[CountStatus]) -> String {
    statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(" or ")
}

impl DomainError for InventoryCountError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. }
            | Self::ReferenceTaken(_)
            | Self::AlreadyRunning(_)
            | Self::TooManyLines
            | Self::LocationArchived(_)
            | Self::NotCounted(_)
            | Self::TooManyDeviations
            | Self::Moved(_)
            | Self::Blind => Category::Conflict,
            Self::WarehouseUnknown(_)
            | Self::CategoryCount(_)
            | Self::CategoriesUnknown(_)
            | Self::LocationCount(_)
            | Self::LocationsUnknown(_)
            | Self::TwoScopes
            | Self::LocationsMissing(_)
            | Self::LocationsUnwanted(_)
            | Self::LocationsOutOfScope(_)
            | Self::LocationOutOfScope(_)
            | Self::EntryCount(_)
            | Self::RecountCount(_)
            | Self::Duplicates(_)
            | Self::ProductsUnknown(_)
            | Self::ProductsNotStocked(_)
            | Self::OutOfScope(_)
            | Self::TooPrecise(_)
            | Self::LinesUnknown(_)
            | Self::BusinessDate(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "inventory_count_not_found",
            Self::State { .. } => "inventory_count_state_conflict",
            Self::ReferenceTaken(_) => "inventory_count_reference_taken",
            Self::AlreadyRunning(_) => "inventory_count_under_way",
            Self::TooManyLines | Self::TooManyDeviations => "inventory_count_too_large",
            Self::NotCounted(_) => "inventory_count_incomplete",
            Self::Moved(_) => "inventory_count_outdated",
            Self::Blind => "inventory_count_blind",
            Self::LocationArchived(_) => "location_archived",
            _ => "invalid_inventory_count",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| vec![Invalid::new(code, self.to_string()).at(pointer)];
        let several = |at: &[usize], place: fn(usize) -> String, code, message: &str| {
            at.iter().map(|index| Invalid::new(code, message).at(place(*index))).collect()
        };
        let product = |index: usize| format!("/entries/{index}/product_id");
        let location = |index: usize| format!("/entries/{index}/location_id");
        match self {
            Self::WarehouseUnknown(_) => field("/warehouse_id", "unknown_warehouse"),
            Self::CategoryCount(_) => field("/category_ids", "category_count"),
            Self::CategoriesUnknown(at) => several(
                at,
                |index| format!("/category_ids/{index}"),
                "unknown_category",
                "there is no such category",
            ),
            Self::LocationCount(_) => field("/location_ids", "location_count"),
            Self::LocationsUnknown(at) => several(
                at,
                |index| format!("/location_ids/{index}"),
                "unknown_location",
                "there is no such location in this warehouse that is in use, or it was named before",
            ),
            Self::TwoScopes => field("/location_ids", "two_scopes"),
            Self::LocationsMissing(at) => {
                several(at, location, "required", "say in which location of the count it lies")
            }
            Self::LocationsUnwanted(at) => {
                several(at, location, "not_by_location", "leave it out: this count is not of locations")
            }
            Self::LocationsOutOfScope(at) => {
                several(at, location, "out_of_scope", "this count does not have that location")
            }
            Self::LocationOutOfScope(_) => field("/location_id", "out_of_scope"),
            Self::EntryCount(_) => field("/entries", "entry_count"),
            Self::RecountCount(_) => field("/product_ids", "product_count"),
            Self::Duplicates(at) => several(
                at,
                product,
                "duplicate_product",
                "another entry names this product, in the same place",
            ),
            Self::ProductsUnknown(at) => several(at, product, "unknown_product", "there is no such product"),
            Self::ProductsNotStocked(at) => several(
                at,
                product,
                "not_stocked",
                "this product is not kept in stock; set stocked of it first",
            ),
            Self::OutOfScope(at) => {
                several(at, product, "out_of_scope", "this product is in no category of this count")
            }
            Self::TooPrecise(at) => several(
                at,
                |index| format!("/entries/{index}/counted"),
                "too_precise",
                "the product's quantities have fewer decimals: see its quantity_decimals",
            ),
            Self::LinesUnknown(at) => several(
                at,
                |index| format!("/product_ids/{index}"),
                "unknown_line",
                "this is no line of the count",
            ),
            Self::BusinessDate(invalid) => field("/business_date", invalid.code),
            _ => Vec::new(),
        }
    }
}
