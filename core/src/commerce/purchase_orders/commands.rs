//! The commands on purchase orders. Goods of them are received by a stock document (`MoveGoods`).

use std::collections::{HashMap, VecDeque};

use super::aggregate::{
    DraftPurchaseLine, NewPurchaseLine, NewPurchaseOrder, PurchaseLine, PurchaseOrder, PurchaseOrderDetails,
    PurchaseOrderError,
};
use super::queries::PurchaseOrderView;
use super::repository;
use crate::application::aggregate::{Aggregate, change, create};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::application::{Edit, Permission};
use crate::commerce::orders::positions;
use crate::commerce::products::{self, Product};
use crate::commerce::{suppliers, warehouses};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{ProductId, PurchaseOrderId, WarehouseId};
use crate::values::money::UnitPrice;

#[derive(Debug)]
pub struct CreatePurchaseOrder {
    pub details: PurchaseOrderDetails,
}

impl Command for CreatePurchaseOrder {
    type Outcome = PurchaseOrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<PurchaseOrderView, Error> {
        let held = Held::by(work, &self.details).await?;
        let ordered = PurchaseOrder::order(
            PurchaseOrderId::generate(),
            held.new_order(work, &self.details),
            work.now(),
        )?;
        let view = create(work, "purchase_order.create", ordered, PurchaseOrderView::of).await?;
        Ok(view.seen_by(&work.context().principal))
    }
}

#[derive(Debug)]
pub struct UpdatePurchaseOrder {
    pub id: PurchaseOrderId,
    pub expected_version: Option<i64>,
    pub edit: Edit<PurchaseOrderView, PurchaseOrderDetails>,
}

impl Command for UpdatePurchaseOrder {
    type Outcome = PurchaseOrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<PurchaseOrderView, Error> {
        // What it is to name is locked before it: read without a lock, locked in order, and looked at again.
        let seen = repository::look_at(work, self.id).await?;
        check_version(self.expected_version, seen.version())?;
        let mut details = self.edit.apply(&PurchaseOrderView::of(&seen))?;
        if !work.context().principal.may(Permission::StockCosts) {
            keep_costs(&mut details.lines, seen.lines());
        }
        let held = Held::by(work, &details).await?;
        let order = repository::load(work, self.id).await?;
        check_version(self.expected_version, order.version())?;
        if order.version() != seen.version() {
            return Err(Error::Overtaken);
        }
        let new = held.new_order(work, &details);
        let decide = |order: &mut PurchaseOrder, now| order.change(new, now);
        let order = change(work, "purchase_order.update", order, self.expected_version, decide).await?;
        Ok(PurchaseOrderView::of(&order).seen_by(&work.context().principal))
    }
}

/// Whoever does not see costs sends none back: a line without one keeps its own. The second line of a product is the one that was its
/// second before, and so on; a line that is new has none.
fn keep_costs(lines: &mut [DraftPurchaseLine], before: &[PurchaseLine]) {
    let mut costs: HashMap<ProductId, VecDeque<Option<UnitPrice>>> = HashMap::new();
    for line in before {
        costs.entry(line.product_id).or_default().push_back(line.unit_cost.clone());
    }
    for line in lines {
        let own = costs.get_mut(&line.product_id).and_then(VecDeque::pop_front).flatten();
        line.unit_cost = line.unit_cost.take().or(own);
    }
}

/// Ends a purchase order: what has not come is not expected any more.
#[derive(Debug)]
pub struct CancelPurchaseOrder {
    pub id: PurchaseOrderId,
    pub expected_version: Option<i64>,
}

impl Command for CancelPurchaseOrder {
    type Outcome = PurchaseOrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<PurchaseOrderView, Error> {
        let order = repository::load(work, self.id).await?;
        let decide = |order: &mut PurchaseOrder, now| order.cancel(now).map(Some);
        let order = change(work, "purchase_order.cancel", order, self.expected_version, decide).await?;
        Ok(PurchaseOrderView::of(&order).seen_by(&work.context().principal))
    }
}

