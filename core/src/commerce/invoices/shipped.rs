//! Invoices of what has left: drafted from orders, shipments or a month of them, and what lines of invoices claim of orders.

use std::collections::HashMap;

use super::aggregate::InvoiceError;
use super::claims::{self, Claim, Invoiceable, Part};
use super::commands::created;
use super::draft::{
    Draft, DraftLine, DraftVat, LineName, LineSku, MAX_LINES, OrderReference, Period, Source,
};
use super::queries::InvoiceView;
use super::repository::{self, ShippedPart};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::customers;
use crate::commerce::orders::{self, Order, OrderLine};
use crate::commerce::vat::Nature;
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, InvoiceId, OrderId, ShipmentId};
use crate::values::invalid::Invalid;

/// The maximum number of orders on one invoice: they are locked together.
const MAX_ORDERS: usize = 500;

/// What is to be invoiced of what has left.
#[derive(Debug, Clone)]
pub enum Scope {
    /// All that has left of these orders, which are of one customer.
    Orders(Vec<OrderId>),
    /// What these shipments took; their orders are of one customer.
    Shipments(Vec<ShipmentId>),
    /// What left for a customer in a month.
    Month { customer_id: CustomerId, month: Period },
}

/// Drafts an invoice of what has left and is not invoiced yet.
#[derive(Debug)]
pub struct InvoiceShipped {
    pub scope: Scope,
    pub issue_date: Option<BusinessDate>,
}

impl Command for InvoiceShipped {
    type Outcome = InvoiceView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceView, Error> {
        let parts = self.parts(work).await?;
        let ids = self.orders(&parts)?;
        let customer_id = self.customer(work, &ids).await?;
        if !customers::repository::hold(work, customer_id).await? {
            return Err(InvoiceError::CustomerUnknown(customer_id).into());
        }
        let orders = orders::repository::load_several(work, &ids).await?;
        let id = InvoiceId::generate();
        let invoiceable = invoiceable(&orders, &repository::claimed(work, &ids, id).await?);
        let wanted: Vec<(Source, Option<Units>)> = match &self.scope {
            Scope::Orders(_) => orders.iter().flat_map(sources).map(|source| (source, None)).collect(),
            Scope::Shipments(_) | Scope::Month { .. } => parts.iter().map(wanted).collect(),
        };
        let taken = claims::take(&wanted, &invoiceable);
        if taken.is_empty() {
            return Err(InvoiceError::NothingToInvoice.into());
        }
        let draft = self.draft(work, customer_id, &orders, &taken, &parts).await?;
        let claims = claims::claims(&draft);
        created(work, id, draft, &claims).await
    }
}

fn wanted((order_id, position, units, _): &ShippedPart) -> (Source, Option<Units>) {
    (Source { order_id: *order_id, position: *position }, Some(units.clone()))
}

impl InvoiceShipped {
    /// What the shipments in question took. Read without a lock: what is invoiced of it is decided under those of the orders.
    async fn parts(&self, work: &mut UnitOfWork<'_>) -> Result<Vec<ShippedPart>, Error> {
        match &self.scope {
            Scope::Orders(ids) => repository::shipped_of(work, ids).await,
            Scope::Shipments(ids) => repository::shipped_by(work, ids).await,
            Scope::Month { customer_id, month } => {
                // One more than fits on an invoice: then it is refused, and nothing is left out without a word.
                let most = i64::try_from(MAX_LINES).unwrap_or(i64::MAX).saturating_add(1);
                repository::shipped_between(work, *customer_id, (month.start, month.end), most).await
            }
        }
    }

