//! One warehouse with its locations. The parameters of the list are those of `GET /api/v1/locations`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::locations::{self, LocationSort, LocationView};
use comptoir_core::commerce::warehouses::{self, MakeDefaultWarehouse, WarehouseView};
use comptoir_core::values::contact::PostalAddress;
use comptoir_core::values::ids::WarehouseId;

use super::list::status;
use crate::console::answers::{follow, leads_there};
use crate::console::forms::{Form, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Turn};
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Warehouses, faults};
use crate::error::ApiError;
use crate::extract::{SearchQuery, part};
use crate::routes::locations::LocationFilters;

type Query = SearchQuery<LocationFilters, LocationSort>;

#[derive(Template)]
#[template(path = "console/warehouses/one.html")]
struct OnePage {
    page: Page,
    w: &'static Warehouses,
    id: String,
    version: i64,
    key: String,
    code: String,
    address: Option<String>,
    status: Option<Status>,
    refused: Option<String>,
    may_write: bool,
    may_make_default: bool,
    words: String,
    csv: Address,
    rows: Vec<Row>,
    turn: Turn,
}

struct Row {
    id: String,
    code: String,
    name: String,
    is_archived: bool,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: WarehouseId = part(&request, "id")?;
    written(id, &Address::of(&request), &visitor, &database, None).await
}

async fn written(
    id: WarehouseId,
    address: &Address,
    visitor: &Visitor,
    database: &TenantDatabase,
    refused: Option<String>,
) -> Result<HttpResponse, ApiError> {
    let w = Warehouses::of(visitor.language);
    let notice = match address.get("done") {
        Some("saved") => Some(w.done_saved),
        Some("default") => Some(w.done_default),
        Some("location") => Some(w.done_location),
        Some("archived") => Some(w.done_location_archived),
        _ => None,
    };
    let warehouse = warehouses::get(database, &visitor.context, id).await?;
    let Query { filter, page: wanted, .. } =
        Query::parse(&address.query(&[("warehouse_id", id.to_string())]))?;
    let found = locations::list(database, &visitor.context, &filter, &wanted).await?;
    let row = |location: &LocationView| Row {
        id: location.id.to_string(),
        code: location.code.clone(),
        name: location.name.clone().unwrap_or_default(),
        is_archived: location.archived_at.is_some(),
    };
    let status_code = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let is_open = warehouse.archived_at.is_none();
    let may_write = visitor.may(Permission::WarehousesWrite) && is_open;
    let page = OnePage {
        page: visitor.page(&warehouse.name).about("warehouse.*,location.*").saying(notice),
        w,
        id: id.to_string(),
        version: warehouse.version,
        key: new_key(),
        status: status(&warehouse, w),
        address: warehouse.address.as_ref().map(one_line),
        refused,
        may_write,
        may_make_default: may_write && !warehouse.is_default,
        code: warehouse.code,
        csv: address.export("/console/warehouses/locations.csv").with("warehouse_id", &id.to_string()),
        words: address.get("q").unwrap_or_default().to_owned(),
        rows: found.data.iter().map(row).collect(),
        turn: Turn::of(address, found.next_cursor.as_deref(), found.count, &visitor.format),
    };
    layout::show(status_code, &page)
}

fn one_line(address: &PostalAddress) -> String {
    let city = [address.postal_code.as_ref(), Some(&address.city)].into_iter().flatten();
    let city = city.map(|line| line.as_str()).collect::<Vec<_>>().join(" ");
    let lines =
        [Some(address.line1.as_str()), address.line2.as_ref().map(|line| line.as_str()), Some(city.as_str())];
    lines.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(super) async fn make_default(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: WarehouseId = part(&request, "id")?;
    let command = MakeDefaultWarehouse { id, expected_version: Some(form.version()?) };
    let answer =
        executor.execute(visitor.context.clone(), form.key()?, command, |warehouse: WarehouseView| {
            Ok::<_, Error>(leads_there(format!("/console/warehouses/{}?done=default", warehouse.id)))
        });
    match answer.await.map_err(ApiError::from) {
        Ok(answer) => Ok(follow(answer, format!("/console/warehouses/{id}"))),
        Err(error) if matches!(error.status(), StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT) => {
            let said = if error.status() == StatusCode::CONFLICT {
                faults::whole(&error, visitor.language)
            } else {
                Warehouses::of(visitor.language).changed.to_string()
            };
            // A form is sent to an address of its own, which has no parameters.
            let address = Address::of(&request).export(&format!("/console/warehouses/{id}"));
            written(id, &address, &visitor, &database, Some(said)).await
        }
        Err(error) => Err(error),
    }
}
