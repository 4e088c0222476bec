//! Invoices of what has left: drafted from orders, shipments or a month of them, and what lines of invoices claim of orders.

use std::collections::{BTreeSet, HashMap};

use super::aggregate::{InvoiceError, InvoiceState};
use super::claims::{self, Claim, Extent, Invoiceable, Part};
use super::commands::{buyer, created};
use super::deposit_rows::{self, DepositRow};
use super::draft::{
    Draft, DraftLine, DraftVat, LineDescription, LineName, LineRole, LineSku, MAX_LINES, OrderReference,
    Period, Source,
};
use super::queries::InvoiceView;
use super::repository::{self, ShippedPart};
use crate::accounts::tenants;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::customers;
use crate::commerce::orders::{self, Order, OrderLine};
use crate::commerce::products;
use crate::commerce::vat::Territory;
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, InvoiceId, OrderId, ProductId, ShipmentId};
use crate::values::invalid::Invalid;
use crate::values::language::Language;
use crate::values::money::Money;

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
    /// Whether what has not left yet is invoiced, too.
    pub unshipped: bool,
    /// Whether the deposits of the orders are taken off.
    pub deposits: bool,
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
        let extent = if self.unshipped { Extent::Ordered } else { Extent::Left };
        let claimed = repository::claimed(work, &ids, id).await?;
        let left = invoiceable(&orders, &claimed, Extent::Left);
        let invoiceable = invoiceable(&orders, &claimed, extent);
        let wanted: Vec<(Source, Option<Units>)> = match &self.scope {
            Scope::Orders(_) => orders.iter().flat_map(sources).map(|source| (source, None)).collect(),
            Scope::Shipments(_) | Scope::Month { .. } => parts.iter().map(wanted).collect(),
        };
        let taken = claims::take(&wanted, &invoiceable);
        if taken.is_empty() {
            return Err(InvoiceError::NothingToInvoice.into());
        }
        let mut draft = self.draft(work, customer_id, &orders, &taken, &parts).await?;
        if self.deposits {
            let known = deposit_rows::find(work, &[], &ids).await?;
            draft.deposits = fitting(&draft, known)?;
        }
        let claims = claims::claims(&draft);
        // The day on which other goods left is not the day of those that are still here.
        if claims::check(&claims, &left, Extent::Left).is_err() {
            draft.delivered_on = None;
        }
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

    /// Where the goods went that are invoiced: an order may have an address of its own. The customer is read only if it matters.
    async fn delivered(
        &self,
        work: &mut UnitOfWork<'_>,
        customer_id: CustomerId,
        orders: &[Order],
        taken: &[Part],
    ) -> Result<Delivered, Error> {
        let invoiced: BTreeSet<OrderId> = taken.iter().map(|part| part.source.order_id).collect();
        let of_invoice = orders.iter().filter(|order| invoiced.contains(&order.id()));
        let own: Vec<_> = of_invoice.map(|order| (order.id(), order.delivery_address())).collect();
        let first = own.first().and_then(|(_, address)| *address);
        if own.iter().all(|(_, address)| *address == first) {
            return Ok(Delivered { address: first.cloned(), ..Delivered::default() });
        }
        let customer = customers::repository::look_at(work, customer_id).await?;
        let tenant = tenants::repository::look_at(work).await?;
        let buyer = buyer(&customer);
        let usual = buyer.delivery_address.as_ref().or(buyer.address.as_ref());
        let language = buyer.language.unwrap_or(tenant.details().language);
        let delivered = Delivered::of(&own, usual, language);
        delivered.map_err(|refused| InvoiceError::Lines(vec![refused.at(self.pointer())]).into())
    }

    async fn draft(
        &self,
        work: &mut UnitOfWork<'_>,
        customer_id: CustomerId,
        orders: &[Order],
        taken: &[Part],
        parts: &[ShippedPart],
    ) -> Result<Draft, Error> {
        let delivered = self.delivered(work, customer_id, orders, taken).await?;
        let sold: HashMap<Source, &OrderLine> =
            orders.iter().flat_map(|order| sources(order).zip(order.lines())).collect();
        let products: Vec<ProductId> = sold.values().map(|line| line.product_id).collect();
        let known = products::repository::units_and_natures(work, &products).await?;
        let lines = taken.iter().filter_map(|part| {
            let line = sold.get(&part.source)?;
            let (unit, nature) = known.get(&line.product_id).cloned().unwrap_or_default();
            Some(DraftLine {
                source: Some(part.source),
                product_id: Some(line.product_id),
                sku: Some(LineSku::stored(line.sku.clone())),
                name: LineName::stored(line.name.clone()),
                description: delivered.elsewhere.get(&part.source.order_id).cloned(),
                nature,
                quantity: part.quantity.clone(),
                unit,
                unit_price: line.unit_price.clone(),
                adjustments: Vec::new(),
                vat: DraftVat { rate: line.vat_rate.clone(), category: None, reason: None },
                price: line.price,
                role: LineRole::Sale,
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
            delivery_address: delivered.address.clone(),
            period: match &self.scope {
                Scope::Month { month, .. } => Some(*month),
                Scope::Orders(_) | Scope::Shipments(_) => None,
            },
            lines,
            adjustments: Vec::new(),
            unshipped: self.unshipped,
            deposits: Vec::new(),
            correction: None,
            deposit_of: None,
        })
    }
}

/// Where the goods of an invoice went.
#[derive(Debug, Default, PartialEq, Eq)]
struct Delivered {
    /// The address of the document: it has room for one (EN 16931, BG-15). `None` is the customer's.
    address: Option<PostalAddress>,
    /// What lines say whose order went to another one.
    elsewhere: HashMap<OrderId, LineDescription>,
}

impl Delivered {
    /// Orders without an address of their own went to the `usual` one.
    ///
    /// # Errors
    /// `several_destinations` if they went to places that have not the same VAT.
    fn of(
        orders: &[(OrderId, Option<&PostalAddress>)],
        usual: Option<&PostalAddress>,
        language: Language,
    ) -> Result<Self, Invalid> {
        let places: Vec<(OrderId, &PostalAddress)> =
            orders.iter().filter_map(|(id, own)| Some((*id, own.or(usual)?))).collect();
        let Some((_, first)) = places.first().copied() else { return Ok(Self::default()) };
        if places.iter().any(|(_, place)| territory(place) != territory(first)) {
            let message = "these went to places that have not the same VAT, and an invoice has one place of delivery: make one for each";
            return Err(Invalid::new("several_destinations", message));
        }
        let others = places.iter().filter(|(_, place)| *place != first);
        let elsewhere = others.map(|(id, place)| (*id, delivered_to(place, language))).collect();
        Ok(Self { address: Some(first.clone()), elsewhere })
    }
}

fn territory(address: &PostalAddress) -> Territory {
    Territory::of(&address.country, address.postal_code.as_ref().map(|code| code.as_str()))
}

/// An invoice says where goods went if that is not where the customer is (CGI, annexe II, 242 nonies A, I).
fn delivered_to(address: &PostalAddress, language: Language) -> LineDescription {
    let PostalAddress { line1, line2, postal_code, city, country } = address;
    let town = [postal_code.as_ref().map(ToString::to_string), Some(city.to_string())];
    let town = town.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let parts = [
        Some(line1.to_string()),
        line2.as_ref().map(ToString::to_string),
        Some(town),
        Some(country.code().to_owned()),
    ];
    let place = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let text = match language {
        Language::Fr => format!("Livré à\u{a0}: {place}"),
        Language::En => format!("Delivered to: {place}"),
    };
    LineDescription::stored(text.chars().take(LineDescription::MAX).collect())
}

/// The lines of an order, as invoices name them.
fn sources(order: &Order) -> impl Iterator<Item = Source> + use<> {
    let (order_id, count) = (order.id(), order.lines().len());
    (1..).take(count).map(move |position| Source { order_id, position })
}

/// What can be invoiced of orders, without what others claim.
fn invoiceable(orders: &[Order], claimed: &HashMap<Source, Units>, extent: Extent) -> Invoiceable {
    let nothing = Units::zero();
    let of_line = |(source, line): (Source, &OrderLine)| {
        let most = match extent {
            Extent::Left => line.returnable(),
            Extent::Ordered => Units::from(&line.quantity).less(&line.cancelled).less(&line.returned),
            Extent::Reserved => line.returnable().plus(&line.ready()),
        };
        (source, most.less(claimed.get(&source).unwrap_or(&nothing)))
    };
    orders.iter().flat_map(|order| sources(order).zip(order.lines())).map(of_line).collect()
}

/// The deposits that a draft can take off, the oldest first. One that is more than what is left to invoice waits for a later invoice.
///
/// # Errors
/// `DepositNotPaid` if one of them is not paid whole.
fn fitting(draft: &Draft, known: Vec<DepositRow>) -> Result<Vec<InvoiceId>, InvoiceError> {
    let nets = draft.lines.iter().map(|line| line.unit_price.times(&line.quantity));
    let mut left = nets.fold(Money::zero(), |sum, net| sum.plus(&net));
    let (mut fitting, mut faults) = (Vec::new(), Vec::new());
    for deposit in known {
        let is_over = deposit.taken_by.is_some() || deposit.is_given_back;
        if deposit.state == InvoiceState::Draft || is_over || deposit.net.value() > left.value() {
            continue;
        }
        if !deposit.is_paid() {
            faults.push(not_paid(deposit.id).at("/deposits"));
        }
        left = left.minus(&deposit.net);
        fitting.push(deposit.id);
    }
    if faults.is_empty() { Ok(fitting) } else { Err(InvoiceError::DepositNotPaid(faults)) }
}

fn not_paid(id: InvoiceId) -> Invalid {
    let message = format!(
        "deposit {id} is not paid whole, or was credited: have it paid, or leave it out and credit what is left of it"
    );
    Invalid::new("deposit_not_paid", message)
}

/// Locks the orders of which something is claimed, or whose deposits are taken off, and checks that there is as much.
///
/// # Errors
/// `Lines` if an order or a deposit is not the customer's, `ExceedsShipped` or `InsufficientStock` if more is claimed than there is to invoice, `DepositTaken` or
/// `DepositNotPaid` if a deposit cannot be taken off. Fails if the database cannot be reached.
pub(super) async fn claim(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    draft: &Draft,
    claims: &[Claim],
    extent: Extent,
) -> Result<(), Error> {
    let customer_id = draft.customer_id;
    let claimed_of: BTreeSet<OrderId> = claims.iter().map(|claim| claim.source.order_id).collect();
    let mut orders = claimed_of.clone();
    if !draft.deposits.is_empty() {
        // Of which order a deposit is never changes.
        let known = deposit_rows::find(work, &draft.deposits, &[]).await?;
        orders.extend(known.iter().map(|deposit| deposit.order_id));
    }
    if orders.is_empty() && draft.deposits.is_empty() {
        return Ok(());
    }
    if orders.len() > MAX_ORDERS {
        let message = format!("an invoice is of at most {MAX_ORDERS} orders: make several");
        return Err(InvoiceError::Lines(vec![Invalid::new("too_many", message).at("/lines")]).into());
    }
    let ids: Vec<OrderId> = orders.into_iter().collect();
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
    let claimed_of: Vec<OrderId> = claimed_of.into_iter().collect();
    let claimed = repository::claimed(work, &claimed_of, id).await?;
    let checked = claims::check(claims, &invoiceable(&orders, &claimed, extent), extent);
    checked.map_err(|faults| match extent {
        Extent::Left | Extent::Ordered => InvoiceError::ExceedsShipped(faults),
        Extent::Reserved => InvoiceError::InsufficientStock(faults),
    })?;
    if !draft.deposits.is_empty() {
        let known = deposit_rows::find(work, &draft.deposits, &[]).await?;
        check_deposits(id, draft, &known)?;
    }
    Ok(())
}

/// # Errors
/// `Lines` if a deposit is not the customer's or named twice, `DepositTaken` or `DepositNotPaid` if one cannot be taken off.
fn check_deposits(id: InvoiceId, draft: &Draft, known: &[DepositRow]) -> Result<(), InvoiceError> {
    let (mut unknown, mut unpaid) = (Vec::new(), Vec::new());
    for (index, deposit) in draft.deposits.iter().enumerate() {
        let at = format!("/deposits/{index}");
        if draft.deposits.iter().take(index).any(|other| other == deposit) {
            unknown.push(Invalid::new("named_twice", "each deposit is named once").at(at));
            continue;
        }
        let of_customer = |one: &&DepositRow| {
            one.id == *deposit && one.customer_id == draft.customer_id && one.state != InvoiceState::Draft
        };
        match known.iter().find(of_customer) {
            None => {
                let message = format!("the customer has no deposit {deposit} with a number");
                unknown.push(Invalid::new("unknown_deposit", message).at(at));
            }
            Some(one) if one.taken_by.is_some_and(|by| by != id) => {
                return Err(InvoiceError::DepositTaken(*deposit));
            }
            Some(one) if !one.is_paid() => unpaid.push(not_paid(*deposit).at(at)),
            Some(_) => {}
        }
    }
    match (unknown.is_empty(), unpaid.is_empty()) {
        (false, _) => Err(InvoiceError::Lines(unknown)),
        (true, false) => Err(InvoiceError::DepositNotPaid(unpaid)),
        (true, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft::tests::{draft, line};
    use super::*;
    use crate::application::error::DomainError;
    use crate::values::contact::{AddressLine, Country};

    fn deposit(net: &str, state: InvoiceState) -> DepositRow {
        DepositRow {
            id: InvoiceId::generate(),
            order_id: OrderId::generate(),
            customer_id: draft(vec![]).customer_id,
            state,
            net: Money::parse(net).expect("an amount"),
            credited: Money::zero(),
            is_given_back: false,
            taken_by: None,
        }
    }

    fn place(line1: &str, postal_code: &str, country: &str) -> PostalAddress {
        PostalAddress {
            line1: AddressLine::parse(line1).expect("valid"),
            line2: None,
            postal_code: AddressLine::parse(postal_code).ok(),
            city: AddressLine::parse("Ville").expect("valid"),
            country: Country::parse(country).expect("valid"),
        }
    }

    #[test]
    fn goods_went_to_the_orders_address_and_lines_say_which_went_elsewhere() {
        let (shop, depot) = (place("1 rue du Port", "44000", "FR"), place("2 quai Sud", "69001", "FR"));
        let (first, second) = (OrderId::generate(), OrderId::generate());
        let delivered = |orders: &[(OrderId, Option<&PostalAddress>)]| {
            Delivered::of(orders, Some(&shop), Language::Fr).map_err(|refused| refused.code)
        };
        let found = delivered(&[(first, None), (second, Some(&depot))]).expect("one VAT");
        assert_eq!(found.address.as_ref(), Some(&shop));
        assert_eq!(found.elsewhere.len(), 1);
        assert_eq!(found.elsewhere[&second].as_str(), "Livré à\u{a0}: 2 quai Sud, 69001 Ville, FR");
        // Lyon and Berlin have not the same VAT, nor have Nantes and La Réunion.
        for (postal_code, country) in [("10115", "DE"), ("97400", "FR")] {
            let abroad = place("3 Hafen", postal_code, country);
            let refused = delivered(&[(first, Some(&depot)), (second, Some(&abroad))]);
            assert_eq!(refused, Err("several_destinations"), "{country} {postal_code}");
        }
        assert_eq!(Delivered::of(&[(first, None)], None, Language::En), Ok(Delivered::default()));
    }

    #[test]
    fn the_deposits_that_fit_are_taken_off_and_those_that_are_not_paid_are_in_the_way() {
        let sold = draft(vec![line("Tea", "10", "10", "20")]);
        let paid = deposit("60", InvoiceState::Paid);
        // Given back in parts, whose bases come to a cent less.
        let credited = Money::parse("59.99").expect("an amount");
        let given_back = DepositRow { credited, is_given_back: true, ..deposit("60", InvoiceState::Paid) };
        let taken = DepositRow { taken_by: Some(InvoiceId::generate()), ..deposit("1", InvoiceState::Paid) };
        let known = vec![
            deposit("5", InvoiceState::Draft),
            taken,
            paid.clone(),
            given_back,
            deposit("50", InvoiceState::Paid),
        ];
        assert_eq!(
            fitting(&sold, known.clone()),
            Ok(vec![paid.id]),
            "60 of 100, and 50 is more than is left"
        );
        let unpaid = [known, vec![deposit("40", InvoiceState::PartlyPaid)]].concat();
        assert_eq!(fitting(&sold, unpaid).map_err(|error| error.code()), Err("deposit_not_paid"));
    }

    #[test]
    fn a_deposit_is_the_customers_paid_whole_and_taken_off_once() {
        let (id, mut sold) = (InvoiceId::generate(), draft(vec![line("Tea", "10", "10", "20")]));
        let code = |sold: &Draft, known: &[DepositRow]| {
            check_deposits(id, sold, known).map_or_else(|refused| refused.code(), |()| "")
        };
        let paid = deposit("60", InvoiceState::Paid);
        sold.deposits = vec![paid.id];
        assert_eq!(code(&sold, std::slice::from_ref(&paid)), "");
        assert_eq!(code(&sold, &[]), "invalid_invoice");
        let own = DepositRow { taken_by: Some(id), ..paid.clone() };
        assert_eq!(code(&sold, &[own]), "");
        let others = DepositRow { taken_by: Some(InvoiceId::generate()), ..paid.clone() };
        assert_eq!(code(&sold, &[others]), "deposit_taken");
        let open = DepositRow { state: InvoiceState::PartlyPaid, ..paid.clone() };
        assert_eq!(code(&sold, &[open]), "deposit_not_paid");
        let credited = DepositRow { credited: Money::parse("1").expect("an amount"), ..paid.clone() };
        assert_eq!(code(&sold, &[credited]), "deposit_not_paid");
        sold.deposits = vec![paid.id, paid.id];
        assert_eq!(code(&sold, &[paid]), "invalid_invoice");
    }
}
