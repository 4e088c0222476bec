//! One order: how far it is, what it has, what can be done with it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use bigdecimal::{BigDecimal, ToPrimitive};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::addresses::deliver_to;
use comptoir_core::commerce::customers::CustomerView;
use comptoir_core::commerce::orders::{self, OrderStatus, OrderView};
use comptoir_core::commerce::{credit, customers};
use comptoir_core::projections::{self, TimelineFilter};
use comptoir_core::values::contact::PostalAddress;
use comptoir_core::values::ids::OrderId;

use super::related::{self, Invoicing, to_invoice};
use super::state;
use crate::console::format::Moment;
use crate::console::forms::new_key;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, first};
use crate::console::names;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::undone::Undone;
use crate::console::visitor::Visitor;
use crate::console::words::{Orders, orders as said};
use crate::error::ApiError;
use crate::extract::part;

/// How many steps of the history are shown.
const STEPS_SHOWN: u8 = 50;

#[derive(Template)]
#[template(path = "console/orders/one.html")]
struct OrderPage {
    page: Page,
    w: &'static Orders,
    is_outdated: bool,
    refused: Option<String>,
    status: Status,
    /// What lists call the order, if it has no number of its own.
    own_id: Option<String>,
    customer_name: Option<String>,
    /// Where all that the customer has is shown.
    customer_page: Option<String>,
    customer_code: Option<String>,
    promised: String,
    actions: Vec<Action>,
    steps: Vec<Step>,
    lines: Vec<Line>,
    amounts: Option<Amounts>,
    address: Option<String>,
    credit: Option<Credit>,
    tracking: Option<String>,
    reason: Option<String>,
    history: Vec<Entry>,
    shipments: Vec<related::Shipment>,
    returns: Vec<related::Return>,
    invoices: Vec<related::Invoice>,
    deposits: Vec<related::Invoice>,
}

/// What can be done now, by this person.
struct Action {
    to: String,
    label: Word,
    /// Whether it asks for more first.
    is_page: bool,
    /// The class of its style: the next thing to do is filled, what cannot be taken back is red.
    class: &'static str,
    key: String,
    /// What its form has besides.
    fields: Vec<(&'static str, String)>,
}

struct Step {
    class: &'static str,
    is_now: bool,
    status: Status,
    hint: String,
}

struct Line {
    name: String,
    sku: String,
    quantity: String,
    shipped: String,
    reserved: String,
    waiting: String,
}

struct Amounts {
    lines: Vec<AmountLine>,
    net: String,
    vat: Vec<VatLine>,
    gross: String,
}

struct AmountLine {
    name: String,
    quantity_price: String,
    rate: String,
    net: String,
}

struct VatLine {
    rate: String,
    amount: String,
}

struct Credit {
    shown: String,
    /// Of the limit, 0 to 100.
    share: Option<u8>,
}

struct Entry {
    what: String,
    at: Moment,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: OrderId = part(&request, "id")?;
    let w = Orders::of(visitor.language);
    let notice = match Address::of(&request).get("done") {
        Some("placed") => Some(w.done_placed),
        Some("confirmed") => Some(w.done_confirmed),
        Some("approved") => Some(w.done_approved),
        Some("cancelled") => Some(w.done_cancelled),
        Some("rest") => Some(w.done_rest),
        Some("amended") => Some(w.done_amended),
        Some("deposit") => Some(w.done_deposit),
        _ => None,
    };
    written(&visitor, &database, id, notice, None).await
}

/// Writes the page of an order as it is now.
pub(super) async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    id: OrderId,
    notice: Option<Word>,
    undone: Option<Undone>,
) -> Result<HttpResponse, ApiError> {
    let w = Orders::of(visitor.language);
    let order = orders::get(database, &visitor.context, id).await?;
    let customer = if visitor.may(Permission::CustomersRead) {
        Some(customers::get(database, &visitor.context, order.summary.customer_id).await?)
    } else {
        None
    };
    let credit = if visitor.may(Permission::OrdersPrices) {
        Some(credit::get(database, &visitor.context, order.summary.customer_id).await?)
    } else {
        None
    };
    let history = history(visitor, database, &order).await?;
    let shipments = related::shipments(visitor, database, id).await?;
    let returns = related::returns(visitor, database, id).await?;
    let deposits = related::deposits(visitor, database, id).await?;
    let invoicing = Invoicing::of(visitor, database, &order).await?;
    let promised = order.summary.promised_on.map(|day| visitor.format.business_day(day));
    let customer_name = customer.as_ref().map(|customer| customer.name.clone());
    let status = if undone.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = OrderPage {
        page: visitor
            .page(names::called(&order.summary, visitor))
            .saying(notice)
            .about("order.*,shipment.*,return.*,invoice.*"),
        w,
        is_outdated: undone.as_ref().is_some_and(Undone::is_outdated),
        refused: undone.and_then(Undone::refused),
        status: state::whole(&order, visitor.format.today(), w),
        promised: said::promised_for(customer_name.as_deref(), promised.as_deref(), visitor.language),
        own_id: (order.summary.reference.is_none() && order.summary.external_id.is_none())
            .then(|| id.to_string()),
        customer_page: customer.as_ref().map(|customer| format!("/console/customers/{}", customer.id)),
        customer_code: customer.as_ref().map(|customer| customer.code.clone()),
        address: address(&order, customer.as_ref()),
        customer_name,
        actions: actions(&order, invoicing.as_ref(), visitor, w),
        steps: steps(&order, invoicing.as_ref(), visitor, w),
        lines: lines(&order, visitor),
        amounts: amounts(&order, visitor),
        credit: credit.map(|view| {
            let exposure = visitor.format.money(&view.exposure, &view.currency);
            let limit = view.credit_limit.as_ref();
            let share = limit.and_then(|limit| share(view.exposure.value(), limit.value()));
            let shown = match limit.map(|limit| visitor.format.money(limit, &view.currency)) {
                Some(limit) => said::of(&exposure, &limit, visitor.language),
                None => exposure,
            };
            Credit { shown, share }
        }),
        tracking: order.summary.tracking_number.clone(),
        reason: order.summary.cancellation_reason.clone(),
        history,
        shipments,
        returns,
        invoices: invoicing
            .map(|invoicing| invoicing.shown().map(|one| related::Invoice::of(one, visitor)).collect())
            .unwrap_or_default(),
        deposits,
    };
    layout::show(status, &page)
}

