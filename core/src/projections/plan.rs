//! What events change: pure. The messages of one tenant, in the order in which they are to be applied, become sums and rows that
//! `store.rs` writes in a few statements, however many messages there are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bigdecimal::BigDecimal;
use chrono::{DateTime, Datelike, NaiveTime, Utc};
use uuid::Uuid;

use super::fact::{
    AmendedOrder, Fact, InvoicedDocument, MovedOrder, PaidAmount, PlacedOrder, REPLACING, Step, is_told_once,
};
use crate::values::money::Money;

/// The position of an aggregate all of whose events are in a generation already: it was gone when that was built.
pub(super) const GONE: i64 = i64::MAX;

/// A message whose turn it is.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: Uuid,
    pub(super) aggregate_id: String,
    pub(super) aggregate_version: Option<i64>,
    pub(super) event_type: String,
    pub(super) schema_version: Option<i64>,
    pub(super) payload: Vec<u8>,
    pub(super) causation_id: Option<String>,
    /// Somebody decided that it is not applied.
    pub(super) skip: bool,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Applied,
    /// What it says is in the generation already.
    Repeated,
    Discarded,
    /// This version of its aggregate has to come first.
    Missing(i64),
    /// One before it has to come first, and did not.
    Held,
    Refused(String),
}

/// An order as it was placed, or amended since: what later events do not repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownOrder {
    pub(super) customer_id: Uuid,
    pub(super) currency: String,
    pub(super) net_total: Money,
    pub(super) vat_total: Money,
    pub(super) gross_total: Money,
    pub(super) placed_at: DateTime<Utc>,
    /// By product: the quantity and the net amount.
    pub(super) products: BTreeMap<Uuid, (BigDecimal, BigDecimal)>,
}

/// What a generation holds about the aggregates of these messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) positions: HashMap<Uuid, i64>,
    /// Those that are to be amended or cancelled.
    pub(super) orders: HashMap<Uuid, KnownOrder>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimelineRow {
    pub(super) order_id: Uuid,
    pub(super) version: i64,
    pub(super) event: &'static str,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) reference: Option<String>,
    pub(super) customer_id: Uuid,
    pub(super) tracking_number: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) request_id: Option<String>,
}

/// Added to a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DaySum {
    pub(super) orders: i64,
    pub(super) net_total: BigDecimal,
    pub(super) vat_total: BigDecimal,
    pub(super) gross_total: BigDecimal,
    pub(super) cancelled_orders: i64,
    pub(super) cancelled_gross_total: BigDecimal,
}

/// Added to a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProductSum {
    /// As it was called in the order, for a product that is not known yet.
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) currency: String,
    pub(super) orders: i64,
    pub(super) quantity: BigDecimal,
    pub(super) net_total: BigDecimal,
    pub(super) last_ordered_at: DateTime<Utc>,
}

/// Added to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CustomerSum {
    pub(super) currency: String,
    pub(super) orders: i64,
    pub(super) cancelled_orders: i64,
    pub(super) gross_total: BigDecimal,
    pub(super) first_order_at: DateTime<Utc>,
    pub(super) last_order_at: DateTime<Utc>,
}

/// Added to a customer's month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MonthSum {
    pub(super) currency: String,
    pub(super) documents: i64,
    pub(super) net_total: BigDecimal,
    pub(super) vat_total: BigDecimal,
}

/// Added to what a customer owes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReceivableSum {
    /// `None` if nothing was invoiced: payments do not say it.
    pub(super) currency: Option<String>,
    pub(super) invoiced: BigDecimal,
    pub(super) credited: BigDecimal,
    pub(super) paid: BigDecimal,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    pub(super) positions: HashMap<Uuid, i64>,
    pub(super) orders: BTreeMap<Uuid, KnownOrder>,
    /// Those of these orders that replace what the generation holds of them.
    pub(super) replaced: BTreeSet<Uuid>,
    /// What amended orders are called now: all of their steps are found by it.
    pub(super) references: BTreeMap<Uuid, Option<String>>,
    pub(super) timeline: Vec<TimelineRow>,
    pub(super) days: BTreeMap<(DateTime<Utc>, String), DaySum>,
    pub(super) products: BTreeMap<Uuid, ProductSum>,
    pub(super) product_names: BTreeMap<Uuid, (String, String)>,
    pub(super) products_archived: Vec<Uuid>,
    pub(super) products_gone: Vec<Uuid>,
    pub(super) customers: BTreeMap<Uuid, CustomerSum>,
    pub(super) customer_names: BTreeMap<Uuid, (String, String)>,
    /// Those of whom nothing may be left that says who they were.
    pub(super) customers_forgotten: Vec<Uuid>,
    pub(super) customers_gone: Vec<Uuid>,
    /// When something last happened to a customer or to an order of theirs.
    pub(super) customers_active: BTreeMap<Uuid, DateTime<Utc>>,
    /// By the beginning of the month, and by customer.
    pub(super) months: BTreeMap<(DateTime<Utc>, Uuid), MonthSum>,
    pub(super) receivables: BTreeMap<Uuid, ReceivableSum>,
}