/// What a purchase order names, locked: until the unit of work ends, it is not deleted.
struct Held {
    warehouse_id: WarehouseId,
    products: HashMap<ProductId, Product>,
}

impl Held {
    async fn by(work: &mut UnitOfWork<'_>, details: &PurchaseOrderDetails) -> Result<Self, Error> {
        // First, so that nothing is locked for what is refused anyway.
        PurchaseOrder::check_line_count(details.lines.len())?;
        let warehouse_id = match details.warehouse_id {
            Some(id) if warehouses::repository::hold_open(work, id).await? => id,
            Some(id) => return Err(PurchaseOrderError::WarehouseUnknown(id).into()),
            None => warehouses::repository::find_default(work).await?,
        };
        let ids = details.lines.iter().map(|line| line.product_id).collect();
        let products = products::repository::load_for_order(work, ids).await?;
        let unknown = positions(&details.lines, |line| !products.contains_key(&line.product_id));
        if !unknown.is_empty() {
            return Err(PurchaseOrderError::ProductsUnknown(unknown).into());
        }
        products::repository::mark_ordered(work, products.values()).await?;
        if !suppliers::repository::hold(work, details.supplier_id).await? {
            return Err(PurchaseOrderError::SupplierUnknown(details.supplier_id).into());
        }
        Ok(Self { warehouse_id, products })
    }

    fn new_order(&self, work: &mut UnitOfWork<'_>, details: &PurchaseOrderDetails) -> NewPurchaseOrder<'_> {
        let lines = details.lines.iter().filter_map(|line| {
            Some(NewPurchaseLine {
                product: self.products.get(&line.product_id)?,
                quantity: line.quantity.clone(),
                unit_cost: line.unit_cost.clone(),
                expected_on: line.expected_on,
            })
        });
        NewPurchaseOrder {
            reference: details.reference.clone(),
            supplier_id: details.supplier_id,
            warehouse_id: self.warehouse_id,
            ordered_on: details.ordered_on.unwrap_or_else(|| BusinessDate::of(work.now())),
            expected_on: details.expected_on,
            lines: lines.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::goods::Units;
    use crate::values::money::Quantity;

    fn quantity() -> Quantity {
        Quantity::parse("1").expect("a quantity")
    }

    fn cost(text: &str) -> Option<UnitPrice> {
        Some(UnitPrice::parse(text).expect("a cost"))
    }

    fn before(product_id: ProductId, unit_cost: Option<UnitPrice>) -> PurchaseLine {
        PurchaseLine {
            product_id,
            sku: "T-1".to_owned(),
            name: "A tea".to_owned(),
            quantity: quantity(),
            unit_cost,
            expected_on: None,
            received: Units::zero(),
        }
    }

    #[test]
    fn each_line_of_a_product_keeps_its_own_cost() {
        let (tea, pot) = (ProductId::generate(), ProductId::generate());
        let seen = [before(tea, cost("5")), before(pot, None), before(tea, cost("6")), before(tea, None)];
        let sent = |product_id, unit_cost| DraftPurchaseLine {
            product_id,
            quantity: quantity(),
            unit_cost,
            expected_on: None,
        };
        let mut lines = [
            sent(pot, None),
            sent(tea, None),
            sent(tea, None),
            sent(tea, None),
            sent(tea, None),
            sent(ProductId::generate(), None),
        ];
        keep_costs(&mut lines, &seen);
        let costs = lines.map(|line| line.unit_cost);
        assert_eq!(costs, [None, cost("5"), cost("6"), None, None, None]);

        let mut given = [sent(tea, cost("7")), sent(tea, None)];
        keep_costs(&mut given, &seen);
        assert_eq!(given.map(|line| line.unit_cost), [cost("7"), cost("6")], "what is said counts");
    }
}
