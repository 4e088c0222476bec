//! The command that moves goods.

use std::collections::{BTreeMap, HashMap};

use super::aggregate::{
    DocumentReference, DraftMovement, NewStockDocument, StockDocument, StockDocumentError, StockDocumentKind,
};
use super::queries::StockDocumentView;
use super::repository;
use crate::application::Permission;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::locations::{self, Location};
use crate::commerce::orders::queue::{self, TakenAway, Waiting};
use crate::commerce::products::{self, Product};
use crate::commerce::purchase_orders::{self, PurchaseOrder, PurchaseOrderError};
use crate::commerce::stock::{self, PlaceRef, StockReason};
use crate::commerce::warehouses;
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{LocationId, ProductId, PurchaseOrderId, StockDocumentId, SupplierId, WarehouseId};
use crate::values::money::UnitPrice;

/// Posts a document that moves goods: a receipt, an adjustment, a write-off, a transfer, a relocation. What comes is given to orders that
/// wait for it. Where less remains than is reserved, the newest reservations become back orders.
#[derive(Debug)]
pub struct MoveGoods {
    pub kind: StockDocumentKind,
    /// `None` stands for where the purchase order wants the goods, or else for the company's default.
    pub warehouse_id: Option<WarehouseId>,
    pub to_warehouse_id: Option<WarehouseId>,
    /// `None` stands for the supplier of the purchase order, if there is one.
    pub supplier_id: Option<SupplierId>,
    /// Of a receipt: what the goods were ordered by. Its lines have them, and say what they cost where the receipt does not.
    pub purchase_order_id: Option<PurchaseOrderId>,
    pub reference: Option<DocumentReference>,
    pub reason: Option<StockReason>,
    /// `None` stands for today.
    pub business_date: Option<BusinessDate>,
    pub lines: Vec<MoveGoodsLine>,
}

#[derive(Debug)]
pub struct MoveGoodsLine {
    pub product_id: ProductId,
    pub units: Units,
    pub adds: bool,
    /// Of goods that come; of those that go, only an adjustment has one.
    pub unit_cost: Option<UnitPrice>,
    /// Where what comes is put, or what goes is taken from.
    pub location_id: Option<LocationId>,
    /// Where what goes is put: in the other warehouse, or by a relocation in the same.
    pub to_location_id: Option<LocationId>,
}

impl Command for MoveGoods {
    type Outcome = StockDocumentView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<StockDocumentView, Error> {
        StockDocument::check_line_count(self.lines.len())?;
        // Whether it is refused tells what the others cost.
        let takes_value = self.lines.iter().any(|line| !line.adds && line.unit_cost.is_some());
        if takes_value && !work.context().principal.may(Permission::StockCosts) {
            return Err(Error::Forbidden(Permission::StockCosts));
        }
        let ordered = self.purchase_order(work).await?;
        let warehouse = self.warehouse(work, ordered.as_ref()).await?;
        let locations = self.locations(work, warehouse).await?;
        let products = self.products(work).await?;
        let mut new = self.new_document(work, warehouse, ordered.as_ref(), &products, &locations)?;
        new.check(work.now())?;
        let kept: Vec<&Product> = products.values().collect();
        products::repository::mark_ordered(work, kept.iter().copied()).await?;
        let id = StockDocumentId::generate();
        repository::insert(work, id, &new).await?;
        let ordered = match ordered {
            Some(seen) => Some(allot(work, &seen, &mut new).await?),
            None => None,
        };

        // Read without locks, locked in order, and looked at again. A transfer takes nothing away from an order: it is refused.
        // Neither does a relocation: what is on hand stays.
        let leaves = self.to_warehouse_id.is_none() && self.kind != StockDocumentKind::Relocation;
        let taken = if leaves { self.taken() } else { Vec::new() };
        let mut taken = TakenAway::lock_givers(work, warehouse, taken).await?;
        let receiving = self.to_warehouse_id.unwrap_or(warehouse);
        let wanted: Vec<ProductId> = self.arriving().collect();
        let mut waiting = match taken.is_free() {
            true => queue::lock_waiting(work, receiving, &wanted).await?,
            // Both at once would be locked in two turns; the service serves who waits.
            false => Waiting::default(),
        };
        let places: Vec<WarehouseId> =
            [Some(warehouse), self.to_warehouse_id].into_iter().flatten().collect();
        let mut levels = stock::repository::lock_or_open(work, &places, &kept).await?;
        let mut effects = taken.take_back(&mut levels, work).await?;
        let (document, event) = StockDocument::post(id, new, &mut levels, work.now())?;
        effects.extend(waiting.serve(&mut levels, work).await?);
        work.record(event).await?;
        if let Some(mut order) = ordered {
            let now = work.now_after(order.updated_at());
            let came = order.receive(id, now);
            order.save(work).await?;
            work.record(came).await?;
        }
        queue::save(work, effects).await?;
        levels.save(work).await?;
        let view = StockDocumentView::of(&document);
        work.audit(document.action(), ("stock_document", id), None, Some(&view))?;
        Ok(view.seen_by(&work.context().principal))
    }
}