    /// The orders in question, in the order in which they are locked.
    fn orders(&self, parts: &[ShippedPart]) -> Result<Vec<OrderId>, InvoiceError> {
        let mut ids: Vec<OrderId> = match &self.scope {
            // Those that left before there were shipments have none.
            Scope::Orders(ids) => ids.clone(),
            Scope::Shipments(_) | Scope::Month { .. } => parts.iter().map(|(order, ..)| *order).collect(),
        };
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Err(InvoiceError::NothingToInvoice);
        }
        if ids.len() > MAX_ORDERS || parts.len() > MAX_LINES {
            let message =
                format!("an invoice is of at most {MAX_ORDERS} orders and {MAX_LINES} lines: make several");
            return Err(InvoiceError::Lines(vec![Invalid::new("too_many", message).at(self.pointer())]));
        }
        Ok(ids)
    }

    /// Where the request names what is to be invoiced.
    fn pointer(&self) -> &'static str {
        match &self.scope {
            Scope::Orders(_) => "/order_ids",
            Scope::Shipments(_) => "/shipment_ids",
            Scope::Month { .. } => "/month",
        }
    }

    /// The one customer of the orders.
    async fn customer(&self, work: &mut UnitOfWork<'_>, ids: &[OrderId]) -> Result<CustomerId, Error> {
        if let Scope::Month { customer_id, .. } = &self.scope {
            return Ok(*customer_id);
        }
        let found = repository::customers_of(work, ids).await?;
        let refused =
            |code, message: String| InvoiceError::Lines(vec![Invalid::new(code, message).at(self.pointer())]);
        if let Some(unknown) = ids.iter().find(|id| !found.contains_key(*id)) {
            return Err(refused("unknown_order", format!("there is no order {unknown}")).into());
        }
        let mut customers = found.values();
        let first = customers.next().copied().ok_or(InvoiceError::NothingToInvoice)?;
        if customers.any(|other| *other != first) {
            let message = "these are of several customers, and an invoice is to one: make one for each";
            return Err(refused("several_customers", message.to_owned()).into());
        }
        Ok(first)
    }

    async fn draft(
        &self,
        work: &mut UnitOfWork<'_>,
        customer_id: CustomerId,
        orders: &[Order],
        taken: &[Part],
        parts: &[ShippedPart],
    ) -> Result<Draft, Error> {
        let sold: HashMap<Source, &OrderLine> =
            orders.iter().flat_map(|order| sources(order).zip(order.lines())).collect();
        let products = sold.values().map(|line| line.product_id.uuid()).collect();
        let units = repository::units_of(work, products).await?;
        let lines = taken.iter().filter_map(|part| {
            let line = sold.get(&part.source)?;
            Some(DraftLine {
                source: Some(part.source),
                product_id: Some(line.product_id),
                sku: Some(LineSku::stored(line.sku.clone())),
                name: LineName::stored(line.name.clone()),
                description: None,
                nature: Nature::Goods,
                quantity: part.quantity.clone(),
                unit: units.get(&line.product_id).cloned().unwrap_or_default(),
                unit_price: line.unit_price.clone(),
                adjustments: Vec::new(),
                vat: DraftVat { rate: line.vat_rate.clone(), category: None, reason: None },
                price: line.price,
            })
        });
        let lines = lines.collect();
        let reference = match orders {
            [only] => only.reference().map(|reference| OrderReference::stored(reference.as_str().to_owned())),
            _ => None,
        };
        Ok(Draft {
            customer_id,
            issue_date: self.issue_date,
            due_on: None,
            delivered_on: parts.iter().map(|(.., day)| *day).max(),
            language: None,
            reference,
            note: None,
            delivery_address: None,
            period: match &self.scope {
                Scope::Month { month, .. } => Some(*month),
                Scope::Orders(_) | Scope::Shipments(_) => None,
            },
            lines,
            adjustments: Vec::new(),
        })
    }
}

/// The lines of an order, as invoices name them.
fn sources(order: &Order) -> impl Iterator<Item = Source> + use<> {
    let (order_id, count) = (order.id(), order.lines().len());
    (1..).take(count).map(move |position| Source { order_id, position })
}

/// What has left of orders and not come back, without what others claim.
fn invoiceable(orders: &[Order], claimed: &HashMap<Source, Units>) -> Invoiceable {
    let nothing = Units::zero();
    let of_line = |(source, line): (Source, &OrderLine)| {
        let left = line.shipped.less(&line.returned);
        (source, left.less(claimed.get(&source).unwrap_or(&nothing)))
    };
    orders.iter().flat_map(|order| sources(order).zip(order.lines())).map(of_line).collect()
}

/// Locks the orders of which something is claimed, and checks that there is as much.
///
/// # Errors
/// `Lines` if an order is not the customer's, `ExceedsShipped` if more is claimed than has left and is not invoiced yet. Fails if the database
/// cannot be reached.
pub(super) async fn claim(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    customer_id: CustomerId,
    claims: &[Claim],
) -> Result<(), Error> {
    let mut ids: Vec<OrderId> = claims.iter().map(|claim| claim.source.order_id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    if ids.len() > MAX_ORDERS {
        let message = format!("an invoice is of at most {MAX_ORDERS} orders: make several");
        return Err(InvoiceError::Lines(vec![Invalid::new("too_many", message).at("/lines")]).into());
    }
    let orders = orders::repository::load_several(work, &ids).await?;
    let is_of_customer =
        |id: OrderId| orders.iter().any(|order| order.id() == id && order.customer_id() == customer_id);
    let strangers: Vec<_> = claims
        .iter()
        .filter(|claim| !is_of_customer(claim.source.order_id))
        .map(|claim| {
            let message = format!("the customer has no order {}", claim.source.order_id);
            Invalid::new("unknown_order", message).at(format!("/lines/{}/source/order_id", claim.line - 1))
        })
        .collect();
    if !strangers.is_empty() {
        return Err(InvoiceError::Lines(strangers).into());
    }
    let claimed = repository::claimed(work, &ids, id).await?;
    claims::check(claims, &invoiceable(&orders, &claimed)).map_err(InvoiceError::ExceedsShipped)?;
    Ok(())
}
