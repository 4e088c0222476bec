//! The page by which a count is counted, with a phone and a scanner. One task, so it has no menu.
//!
//! Where one stands is in the address: the place and the product. A scan is a GET that finds what the code means; each line is
//! sent by itself. `count.js` does both without leaving the page, and keeps what could not be sent.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::inventory_counts::{
    self, CountEntry, CountLineView, CountStatus, InventoryCountView, RecordCounts,
};
use comptoir_core::commerce::locations::{self, LocationView};
use comptoir_core::commerce::products::{self, ProductView};
use comptoir_core::values::ids::InventoryCountId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use super::list::name;
use super::one::share;
use crate::console::answers::{follow, leads_there};
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page, go};
use crate::console::lists::Address;
use crate::console::scan;
use crate::console::visitor::Visitor;
use crate::console::words::{Counts, counts as said};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::inventory_counts::RecordCountsRequest;

const FIELDS: &[&str] = &["entries.0.product_id", "entries.0.location_id", "entries.0.counted"];
/// The field of the quantity.
const COUNTED: &str = "entries.0.counted";

#[derive(Template)]
#[template(path = "console/counts/sheet.html")]
struct SheetPage {
    page: Page,
    w: &'static Counts,
    faults: FormFaults,
    id: String,
    user: String,
    number: String,
    place: Option<Place>,
    counted: String,
    left: String,
    share: u8,
    /// Whether a place has to be scanned first.
    needs_place: bool,
    scan: String,
    item: Option<Item>,
    was_saved: bool,
}

struct Place {
    id: String,
    code: String,
}

struct Item {
    id: String,
    name: String,
    /// The SKU and the barcodes, as they are read aloud.
    hint: String,
    /// The same for the script, which adds one when one of them is scanned again.
    codes: String,
    key: String,
    quantity: String,
    submit: String,
}

/// Where somebody stands in a count.
struct Spot {
    place: Option<LocationView>,
    product: Option<ProductView>,
    /// What was scanned and means nothing here.
    unknown: String,
    quantity: String,
    key: String,
}

