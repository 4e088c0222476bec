//! One customer: what is known of it, and what it has with the company, a tab each.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::credit;
use comptoir_core::commerce::customers::{self, CustomerView};
use comptoir_core::values::channel::Channel;
use comptoir_core::values::ids::CustomerId;
use comptoir_core::values::language::Language;
use comptoir_core::values::party::CustomerKind;

use super::{PATH, tabs};
use crate::console::lists::{Address, View};
use crate::console::menu;
use crate::console::names;
use crate::console::parts::{Action, Block, Link, OnePage, addresses};
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Customers, Parts, Payments, parts as said};
use crate::error::ApiError;
use crate::extract::part;

/// The tabs beside the record, with the permission that the API's list needs.
const TABS: [(&str, Permission); 3] = [
    ("orders", Permission::OrdersRead),
    ("invoices", Permission::InvoicesRead),
    ("account", Permission::PaymentsRead),
];

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    let (w, shared) = (Customers::of(visitor.language), Parts::of(visitor.language));
    let address = Address::of(&request);
    let customer = customers::get(&database, &visitor.context, id).await?;
    let notice = match address.get("done") {
        Some("created") => Some(shared.done_created),
        Some("saved") => Some(w.done_saved),
        Some("anonymised") => Some(w.done_anonymised),
        _ => None,
    };
    let tab = address
        .get("tab")
        .filter(|tab| TABS.iter().any(|(name, permission)| name == tab && visitor.may(*permission)));
    let (blocks, side) = match tab {
        Some("orders") => (vec![tabs::orders(id, &address, &visitor, &database).await?], Vec::new()),
        Some("invoices") => (vec![tabs::invoices(id, &address, &visitor, &database).await?], Vec::new()),
        Some("account") => (tabs::account(id, &visitor, &database).await?, Vec::new()),
        _ => {
            let group = group(&customer, &visitor, &database).await?;
            let side = credit(&customer, &visitor, &database).await?;
            (vec![identity(&customer, group, &visitor), invoicing(&customer, &visitor)], side)
        }
    };
    let page = OnePage {
        page: visitor.page(&customer.name).saying(notice).about("customer.*,order.*,invoice.*,payment.*"),
        w: shared,
        crumb: Link::new(PATH, w.title),
        status: customer.anonymised_at.map(|_| Status::over(w.anonymised)),
        line: customer.code.clone(),
        is_outdated: false,
        refused: None,
        actions: actions(&customer, &visitor),
        tabs: views(tab, &address, &visitor),
        blocks,
        side,
    };
    page.respond()
}

/// As the API permits them; it decides again when one is asked for.
fn actions(customer: &CustomerView, visitor: &Visitor) -> Vec<Action> {
    let (w, shared) = (Customers::of(visitor.language), Parts::of(visitor.language));
    let below = |name: &str| format!("{PATH}/{}/{name}", customer.id);
    let mut actions = Vec::new();
    if customer.anonymised_at.is_none() {
        if visitor.may(Permission::CustomersWrite) {
            actions.push(Action::link(below("delete"), shared.delete).danger());
        }
        if visitor.may(Permission::CustomersAnonymise) {
            actions.push(Action::link(below("anonymise"), w.anonymise).danger());
        }
        if menu::may_see(&visitor.context.principal, "/console/payments/statements/{id}") {
            let to = format!("/console/payments/statements/{}", customer.id);
            actions.push(Action::link(to, Payments::of(visitor.language).statement));
        }
        let may_place = menu::may_see(&visitor.context.principal, "/console/orders/new");
        if visitor.may(Permission::CustomersWrite) {
            let edit = Action::link(below("edit"), shared.edit);
            actions.push(if may_place { edit } else { edit.go() });
        }
        // What comes next stands last.
        if may_place {
            let to = format!("/console/orders/new?customer_id={}", customer.id);
            actions.push(Action::link(to, w.place).go());
        }
    }
    actions
}