/// A part of a whole in hundredths, at most all of it.
fn share(part: &BigDecimal, whole: &BigDecimal) -> Option<u8> {
    let (part, whole) = (part.to_f64()?, whole.to_f64().filter(|whole| *whole > 0.0)?);
    Some((part / whole * 100.0).clamp(0.0, 100.0).round() as u8)
}

fn address(order: &OrderView, customer: Option<&CustomerView>) -> Option<String> {
    let of_customer = customer.map(|customer| customer.addresses.as_slice()).unwrap_or_default();
    let PostalAddress { line1, line2, postal_code, city, .. } =
        deliver_to(order.summary.delivery_address.as_ref(), of_customer)?;
    let place = [postal_code.as_ref().map(ToString::to_string), Some(city.to_string())];
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let parts = [Some(line1.to_string()), line2.as_ref().map(ToString::to_string), Some(place)];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// As the aggregate permits them; it decides again when one is asked for. What comes next stands last, and is the only one that is filled.
fn actions(
    order: &OrderView,
    invoicing: Option<&Invoicing>,
    visitor: &Visitor,
    w: &'static Orders,
) -> Vec<Action> {
    let summary = &order.summary;
    let is_open = matches!(summary.status, OrderStatus::Pending | OrderStatus::Confirmed);
    let (is_pending, is_held) = (summary.status == OrderStatus::Pending, summary.held_for_approval);
    let has_left = state::has_left(&order.lines);
    let (may_write, may_ship) = (visitor.may(Permission::OrdersWrite), visitor.may(Permission::OrdersShip));
    let may_leave = summary.status == OrderStatus::Confirmed && !is_held && state::has_ready(&order.lines);
    let may_come_back = order.lines.iter().any(|line| !line.returnable().is_zero());
    let may_invoice = visitor.may(Permission::InvoicesWrite);
    let is_invoiced = invoicing.is_some_and(|invoicing| invoicing.is_done);
    let may_ask_deposit = may_invoice && !is_invoiced && summary.status != OrderStatus::Cancelled;
    let at = |name: &str| format!("/console/orders/{}/{name}", summary.id);
    let page = |to: String, label, class| Action {
        to,
        label,
        is_page: true,
        class,
        key: String::new(),
        fields: Vec::new(),
    };
    let button = |to: String, label, fields: Vec<(&'static str, String)>| Action {
        to,
        label,
        is_page: false,
        class: "",
        key: new_key(),
        fields,
    };
    let version = || vec![("version", summary.version.to_string())];
    // From what is most urgent to what comes later.
    let due = invoicing.filter(|invoicing| may_invoice && invoicing.is_due);
    let draft = invoicing.and_then(Invoicing::draft).filter(|_| due.is_none());
    let unpaid = invoicing.and_then(Invoicing::unpaid).filter(|_| visitor.may(Permission::PaymentsWrite));
    let next = [
        (is_open && is_held && visitor.may(Permission::OrdersApprove))
            .then(|| button(at("approve"), w.approve, version())),
        (may_write && is_pending && !is_held).then(|| button(at("confirm"), w.confirm, version())),
        (may_ship && may_leave).then(|| page(at("ship"), w.ship, "")),
        due.map(|_| button("/console/invoices/from".to_owned(), w.invoice, to_invoice(summary.id).into())),
        draft.map(|one| page(format!("/console/invoices/{}", one.id), w.see_draft, "")),
        unpaid.map(|one| page(format!("/console/payments/new?invoice_id={}", one.id), w.receive_payment, "")),
    ];
    let mut next = next.into_iter().flatten();
    let first = next.next().map(|action| Action { class: "go", ..action });
    let others = [
        (may_ship && may_leave).then(|| page(at("picking-list"), w.picking_list, "")),
        may_ask_deposit.then(|| page(at("deposit"), w.deposit, "")),
        (may_ship && may_come_back).then(|| page(at("return"), w.take_back, "")),
        (may_write && is_open && !has_left).then(|| page(at("edit"), w.amend, "")),
        (may_write && is_open && !has_left).then(|| page(at("cancel"), w.cancel, "danger")),
        (may_write && is_open && has_left).then(|| page(at("cancel-rest"), w.cancel_rest, "danger")),
    ];
    others.into_iter().flatten().chain(next).chain(first).collect()
}

fn steps(
    order: &OrderView,
    invoicing: Option<&Invoicing>,
    visitor: &Visitor,
    w: &'static Orders,
) -> Vec<Step> {
    let summary = &order.summary;
    let at = |time: Option<_>| time.map(|time| visitor.format.long(time).shown).unwrap_or_default();
    let step = |is_done: bool, is_now: bool, word: Word, hint: String| Step {
        class: if is_done {
            "did"
        } else if is_now {
            "now"
        } else {
            ""
        },
        is_now,
        status: if is_done {
            Status::done(word)
        } else if is_now {
            Status::half(word)
        } else {
            Status::open(word)
        },
        hint,
    };
    let (is_confirmed, is_shipped) = (summary.confirmed_at.is_some(), summary.shipped_at.is_some());
    let is_cancelled = summary.status == OrderStatus::Cancelled;
    let sum =
        |amount: fn(&orders::OrderLine) -> &BigDecimal| order.lines.iter().map(amount).sum::<BigDecimal>();
    let shipped = said::of(
        &visitor.format.decimal(&sum(|line| line.shipped.value())),
        &visitor.format.decimal(&sum(|line| line.quantity.value())),
        visitor.language,
    );
    let mut steps = vec![
        step(true, false, w.step_placed, at(Some(summary.placed_at))),
        step(is_confirmed, !is_confirmed && !is_cancelled, w.step_confirmed, at(summary.confirmed_at)),
    ];
    if is_cancelled {
        let (status, hint) = (Status::over(w.step_cancelled), at(summary.cancelled_at));
        steps.push(Step { class: "now", is_now: true, status, hint });
        return steps;
    }
    let has_all_left = summary.status != OrderStatus::Confirmed && is_shipped;
    let is_delivered = summary.delivered_at.is_some();
    let hint = if has_all_left { at(summary.shipped_at) } else { shipped };
    let Some(invoicing) = invoicing else {
        steps.push(step(has_all_left, is_confirmed && !has_all_left, w.step_shipped, hint));
        let delivered = at(summary.delivered_at);
        steps.push(step(is_delivered, has_all_left && !is_delivered, w.step_delivered, delivered));
        return steps;
    };
    let hint = match summary.delivered_at {
        Some(time) => format!("{} {}", w.step_delivered, visitor.format.long(time).shown),
        None => hint,
    };
    steps.push(step(has_all_left, is_confirmed && !has_all_left, w.step_shipped, hint));
    let hint = match (invoicing.number(), invoicing.draft()) {
        (Some(number), _) => number.to_owned(),
        (None, Some(_)) => w.in_draft.to_string(),
        (None, None) => String::new(),
    };
    let is_invoiced = invoicing.is_done;
    steps.push(step(is_invoiced, has_all_left && !is_invoiced, w.step_invoiced, hint));
    let open = invoicing.open();
    let hint = if is_invoiced && !open.is_zero() {
        said::to_pay(&visitor.money(&open), visitor.language)
    } else {
        String::new()
    };
    let is_paid = is_invoiced && open.is_zero();
    steps.push(step(is_paid, is_invoiced && !is_paid, w.step_paid, hint));
    steps
}

fn lines(order: &OrderView, visitor: &Visitor) -> Vec<Line> {
    let shown = |value: &BigDecimal| visitor.format.decimal(value);
    let line = |line: &orders::OrderLine| Line {
        name: line.name.clone(),
        sku: line.sku.clone(),
        quantity: shown(line.quantity.value()),
        shipped: shown(line.shipped.value()),
        reserved: shown(line.reserved.value()),
        waiting: shown(line.waiting.value()),
    };
    order.lines.iter().map(line).collect()
}

/// `None` for whoever may not see prices.
fn amounts(order: &OrderView, visitor: &Visitor) -> Option<Amounts> {
    let (format, currency) = (&visitor.format, order.summary.currency.as_str());
    let total = |total: Option<&comptoir_core::values::money::Money>| {
        total.map(|total| format.money(total, currency))
    };
    if !order.shows_prices {
        return None;
    }
    let line = |line: &orders::OrderLine| AmountLine {
        name: line.name.clone(),
        quantity_price: format!(
            "{} × {}",
            format.decimal(line.quantity.value()),
            format.price(&line.unit_price, currency)
        ),
        rate: format.percent(line.vat_rate.value()),
        net: format.money(&line.net_amount, currency),
    };
    Some(Amounts {
        lines: order.lines.iter().map(line).collect(),
        net: total(order.summary.net_total.as_ref())?,
        vat: order
            .vat
            .iter()
            .map(|vat| VatLine {
                rate: format.percent(vat.rate.value()),
                amount: format.money(&vat.amount, currency),
            })
            .collect(),
        gross: total(order.summary.gross_total.as_ref())?,
    })
}

/// Step by step where the reports may be seen, or else the times that the order itself has; the newest first.
async fn history(
    visitor: &Visitor,
    database: &TenantDatabase,
    order: &OrderView,
) -> Result<Vec<Entry>, ApiError> {
    let summary = &order.summary;
    if visitor.may(Permission::ReportsRead) {
        let filter = TimelineFilter { order_id: Some(summary.id), ..TimelineFilter::default() };
        let steps =
            projections::order_timelines(database, &visitor.context, &filter, &first(STEPS_SHOWN)?).await?;
        // The reports are a moment behind, or off.
        if !steps.data.is_empty() {
            let entry = |step: projections::TimelineView| Entry {
                what: said::event(&step.event, visitor.language),
                at: visitor.format.long(step.occurred_at),
            };
            return Ok(steps.data.into_iter().map(entry).collect());
        }
    }
    let w = Orders::of(visitor.language);
    let times = [
        (w.step_placed, Some(summary.placed_at)),
        (w.step_confirmed, summary.confirmed_at),
        (w.step_shipped, summary.shipped_at),
        (w.step_delivered, summary.delivered_at),
        (w.step_cancelled, summary.cancelled_at),
    ];
    let mut times: Vec<_> = times.into_iter().filter_map(|(word, time)| Some((time?, word))).collect();
    times.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    Ok(times
        .into_iter()
        .map(|(time, word)| Entry { what: word.to_string(), at: visitor.format.long(time) })
        .collect())
}