impl MoveGoods {
    /// Returns the purchase order, which is not locked yet: its supplier is locked before it.
    async fn purchase_order(&self, work: &mut UnitOfWork<'_>) -> Result<Option<PurchaseOrder>, Error> {
        let Some(id) = self.purchase_order_id else { return Ok(None) };
        match purchase_orders::repository::look_at(work, id).await {
            Ok(order) => Ok(Some(order)),
            Err(error) if matches!(error.refusal(), Some(PurchaseOrderError::NotFound(_))) => {
                Err(StockDocumentError::PurchaseOrderUnknown(id).into())
            }
            Err(error) => Err(error),
        }
    }

    async fn warehouse(
        &self,
        work: &mut UnitOfWork<'_>,
        ordered: Option<&PurchaseOrder>,
    ) -> Result<WarehouseId, Error> {
        let warehouse = match self.warehouse_id.or(ordered.map(PurchaseOrder::warehouse_id)) {
            Some(id) => id,
            None => warehouses::repository::find_default(work).await?,
        };
        let mut named = vec![(warehouse, "/warehouse_id")];
        named.extend(self.to_warehouse_id.map(|id| (id, "/to_warehouse_id")));
        // Locked, so that no warehouse is archived into which goods come. They may leave one that was: what came back to it afterwards.
        named.sort_unstable();
        for (id, pointer) in named {
            let is_held = if id == warehouse && self.only_takes() {
                warehouses::repository::hold(work, id).await?
            } else {
                warehouses::repository::hold_open(work, id).await?
            };
            if !is_held {
                return Err(StockDocumentError::WarehouseUnknown { id, pointer }.into());
            }
        }
        Ok(warehouse)
    }

    /// Whether goods leave the warehouse, and none are put anywhere in it.
    fn only_takes(&self) -> bool {
        self.kind != StockDocumentKind::Relocation && self.lines.iter().all(|line| !line.adds)
    }

    /// Holds the locations that the lines name, so that none is archived and no count of one begins. Returns what they are called.
    async fn locations(
        &self,
        work: &mut UnitOfWork<'_>,
        warehouse: WarehouseId,
    ) -> Result<HashMap<LocationId, PlaceRef>, Error> {
        let named = |line: &MoveGoodsLine| [line.location_id, line.to_location_id];
        let mut ids: Vec<LocationId> = self.lines.iter().flat_map(named).flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        let found = locations::repository::share(work, &ids).await?;
        let found: HashMap<LocationId, Location> =
            found.into_iter().map(|location| (location.id(), location)).collect();
        let is_open = |id: Option<LocationId>, warehouse: WarehouseId| {
            let in_use =
                |location: &Location| location.warehouse_id() == warehouse && !location.is_archived();
            id.is_none_or(|id| found.get(&id).is_some_and(in_use))
        };
        let receiving = self.to_warehouse_id.unwrap_or(warehouse);
        // A relocation says from where its goods come; all others have one location, and a transfer another.
        let from =
            if self.kind == StockDocumentKind::Relocation { "from_location_id" } else { "location_id" };
        let mut unknown = Vec::new();
        for (index, line) in (0..).zip(&self.lines) {
            if !is_open(line.location_id, warehouse) {
                unknown.push((index, from));
            }
            if !is_open(line.to_location_id, receiving) {
                unknown.push((index, "to_location_id"));
            }
        }
        if !unknown.is_empty() {
            return Err(StockDocumentError::LocationsUnknown(unknown).into());
        }
        let place = |(id, location): (LocationId, Location)| {
            (id, PlaceRef { id, code: location.details().code.as_str().to_owned() })
        };
        Ok(found.into_iter().map(place).collect())
    }

