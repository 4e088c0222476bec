//! When to order more of a product for a warehouse. The form becomes the body of `PUT /api/v1/stock/{id}/reorder-rule`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::stock::{self, ReorderRule, SetReorderRule, StockView};
use comptoir_core::values::ids::StockId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use crate::console::answers::{follow, leads_there};
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::parts::versions::{FORM, decimal};
use crate::console::visitor::Visitor;
use crate::console::words::Stock;
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::stock::ReorderRuleRequest;

const FIELDS: [&str; 2] = ["point", "quantity"];

#[derive(Template)]
#[template(path = "console/stock/rule.html")]
struct RulePage {
    page: Page,
    w: &'static Stock,
    faults: FormFaults,
    id: String,
    name: String,
    version: i64,
    key: String,
    has_rule: bool,
    versions: Option<TwoVersions>,
    form: &'static str,
    point: String,
    quantity: String,
}

/// Why the form is shown again, with what was typed.
enum Again<'a> {
    Refused(&'a Form, FormFaults),
    Outdated(&'a Form),
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(part(&request, "id")?, &visitor, &database, None).await
}

async fn ask(
    id: StockId,
    visitor: &Visitor,
    database: &TenantDatabase,
    again: Option<Again<'_>>,
) -> Result<HttpResponse, ApiError> {
    let level = stock::get(database, &visitor.context, id).await?.stock;
    let shown = |units: &Option<comptoir_core::values::goods::Units>| {
        units.as_ref().map(|units| visitor.format.decimal(units.value())).unwrap_or_default()
    };
    let w = Stock::of(visitor.language);
    let now = [shown(&level.reorder_point), shown(&level.reorder_quantity)];
    let typed = |form: &Form| FIELDS.map(|name| form.get(name).unwrap_or_default().to_owned());
    let (mut version, mut versions, mut faults) = (level.version, None, FormFaults::default());
    let (status, key, [point, quantity]) = match again {
        Some(Again::Refused(form, found)) => {
            // The version of the form stays: what moved meanwhile is not overlooked by the next attempt.
            (version, faults) = (form.version()?, found);
            (StatusCode::UNPROCESSABLE_ENTITY, form.key_text(), typed(form))
        }
        Some(Again::Outdated(form)) => {
            let mine = typed(form);
            let labels = [w.point, w.rule_quantity];
            let mut beside = TwoVersions::new(FORM, format!("/console/stock/{id}/rule"));
            for (label, (mine, now)) in labels.into_iter().zip(mine.iter().zip(&now)) {
                beside = beside.with(label, decimal(mine, visitor), decimal(now, visitor));
            }
            versions = Some(beside);
            (StatusCode::CONFLICT, new_key(), mine)
        }
        None => (StatusCode::OK, new_key(), now),
    };
    let page = RulePage {
        page: visitor.page(w.rule),
        w,
        faults,
        id: id.to_string(),
        name: level.name,
        version,
        key,
        has_rule: level.reorder_point.is_some(),
        versions,
        form: FORM,
        point,
        quantity,
    };
    layout::show(status, &page)
}

fn body(form: &Form, language: Language) -> Value {
    let mut body = Map::new();
    for name in FIELDS {
        if let Some(typed) = form.get(name) {
            body.insert(name.to_owned(), json!(typed_decimal(typed, language)));
        }
    }
    Value::Object(body)
}

/// Sets the rule, or ends it if that was asked for.
pub(super) async fn set(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: StockId = part(&request, "id")?;
    let (rule, done) = if form.has("end") {
        (None, "no-rule")
    } else {
        let read: Result<ReorderRuleRequest, Faults> = deserr::deserialize(body(&form, visitor.language));
        match read {
            Ok(request) => (Some(ReorderRule::from(request)), "rule"),
            Err(wrong) => {
                let faults = FormFaults::of(wrong.into(), &FIELDS, visitor.language)?;
                return ask(id, &visitor, &database, Some(Again::Refused(&form, faults))).await;
            }
        }
    };
    let command = SetReorderRule { id, expected_version: Some(form.version()?), rule };
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, move |level: StockView| {
        Ok::<_, Error>(leads_there(format!("/console/stock/{}?done={done}", level.id)))
    });
    match answer.await.map_err(ApiError::from) {
        Ok(answer) => Ok(follow(answer, format!("/console/stock/{id}"))),
        Err(error) if error.status() == StatusCode::PRECONDITION_FAILED => {
            ask(id, &visitor, &database, Some(Again::Outdated(&form))).await
        }
        Err(error) => {
            let faults = FormFaults::of(error, &FIELDS, visitor.language)?;
            ask(id, &visitor, &database, Some(Again::Refused(&form, faults))).await
        }
    }
}
