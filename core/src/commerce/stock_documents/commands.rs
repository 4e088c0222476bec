//! The command that moves goods.

use std::collections::{BTreeMap, HashMap};

use super::aggregate::{
    DocumentReference, DraftMovement, NewStockDocument, StockDocument, StockDocumentError, StockDocumentKind,
};
use super::queries::StockDocumentView;
use super::repository;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::orders::queue::{self, TakenAway};
use crate::commerce::products::{self, Product};
use crate::commerce::stock::{self, StockReason};
use crate::commerce::warehouses;
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{ProductId, StockDocumentId, SupplierId, WarehouseId};
use crate::values::money::UnitPrice;

/// Posts a document that moves goods: a receipt, an adjustment, a write-off, a transfer. What comes is given to orders that wait for it.
/// Where less remains than is reserved, the newest reservations become back orders.
#[derive(Debug)]
pub struct MoveGoods {
    pub kind: StockDocumentKind,
    /// `None` stands for the company's default.
    pub warehouse_id: Option<WarehouseId>,
    pub to_warehouse_id: Option<WarehouseId>,
    pub supplier_id: Option<SupplierId>,
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
    pub unit_cost: Option<UnitPrice>,
}

impl Command for MoveGoods {
    type Outcome = StockDocumentView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<StockDocumentView, Error> {
        StockDocument::check_line_count(self.lines.len())?;
        let warehouse = self.warehouse(work).await?;
        let products = self.products(work).await?;
        let new = self.new_document(work, warehouse, &products)?;
        new.check(work.now())?;
        let kept: Vec<&Product> = products.values().collect();
        products::repository::mark_ordered(work, kept.iter().copied()).await?;
        let id = StockDocumentId::generate();
        repository::insert(work, id, &new).await?;

        // Read without locks, locked in order, and looked at again. A transfer takes nothing away from an order: it is refused.
        let taken = if self.to_warehouse_id.is_none() { self.taken() } else { Vec::new() };
        let mut taken = TakenAway::lock_givers(work, warehouse, taken).await?;
        let receiving = self.to_warehouse_id.unwrap_or(warehouse);
        let wanted: Vec<ProductId> = self.arriving().collect();
        let mut waiting = match taken.is_free() {
            true => queue::lock_waiting(work, receiving, &wanted).await?,
            // Both at once would be locked in two turns; the service serves who waits.
            false => Vec::new(),
        };
        let places: Vec<WarehouseId> = [Some(warehouse), self.to_warehouse_id].into_iter().flatten().collect();
        let mut levels = stock::repository::lock_or_open(work, &places, &kept).await?;
        let mut effects = taken.take_back(&mut levels, work)?;
        let (document, event) = StockDocument::post(id, new, &mut levels, work.now())?;
        effects.extend(queue::serve(&mut waiting, &mut levels, work));
        work.record(event).await?;
        queue::save(work, effects).await?;
        levels.save(work).await?;
        let view = StockDocumentView::of(&document);
        work.audit(document.action(), ("stock_document", id), None, Some(&view))?;
        Ok(view.seen_by(&work.context().principal))
    }
}

impl MoveGoods {
    async fn warehouse(&self, work: &mut UnitOfWork<'_>) -> Result<WarehouseId, Error> {
        let warehouse = match self.warehouse_id {
            Some(id) => id,
            None => warehouses::repository::default_warehouse(work).await?,
        };
        for (id, pointer) in [(Some(warehouse), "/warehouse_id"), (self.to_warehouse_id, "/to_warehouse_id")] {
            let Some(id) = id else { continue };
            if !warehouses::repository::is_in_use(work, id).await? {
                return Err(StockDocumentError::WarehouseUnknown { id, pointer }.into());
            }
        }
        Ok(warehouse)
    }

    async fn products(&self, work: &mut UnitOfWork<'_>) -> Result<HashMap<ProductId, Product>, Error> {
        let mut ids: Vec<_> = self.lines.iter().map(|line| line.product_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = products::repository::load_for_order(work, &ids).await?;
        let found: HashMap<_, _> = found.into_iter().map(|product| (product.id(), product)).collect();
        let unknown = (0..).zip(&self.lines).filter(|(_, line)| !found.contains_key(&line.product_id));
        let unknown: Vec<usize> = unknown.map(|(index, _)| index).collect();
        if unknown.is_empty() { Ok(found) } else { Err(StockDocumentError::ProductsUnknown(unknown).into()) }
    }

    fn new_document<'a>(
        &self,
        work: &mut UnitOfWork<'_>,
        warehouse_id: WarehouseId,
        products: &'a HashMap<ProductId, Product>,
    ) -> Result<NewStockDocument<'a>, Error> {
        let lines = self.lines.iter().filter_map(|line| {
            let product = products.get(&line.product_id)?;
            let MoveGoodsLine { units, adds, unit_cost, .. } = line;
            Some(DraftMovement { product, units: units.clone(), adds: *adds, unit_cost: unit_cost.clone() })
        });
        Ok(NewStockDocument {
            kind: self.kind,
            warehouse_id,
            to_warehouse_id: self.to_warehouse_id,
            supplier_id: self.supplier_id,
            reference: self.reference.clone(),
            reason: self.reason.clone(),
            business_date: self.business_date.unwrap_or_else(|| BusinessDate::of(work.now())),
            created_by: work.context().principal.name.clone(),
            lines: lines.collect(),
        })
    }

    /// The products of which goods come to where they can be promised.
    fn arriving(&self) -> impl Iterator<Item = ProductId> {
        let comes = |line: &&MoveGoodsLine| line.adds || self.to_warehouse_id.is_some();
        self.lines.iter().filter(comes).map(|line| line.product_id)
    }

    /// What is taken away of each product.
    fn taken(&self) -> Vec<(ProductId, Units)> {
        let mut taken: BTreeMap<ProductId, Units> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| !line.adds) {
            let sum = taken.entry(line.product_id).or_insert_with(Units::zero);
            *sum = sum.plus(&line.units);
        }
        taken.into_iter().collect()
    }
}

impl StockDocument {
    fn action(&self) -> &'static str {
        match self.kind {
            StockDocumentKind::Receipt => "stock.receive",
            StockDocumentKind::Adjustment => "stock.adjust",
            StockDocumentKind::WriteOff => "stock.write_off",
            StockDocumentKind::Transfer => "stock.transfer",
        }
    }
}
