//! A new customer, and what is known of one. The form becomes the body of the API's request, which reads it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers::{self, CreateCustomer, CustomerView, UpdateCustomer};
use comptoir_core::values::channel::Channel;
use comptoir_core::values::ids::CustomerId;
use comptoir_core::values::language::Language;
use comptoir_core::values::party::CustomerKind;

use super::PATH;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout;
use crate::console::names;
use crate::console::parts::addresses::{self, ADDRESSES};
use crate::console::parts::save::refused;
use crate::console::parts::{FormPage, Input, Kind, Link, Saved, Section, Spec, Values, leads_to, saved};
use crate::console::visitor::Visitor;
use crate::console::words::{Customers, Parts};
use crate::error::ApiError;
use crate::extract::part;
use crate::routes::customers::CustomerRequest;

const SPEC: Spec = Spec {
    members: &[
        ("code", Kind::Text),
        ("name", Kind::Text),
        ("email", Kind::Text),
        ("external_id", Kind::Text),
        ("vat_number", Kind::Text),
        ("credit_limit", Kind::Decimal),
        ("group_id", Kind::Text),
        ("invoicing.kind", Kind::Text),
        ("invoicing.legal_form", Kind::Text),
        ("invoicing.registration.scheme", Kind::Text),
        ("invoicing.registration.number", Kind::Text),
        ("invoicing.electronic_address.scheme", Kind::Text),
        ("invoicing.electronic_address.identifier", Kind::Text),
        ("invoicing.language", Kind::Text),
        ("invoicing.payment_terms.days", Kind::Whole),
        ("invoicing.payment_terms.end_of_month", Kind::Flag),
        ("invoicing.channel", Kind::Text),
        ("invoicing.reminders", Kind::Flag),
    ],
    groups: &["invoicing.registration", "invoicing.electronic_address", "invoicing.payment_terms"],
    lists: &[ADDRESSES],
};
/// Empty addresses after "add an address".
const MORE: usize = 2;

/// What the form is of.
#[derive(Debug, Clone, Copy)]
enum Of {
    New,
    Known { id: CustomerId, version: i64 },
}

/// The form as it is shown.
struct Shown {
    values: Values,
    faults: FormFaults,
    key: String,
    spare: usize,
    is_outdated: bool,
}

impl Shown {
    fn first(values: Values) -> Self {
        let spare = usize::from(values.rows(ADDRESSES.name) == 0);
        Self { values, faults: FormFaults::default(), key: new_key(), spare, is_outdated: false }
    }

    fn again(values: Values, form: &Form, faults: FormFaults, spare: usize) -> Self {
        Self { values, faults, key: form.key_text(), spare, is_outdated: false }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self { is_outdated: true, .. } => StatusCode::CONFLICT,
            Self { faults, .. } if !faults.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        }
    }
}

/// Leaves out what this person may not see or set.
fn permitted(mut values: Values, visitor: &Visitor) -> Values {
    if !visitor.may(Permission::CustomersCredit) || !visitor.may(Permission::OrdersPrices) {
        values.leave_out("credit_limit");
    }
    if !visitor.may(Permission::PricesRead) {
        values.leave_out("group_id");
    }
    values
}

pub(super) async fn show_new(
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let mut values = Values::default();
    // As in the API, where nothing is said of it.
    values.set("invoicing.reminders", "true");
    written(Of::New, Shown::first(permitted(values, &visitor)), &visitor, &database).await
}

pub(super) async fn create(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let values = permitted(Values::of_form(&form, &SPEC), &visitor);
    if form.has("more") {
        let shown = Shown::again(values, &form, FormFaults::default(), MORE);
        return written(Of::New, shown, &visitor, &database).await;
    }
    let outcome = match values.details::<CustomerRequest>(&SPEC) {
        Ok(details) => {
            let to = leads_to(|view: &CustomerView| format!("{PATH}/{}?done=created", view.id));
            let command = CreateCustomer { details };
            saved(executor.execute(visitor.context.clone(), form.key()?, command, to).await, &SPEC.fields(), &visitor)?
        }
        Err(error) => refused(error, &SPEC.fields(), &visitor)?,
    };
    let faults = match outcome {
        Saved::Done(response) => return Ok(response),
        Saved::Refused(faults) => faults,
        Saved::Outdated => FormFaults::default(),
    };
    written(Of::New, Shown::again(values, &form, faults, 0), &visitor, &database).await
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = customers::get(&database, &visitor.context, part(&request, "id")?).await?;
    let of = Of::Known { id: view.id, version: view.version };
    written(of, Shown::first(known(&view, &visitor)?), &visitor, &database).await
}

fn known(view: &CustomerView, visitor: &Visitor) -> Result<Values, ApiError> {
    Ok(permitted(Values::of_view::<CustomerRequest>(view, &SPEC, visitor.language)?, visitor))
}