/// Decides about all messages, one after the other: one verdict each, and what they change together.
pub(super) fn plan(messages: &[Message], mut known: Known) -> (Vec<Verdict>, Changes) {
    let mut changes = Changes::default();
    let mut stopped: HashSet<&str> = HashSet::new();
    let mut verdicts = Vec::with_capacity(messages.len());
    for message in messages {
        let verdict = if stopped.contains(message.aggregate_id.as_str()) {
            Verdict::Held
        } else {
            decide(message, &mut known, &mut changes).unwrap_or_else(Verdict::Refused)
        };
        if matches!(verdict, Verdict::Missing(_) | Verdict::Refused(_)) {
            stopped.insert(&message.aggregate_id);
        }
        verdicts.push(verdict);
    }
    (verdicts, changes)
}

fn decide(message: &Message, known: &mut Known, changes: &mut Changes) -> Result<Verdict, String> {
    let place = place(message);
    if message.skip {
        // Without a place in an aggregate, there is nothing that could go on behind it.
        if let Ok((aggregate, version)) = place {
            let position = known.positions.get(&aggregate).copied().unwrap_or_default().max(version);
            known.positions.insert(aggregate, position);
            changes.positions.insert(aggregate, position);
        }
        return Ok(Verdict::Discarded);
    }
    let (aggregate, version) = place?;
    let position = known.positions.get(&aggregate).copied().unwrap_or_default();
    if version <= position {
        return Ok(Verdict::Repeated);
    }
    // Orders, customers and products tell every version; of what is told once, the first version is all.
    if version > position + 1 {
        return Ok(Verdict::Missing(position + 1));
    }
    let fact = Fact::read(&message.event_type, message.schema_version, &message.payload)?;
    changes.add(aggregate, version, fact, message.causation_id.clone(), known)?;
    known.positions.insert(aggregate, version);
    changes.positions.insert(aggregate, version);
    Ok(Verdict::Applied)
}

/// The aggregate of a message, and its version.
fn place(message: &Message) -> Result<(Uuid, i64), String> {
    let id = Uuid::try_parse(&message.aggregate_id)
        .map_err(|_| format!("the header aggregate-id is no UUID: {:?}", message.aggregate_id))?;
    match message.aggregate_version {
        Some(version) if (1..GONE).contains(&version) => {
            Ok((id, if is_told_once(&message.event_type) { 1 } else { version }))
        }
        Some(version) => Err(format!("the header aggregate-version is {version}, and versions begin with 1")),
        None => {
            Err("the header aggregate-version is missing: the order of this event is not known".to_owned())
        }
    }
}

impl Changes {
    fn add(
        &mut self,
        aggregate: Uuid,
        version: i64,
        fact: Fact,
        request_id: Option<String>,
        known: &mut Known,
    ) -> Result<(), String> {
        match fact {
            Fact::Placed(order) => return self.placed(aggregate, version, order, request_id, known),
            Fact::Amended(order) => return self.amended(aggregate, version, order, request_id, known),
            Fact::Moved(order) => return self.moved(aggregate, version, order, request_id, known),
            Fact::CustomerKnown { code, name, at } => {
                self.customer_names.insert(aggregate, (code, name));
                self.active(aggregate, at);
            }
            Fact::CustomerForgotten { code, name, at } => {
                self.customer_names.insert(aggregate, (code, name));
                self.customers_forgotten.push(aggregate);
                self.active(aggregate, at);
            }
            Fact::CustomerGone => {
                self.customer_names.remove(&aggregate);
                self.customers_active.remove(&aggregate);
                self.customers_gone.push(aggregate);
            }
            Fact::ProductKnown { sku, name } => {
                self.product_names.insert(aggregate, (sku, name));
            }
            Fact::Invoiced(document) => return self.invoiced(&document),
            Fact::Paid(PaidAmount { customer_id, amount }) => {
                self.receivables.entry(customer_id).or_default().paid += amount.value();
            }
            Fact::ProductArchived => self.products_archived.push(aggregate),
            Fact::ProductGone => {
                self.product_names.remove(&aggregate);
                self.products_gone.push(aggregate);
            }
        }
        Ok(())
    }

