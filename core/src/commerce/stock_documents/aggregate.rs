//! A document that moves goods, and its rules. It is posted once and never changes: another one corrects it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::events::StockDocumentEvent;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Category, DomainError, Error};
use crate::commerce::orders::positions;
use crate::commerce::products::Product;
use crate::commerce::stock::{
    DocumentRef, DocumentType, Levels, MovementKind, PlaceRef, StockError, StockLevel, StockReason,
};
use crate::values::business_date::BusinessDate;
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::{LocationId, ProductId, PurchaseOrderId, StockDocumentId, SupplierId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::UnitPrice;
use crate::values::text::text;

text!(
    /// The document's number in the company's own books, or the supplier's; unique among the documents of its kind.
    DocumentReference, "a reference", 100
);

/// The maximum number of lines of one document.
pub const MAX_LINES: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockDocumentKind {
    Receipt,
    Adjustment,
    WriteOff,
    Transfer,
    /// Goods were put into a location, or from one into another.
    Relocation,
}

impl StockDocumentKind {
    pub const ALL: [Self; 5] =
        [Self::Receipt, Self::Adjustment, Self::WriteOff, Self::Transfer, Self::Relocation];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        self.document_type().as_str()
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    const fn document_type(self) -> DocumentType {
        match self {
            Self::Receipt => DocumentType::Receipt,
            Self::Adjustment => DocumentType::Adjustment,
            Self::WriteOff => DocumentType::WriteOff,
            Self::Transfer => DocumentType::Transfer,
            Self::Relocation => DocumentType::Relocation,
        }
    }

    /// `None` if what is on hand stays as it is.
    const fn movement(self) -> Option<MovementKind> {
        match self {
            Self::Receipt => Some(MovementKind::Receipt),
            Self::Adjustment => Some(MovementKind::Adjustment),
            Self::WriteOff => Some(MovementKind::WriteOff),
            Self::Transfer => Some(MovementKind::Transfer),
            Self::Relocation => None,
        }
    }
}

impl fmt::Display for StockDocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A line of a document that is to be posted.
#[derive(Debug, Clone)]
pub struct DraftMovement<'a> {
    pub product: &'a Product,
    pub units: Units,
    /// Whether goods come; otherwise they go. Only an adjustment has both.
    pub adds: bool,
    /// Of goods that come, and of an adjustment also of those that go; `None` stands for the average of what is there.
    pub unit_cost: Option<UnitPrice>,
    /// Where they are put that come, or taken from that go. `None` is no location for what comes; what goes is taken from wherever it lies.
    /// A relocation takes what lies in none.
    pub location: Option<PlaceRef>,
    /// Of a transfer, where they are put in the other warehouse; of a relocation, in the same. `None` is no location.
    pub to_location: Option<PlaceRef>,
}

/// A document that is to be posted.
#[derive(Debug, Clone)]
pub struct NewStockDocument<'a> {
    pub kind: StockDocumentKind,
    pub warehouse_id: WarehouseId,
    /// Of a transfer: where the goods go.
    pub to_warehouse_id: Option<WarehouseId>,
    pub supplier_id: Option<SupplierId>,
    /// Of a receipt: what the goods were ordered by.
    pub purchase_order_id: Option<PurchaseOrderId>,
    pub reference: Option<DocumentReference>,
    pub reason: Option<StockReason>,
    pub business_date: BusinessDate,
    pub created_by: String,
    pub lines: Vec<DraftMovement<'a>>,
}

/// How what lies in a location changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostedPlace {
    pub location_id: LocationId,
    pub change: UnitsChange,
}

