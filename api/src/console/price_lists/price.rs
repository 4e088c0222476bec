//! The price of a product in a list, with its breaks. The fields are called like the members of the body of
//! `PUT /api/v1/price-lists/{id}/entries`, which reads them.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::prices::{self, EntrySort, PriceEntryView, PriceListView};
use comptoir_core::commerce::products;
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::{PriceListId, ProductId};
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use super::PATH;
use crate::console::answers::leads_to;
use crate::console::choose::one_product;
use crate::console::format::{as_typed, typed_decimal};
use crate::console::forms::{Form, FormFaults, TwoVersions};
use crate::console::layout;
use crate::console::lists::Address;
use crate::console::parts::save::refused;
use crate::console::parts::versions::{FORM, decimal};
use crate::console::parts::{FormPage, Input, Kind, Link, List, Saved, Section, Shown, Spec, Values, saved};
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, PriceLists};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::price_lists::SetPricesRequest;

const PRODUCT: &str = "entries.0.product_id";
const BREAKS: &str = "entries.0.breaks";
const SPEC: Spec = Spec {
    members: &[(PRODUCT, Kind::Text)],
    groups: &[],
    lists: &[List {
        name: BREAKS,
        members: &[("from_quantity", Kind::Decimal), ("unit_price", Kind::Decimal)],
        given: &[],
    }],
};
/// Empty lines at the beginning, and after "add a line".
const LINES: usize = 3;
/// Prices of a page that is looked through for what the product has, and how many pages are: 5,000 prices.
const MOST: u8 = 200;
const PAGES: usize = 25;

/// The body of the API's request.
fn body(values: &Values, language: Language) -> Value {
    let one = |index: usize| {
        let mut members = Map::new();
        for name in ["from_quantity", "unit_price"] {
            let text = values.get(&format!("{BREAKS}.{index}.{name}"));
            if !text.is_empty() {
                members.insert(name.to_owned(), json!(typed_decimal(text, language)));
            }
        }
        Value::Object(members)
    };
    let breaks: Vec<Value> = (0..values.rows(BREAKS)).map(one).collect();
    json!({"entries": [{"product_id": values.get(PRODUCT), "breaks": breaks}]})
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: PriceListId = part(&request, "id")?;
    let address = Address::of(&request);
    let mut values = Values::default();
    let product = address.get("product_id").and_then(|text| text.parse::<ProductId>().ok());
    if let Some(product) = product {
        values.set(PRODUCT, &product.to_string());
        if visitor.may(Permission::ProductsRead) {
            let product = products::get(&database, &visitor.context, product).await?;
            values.set(&format!("{PRODUCT}_text"), &product.name);
        }
        // The page that led here says where to begin.
        let cursor = address.get("cursor").map(str::to_owned);
        values = present(id, &values, cursor, &visitor, &database).await?;
    }
    let shown = Shown { spare: LINES, ..Shown::of(values) };
    written(id, None, shown, &visitor, &database).await
}

/// Puts the prices that a product has into the fields.
fn fill(values: &mut Values, entry: Option<&PriceEntryView>, visitor: &Visitor) {
    let shown = |text: String| as_typed(&text, visitor.language);
    let breaks = entry.map(|entry| entry.breaks.as_slice()).unwrap_or_default();
    for (index, one) in breaks.iter().enumerate() {
        let from = if one.from_quantity.is_zero() { String::new() } else { one.from_quantity.to_string() };
        values.set(&format!("{BREAKS}.{index}.from_quantity"), &shown(from));
        values.set(&format!("{BREAKS}.{index}.unit_price"), &shown(one.unit_price.to_string()));
    }
    values.set_rows(BREAKS, breaks.len());
}

