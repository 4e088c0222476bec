//! The commands on orders.

use std::collections::HashMap;

use super::aggregate::{CancellationReason, NewOrder, Order, OrderReference, OrderStatus, TrackingNumber};
use super::amendment::{AmendedLine, AuditedAmendment, OrderAmendment, Plan};
use super::error::OrderError;
use super::events::OrderEvent;
use super::lines::{DraftLine, LinePart, positions};
use super::placing::{self, Buyer};
use super::queries::OrderView;
use super::{line_rows, repository, reservation_rows};
use crate::accounts::tenants;
use crate::application::Edit;
use crate::application::aggregate::{Aggregate, change};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::credit::{self, Admission, Reopens};
use crate::commerce::prices::{self, PriceBook};
use crate::commerce::products::{self, Product};
use crate::commerce::shipments::{self, NewShipment};
use crate::commerce::stock::{self, Levels};
use crate::commerce::warehouses::{self, WarehouseError};
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::external_id::ExternalId;
use crate::values::ids::{CustomerId, OrderId, ProductId, WarehouseId};
use crate::values::money::{Money, Quantity, UnitPrice};

#[derive(Debug)]
pub struct PlaceOrder {
    pub external_id: Option<ExternalId>,
    pub reference: Option<OrderReference>,
    pub customer_id: CustomerId,
    /// Where the goods come from; `None` stands for the company's default.
    pub warehouse_id: Option<WarehouseId>,
    /// Whether it waits for what is short, instead of being refused.
    pub back_order: bool,
    /// When the customer ordered; `None` stands for today.
    pub ordered_on: Option<BusinessDate>,
    /// Where it goes; `None` for the customer's own address.
    pub delivery_address: Option<PostalAddress>,
    /// By when the customer was promised the goods.
    pub promised_on: Option<BusinessDate>,
    pub lines: Vec<PlaceOrderLine>,
}

#[derive(Debug)]
pub struct PlaceOrderLine {
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// The agreed price; `None` stands for that of a list, or else for the product's own price.
    pub unit_price: Option<UnitPrice>,
}

impl Command for PlaceOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        // First, so that nothing is locked for an order that is refused anyway.
        Order::check_line_count(self.lines.len())?;
        let (products, buyer, default) = self.load(work).await?;
        let unknown = positions(&self.lines, |line| !products.contains_key(&line.product_id));
        if !unknown.is_empty() {
            return Err(OrderError::ProductsUnknown(unknown).into());
        }
        let ordered_on = self.ordered_on.unwrap_or_else(|| buyer.today(work.now()));
        let prices =
            if buyer.has_lists { self.listed(work, ordered_on).await? } else { PriceBook::default() };
        let stocked: Vec<&Product> = products.values().filter(|product| product.details().stocked).collect();
        let lines = self.lines.iter().filter_map(|line| {
            let product = products.get(&line.product_id)?;
            let (quantity, unit_price) = (line.quantity.clone(), line.unit_price.clone());
            let listed = prices.price(line.product_id, &quantity).filter(|_| unit_price.is_none());
            Some(DraftLine { product, quantity, unit_price, listed })
        });
        let new = NewOrder {
            external_id: self.external_id.clone(),
            reference: self.reference.clone(),
            customer_id: self.customer_id,
            currency: work.context().currency().clone(),
            warehouse_id: self.warehouse(work, !stocked.is_empty(), default).await?,
            back_order: self.back_order,
            ordered_on,
            delivery_address: self.delivery_address.clone(),
            promised_on: self.promised_on,
            lines: lines.collect(),
        };
        let mut order = Order::place(OrderId::generate(), new, work.now())?;
        products::repository::mark_ordered(work, products.values()).await?;
        // Behind all products, and before all stock. Without a limit, the customer is locked by the order's foreign key alone.
        if buyer.limit.is_some() {
            let total = order.totals().gross_total.clone();
            let admission = credit::repository::admit(work, self.customer_id, &Money::zero(), &total).await?;
            if admission == Admission::Held {
                order.hold();
            }
        }
        placing::insert(work, &order, buyer.limit.as_ref()).await?;
        // Last, because everybody who orders these products waits here.
        let mut levels = match order.warehouse_id() {
            Some(warehouse) if self.back_order => {
                stock::repository::lock_or_open(work, &[warehouse], &stocked).await?
            }
            _ => stock::repository::lock(work, &order.places()).await?,
        };
        order.promise(&mut levels)?;
        work.record(OrderEvent::Placed(Box::new(order.clone()))).await?;
        let levels = levels.close(work);
        futures::try_join!(
            reservation_rows::insert_held(work, &order),
            reservation_rows::mark_waiting(work, &order),
            levels.write(work),
        )?;
        levels.tell(work).await?;
        let view = OrderView::of(&order);
        work.audit("order.place", (Order::NAME, order.id()), None, Some(&view))?;
        Ok(view.seen_by(&work.context().principal))
    }
}