/// What a line moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostedLine {
    pub product_id: ProductId,
    pub sku: String,
    pub name: String,
    pub change: UnitsChange,
    /// What a unit cost: as given, or the average.
    pub unit_cost: UnitPrice,
    pub places: Vec<PostedPlace>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockDocument {
    pub(super) id: StockDocumentId,
    pub(super) kind: StockDocumentKind,
    pub(super) warehouse_id: WarehouseId,
    pub(super) to_warehouse_id: Option<WarehouseId>,
    pub(super) supplier_id: Option<SupplierId>,
    pub(super) purchase_order_id: Option<PurchaseOrderId>,
    pub(super) reference: Option<DocumentReference>,
    pub(super) reason: Option<StockReason>,
    pub(super) business_date: BusinessDate,
    pub(super) created_by: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) lines: Vec<PostedLine>,
}

impl NewStockDocument<'_> {
    /// # Errors
    /// Fails if a line names a product that is not kept in stock, if a quantity has more decimals than its product allows, or if a
    /// member is missing that the kind needs.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), StockDocumentError> {
        self.business_date.check(now).map_err(StockDocumentError::BusinessDate)?;
        let not_kept = positions(&self.lines, |line| !line.product.details().stocked);
        if !not_kept.is_empty() {
            return Err(StockDocumentError::ProductsNotStocked(not_kept));
        }
        let too_precise =
            positions(&self.lines, |line| !line.units.has_at_most(line.product.details().quantity_decimals));
        if !too_precise.is_empty() {
            return Err(StockDocumentError::TooPrecise(self.kind, too_precise));
        }
        let needs_reason = matches!(self.kind, StockDocumentKind::Adjustment | StockDocumentKind::WriteOff);
        if needs_reason && self.reason.is_none() {
            return Err(StockDocumentError::ReasonMissing);
        }
        if self.to_warehouse_id == Some(self.warehouse_id) {
            return Err(StockDocumentError::SameWarehouse);
        }
        let stays = |line: &DraftMovement<'_>| {
            let id = |place: &Option<PlaceRef>| place.as_ref().map(|place| place.id);
            id(&line.location) == id(&line.to_location)
        };
        if self.kind == StockDocumentKind::Relocation {
            let staying = positions(&self.lines, stays);
            if !staying.is_empty() {
                return Err(StockDocumentError::SameLocation(staying));
            }
        }
        Ok(())
    }
}

impl StockDocument {
    /// # Errors
    /// Fails if there are no lines, or more than [`MAX_LINES`].
    pub fn check_line_count(count: usize) -> Result<(), StockDocumentError> {
        if (1..=MAX_LINES).contains(&count) { Ok(()) } else { Err(StockDocumentError::LineCount(count)) }
    }

    /// Moves the goods. The levels of all its products are there, and nothing is promised to orders that the document takes away. What comes is
    /// posted first: what of a product goes from one location may come into another.
    ///
    /// # Errors
    /// Fails with every line for which there are too few goods.
    pub(crate) fn post(
        id: StockDocumentId,
        new: NewStockDocument<'_>,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<(Self, StockDocumentEvent), Error> {
        let mut missing = Vec::new();
        let mut posted: Vec<(i16, PostedLine)> = Vec::new();
        let (comes, goes): (Vec<_>, Vec<_>) = (1..).zip(&new.lines).partition(|(_, line)| line.adds);
        for (position, line) in comes.into_iter().chain(goes) {
            let document = DocumentRef {
                kind: new.kind.document_type(),
                id: id.uuid(),
                line: Some(position),
                reason: new.reason.clone(),
                business_date: new.business_date,
            };
            match new.post_line(line, &document, levels) {
                Ok(line) => posted.push((position, line)),
                Err(StockError::Missing(lines)) => missing.extend(lines),
                Err(other) => return Err(other.into()),
            }
        }
        if !missing.is_empty() {
            return Err(StockError::Missing(missing).into());
        }
        posted.sort_unstable_by_key(|(position, _)| *position);
        let document = Self {
            id,
            kind: new.kind,
            warehouse_id: new.warehouse_id,
            to_warehouse_id: new.to_warehouse_id,
            supplier_id: new.supplier_id,
            purchase_order_id: new.purchase_order_id,
            reference: new.reference,
            reason: new.reason,
            business_date: new.business_date,
            created_by: new.created_by,
            created_at: now,
            lines: posted.into_iter().map(|(_, line)| line).collect(),
        };
        let event = StockDocumentEvent::Posted(Box::new(document.clone()));
        Ok((document, event))
    }