/// What the list says of the product now, looked for behind this place.
async fn present(
    id: PriceListId,
    values: &Values,
    mut cursor: Option<String>,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Values, ApiError> {
    let mut present = Values::default();
    present.take(PRODUCT, values);
    for _ in 0..PAGES {
        let wanted = PageRequest::<EntrySort>::parse(Some(MOST.into()), None, cursor.as_deref());
        let found =
            prices::entries(database, &visitor.context, id, &wanted.map_err(ApiError::invalid)?).await?;
        let entry = found.data.iter().find(|entry| entry.product_id.to_string() == values.get(PRODUCT));
        if entry.is_some() || found.next_cursor.is_none() {
            fill(&mut present, entry, visitor);
            break;
        }
        cursor = found.next_cursor;
    }
    Ok(present)
}

pub(super) async fn set(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: PriceListId = part(&request, "id")?;
    let version = form.version()?;
    let mut values = Values::of_form(&form, &SPEC, visitor.language);
    if form.has("more") {
        let shown = Shown::again(values, &form, FormFaults::default(), LINES);
        return written(id, Some(version), shown, &visitor, &database).await;
    }
    let faults = resolve(&mut values, &visitor, &database).await?;
    if !faults.is_empty() {
        return written(id, Some(version), Shown::again(values, &form, faults, 1), &visitor, &database).await;
    }
    let mut fields = SPEC.fields();
    // What overlaps is said of the product.
    fields.push("entries.*.product_id".to_owned());
    let read: Result<SetPricesRequest, Faults> = deserr::deserialize(body(&values, visitor.language));
    let outcome = match read {
        Ok(request) => {
            let command = request.into_command(id, Some(version));
            let to = leads_to(|view: &PriceListView| format!("{PATH}/{}?done=price", view.id));
            saved(
                executor.execute(visitor.context.clone(), form.key()?, command, to).await,
                &fields,
                &visitor,
            )?
        }
        Err(wrong) => refused(wrong.into(), &fields, &visitor)?,
    };
    match outcome {
        Saved::Done(response) => Ok(response),
        Saved::Refused(faults) => {
            written(id, Some(version), Shown::again(values, &form, faults, 0), &visitor, &database).await
        }
        Saved::Outdated => {
            // The form says nothing of other products: it can be sent again as it is.
            let theirs = present(id, &values, None, &visitor, &database).await?;
            let shown = Shown::beside(values, theirs);
            written(id, None, shown, &visitor, &database).await
        }
    }
}

/// Finds the product that was typed and not chosen.
async fn resolve(
    values: &mut Values,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<FormFaults, ApiError> {
    let mut faults = FormFaults::default();
    let text = values.get(&format!("{PRODUCT}_text")).to_owned();
    if values.get(PRODUCT).is_empty()
        && let Some(found) = one_product(&text, visitor, database).await?
    {
        values.set(PRODUCT, &found.id.to_string());
    }
    if values.get(PRODUCT).is_empty() {
        faults.add(PRODUCT, PriceLists::of(visitor.language).choose_product);
    }
    Ok(faults)
}

/// `version` is that of a form that is shown again: somebody else's change is not overwritten by the next attempt.
async fn written(
    id: PriceListId,
    version: Option<i64>,
    shown: Shown,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let w = PriceLists::of(visitor.language);
    let list = prices::get(database, &visitor.context, id).await?;
    let status = shown.status();
    let versions = shown.theirs.as_ref().map(|theirs| {
        let said = |values: &Values| {
            let of_break = |index: usize| {
                let text = |name: &str| decimal(values.get(&format!("{BREAKS}.{index}.{name}")), visitor);
                let (from, price) = (text("from_quantity"), text("unit_price"));
                if from.is_empty() { price } else { format!("{} {from}: {price}", w.from_quantity) }
            };
            (0..values.rows(BREAKS)).map(of_break).collect::<Vec<_>>().join(" · ")
        };
        let product = shown.values.get(PRODUCT);
        let theirs_at = format!("{PATH}/{id}/price?product_id={product}");
        TwoVersions::new(FORM, theirs_at).with(w.breaks, said(&shown.values), said(theirs))
    });
    let values = &shown.values;
    let row = |index: usize| {
        let from = Input::text(values, format!("{BREAKS}.{index}.from_quantity"), w.from_quantity);
        let price = Input::text(values, format!("{BREAKS}.{index}.unit_price"), w.unit_price);
        vec![from.of_kind("decimal").hint(w.from_quantity_hint), price.of_kind("decimal")]
    };
    let breaks = Section {
        title: w.breaks.to_string(),
        rows: (0..values.rows(BREAKS) + shown.spare).map(row).collect(),
        more: Some(w.more_breaks.to_string()),
        ..Section::default()
    };
    let product = Input::combo(values, PRODUCT, w.product, "/console/choose/products").required();
    let page = FormPage {
        page: visitor.page(w.set_price_title),
        w: Parts::of(visitor.language),
        crumb: Link::new(format!("{PATH}/{id}"), format!("{} {}", list.code, list.name)),
        hint: w.set_price_hint.to_string(),
        action: format!("{PATH}/{id}/price"),
        version: Some(version.unwrap_or(list.version)),
        is_outdated: false,
        versions,
        sections: vec![Section::new("", vec![product]), breaks],
        submit: w.set_do.to_string(),
        is_danger: false,
        faults: shown.faults,
        key: shown.key,
    };
    layout::show(status, &page)
}