impl PlaceOrder {
    /// Loads its products, and reads what has to be known of the customer, and which warehouse is meant if it names none.
    async fn load(
        &self,
        work: &mut UnitOfWork<'_>,
    ) -> Result<(HashMap<ProductId, Product>, Buyer, Option<WarehouseId>), Error> {
        let ids = self.lines.iter().map(|line| line.product_id).collect();
        placing::load_for_placing(work, ids, self.customer_id, self.warehouse_id.is_none()).await
    }

    /// Reads what price lists say of the lines that have no price of their own, on the day of the order.
    async fn listed(&self, work: &mut UnitOfWork<'_>, on: BusinessDate) -> Result<PriceBook, Error> {
        let unpriced = self.lines.iter().filter(|line| line.unit_price.is_none());
        let ids = unpriced.map(|line| line.product_id).collect();
        let tenant = work.tenant();
        prices::repository::book(work.connection(), tenant, Some(self.customer_id), ids, on).await
    }

    /// Returns where the goods come from: from the default, if it names none. An order that needs no goods has no warehouse, unless it names one.
    async fn warehouse(
        &self,
        work: &mut UnitOfWork<'_>,
        needs_goods: bool,
        default: Option<WarehouseId>,
    ) -> Result<Option<WarehouseId>, Error> {
        match self.warehouse_id {
            Some(id) if warehouses::repository::is_open(work, id).await? => Ok(Some(id)),
            Some(id) => Err(OrderError::WarehouseUnknown(id).into()),
            None if needs_goods => Ok(Some(default.ok_or(WarehouseError::NoDefault)?)),
            None => Ok(None),
        }
    }
}

/// Checks how fine parts of an order are that leave or come back. Their products are read only if a part is finer than its line: parts that
/// are whole, or as fine as what was ordered, cost no statement.
///
/// # Errors
/// `PartsTooPrecise` if a product allows fewer decimals. Fails if the database cannot be reached.
pub(crate) async fn check_decimals(
    work: &mut UnitOfWork<'_>,
    order: &Order,
    parts: &[LinePart],
) -> Result<(), Error> {
    let finer = order.finer(parts);
    if finer.is_empty() {
        return Ok(());
    }
    let measures = products::repository::measures(work, &finer).await?;
    Ok(order.check_decimals(parts, &measures)?)
}

/// Changes an order of which nothing has left: its lines, its reference, where it goes, by when it was promised.
#[derive(Debug)]
pub struct AmendOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
    pub edit: Edit<OrderView, OrderAmendment>,
}

impl Command for AmendOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        // What it is to name is locked before it: read without a lock, locked in order, and looked at again.
        let seen = repository::look(work, self.id).await?;
        check_version(self.expected_version, seen.version())?;
        seen.check_amendable()?;
        let amendment = self.edit.apply(&OrderView::of(&seen).seen_by(&work.context().principal))?;
        Order::check_line_count(amendment.lines.len())?;
        let products = products::repository::load_for_order(work, products_of(&amendment, &seen)).await?;
        products::repository::mark_ordered(work, products.values()).await?;
        let prices = listed(work, &amendment, seen.customer_id()).await?;
        let planned = seen.plan(&amendment, &products, &prices)?;
        let admission = match planned.raised_total(&seen) {
            Some(total) => {
                let replaced = &seen.totals().gross_total;
                credit::repository::admit_raised(work, seen.customer_id(), replaced, total).await?
            }
            None => Admission::Granted,
        };
        let mut order = repository::load(work, self.id).await?;
        check_version(self.expected_version, order.version())?;
        let plan = if order.version() == seen.version() {
            planned
        } else {
            let view = OrderView::of(&order).seen_by(&work.context().principal);
            let plan = order.plan(&self.edit.apply(&view)?, &products, &prices)?;
            // Lines are decided about for the version of which their products are locked and their total is admitted.
            if planned.changes_lines() || plan.changes_lines() {
                return Err(Error::Overtaken);
            }
            plan
        };
        // Before the levels, as for an order that is placed: whoever waits for somebody else's reference holds no stock meanwhile.
        if plan.changes_reference(&order) {
            repository::write_reference(work, self.id, plan.reference()).await?;
        }
        let new_goods = plan.new_goods();
        let warehouse = warehouse_of(work, &order, &new_goods).await?;
        // Last, because everybody who orders these products waits here.
        let mut levels = lock_levels(work, &order, &plan, warehouse, &products).await?;
        let (before, changes_lines) = (order.audited(), plan.changes_lines());
        if admission == Admission::Held {
            order.hold();
        }
        let now = work.now_after(order.updated_at());
        let Some((event, changed)) = order.amend(plan, warehouse, &mut levels, now)? else {
            return Ok(OrderView::of(&order).seen_by(&work.context().principal));
        };
        order.save(work).await?;
        if changes_lines {
            line_rows::replace_lines(work, &order).await?;
            credit::repository::count_to_invoice(work, &[self.id], &[], Reopens::Yes).await?;
        }
        repository::keep_amendment(work, &event, &changed.dropped).await?;
        work.record(event).await?;
        levels.save(work).await?;
        let (before, after) = AuditedAmendment::of(before, order.audited(), &changed);
        work.audit("order.amend", (Order::NAME, order.id()), Some(&before), Some(&after))?;
        Ok(OrderView::of(&order).seen_by(&work.context().principal))
    }
}

