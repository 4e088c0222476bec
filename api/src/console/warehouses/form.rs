//! A new warehouse, and a change of one. The form becomes the body of `POST /api/v1/warehouses`, or of a PATCH.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::warehouses::{self, CreateWarehouse, UpdateWarehouse, WarehouseView};
use comptoir_core::values::ids::WarehouseId;
use serde_json::{Map, Value, json};

use crate::console::answers::{follow, leads_there};
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::parts::versions::FORM;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Warehouses;
use crate::error::ApiError;
use crate::extract::{Editable, Faults, merge_patch, part};
use crate::routes::warehouses::WarehouseRequest;

const OF_ADDRESS: &[&str] = &["line1", "line2", "postal_code", "city", "country"];
const FIELDS: &[&str] = &[
    "code",
    "name",
    "external_id",
    "address.line1",
    "address.line2",
    "address.postal_code",
    "address.city",
    "address.country",
];

#[derive(Template)]
#[template(path = "console/warehouses/form.html")]
struct FormPage {
    page: Page,
    w: &'static Warehouses,
    faults: FormFaults,
    key: String,
    action: String,
    back: String,
    back_label: String,
    /// Of a warehouse that is changed.
    version: Option<i64>,
    versions: Option<TwoVersions>,
    form: &'static str,
    typed: Typed,
}

#[derive(Debug, Default)]
struct Typed {
    code: String,
    name: String,
    external_id: String,
    line1: String,
    line2: String,
    postal_code: String,
    city: String,
    country: String,
}

impl Typed {
    fn of(form: &Form) -> Self {
        let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
        Self {
            code: text("code"),
            name: text("name"),
            external_id: text("external_id"),
            line1: text("address.line1"),
            line2: text("address.line2"),
            postal_code: text("address.postal_code"),
            city: text("address.city"),
            country: text("address.country"),
        }
    }

    fn stored(warehouse: &WarehouseView) -> Self {
        let address = warehouse.address.as_ref();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            code: warehouse.code.clone(),
            name: warehouse.name.clone(),
            external_id: text(warehouse.external_id.as_deref()),
            line1: text(address.map(|address| address.line1.as_str())),
            line2: text(address.and_then(|address| address.line2.as_ref()).map(|line| line.as_str())),
            postal_code: text(
                address.and_then(|address| address.postal_code.as_ref()).map(|line| line.as_str()),
            ),
            city: text(address.map(|address| address.city.as_str())),
            country: text(address.map(|address| address.country.code())),
        }
    }

    /// Each field with what it is called.
    fn fields(&self, w: &'static Warehouses) -> [(&'static str, Word, &str); 8] {
        [
            ("name", w.name, &self.name),
            ("code", w.code, &self.code),
            ("external_id", w.external_id, &self.external_id),
            ("address.line1", w.line1, &self.line1),
            ("address.line2", w.line2, &self.line2),
            ("address.postal_code", w.postal_code, &self.postal_code),
            ("address.city", w.city, &self.city),
            ("address.country", w.country, &self.country),
        ]
    }

    /// The values that differ, side by side.
    fn beside(&self, theirs: &Self, id: WarehouseId, w: &'static Warehouses) -> TwoVersions {
        let mut versions = TwoVersions::new(FORM, format!("/console/warehouses/{id}/edit"));
        for ((field, label, mine), (_, _, other)) in self.fields(w).into_iter().zip(theirs.fields(w)) {
            versions = versions.choice(field, label, mine, other);
        }
        versions
    }

    /// The value of a field that was chosen of the others' version.
    fn taken(&self, name: &str, w: &'static Warehouses) -> Vec<(String, String)> {
        let found = self.fields(w).into_iter().find(|(field, _, _)| *field == name);
        found.map(|(field, _, value)| (field.to_owned(), value.to_owned())).into_iter().collect()
    }
}

/// What was typed, as the API takes it: what is empty is null.
fn body(form: &Form) -> Map<String, Value> {
    let mut body = Map::new();
    for name in ["code", "name", "external_id"] {
        // What is always required is missing rather than null.
        let is_needed = name != "external_id";
        match form.get(name) {
            Some(typed) => drop(body.insert(name.to_owned(), json!(typed))),
            None if is_needed => {}
            None => drop(body.insert(name.to_owned(), Value::Null)),
        }
    }
    let typed = |name: &str| form.get(&format!("address.{name}"));
    let is_address = OF_ADDRESS.iter().any(|name| typed(name).is_some());
    let address = if is_address {
        // Null erases what a patch would leave as it was.
        let members = OF_ADDRESS.iter().map(|name| ((*name).to_owned(), json!(typed(name))));
        Value::Object(members.collect())
    } else {
        Value::Null
    };
    body.insert("address".to_owned(), address);
    body
}

