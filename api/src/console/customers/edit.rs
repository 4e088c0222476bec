//! The forms of customers.

use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers::{
    self, CreateCustomer, CustomerView, DeleteCustomer, UpdateCustomer,
};
use comptoir_core::values::channel::Channel;
use comptoir_core::values::ids::CustomerId;
use comptoir_core::values::language::Language;
use comptoir_core::values::party::CustomerKind;

use crate::console::names;
use crate::console::parts::addresses::{self, ADDRESSES};
use crate::console::parts::editing::{EditOf, Edited, Said};
use crate::console::parts::{Input, Kind, Section, Shown, Spec, Values};
use crate::console::visitor::Visitor;
use crate::console::words::{Customers, Parts};
use crate::error::ApiError;
use crate::routes::customers::CustomerRequest;

/// Customers, as forms know them.
pub(super) struct Customer;

impl Edited for Customer {
    type Request = CustomerRequest;
    type Id = CustomerId;
    type Create = CreateCustomer;
    type Update = UpdateCustomer;
    type Delete = DeleteCustomer;

    const PATH: &'static str = super::PATH;
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

    fn create(values: &Values) -> Result<CreateCustomer, ApiError> {
        Ok(CreateCustomer { details: values.details::<CustomerRequest>(&Self::SPEC)? })
    }

    fn update(id: CustomerId, expected_version: Option<i64>, edit: EditOf<Self>) -> UpdateCustomer {
        UpdateCustomer { id, expected_version, edit }
    }

    fn delete(id: CustomerId, expected_version: Option<i64>) -> DeleteCustomer {
        DeleteCustomer { id, expected_version }
    }

    fn id(view: &CustomerView) -> CustomerId {
        view.id
    }

    fn version(view: &CustomerView) -> i64 {
        view.version
    }

    fn name(view: &CustomerView) -> String {
        format!("{} {}", view.code, view.name)
    }

    fn said(language: Language) -> Said {
        let w = Customers::of(language);
        Said {
            title: w.title,
            create: w.create,
            edit: w.edit_title,
            delete: w.delete_title,
            delete_hint: w.delete_hint,
        }
    }

    async fn get(
        database: &TenantDatabase,
        context: &RequestContext,
        id: CustomerId,
    ) -> Result<CustomerView, Error> {
        customers::get(database, context, id).await
    }

    async fn sections(
        shown: &Shown,
        _: bool,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<Vec<Section>, ApiError> {
        let (w, shared) = (Customers::of(visitor.language), Parts::of(visitor.language));
        let values = &shown.values;
        let groups =
            if values.has("group_id") { names::groups(database, visitor).await? } else { Vec::new() };
        Ok(vec![
            identity(values, &groups, w, shared),
            addresses::section(values, shown.spare, shared),
            invoicing(values, w, shared),
        ])
    }

    fn first() -> Values {
        let mut values = Values::default();
        // As in the API, where nothing is said of it.
        values.set("invoicing.reminders", "true");
        values
    }

    fn permitted(mut values: Values, _: bool, visitor: &Visitor) -> Values {
        if !visitor.may(Permission::CustomersCredit) || !visitor.may(Permission::OrdersPrices) {
            values.leave_out("credit_limit");
        }
        if !visitor.may(Permission::PricesRead) {
            values.leave_out("group_id");
        }
        values
    }
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
    let languages =
        [("", w.language_of_company), (Language::Fr.code(), w.french), (Language::En.code(), w.english)];
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
            Input::text(values, format!("{electronic}.scheme"), w.electronic_scheme)
                .hint(w.electronic_scheme_hint),
            Input::text(values, format!("{electronic}.identifier"), w.electronic_identifier),
            Input::select(values, "invoicing.language", w.language, languages),
            Input::select(values, "invoicing.channel", w.channel, channels),
            Input::text(values, "invoicing.payment_terms.days", shared.terms_days).of_kind("whole"),
            Input::check(values, "invoicing.payment_terms.end_of_month", shared.end_of_month),
            Input::check(values, "invoicing.reminders", w.reminders),
        ],
    )
}