    async fn products(&self, work: &mut UnitOfWork<'_>) -> Result<HashMap<ProductId, Product>, Error> {
        let ids = self.lines.iter().map(|line| line.product_id).collect();
        let found = products::repository::load_for_order(work, ids).await?;
        let unknown = (0..).zip(&self.lines).filter(|(_, line)| !found.contains_key(&line.product_id));
        let unknown: Vec<usize> = unknown.map(|(index, _)| index).collect();
        if unknown.is_empty() { Ok(found) } else { Err(StockDocumentError::ProductsUnknown(unknown).into()) }
    }

    fn new_document<'a>(
        &self,
        work: &mut UnitOfWork<'_>,
        warehouse_id: WarehouseId,
        ordered: Option<&PurchaseOrder>,
        products: &'a HashMap<ProductId, Product>,
        locations: &HashMap<LocationId, PlaceRef>,
    ) -> Result<NewStockDocument<'a>, Error> {
        let lines = self.lines.iter().filter_map(|line| {
            let product = products.get(&line.product_id)?;
            let place = |id: Option<LocationId>| id.and_then(|id| locations.get(&id).cloned());
            Some(DraftMovement {
                product,
                units: line.units.clone(),
                adds: line.adds,
                unit_cost: line.unit_cost.clone(),
                location: place(line.location_id),
                to_location: place(line.to_location_id),
            })
        });
        let supplier_id = ordered.map(PurchaseOrder::supplier_id);
        if let Some(supplier) = supplier_id.filter(|one| self.supplier_id.is_some_and(|given| given != *one))
        {
            return Err(StockDocumentError::OtherSupplier(supplier).into());
        }
        Ok(NewStockDocument {
            kind: self.kind,
            warehouse_id,
            to_warehouse_id: self.to_warehouse_id,
            supplier_id: supplier_id.or(self.supplier_id),
            purchase_order_id: self.purchase_order_id,
            reference: self.reference.clone(),
            reason: self.reason.clone(),
            business_date: self.business_date.unwrap_or_else(|| BusinessDate::of(work.now())),
            created_by: work.context().principal.name.clone(),
            lines: lines.collect(),
        })
    }

    /// The products of which goods come to where they can be promised.
    fn arriving(&self) -> impl Iterator<Item = ProductId> {
        // A relocation brings nothing.
        let comes = |line: &&MoveGoodsLine| line.adds || self.to_warehouse_id.is_some();
        self.lines.iter().filter(comes).map(|line| line.product_id)
    }

    /// What is taken away of each product in all: what goes from one location may come into another.
    fn taken(&self) -> Vec<(ProductId, Units)> {
        let mut sums: BTreeMap<ProductId, (Units, Units)> = BTreeMap::new();
        for line in &self.lines {
            let (comes, goes) = sums.entry(line.product_id).or_insert_with(|| (Units::zero(), Units::zero()));
            let sum = if line.adds { comes } else { goes };
            *sum = sum.plus(&line.units);
        }
        let taken = sums.into_iter().map(|(product, (comes, goes))| (product, goes.less(&comes)));
        taken.filter(|(_, units)| !units.is_zero()).collect()
    }
}

/// Locks the purchase order of a receipt, which was looked at before, and gives what comes to its lines. A line of the receipt that
/// says no cost takes theirs.
async fn allot(
    work: &mut UnitOfWork<'_>,
    seen: &PurchaseOrder,
    new: &mut NewStockDocument<'_>,
) -> Result<PurchaseOrder, Error> {
    let mut order = purchase_orders::repository::load(work, seen.id()).await?;
    if order.supplier_id() != seen.supplier_id() || order.warehouse_id() != seen.warehouse_id() {
        return Err(Error::Overtaken);
    }
    order.check_receivable()?;
    for line in &mut new.lines {
        let cost = order.allot(line.product.id(), &line.units);
        line.unit_cost = line.unit_cost.take().or(cost);
    }
    Ok(order)
}

impl StockDocument {
    fn action(&self) -> &'static str {
        match self.kind {
            StockDocumentKind::Receipt => "stock.receive",
            StockDocumentKind::Adjustment => "stock.adjust",
            StockDocumentKind::WriteOff => "stock.write_off",
            StockDocumentKind::Transfer => "stock.transfer",
            StockDocumentKind::Relocation => "stock.relocate",
        }
    }
}