/// Lets an order go on that was held because it passes its customer's credit limit.
#[derive(Debug)]
pub struct ApproveOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
}

impl Command for ApproveOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let mut order = repository::load(work, self.id).await?;
        check_version(self.expected_version, order.version())?;
        let before = order.audited();
        let now = work.now_after(order.updated_at());
        let event = order.approve(now)?;
        order.save(work).await?;
        repository::keep_step(work, &event).await?;
        work.record(event).await?;
        work.audit("order.approve", (Order::NAME, order.id()), Some(&before), Some(&order.audited()))?;
        Ok(OrderView::of(&order).seen_by(&work.context().principal))
    }
}

/// The products that the lines of an amendment are checked against, each once: those of new lines, and of present ones whose quantity
/// is given.
fn products_of(amendment: &OrderAmendment, order: &Order) -> Vec<ProductId> {
    let present = |position| order.line(position).map(|line| line.product_id);
    let product = |line: &AmendedLine| match line.product_id {
        None => line.position.filter(|_| line.quantity.is_some()).and_then(present),
        new => new,
    };
    let mut products: Vec<ProductId> = amendment.lines.iter().filter_map(product).collect();
    products.sort_unstable();
    products.dedup();
    products
}

/// Reads what price lists say today, where the company is, of the new lines that have no price of their own.
async fn listed(
    work: &mut UnitOfWork<'_>,
    amendment: &OrderAmendment,
    customer: CustomerId,
) -> Result<PriceBook, Error> {
    let unpriced = amendment.lines.iter().filter(|line| line.unit_price.is_none());
    let ids: Vec<ProductId> = unpriced.filter_map(|line| line.product_id).collect();
    if ids.is_empty() {
        return Ok(PriceBook::default());
    }
    let (tenant, on) = (work.tenant(), tenants::repository::today(work).await?);
    prices::repository::book(work.connection(), tenant, Some(customer), ids, on).await
}

/// Returns where the goods of an amended order come from, for which goods come in that it did not have.
async fn warehouse_of(
    work: &mut UnitOfWork<'_>,
    order: &Order,
    new_goods: &[ProductId],
) -> Result<Option<WarehouseId>, Error> {
    match order.warehouse_id() {
        present if new_goods.is_empty() => Ok(present),
        Some(id) if warehouses::repository::is_open(work, id).await? => Ok(Some(id)),
        // A warehouse is archived at most: it is not deleted.
        Some(id) => Err(OrderError::WarehouseArchived(id).into()),
        None => warehouses::repository::find_default(work).await.map(Some),
    }
}

/// Locks what an amendment gives back or takes: the levels of all products that the order has now, and of those that it is to have.
async fn lock_levels(
    work: &mut UnitOfWork<'_>,
    order: &Order,
    plan: &Plan,
    warehouse: Option<WarehouseId>,
    products: &HashMap<ProductId, Product>,
) -> Result<Levels, Error> {
    if !plan.changes_lines() {
        return Ok(Levels::default());
    }
    let (mut places, new_goods) = (order.places(), plan.new_goods());
    if let Some(warehouse) = warehouse {
        if order.is_back_order() {
            let new: Vec<&Product> = new_goods.iter().filter_map(|product| products.get(product)).collect();
            stock::repository::open(work, &[warehouse], &new).await?;
        }
        places.extend(new_goods.into_iter().map(|product| (warehouse, product)));
    }
    stock::repository::lock(work, &places).await
}