pub(super) async fn show_new(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    write_new(Typed::default(), &visitor, new_key(), FormFaults::default())
}

fn write_new(
    typed: Typed,
    visitor: &Visitor,
    key: String,
    faults: FormFaults,
) -> Result<HttpResponse, ApiError> {
    let w = Warehouses::of(visitor.language);
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = FormPage {
        page: visitor.page(w.new),
        w,
        faults,
        key,
        action: "/console/warehouses/new".to_owned(),
        back: "/console/warehouses".to_owned(),
        back_label: w.title.to_string(),
        version: None,
        versions: None,
        form: FORM,
        typed,
    };
    layout::show(status, &page)
}

fn leads_on(warehouse: WarehouseView) -> Result<StoredResponse, Error> {
    Ok(leads_there(format!("/console/warehouses/{}?done=saved", warehouse.id)))
}

pub(super) async fn create(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let mut body = body(&form);
    // What is missing is said to be missing, rather than to be null.
    if let Some(Value::Object(address)) = body.get_mut("address") {
        address.retain(|_, value| !value.is_null());
    }
    let read: Result<WarehouseRequest, Faults> = deserr::deserialize(Value::Object(body));
    let details =
        read.map_err(ApiError::from).and_then(|request| request.into_details().map_err(ApiError::invalid));
    let error = match details {
        Ok(details) => {
            let command = CreateWarehouse { details };
            match executor.execute(visitor.context.clone(), form.key()?, command, leads_on).await {
                Ok(answer) => {
                    return Ok(follow(answer, "/console/warehouses"));
                }
                Err(error) => error.into(),
            }
        }
        Err(error) => error,
    };
    let faults = FormFaults::of(error, FIELDS, visitor.language)?;
    write_new(Typed::of(&form), &visitor, form.key_text(), faults)
}

pub(super) async fn show_edit(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    write_edit(part(&request, "id")?, &visitor, &database, None).await
}

/// Why the form is shown again, with what was typed.
enum Again<'a> {
    Refused(&'a Form, FormFaults),
    Outdated(&'a Form),
}

async fn write_edit(
    id: WarehouseId,
    visitor: &Visitor,
    database: &TenantDatabase,
    again: Option<Again<'_>>,
) -> Result<HttpResponse, ApiError> {
    let w = Warehouses::of(visitor.language);
    let warehouse = warehouses::get(database, &visitor.context, id).await?;
    let stored = Typed::stored(&warehouse);
    let (mut version, mut versions, mut faults) = (warehouse.version, None, FormFaults::default());
    let (status, typed, key) = match again {
        Some(Again::Refused(form, found)) => {
            // The version of the form stays: somebody else's change is not overwritten by the next attempt.
            (version, faults) = (form.version()?, found);
            (StatusCode::UNPROCESSABLE_ENTITY, Typed::of(form), form.key_text())
        }
        Some(Again::Outdated(form)) => {
            let typed = Typed::of(form);
            versions = Some(typed.beside(&stored, id, w));
            (StatusCode::CONFLICT, typed, new_key())
        }
        None => (StatusCode::OK, stored, new_key()),
    };
    let page = FormPage {
        page: visitor.page(w.edit_title),
        w,
        faults,
        key,
        action: format!("/console/warehouses/{id}/edit"),
        back: format!("/console/warehouses/{id}"),
        back_label: warehouse.name,
        version: Some(version),
        versions,
        form: FORM,
        typed,
    };
    layout::show(status, &page)
}

pub(super) async fn update(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: WarehouseId = part(&request, "id")?;
    let form = if form.taken().next().is_some() {
        let w = Warehouses::of(visitor.language);
        let stored = Typed::stored(&warehouses::get(&database, &visitor.context, id).await?);
        form.with_theirs(|name| stored.taken(name, w))
    } else {
        form
    };
    let mut patch = body(&form);
    // A patch leaves out what stays; a name that was emptied is to be refused.
    for needed in ["code", "name"] {
        patch.entry(needed).or_insert(Value::Null);
    }
    let edit = merge_patch::<WarehouseRequest>(patch);
    let command = UpdateWarehouse { id, expected_version: Some(form.version()?), edit };
    match executor
        .execute(visitor.context.clone(), form.key()?, command, leads_on)
        .await
        .map_err(ApiError::from)
    {
        Ok(answer) => Ok(follow(answer, format!("/console/warehouses/{id}"))),
        Err(error) if error.status() == StatusCode::PRECONDITION_FAILED => {
            write_edit(id, &visitor, &database, Some(Again::Outdated(&form))).await
        }
        Err(error) => {
            let faults = FormFaults::of(error, FIELDS, visitor.language)?;
            write_edit(id, &visitor, &database, Some(Again::Refused(&form, faults))).await
        }
    }
}