/// What the address says. A code that was scanned comes in place of what it means.
async fn spot(
    address: &Address,
    count: &InventoryCountView,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Spot, ApiError> {
    let of_locations = count.location_ids.as_deref();
    let mut place = match address.get("place").and_then(|id| id.parse().ok()) {
        Some(id) if of_locations.is_some() => Some(locations::get(database, &visitor.context, id).await?),
        _ => None,
    };
    let mut product = match address.get("product").and_then(|id| id.parse().ok()) {
        Some(id) => Some(products::get(database, &visitor.context, id).await?),
        None => None,
    };
    let mut unknown = String::new();
    if let Some(code) = address.get("scan").map(str::trim) {
        let of_count = |location: &LocationView| of_locations.is_some_and(|ids| ids.contains(&location.id));
        let found = match of_locations {
            Some(_) => scan::location(code, count.warehouse_id, visitor, database).await?.filter(of_count),
            None => None,
        };
        product = None;
        if found.is_some() {
            place = found;
        } else {
            product = scan::product(code, visitor, database).await?;
            if product.is_none() {
                code.clone_into(&mut unknown);
            }
        }
    }
    let quantity = address.get("counted").unwrap_or("1").to_owned();
    Ok(Spot { place, product, unknown, quantity, key: new_key() })
}

async fn write(
    count: &InventoryCountView,
    spot: Spot,
    visitor: &Visitor,
    database: &TenantDatabase,
    mut faults: FormFaults,
    was_saved: bool,
) -> Result<HttpResponse, ApiError> {
    let w = Counts::of(visitor.language);
    let Spot { place, product, unknown, quantity, key } = spot;
    let progress = inventory_counts::progress(database, &visitor.context, count.id).await?;
    let needs_place = count.location_ids.is_some() && place.is_none();
    if !unknown.is_empty() {
        faults.add("scan", w.unknown_code);
    } else if needs_place && product.is_some() {
        faults.add("scan", w.place_first);
    }
    let left = progress.to_count.saturating_add(progress.to_recount);
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let item = |product: ProductView| {
        let codes = std::iter::once(product.sku.clone());
        let codes: Vec<String> =
            codes.chain(product.barcodes.iter().map(|barcode| barcode.as_str().to_owned())).collect();
        Item {
            id: product.id.to_string(),
            name: product.name,
            hint: codes.join(" · "),
            codes: codes.join(" "),
            key,
            submit: said::validate(&quantity, visitor.language),
            quantity,
        }
    };
    let page = SheetPage {
        page: visitor.page(name(count, visitor)),
        w,
        faults,
        id: count.id.to_string(),
        user: visitor.user_id().to_string(),
        number: name(count, visitor),
        place: place.map(|place| Place { id: place.id.to_string(), code: place.code }),
        counted: said::counted(&visitor.format.whole(progress.counted), progress.counted, visitor.language),
        left: said::remaining(&visitor.format.whole(left), visitor.language),
        share: share(&progress),
        needs_place,
        scan: unknown,
        item: product.filter(|_| !needs_place).map(item),
        was_saved,
    };
    layout::show(status, &page)
}

/// The count, if it is being counted.
async fn counting(
    id: InventoryCountId,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<InventoryCountView>, ApiError> {
    let count = inventory_counts::get(database, &visitor.context, id).await?;
    Ok(Some(count).filter(|count| count.status == CountStatus::Counting))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InventoryCountId = part(&request, "id")?;
    let Some(count) = counting(id, &visitor, &database).await? else {
        return Ok(go(format!("/console/counts/{id}")));
    };
    let address = Address::of(&request);
    let spot = spot(&address, &count, &visitor, &database).await?;
    let was_saved = address.is("done", "saved");
    write(&count, spot, &visitor, &database, FormFaults::default(), was_saved).await
}

/// The body of `POST /api/v1/inventory-counts/{id}/entries`, of one entry.
fn body(form: &Form, language: Language) -> Value {
    let mut entry = Map::new();
    for name in ["product_id", "location_id"] {
        if let Some(id) = form.get(&format!("entries.0.{name}")) {
            entry.insert(name.to_owned(), json!(id));
        }
    }
    let counted = if form.has("nothing") { Some("0") } else { form.get(COUNTED) };
    if let Some(counted) = counted {
        entry.insert("counted".to_owned(), json!(typed_decimal(counted, language)));
    }
    json!({ "entries": [entry] })
}

/// Enters one line. It leads back to the place, for the next one.
pub(super) async fn record(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InventoryCountId = part(&request, "id")?;
    let w = Counts::of(visitor.language);
    let typed = form.get(COUNTED).unwrap_or_default();
    let mut faults = FormFaults::default();
    if !form.has("nothing") && scan::is_barcode(typed) {
        // The scanner was quicker: this is the next product, and no quantity.
        faults.add(COUNTED, w.code_as_quantity);
    } else {
        let read: Result<RecordCountsRequest, Faults> = deserr::deserialize(body(&form, visitor.language));
        let error: ApiError = match read {
            Ok(read) => {
                let entries = read.entries.into_iter().map(CountEntry::from).collect();
                let place = form.get("entries.0.location_id").unwrap_or_default().to_owned();
                let leads_on = move |_: Vec<CountLineView>| {
                    Ok::<_, Error>(leads_there(format!(
                        "/console/counts/{id}/sheet?place={place}&done=saved"
                    )))
                };
                let command = RecordCounts { id, entries };
                match executor.execute(visitor.context.clone(), form.key()?, command, leads_on).await {
                    Ok(answer) => {
                        let back = || format!("/console/counts/{id}/sheet");
                        return Ok(follow(answer, back()));
                    }
                    Err(error) => error.into(),
                }
            }
            Err(wrong) => wrong.into(),
        };
        faults = FormFaults::of(error, FIELDS, visitor.language)?;
    }
    let Some(count) = counting(id, &visitor, &database).await? else {
        // Somebody has ended the counting: what was counted now has no place any more.
        let detail = "the count is not being counted any more";
        return Err(ApiError::new(StatusCode::CONFLICT, "inventory_count_state_conflict", detail));
    };
    let place = match form.get("entries.0.location_id").and_then(|id| id.parse().ok()) {
        Some(id) => Some(locations::get(&database, &visitor.context, id).await?),
        None => None,
    };
    let product = match form.get("entries.0.product_id").and_then(|id| id.parse().ok()) {
        Some(id) => Some(products::get(&database, &visitor.context, id).await?),
        None => None,
    };
    let (quantity, key) = (typed.to_owned(), form.key_text());
    let spot = Spot { place, product, unknown: String::new(), quantity, key };
    write(&count, spot, &visitor, &database, faults, false).await
}
