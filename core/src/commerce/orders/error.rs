//! What an order refuses, and how it is told: the category, the code and the members at fault.

use super::aggregate::{OrderStatus, TOTAL_LIMIT};
use super::amendment::WrongLine;
use super::lines::MAX_LINES;
use crate::application::error::{Category, DomainError};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, OrderId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::QuantityDecimals;
use crate::values::unit::Unit;

/// A part that is more than there is of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// Of the part, counted from 0.
    pub index: usize,
    pub wanted: Units,
    pub available: Units,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("there is no order {0}")]
    NotFound(OrderId),
    #[error("order {id} is {status} and cannot be {action}; it would have to be {}", names(from))]
    State { id: OrderId, status: OrderStatus, action: &'static str, from: &'static [OrderStatus] },
    #[error("an order has 1 to {MAX_LINES} lines, not {0}")]
    LineCount(usize),
    #[error("some lines name products that do not exist")]
    ProductsUnknown(Vec<usize>),
    #[error("some lines name products that are archived and no longer sold")]
    ProductsArchived(Vec<usize>),
    /// The lines, with how many decimals their products allow, and in which unit.
    #[error("some quantities have more decimals than their products allow")]
    QuantitiesTooPrecise(Vec<(usize, QuantityDecimals, Unit)>),
    #[error("there is no customer {0}, or it was anonymised")]
    CustomerUnknown(CustomerId),
    #[error("some lines wait for goods; the order is shipped when they are there")]
    Waiting(Vec<usize>),
    #[error(
        "some lines are not reserved to that amount; ship what is reserved, the rest when its goods are there"
    )]
    NotThere(Vec<Beyond>),
    #[error("more is to be shipped of some lines than is outstanding")]
    ShipsTooMuch(Vec<Beyond>),
    #[error("more comes back of some lines than has left and not come back")]
    ReturnsTooMuch(Vec<Beyond>),
    #[error("a part of order {0} has left; cancel the rest of it instead")]
    PartlyShipped(OrderId),
    #[error("some lines are not in the order")]
    LinesUnknown(Vec<usize>),
    #[error("some lines are named twice")]
    LinesTwice(Vec<usize>),
    /// The parts, with how many decimals their products allow, and in which unit.
    #[error("some parts have more decimals than their lines and their products")]
    PartsTooPrecise(Vec<(usize, QuantityDecimals, Unit)>),
    #[error(
        "a line is one of the order's, named once by its position, or a new one with its product and quantity"
    )]
    LinesWrong(Vec<WrongLine>),
    #[error(
        "order {0} passes its customer's credit limit and waits for approval (POST /orders/{{id}}/approve); it can be cancelled"
    )]
    Held(OrderId),
    #[error("order {0} does not wait for approval")]
    NotHeld(OrderId),
    #[error("there is no warehouse {0} that is in use")]
    WarehouseUnknown(WarehouseId),
    #[error(
        "warehouse {0}, where the order's goods come from, is archived: the order gets no more goods, place another one for them"
    )]
    WarehouseArchived(WarehouseId),
    #[error("{}", .0.message)]
    OrderedOn(Invalid),
    #[error("{}", .0.message)]
    ShippedOn(Invalid),
    #[error("it cannot be promised for a day before it was ordered, on {0}")]
    PromisedBefore(BusinessDate),
    #[error("the order's total must stay below {TOTAL_LIMIT}")]
    TotalTooLarge,
    #[error("the reference {0:?} belongs to another order; references are unique")]
    ReferenceTaken(String),
    #[error("the external id {0:?} belongs to another order; external ids are unique")]
    ExternalIdTaken(String),
}

impl Beyond {
    fn field(&self, code: &'static str) -> FieldError {
        let message = format!("{} are wanted, {} are possible", self.wanted, self.available);
        let available = Some(self.available.to_string().into());
        FieldError { available, ..Invalid::new(code, message).at(format!("/lines/{}/quantity", self.index)) }
    }
}

fn names(statuses: &[OrderStatus]) -> String {
    statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(" or ")
}