fn views(tab: Option<&str>, address: &Address, visitor: &Visitor) -> Vec<View> {
    let w = Customers::of(visitor.language);
    let view = |label: String, to: Address, is_current: bool| View {
        label,
        to,
        is_current,
        count: None,
        is_warning: false,
    };
    let mut views = vec![view(w.overview.to_string(), address.without("tab"), tab.is_none())];
    for (name, permission) in TABS {
        if visitor.may(permission) {
            let label = match name {
                "orders" => w.orders,
                "invoices" => w.invoices,
                _ => w.account,
            };
            views.push(view(label.to_string(), address.with("tab", name), tab == Some(name)));
        }
    }
    views
}

async fn group(
    customer: &CustomerView,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<String>, ApiError> {
    let Some(id) = customer.group_id.map(|id| id.to_string()) else { return Ok(None) };
    let groups = names::groups(database, visitor).await?;
    Ok(groups.into_iter().find(|(one, _)| *one == id).map(|(_, name)| name))
}

fn identity(customer: &CustomerView, group: Option<String>, visitor: &Visitor) -> Block {
    let (w, shared) = (Customers::of(visitor.language), Parts::of(visitor.language));
    Block::facts(
        "identity",
        shared.identity,
        [
            (shared.code.to_string(), Some(customer.code.clone())),
            (w.email.to_string(), Some(customer.email.clone())),
            (shared.vat_number.to_string(), customer.vat_number.clone()),
            (shared.external_id.to_string(), customer.external_id.clone()),
            (w.group.to_string(), group),
            (shared.updated.to_string(), Some(visitor.format.long(customer.updated_at).shown)),
        ],
    )
}

fn invoicing(customer: &CustomerView, visitor: &Visitor) -> Block {
    let (w, shared) = (Customers::of(visitor.language), Parts::of(visitor.language));
    let known = &customer.invoicing;
    let kind = known.kind.map(|kind| match kind {
        CustomerKind::Business => w.business,
        CustomerKind::Consumer => w.consumer,
        CustomerKind::PublicBody => w.public_body,
    });
    let language = known.language.map_or(w.language_of_company, |language| match language {
        Language::Fr => w.french,
        Language::En => w.english,
    });
    let channel = known.channel.map(|channel| match channel {
        Channel::Email => w.by_email,
        Channel::Download => w.by_download,
        Channel::Platform => w.by_platform,
    });
    let registration =
        known.registration.as_ref().map(|one| format!("{} {}", one.scheme.to_uppercase(), one.number));
    let electronic = known.electronic_address.as_ref();
    let electronic = electronic.map(|one| format!("{} {}", one.scheme(), one.identifier()));
    let terms = known.payment_terms.map(|terms| said::terms(terms, visitor.language));
    let reminders = if known.reminders { w.yes } else { w.no };
    Block::facts(
        "invoicing",
        w.invoicing,
        [
            (w.kind.to_string(), kind.map(|word| word.to_string())),
            (w.legal_form.to_string(), known.legal_form.clone()),
            (w.registration.to_string(), registration),
            (w.electronic.to_string(), electronic),
            (w.language.to_string(), Some(language.to_string())),
            (w.channel.to_string(), channel.map(|word| word.to_string())),
            (shared.terms.to_string(), terms),
            (w.reminders.to_string(), Some(reminders.to_string())),
        ],
    )
}

/// The addresses, and below them the credit for whoever may see prices.
async fn credit(
    customer: &CustomerView,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Block>, ApiError> {
    let w = Customers::of(visitor.language);
    let mut side = Vec::new();
    if visitor.may(Permission::OrdersPrices) {
        let view = credit::get(database, &visitor.context, customer.id).await?;
        let money = |amount| visitor.format.money(amount, &view.currency);
        let limit = view.credit_limit.as_ref().map_or_else(|| w.no_limit.to_string(), money);
        let held = (view.held_orders > 0).then(|| visitor.format.whole(view.held_orders));
        side.push(Block::facts(
            "credit",
            w.credit,
            [
                (w.credit_limit.to_string(), Some(limit)),
                (w.exposure.to_string(), Some(money(&view.exposure))),
                (w.available.to_string(), view.available.as_ref().map(money)),
                (w.held.to_string(), held),
            ],
        ));
    }
    side.push(addresses::block(&customer.addresses, Parts::of(visitor.language)));
    Ok(side)
}
