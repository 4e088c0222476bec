//! The forms of price lists. Whose prices they are is said once: it never changes.

use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::prices::{
    self, CreatePriceList, DeletePriceList, PriceListView, UpdatePriceList,
};
use comptoir_core::values::ids::PriceListId;
use comptoir_core::values::language::Language;

use crate::console::choose::one_customer;
use crate::console::forms::FormFaults;
use crate::console::names;
use crate::console::parts::editing::{EditOf, Edited, Said};
use crate::console::parts::{Input, Kind, Section, Shown, Spec, Values};
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, PriceLists};
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::price_lists::{CreatePriceListRequest, PriceListRequest};

/// Price lists, as forms know them.
pub(super) struct List;

impl Edited for List {
    type Request = PriceListRequest;
    type Id = PriceListId;
    type Create = CreatePriceList;
    type Update = UpdatePriceList;
    type Delete = DeletePriceList;

    const PATH: &'static str = super::PATH;
    const SPEC: Spec = Spec {
        members: &[
            ("code", Kind::Text),
            ("name", Kind::Text),
            ("customer_id", Kind::Text),
            ("group_id", Kind::Text),
            ("valid_from", Kind::Text),
            ("valid_to", Kind::Text),
        ],
        groups: &[],
        lists: &[],
    };

    fn create(values: &Values) -> Result<CreatePriceList, ApiError> {
        let read: Result<CreatePriceListRequest, Faults> = deserr::deserialize(values.body(&Self::SPEC));
        read.map_err(ApiError::from)?.into_command().map_err(|fault| ApiError::invalid(vec![fault]))
    }

    fn update(id: PriceListId, expected_version: Option<i64>, edit: EditOf<Self>) -> UpdatePriceList {
        UpdatePriceList { id, expected_version, edit }
    }

    fn delete(id: PriceListId, expected_version: Option<i64>) -> DeletePriceList {
        DeletePriceList { id, expected_version }
    }

    fn id(view: &PriceListView) -> PriceListId {
        view.id
    }

    fn version(view: &PriceListView) -> i64 {
        view.version
    }

    fn name(view: &PriceListView) -> String {
        format!("{} {}", view.code, view.name)
    }

    fn said(language: Language) -> Said {
        let w = PriceLists::of(language);
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
        id: PriceListId,
    ) -> Result<PriceListView, Error> {
        prices::get(database, context, id).await
    }

    async fn sections(
        shown: &Shown,
        known: bool,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<Vec<Section>, ApiError> {
        let (w, shared) = (PriceLists::of(visitor.language), Parts::of(visitor.language));
        let values = &shown.values;
        let mut inputs = vec![
            Input::text(values, "code", shared.code).required(),
            Input::text(values, "name", shared.name).required(),
        ];
        if !known {
            if visitor.may(Permission::CustomersRead) {
                let customer = Input::combo(values, "customer_id", w.customer, "/console/choose/customers");
                inputs.push(customer.hint(w.customer_hint));
            }
            let none = (String::new(), w.no_group.to_string());
            let choices = std::iter::once(none).chain(names::groups(database, visitor).await?);
            inputs.push(Input::select(values, "group_id", w.group, choices));
        }
        inputs.push(Input::text(values, "valid_from", w.valid_from).of_kind("date").hint(w.validity_hint));
        inputs.push(Input::text(values, "valid_to", w.valid_to).of_kind("date").hint(w.validity_hint));
        Ok(vec![Section::new("", inputs)])
    }

    fn permitted(mut values: Values, known: bool, _: &Visitor) -> Values {
        if known {
            values.leave_out("customer_id");
            values.leave_out("group_id");
        }
        values
    }

    async fn resolve(
        values: &mut Values,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<FormFaults, ApiError> {
        let mut faults = FormFaults::default();
        let text = values.get("customer_id_text").to_owned();
        if text.is_empty() {
            // Whoever empties the text means nobody.
            values.set("customer_id", "");
        } else if values.get("customer_id").is_empty() && visitor.may(Permission::CustomersRead) {
            if let Some(found) = one_customer(&text, visitor, database).await? {
                values.set("customer_id", &found.id);
            } else {
                faults.add("customer_id", PriceLists::of(visitor.language).choose_customer);
            }
        }
        Ok(faults)
    }
}