impl DomainError for OrderError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. }
            | Self::Waiting(_)
            | Self::NotThere(_)
            | Self::ShipsTooMuch(_)
            | Self::ReturnsTooMuch(_)
            | Self::PartlyShipped(_)
            | Self::Held(_)
            | Self::NotHeld(_)
            | Self::ReferenceTaken(_)
            | Self::ExternalIdTaken(_) => Category::Conflict,
            Self::LineCount(_)
            | Self::LinesUnknown(_)
            | Self::LinesTwice(_)
            | Self::PartsTooPrecise(_)
            | Self::LinesWrong(_)
            | Self::ProductsUnknown(_)
            | Self::ProductsArchived(_)
            | Self::QuantitiesTooPrecise(_)
            | Self::CustomerUnknown(_)
            | Self::WarehouseUnknown(_)
            | Self::WarehouseArchived(_)
            | Self::OrderedOn(_)
            | Self::ShippedOn(_)
            | Self::PromisedBefore(_)
            | Self::TotalTooLarge => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "order_not_found",
            Self::State { .. } => "order_state_conflict",
            Self::Waiting(_) | Self::NotThere(_) => "order_waits_for_goods",
            Self::ShipsTooMuch(_) => "shipment_exceeds_order",
            Self::ReturnsTooMuch(_) => "return_exceeds_shipment",
            Self::PartlyShipped(_) => "order_partly_shipped",
            Self::LinesUnknown(_) | Self::LinesTwice(_) | Self::LinesWrong(_) | Self::PartsTooPrecise(_) => {
                "invalid_lines"
            }
            Self::Held(_) => "order_held",
            Self::NotHeld(_) => "order_not_held",
            Self::ReferenceTaken(_) => "order_reference_taken",
            Self::ExternalIdTaken(_) => "order_external_id_taken",
            Self::LineCount(_)
            | Self::ProductsUnknown(_)
            | Self::ProductsArchived(_)
            | Self::QuantitiesTooPrecise(_)
            | Self::CustomerUnknown(_)
            | Self::WarehouseUnknown(_)
            | Self::WarehouseArchived(_)
            | Self::OrderedOn(_)
            | Self::ShippedOn(_)
            | Self::PromisedBefore(_)
            | Self::TotalTooLarge => "invalid_order",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| vec![Invalid::new(code, self.to_string()).at(pointer)];
        let lines = |positions: &[usize], code, message: &str| {
            let at = |position| Invalid::new(code, message).at(format!("/lines/{position}/product_id"));
            positions.iter().map(at).collect()
        };
        let parts = |indices: &[usize], code, message: &str| {
            let at = |index| Invalid::new(code, message).at(format!("/lines/{index}/position"));
            indices.iter().map(at).collect()
        };
        let beyond = |parts: &[Beyond]| parts.iter().map(|part| part.field(self.code())).collect();
        match self {
            Self::LineCount(_) => field("/lines", "line_count"),
            Self::ProductsUnknown(at) => lines(at, "unknown_product", "there is no such product"),
            Self::ProductsArchived(at) => {
                lines(at, "product_archived", "this product is archived and no longer sold")
            }
            Self::QuantitiesTooPrecise(at) | Self::PartsTooPrecise(at) => at
                .iter()
                .map(|(position, decimals, unit)| {
                    let message = format!(
                        "a quantity of this product, in {} ({}), may have {} digits after the point",
                        unit.code(),
                        unit.name(),
                        decimals.value()
                    );
                    Invalid::new("too_precise", message).at(format!("/lines/{position}/quantity"))
                })
                .collect(),
            Self::CustomerUnknown(_) => field("/customer_id", "unknown_customer"),
            Self::WarehouseUnknown(_) => field("/warehouse_id", "unknown_warehouse"),
            // Of an order that is amended, which keeps its warehouse.
            Self::WarehouseArchived(_) => field("/lines", "warehouse_archived"),
            Self::OrderedOn(invalid) => field("/ordered_on", invalid.code),
            Self::ShippedOn(invalid) => field("/shipped_on", invalid.code),
            Self::PromisedBefore(_) => field("/promised_on", "out_of_range"),
            Self::LinesWrong(wrong) => wrong.iter().map(|line| line.field()).collect(),
            Self::Waiting(at) => lines(at, "waits_for_goods", "this line waits for goods"),
            Self::TotalTooLarge => field("/lines", "total_too_large"),
            Self::LinesUnknown(at) => parts(at, "unknown_line", "the order has no such line"),
            Self::LinesTwice(at) => {
                parts(at, "line_twice", "this line is named before: add the quantities up")
            }
            Self::NotThere(at) | Self::ShipsTooMuch(at) | Self::ReturnsTooMuch(at) => beyond(at),
            Self::NotFound(_)
            | Self::PartlyShipped(_)
            | Self::Held(_)
            | Self::NotHeld(_)
            | Self::State { .. }
            | Self::ReferenceTaken(_)
            | Self::ExternalIdTaken(_) => Vec::new(),
        }
    }
}
