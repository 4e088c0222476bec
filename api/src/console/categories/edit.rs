//! The forms of categories.

use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::commerce::categories::{
    self, CategoryView, CreateCategory, DeleteCategory, UpdateCategory,
};
use comptoir_core::values::ids::CategoryId;
use comptoir_core::values::language::Language;

use crate::console::names;
use crate::console::parts::editing::{EditOf, Edited, Said};
use crate::console::parts::{Input, Kind, Section, Shown, Spec, Values};
use crate::console::visitor::Visitor;
use crate::console::words::{Categories, Parts};
use crate::error::ApiError;
use crate::routes::categories::CategoryRequest;

/// Categories, as forms know them.
pub(super) struct Category;

impl Edited for Category {
    type Request = CategoryRequest;
    type Id = CategoryId;
    type Create = CreateCategory;
    type Update = UpdateCategory;
    type Delete = DeleteCategory;

    const PATH: &'static str = super::PATH;
    const SPEC: Spec = Spec {
        members: &[
            ("code", Kind::Text),
            ("name", Kind::Text),
            ("external_id", Kind::Text),
            ("parent_id", Kind::Text),
        ],
        groups: &[],
        lists: &[],
    };

    fn create(values: &Values) -> Result<CreateCategory, ApiError> {
        Ok(CreateCategory { details: values.details::<CategoryRequest>(&Self::SPEC)? })
    }

    fn update(id: CategoryId, expected_version: Option<i64>, edit: EditOf<Self>) -> UpdateCategory {
        UpdateCategory { id, expected_version, edit }
    }

    fn delete(id: CategoryId, expected_version: Option<i64>) -> DeleteCategory {
        DeleteCategory { id, expected_version }
    }

    fn id(view: &CategoryView) -> CategoryId {
        view.id
    }

    fn version(view: &CategoryView) -> i64 {
        view.version
    }

    fn name(view: &CategoryView) -> String {
        view.name.clone()
    }

    fn said(language: Language) -> Said {
        let w = Categories::of(language);
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
        id: CategoryId,
    ) -> Result<CategoryView, Error> {
        categories::get(database, context, id).await
    }

    async fn sections(
        shown: &Shown,
        _: bool,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<Vec<Section>, ApiError> {
        let (w, shared) = (Categories::of(visitor.language), Parts::of(visitor.language));
        let values = &shown.values;
        let top = (String::new(), w.top.to_string());
        let shelves = names::categories(database, visitor).await?;
        let choices = std::iter::once(top).chain(shelves.into_iter().map(|shelf| (shelf.id, shelf.path)));
        let inputs = vec![
            Input::text(values, "code", shared.code).required(),
            Input::text(values, "name", shared.name).required(),
            Input::select(values, "parent_id", w.parent, choices),
            Input::text(values, "external_id", shared.external_id).hint(shared.external_id_hint),
        ];
        Ok(vec![Section::new("", inputs)])
    }
}