    fn placed(
        &mut self,
        id: Uuid,
        version: i64,
        order: PlacedOrder,
        request_id: Option<String>,
        known: &mut Known,
    ) -> Result<(), String> {
        if let Some((_, other)) = self.days.keys().find(|(_, currency)| *currency != order.currency) {
            return Err(two_currencies(&order.currency, other));
        }
        self.timeline.push(TimelineRow {
            order_id: id,
            version,
            event: "order.placed",
            occurred_at: order.placed_at,
            reference: order.reference.clone(),
            customer_id: order.customer_id,
            tracking_number: None,
            reason: None,
            request_id,
        });
        self.active(order.customer_id, order.placed_at);
        self.sell(id, order, known);
        Ok(())
    }

    /// Takes back what was counted of the order as it was, and counts it as it is.
    fn amended(
        &mut self,
        id: Uuid,
        version: i64,
        amended: AmendedOrder,
        request_id: Option<String>,
        known: &mut Known,
    ) -> Result<(), String> {
        let AmendedOrder { order, amended_at } = amended;
        let before =
            known.orders.get(&id).ok_or("it was amended and never placed, as far as is known")?.clone();
        if before.currency != order.currency {
            return Err(two_currencies(&order.currency, &before.currency));
        }
        self.count(&before, Counted::Replaced);
        self.active(order.customer_id, amended_at);
        for row in self.timeline.iter_mut().filter(|row| row.order_id == id) {
            row.reference.clone_from(&order.reference);
        }
        self.references.insert(id, order.reference.clone());
        self.timeline.push(TimelineRow {
            order_id: id,
            version,
            event: REPLACING,
            occurred_at: amended_at,
            reference: order.reference.clone(),
            customer_id: order.customer_id,
            tracking_number: None,
            reason: None,
            request_id,
        });
        self.replaced.insert(id);
        self.sell(id, order, known);
        Ok(())
    }

    /// Counts an order as it is, and keeps it.
    fn sell(&mut self, id: Uuid, order: PlacedOrder, known: &mut Known) {
        let mut products: BTreeMap<Uuid, (BigDecimal, BigDecimal)> = BTreeMap::new();
        for line in &order.lines {
            let (quantity, net_amount) = products.entry(line.product_id).or_default();
            *quantity += line.quantity.value();
            *net_amount += line.net_amount.value();
        }
        for line in &order.lines {
            self.products.entry(line.product_id).or_insert_with(|| ProductSum {
                sku: line.sku.clone(),
                name: line.name.clone(),
                currency: order.currency.clone(),
                orders: 0,
                quantity: BigDecimal::default(),
                net_total: BigDecimal::default(),
                last_ordered_at: order.placed_at,
            });
        }
        let order = KnownOrder {
            customer_id: order.customer_id,
            currency: order.currency,
            net_total: order.net_total,
            vat_total: order.vat_total,
            gross_total: order.gross_total,
            placed_at: order.placed_at,
            products,
        };
        self.count(&order, Counted::Placed);
        self.orders.insert(id, order.clone());
        known.orders.insert(id, order);
    }