    pub fn id(&self) -> StockDocumentId {
        self.id
    }

    pub fn kind(&self) -> StockDocumentKind {
        self.kind
    }

    pub fn warehouse_id(&self) -> WarehouseId {
        self.warehouse_id
    }

    pub fn to_warehouse_id(&self) -> Option<WarehouseId> {
        self.to_warehouse_id
    }

    pub fn supplier_id(&self) -> Option<SupplierId> {
        self.supplier_id
    }

    pub fn reference(&self) -> Option<&DocumentReference> {
        self.reference.as_ref()
    }

    pub fn reason(&self) -> Option<&StockReason> {
        self.reason.as_ref()
    }

    pub fn business_date(&self) -> BusinessDate {
        self.business_date
    }

    pub fn lines(&self) -> &[PostedLine] {
        &self.lines
    }
}

impl NewStockDocument<'_> {
    fn post_line(
        &self,
        line: &DraftMovement<'_>,
        document: &DocumentRef,
        levels: &mut Levels,
    ) -> Result<PostedLine, StockError> {
        let product = line.product;
        let unreserved = || StockError::Unreserved { product: product.id() };
        let level = levels.get_mut(self.warehouse_id, product.id()).ok_or_else(unreserved)?;
        let before = level.relocated().len();
        let cost = level.average_cost().clone();
        let (change, unit_cost) = match self.kind.movement() {
            None => {
                relocate(level, line, document)?;
                (UnitsChange::none(), cost)
            }
            Some(kind) if line.adds => {
                level.receive(kind, &line.units, line.unit_cost.as_ref(), document)?;
                if let Some(location) = &line.location {
                    level.put_away(location, &line.units, document)?;
                }
                let cost = line.unit_cost.clone().unwrap_or_else(|| level.average_cost().clone());
                (UnitsChange::more(&line.units), cost)
            }
            Some(kind) => {
                // What was taken out of its location lies in none, and leaves first.
                if let Some(location) = &line.location {
                    level.pick(location, &line.units, document)?;
                }
                level.remove(kind, &line.units, line.unit_cost.as_ref(), document)?;
                (UnitsChange::less(&line.units), line.unit_cost.clone().unwrap_or(cost))
            }
        };
        let mut places = places_since(level, before);
        if let Some((kind, to)) = self.kind.movement().zip(self.to_warehouse_id) {
            let there = levels.get_mut(to, product.id()).ok_or_else(unreserved)?;
            let before = there.relocated().len();
            there.receive(kind, &line.units, Some(&unit_cost), document)?;
            if let Some(location) = &line.to_location {
                there.put_away(location, &line.units, document)?;
            }
            places.extend(places_since(there, before));
        }
        Ok(PostedLine {
            product_id: product.id(),
            sku: product.details().sku.as_str().to_owned(),
            name: product.details().name.as_str().to_owned(),
            change,
            unit_cost,
            places,
        })
    }
}

/// Takes goods from where they lie, and puts them where they go.
fn relocate(
    level: &mut StockLevel,
    line: &DraftMovement<'_>,
    document: &DocumentRef,
) -> Result<(), StockError> {
    if let Some(from) = &line.location {
        level.pick(from, &line.units, document)?;
    }
    match &line.to_location {
        Some(to) => level.put_away(to, &line.units, document),
        None => Ok(()),
    }
}

