//! The forms of groups.

use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::commerce::customer_groups::{
    self, CreateCustomerGroup, CustomerGroupView, DeleteCustomerGroup, UpdateCustomerGroup,
};
use comptoir_core::values::ids::CustomerGroupId;
use comptoir_core::values::language::Language;

use crate::console::parts::editing::{EditOf, Edited, Said};
use crate::console::parts::{Input, Kind, Section, Shown, Spec, Values};
use crate::console::visitor::Visitor;
use crate::console::words::{Groups, Parts};
use crate::error::ApiError;
use crate::routes::customer_groups::CustomerGroupRequest;

/// Groups, as forms know them.
pub(super) struct Group;

impl Edited for Group {
    type Request = CustomerGroupRequest;
    type Id = CustomerGroupId;
    type Create = CreateCustomerGroup;
    type Update = UpdateCustomerGroup;
    type Delete = DeleteCustomerGroup;

    const PATH: &'static str = super::PATH;
    const SPEC: Spec =
        Spec { members: &[("code", Kind::Text), ("name", Kind::Text)], groups: &[], lists: &[] };

    fn create(values: &Values) -> Result<CreateCustomerGroup, ApiError> {
        Ok(CreateCustomerGroup { details: values.details::<CustomerGroupRequest>(&Self::SPEC)? })
    }

    fn update(id: CustomerGroupId, expected_version: Option<i64>, edit: EditOf<Self>) -> UpdateCustomerGroup {
        UpdateCustomerGroup { id, expected_version, edit }
    }

    fn delete(id: CustomerGroupId, expected_version: Option<i64>) -> DeleteCustomerGroup {
        DeleteCustomerGroup { id, expected_version }
    }

    fn id(view: &CustomerGroupView) -> CustomerGroupId {
        view.id
    }

    fn version(view: &CustomerGroupView) -> i64 {
        view.version
    }

    fn name(view: &CustomerGroupView) -> String {
        view.name.clone()
    }

    fn said(language: Language) -> Said {
        let w = Groups::of(language);
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
        id: CustomerGroupId,
    ) -> Result<CustomerGroupView, Error> {
        customer_groups::get(database, context, id).await
    }

    async fn sections(
        shown: &Shown,
        _: bool,
        visitor: &Visitor,
        _: &TenantDatabase,
    ) -> Result<Vec<Section>, ApiError> {
        let (shared, values) = (Parts::of(visitor.language), &shown.values);
        let inputs = vec![
            Input::text(values, "code", shared.code).required(),
            Input::text(values, "name", shared.name).required(),
        ];
        Ok(vec![Section::new("", inputs)])
    }
}