#[derive(Debug)]
pub struct ConfirmOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
}

impl Command for ConfirmOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let order = repository::load(work, self.id).await?;
        let decide = |order: &mut Order, now| order.confirm(now).map(Some);
        let order = change(work, "order.confirm", order, self.expected_version, decide).await?;
        Ok(OrderView::of(&order).seen_by(&work.context().principal))
    }
}

#[derive(Debug)]
pub struct ShipOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
    pub tracking_number: Option<TrackingNumber>,
    /// When it left; `None` stands for today.
    pub shipped_on: Option<BusinessDate>,
}

/// Everything that is outstanding leaves as one shipment.
impl Command for ShipOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let mut order = repository::load(work, self.id).await?;
        check_version(self.expected_version, order.version())?;
        order.check_whole()?;
        let before = order.audited();
        let new = NewShipment {
            tracking_number: self.tracking_number.clone(),
            parcels: Vec::new(),
            shipped_on: self.shipped_on,
            parts: order.outstanding(),
        };
        shipments::send(work, &mut order, new).await?;
        work.audit("order.ship", (Order::NAME, order.id()), Some(&before), Some(&order.audited()))?;
        Ok(OrderView::of(&order).seen_by(&work.context().principal))
    }
}

#[derive(Debug)]
pub struct DeliverOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
}

impl Command for DeliverOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let mut order = repository::load(work, self.id).await?;
        let mut open = shipments::load_open(work, &order).await?;
        check_version(self.expected_version, order.version())?;
        let before = order.audited();
        let now = work.now_after(order.updated_at());
        let event = order.deliver(now)?;
        let arrived = shipments::arrive(work, &mut open)?;
        futures::try_join!(repository::save(work, &order), shipments::save_all(work, &open))?;
        work.record(event).await?;
        for event in arrived {
            work.record(event).await?;
        }
        work.audit("order.deliver", (Order::NAME, order.id()), Some(&before), Some(&order.audited()))?;
        Ok(OrderView::of(&order).seen_by(&work.context().principal))
    }
}

#[derive(Debug)]
pub struct CancelOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
    pub reason: CancellationReason,
}

impl Command for CancelOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let order = repository::load(work, self.id).await?;
        let mut levels = stock::repository::lock(work, &order.places()).await?;
        let decide = |order: &mut Order, now| order.cancel(self.reason.clone(), &mut levels, now).map(Some);
        let order = change(work, "order.cancel", order, self.expected_version, decide).await?;
        reservation_rows::replace_held(work, &order).await?;
        levels.save(work).await?;
        Ok(OrderView::of(&order).seen_by(&work.context().principal))
    }
}

/// Cancels what has not left. If something has, the order is shipped with that, and delivered if that has arrived.
#[derive(Debug)]
pub struct CancelRest {
    pub id: OrderId,
    pub expected_version: Option<i64>,
    pub reason: CancellationReason,
}

impl Command for CancelRest {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let mut order = repository::load(work, self.id).await?;
        check_version(self.expected_version, order.version())?;
        let is_under_way = shipments::has_open(work, self.id).await?;
        let mut levels = stock::repository::lock(work, &order.places()).await?;
        let (before, was_divided) = (order.audited(), order.is_divided());
        let now = work.now_after(order.updated_at());
        let mut events = vec![order.cancel_rest(self.reason.clone(), &mut levels, now)?];
        if order.status() == OrderStatus::Shipped && !is_under_way {
            events.push(order.deliver(now)?);
        }
        order.save(work).await?;
        if was_divided || order.is_divided() {
            line_rows::write_progress(work, &order).await?;
            credit::repository::count_to_invoice(work, &[self.id], &[], Reopens::No).await?;
        }
        reservation_rows::replace_held(work, &order).await?;
        for event in events {
            repository::keep_step(work, &event).await?;
            work.record(event).await?;
        }
        levels.save(work).await?;
        work.audit("order.cancel_rest", (Order::NAME, order.id()), Some(&before), Some(&order.audited()))?;
        Ok(OrderView::of(&order).seen_by(&work.context().principal))
    }
}
