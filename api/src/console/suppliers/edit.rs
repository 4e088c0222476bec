//! The forms of suppliers.

use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::commerce::suppliers::{
    self, CreateSupplier, DeleteSupplier, SupplierView, UpdateSupplier,
};
use comptoir_core::values::ids::SupplierId;
use comptoir_core::values::language::Language;

use crate::console::parts::addresses::{self, ADDRESSES};
use crate::console::parts::editing::{EditOf, Edited, Said};
use crate::console::parts::{Input, Kind, Section, Shown, Spec, Values};
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, Suppliers};
use crate::error::ApiError;
use crate::routes::suppliers::SupplierRequest;

/// Suppliers, as forms know them.
pub(super) struct Supplier;

impl Edited for Supplier {
    type Request = SupplierRequest;
    type Id = SupplierId;
    type Create = CreateSupplier;
    type Update = UpdateSupplier;
    type Delete = DeleteSupplier;

    const PATH: &'static str = super::PATH;
    const SPEC: Spec = Spec {
        members: &[
            ("code", Kind::Text),
            ("name", Kind::Text),
            ("external_id", Kind::Text),
            ("vat_number", Kind::Text),
            ("payment_terms.days", Kind::Whole),
            ("payment_terms.end_of_month", Kind::Flag),
        ],
        groups: &["payment_terms"],
        lists: &[ADDRESSES],
    };

    fn create(values: &Values) -> Result<CreateSupplier, ApiError> {
        Ok(CreateSupplier { details: values.details::<SupplierRequest>(&Self::SPEC)? })
    }

    fn update(id: SupplierId, expected_version: Option<i64>, edit: EditOf<Self>) -> UpdateSupplier {
        UpdateSupplier { id, expected_version, edit }
    }

    fn delete(id: SupplierId, expected_version: Option<i64>) -> DeleteSupplier {
        DeleteSupplier { id, expected_version }
    }

    fn id(view: &SupplierView) -> SupplierId {
        view.id
    }

    fn version(view: &SupplierView) -> i64 {
        view.version
    }

    fn name(view: &SupplierView) -> String {
        view.name.clone()
    }

    fn said(language: Language) -> Said {
        let w = Suppliers::of(language);
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
        id: SupplierId,
    ) -> Result<SupplierView, Error> {
        suppliers::get(database, context, id).await
    }

    async fn sections(
        shown: &Shown,
        _: bool,
        visitor: &Visitor,
        _: &TenantDatabase,
    ) -> Result<Vec<Section>, ApiError> {
        let (w, shared) = (Suppliers::of(visitor.language), Parts::of(visitor.language));
        let values = &shown.values;
        let identity = vec![
            Input::text(values, "code", shared.code).required(),
            Input::text(values, "name", shared.name).required(),
            Input::text(values, "vat_number", shared.vat_number),
            Input::text(values, "external_id", shared.external_id).hint(shared.external_id_hint),
        ];
        let conditions = vec![
            Input::text(values, "payment_terms.days", shared.terms_days).of_kind("whole"),
            Input::check(values, "payment_terms.end_of_month", shared.end_of_month),
        ];
        Ok(vec![
            Section::new(shared.identity, identity),
            addresses::section(values, shown.spare, shared),
            Section::new(w.conditions, conditions),
        ])
    }
}