/// What was put into locations or taken out of them since there were so many movements.
fn places_since(level: &StockLevel, before: usize) -> Vec<PostedPlace> {
    let posted = level.relocated().iter().skip(before);
    posted
        .map(|movement| PostedPlace { location_id: movement.location_id, change: movement.change.clone() })
        .collect()
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockDocumentError {
    #[error("there is no stock document {0}")]
    NotFound(StockDocumentId),
    #[error("a stock document has 1 to {MAX_LINES} lines, not {0}")]
    LineCount(usize),
    #[error("some lines name products that do not exist")]
    ProductsUnknown(Vec<usize>),
    #[error("some lines name products that are not kept in stock")]
    ProductsNotStocked(Vec<usize>),
    #[error("some lines have more decimals than their products allow")]
    TooPrecise(StockDocumentKind, Vec<usize>),
    #[error("there is no warehouse {id} that is in use")]
    WarehouseUnknown { id: WarehouseId, pointer: &'static str },
    #[error("goods cannot be transferred to where they are: name another warehouse")]
    SameWarehouse,
    #[error("some lines name locations that are not in use in this warehouse")]
    LocationsUnknown(Vec<(usize, &'static str)>),
    #[error("some lines put goods where they are: name another location, or none for one of both")]
    SameLocation(Vec<usize>),
    #[error("there is no supplier {0}")]
    SupplierUnknown(SupplierId),
    #[error("there is no purchase order {0}")]
    PurchaseOrderUnknown(PurchaseOrderId),
    #[error("the goods were ordered from another supplier, {0}: leave supplier_id out")]
    OtherSupplier(SupplierId),
    #[error("say why: this changes what the books say is there")]
    ReasonMissing,
    #[error("{}", .0.message)]
    BusinessDate(Invalid),
    #[error("the reference {0:?} belongs to another document of this kind; references are unique")]
    ReferenceTaken(String),
}

impl DomainError for StockDocumentError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::ReferenceTaken(_) => Category::Conflict,
            _ => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "stock_document_not_found",
            Self::ReferenceTaken(_) => "stock_document_reference_taken",
            _ => "invalid_stock_document",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| vec![Invalid::new(code, self.to_string()).at(pointer)];
        let lines = |at: &[usize], code, message: &str| {
            let at =
                at.iter().map(|index| Invalid::new(code, message).at(format!("/lines/{index}/product_id")));
            at.collect()
        };
        match self {
            Self::NotFound(_) | Self::ReferenceTaken(_) => Vec::new(),
            Self::LineCount(_) => field("/lines", "line_count"),
            Self::ProductsUnknown(at) => lines(at, "unknown_product", "there is no such product"),
            Self::ProductsNotStocked(at) => {
                lines(at, "not_stocked", "this product is not kept in stock; set stocked of it first")
            }
            Self::TooPrecise(kind, at) => {
                let member = if *kind == StockDocumentKind::Adjustment { "change" } else { "quantity" };
                let message = "the product's quantities have fewer decimals: see its quantity_decimals";
                let at = at.iter();
                at.map(|at| Invalid::new("too_precise", message).at(format!("/lines/{at}/{member}")))
                    .collect()
            }
            Self::WarehouseUnknown { pointer, .. } => field(pointer, "unknown_warehouse"),
            Self::SameWarehouse => field("/to_warehouse_id", "same_warehouse"),
            Self::LocationsUnknown(at) => {
                let message = "there is no such location in this warehouse that is in use";
                let at = at.iter();
                at.map(|(index, member)| {
                    Invalid::new("unknown_location", message).at(format!("/lines/{index}/{member}"))
                })
                .collect()
            }
            Self::SameLocation(at) => {
                let message = "name another location, or none for one of both";
                let at = at.iter();
                at.map(|at| Invalid::new("same_location", message).at(format!("/lines/{at}/to_location_id")))
                    .collect()
            }
            Self::SupplierUnknown(_) => field("/supplier_id", "unknown_supplier"),
            Self::PurchaseOrderUnknown(_) => field("/purchase_order_id", "unknown_purchase_order"),
            Self::OtherSupplier(_) => field("/supplier_id", "other_supplier"),
            Self::ReasonMissing => field("/reason", "required"),
            Self::BusinessDate(invalid) => field("/business_date", invalid.code),
        }
    }
}