pub(super) async fn update(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    let of = Of::Known { id, version: form.version()? };
    let values = permitted(Values::of_form(&form, &SPEC), &visitor);
    if form.has("more") {
        let shown = Shown::again(values, &form, FormFaults::default(), MORE);
        return written(of, shown, &visitor, &database).await;
    }
    let edit = values.edit::<CustomerRequest>(&SPEC);
    let command = UpdateCustomer { id, expected_version: Some(form.version()?), edit };
    let to = leads_to(|view: &CustomerView| format!("{PATH}/{}?done=saved", view.id));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    match saved(answer, &SPEC.fields(), &visitor)? {
        Saved::Done(response) => Ok(response),
        Saved::Refused(faults) => written(of, Shown::again(values, &form, faults, 0), &visitor, &database).await,
        Saved::Outdated => {
            let view = customers::get(&database, &visitor.context, id).await?;
            let of = Of::Known { id, version: view.version };
            let shown = Shown { is_outdated: true, ..Shown::first(known(&view, &visitor)?) };
            written(of, shown, &visitor, &database).await
        }
    }
}

async fn written(
    of: Of,
    shown: Shown,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Customers::of(visitor.language), Parts::of(visitor.language));
    let groups = if shown.values.has("group_id") { names::groups(database, visitor).await? } else { Vec::new() };
    let (title, crumb, action, version) = match of {
        Of::New => (w.create, Link::new(PATH, w.title), format!("{PATH}/new"), None),
        Of::Known { id, version } => {
            let name = shown.values.get("name");
            (w.edit_title, Link::new(format!("{PATH}/{id}"), name), format!("{PATH}/{id}/edit"), Some(version))
        }
    };
    let status = shown.status();
    let page = FormPage {
        page: visitor.page(title),
        w: shared,
        crumb,
        hint: String::new(),
        action,
        version,
        is_outdated: shown.is_outdated,
        sections: vec![
            identity(&shown.values, &groups, w, shared),
            addresses::section(&shown.values, shown.spare, shared),
            invoicing(&shown.values, w, shared),
        ],
        submit: if version.is_some() { shared.save } else { w.create }.to_string(),
        is_danger: false,
        faults: shown.faults,
        key: shown.key,
    };
    layout::show(status, &page)
}

fn identity(
    values: &Values,
    groups: &[(String, String)],
    w: &'static Customers,
    shared: &'static Parts,
) -> Section {
    let mut inputs = vec![
        Input::text(values, "code", shared.code).required(),
        Input::text(values, "name", shared.name).required(),
        Input::text(values, "email", w.email).of_kind("email").required(),
        Input::text(values, "vat_number", shared.vat_number),
        Input::text(values, "external_id", shared.external_id).hint(shared.external_id_hint),
    ];
    if values.has("credit_limit") {
        let limit = Input::text(values, "credit_limit", w.credit_limit);
        inputs.push(limit.of_kind("decimal").hint(w.credit_limit_hint));
    }
    if values.has("group_id") {
        let none = (String::new(), w.no_group.to_string());
        let choices = std::iter::once(none).chain(groups.iter().cloned());
        inputs.push(Input::select(values, "group_id", w.group, choices));
    }
    Section::new(shared.identity, inputs)
}

fn invoicing(values: &Values, w: &'static Customers, shared: &'static Parts) -> Section {
    let kinds = [
        ("", shared.not_said),
        (CustomerKind::Business.name(), w.business),
        (CustomerKind::Consumer.name(), w.consumer),
        (CustomerKind::PublicBody.name(), w.public_body),
    ];
    let registers = [
        ("", shared.not_said.to_string()),
        ("siren", "SIREN".to_owned()),
        ("siret", "SIRET".to_owned()),
        ("foreign", w.foreign.to_string()),
    ];
    let languages = [
        ("", w.language_of_company),
        (Language::Fr.code(), w.french),
        (Language::En.code(), w.english),
    ];
    let channels = [
        ("", shared.not_said),
        (Channel::Email.name(), w.by_email),
        (Channel::Download.name(), w.by_download),
        (Channel::Platform.name(), w.by_platform),
    ];
    let electronic = "invoicing.electronic_address";
    Section::new(
        w.invoicing,
        vec![
            Input::select(values, "invoicing.kind", w.kind, kinds).hint(w.invoicing_hint),
            Input::text(values, "invoicing.legal_form", w.legal_form),
            Input::select(values, "invoicing.registration.scheme", w.registration_scheme, registers),
            Input::text(values, "invoicing.registration.number", w.registration_number),
            Input::text(values, format!("{electronic}.scheme"), w.electronic_scheme).hint(w.electronic_scheme_hint),
            Input::text(values, format!("{electronic}.identifier"), w.electronic_identifier),
            Input::select(values, "invoicing.language", w.language, languages),
            Input::select(values, "invoicing.channel", w.channel, channels),
            Input::text(values, "invoicing.payment_terms.days", shared.terms_days).of_kind("whole"),
            Input::check(values, "invoicing.payment_terms.end_of_month", shared.end_of_month),
            Input::check(values, "invoicing.reminders", w.reminders),
        ],
    )
}
