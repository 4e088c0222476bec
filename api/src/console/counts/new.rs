//! A new count: what is counted, and whether those who count see what is expected. The form becomes the body of
//! `POST /api/v1/inventory-counts`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::inventory_counts::{CreateCount, InventoryCountView, MAX_LOCATIONS};
use comptoir_core::commerce::locations::{self, LocationFilter, LocationSort, LocationView};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::WarehouseId;
use serde_json::{Map, Value, json};

use crate::console::answers::{follow, leads_there};
use crate::console::forms::{Choice, Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::names::{self, Shelf};
use crate::console::places::Places;
use crate::console::visitor::Visitor;
use crate::console::words::Counts;
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::inventory_counts::CreateInventoryCountRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &["warehouse_id", "reference", "category_ids", "location_ids"];
/// How many locations of a warehouse are looked through, and how many at once.
const LOCATIONS: usize = 10_000;
const AT_ONCE: i64 = 200;

#[derive(Template)]
#[template(path = "console/counts/new.html")]
struct NewPage {
    page: Page,
    w: &'static Counts,
    faults: FormFaults,
    key: String,
    reference: String,
    warehouses: Vec<Choice>,
    is_whole: bool,
    is_of_categories: bool,
    is_of_locations: bool,
    categories: Vec<Choice>,
    locations: String,
    blind: bool,
}

fn chosen(form: &Form) -> Vec<&str> {
    (0..form.rows("category_ids")).filter_map(|row| form.get(&format!("category_ids.{row}"))).collect()
}

async fn write(
    form: Option<&Form>,
    visitor: &Visitor,
    database: &TenantDatabase,
    faults: FormFaults,
) -> Result<HttpResponse, ApiError> {
    let w = Counts::of(visitor.language);
    let text = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    let scope = text("scope");
    let picked = form.map(chosen).unwrap_or_default();
    let found = names::categories(database, visitor).await?;
    let category = |shelf: &Shelf| Choice {
        is_chosen: picked.contains(&shelf.id.as_str()),
        label: shelf.path.clone(),
        value: shelf.id.clone(),
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = NewPage {
        page: visitor.page(w.plan),
        w,
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        reference: text("reference"),
        warehouses: Places::of(visitor, database).await?.to_use(&text("warehouse_id")),
        is_whole: !matches!(scope.as_str(), "categories" | "locations"),
        is_of_categories: scope == "categories",
        is_of_locations: scope == "locations",
        categories: found.iter().map(category).collect(),
        locations: text("locations"),
        blind: form.is_none_or(|form| form.has("blind")),
    };
    layout::show(status, &page)
}

pub(super) async fn show(visitor: Visitor, database: Data<TenantDatabase>) -> Result<HttpResponse, ApiError> {
    write(None, &visitor, &database, FormFaults::default()).await
}

/// Returns the locations in use whose codes are among those that were typed, or begin like them.
async fn named(
    typed: &str,
    warehouse_id: WarehouseId,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<LocationView>, ApiError> {
    let beginnings: Vec<String> = typed
        .split([',', ';', '\n'])
        .map(|code| code.trim().to_uppercase())
        .filter(|code| !code.is_empty())
        .collect();
    let filter = LocationFilter {
        warehouse_id: Some(warehouse_id),
        archived: Some(false),
        ..LocationFilter::default()
    };
    let (mut found, mut seen, mut cursor) = (Vec::new(), 0, None::<String>);
    loop {
        let wanted: PageRequest<LocationSort> =
            PageRequest::parse(Some(AT_ONCE), None, cursor.as_deref()).map_err(ApiError::invalid)?;
        let page = locations::list(database, &visitor.context, &filter, &wanted).await?;
        seen += page.data.len();
        found.extend(page.data.into_iter().filter(|location| {
            let code = location.code.to_uppercase();
            beginnings.iter().any(|beginning| code.starts_with(beginning.as_str()))
        }));
        cursor = page.next_cursor;
        if cursor.is_none() || seen >= LOCATIONS || found.len() > MAX_LOCATIONS {
            return Ok(found);
        }
    }
}

fn leads_on(count: InventoryCountView) -> Result<StoredResponse, Error> {
    Ok(leads_there(format!("/console/counts/{}?done=planned", count.id)))
}

pub(super) async fn create(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Counts::of(visitor.language);
    let (mut body, mut faults) = (Map::new(), FormFaults::default());
    for name in ["warehouse_id", "reference"] {
        if let Some(typed) = form.get(name) {
            body.insert(name.to_owned(), json!(typed));
        }
    }
    body.insert("blind".to_owned(), json!(form.has("blind")));
    match form.get("scope") {
        Some("categories") => {
            let picked = chosen(&form);
            if picked.is_empty() {
                faults.add("category_ids", w.choose_categories);
            }
            body.insert("category_ids".to_owned(), json!(picked));
        }
        Some("locations") => {
            let typed = form.get("locations").unwrap_or_default();
            let found = match form.get("warehouse_id").and_then(|id| id.parse().ok()) {
                Some(warehouse_id) => named(typed, warehouse_id, &visitor, &database).await?,
                None => Vec::new(),
            };
            if found.is_empty() {
                faults.add("location_ids", w.no_such_locations);
            }
            let ids = found.iter().map(|location| Value::String(location.id.to_string())).collect();
            body.insert("location_ids".to_owned(), Value::Array(ids));
        }
        _ => {}
    }
    if !faults.is_empty() {
        return write(Some(&form), &visitor, &database, faults).await;
    }
    let read: Result<CreateInventoryCountRequest, Faults> = deserr::deserialize(Value::Object(body));
    let error = match read {
        Ok(read) => {
            let command = CreateCount::from(read);
            match executor.execute(visitor.context.clone(), form.key()?, command, leads_on).await {
                Ok(answer) => {
                    return Ok(follow(answer, "/console/counts"));
                }
                Err(error) => error.into(),
            }
        }
        Err(wrong) => wrong.into(),
    };
    let faults = FormFaults::of(error, FIELDS, visitor.language)?;
    write(Some(&form), &visitor, &database, faults).await
}