    fn moved(
        &mut self,
        id: Uuid,
        version: i64,
        order: MovedOrder,
        request_id: Option<String>,
        known: &Known,
    ) -> Result<(), String> {
        let event = order.step.event();
        let (tracking_number, reason) = match order.step {
            Step::PartlyShipped { tracking_number } | Step::Shipped { tracking_number } => {
                (tracking_number, None)
            }
            Step::Cancelled { reason } => {
                let placed =
                    known.orders.get(&id).ok_or("it was cancelled and never placed, as far as is known")?;
                self.count(placed, Counted::Cancelled);
                (None, reason)
            }
            Step::Approved
            | Step::Reserved
            | Step::BackOrdered
            | Step::Confirmed
            | Step::Returned
            | Step::Delivered => (None, None),
        };
        self.active(order.customer_id, order.at);
        self.timeline.push(TimelineRow {
            order_id: id,
            version,
            event,
            occurred_at: order.at,
            reference: order.reference,
            customer_id: order.customer_id,
            tracking_number,
            reason,
            request_id,
        });
        Ok(())
    }

    /// Counts an order among those of its day, its products and its customer, or takes it back.
    fn count(&mut self, order: &KnownOrder, how: Counted) {
        let sign = how.sign();
        let day = self.days.entry((day(order.placed_at), order.currency.clone())).or_default();
        day.orders += sign;
        day.net_total += order.net_total.value() * sign;
        day.vat_total += order.vat_total.value() * sign;
        day.gross_total += order.gross_total.value() * sign;
        if how == Counted::Cancelled {
            day.cancelled_orders += 1;
            day.cancelled_gross_total += order.gross_total.value();
        }
        for (product, (quantity, net_amount)) in &order.products {
            let sum = self.products.entry(*product).or_insert_with(|| ProductSum {
                // The product has a row since the order was placed, and its name stays.
                sku: String::new(),
                name: String::new(),
                currency: order.currency.clone(),
                orders: 0,
                quantity: BigDecimal::default(),
                net_total: BigDecimal::default(),
                last_ordered_at: order.placed_at,
            });
            sum.orders += sign;
            sum.quantity += quantity * sign;
            sum.net_total += net_amount * sign;
            sum.last_ordered_at = sum.last_ordered_at.max(order.placed_at);
        }
        let sum = self.customers.entry(order.customer_id).or_insert_with(|| CustomerSum {
            currency: order.currency.clone(),
            orders: 0,
            cancelled_orders: 0,
            gross_total: BigDecimal::default(),
            first_order_at: order.placed_at,
            last_order_at: order.placed_at,
        });
        sum.orders += sign;
        sum.gross_total += order.gross_total.value() * sign;
        sum.cancelled_orders += i64::from(how == Counted::Cancelled);
        sum.first_order_at = sum.first_order_at.min(order.placed_at);
        sum.last_order_at = sum.last_order_at.max(order.placed_at);
    }

    /// Counts a document among the sales of its month, and among what its customer owes.
    fn invoiced(&mut self, document: &InvoicedDocument) -> Result<(), String> {
        let currency = &document.currency;
        if let Some(other) = self.months.values().map(|sum| &sum.currency).find(|other| *other != currency) {
            return Err(two_currencies(currency, other));
        }
        let first = document.issue_date.with_day(1).unwrap_or(document.issue_date);
        let month = first.and_time(NaiveTime::MIN).and_utc();
        let sum = self.months.entry((month, document.customer_id)).or_insert_with(|| MonthSum {
            currency: currency.clone(),
            documents: 0,
            net_total: BigDecimal::default(),
            vat_total: BigDecimal::default(),
        });
        sum.documents += 1;
        sum.net_total += document.sold().value();
        sum.vat_total += document.vat().value();
        let owed = self.receivables.entry(document.customer_id).or_default();
        owed.currency = Some(currency.clone());
        if document.is_credit_note {
            owed.credited += document.gross_total.value();
        } else {
            owed.invoiced += document.gross_total.value();
        }
        Ok(())
    }

    fn active(&mut self, customer: Uuid, at: DateTime<Utc>) {
        let last = self.customers_active.entry(customer).or_insert(at);
        *last = (*last).max(at);
    }
}

/// Amounts in two currencies have no sum.
pub(super) fn two_currencies(one: &str, other: &str) -> String {
    format!("it is in {one} and others of this company are in {other}: their amounts cannot be added")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Placed,
    /// As it was before an amendment.
    Replaced,
    Cancelled,
}

impl Counted {
    fn sign(self) -> i64 {
        match self {
            Self::Placed => 1,
            Self::Replaced | Self::Cancelled => -1,
        }
    }
}

/// The beginning of a day, in UTC.
fn day(time: DateTime<Utc>) -> DateTime<Utc> {
    time.date_naive().and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
