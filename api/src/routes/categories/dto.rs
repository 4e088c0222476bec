//! Categories as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::categories::{
    CategoryCode, CategoryDetails, CategoryFilter, CategoryName, CategoryView,
};
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::ids::CategoryId;
use comptoir_core::values::invalid::FieldError;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, Flag, SearchFilters, Text, read_from_text};

read_from_text!(CategoryCode, CategoryName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CategoryRequest {
    /// What your own system calls it; unique among your categories.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ERP-TEA-2", min_length = 1, max_length = 100)]
    external_id: Option<ExternalId>,
    /// The category's number in your books, unique among your categories.
    #[schema(value_type = String, example = "TEA-BLACK", min_length = 1, max_length = 50)]
    code: CategoryCode,
    #[schema(value_type = String, example = "Black teas", min_length = 1, max_length = 200)]
    name: CategoryName,
    /// The category in which it is; left out or null at the top. Not itself, nor one that is below it.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    parent_id: Option<CategoryId>,
}

impl Editable for CategoryRequest {
    type View = CategoryView;
    type Details = CategoryDetails;
    const READ_ONLY: &'static [&'static str] = &["id", "version", "created_at", "updated_at"];

    fn into_details(self) -> Result<CategoryDetails, Vec<FieldError>> {
        let Self { external_id, code, name, parent_id } = self;
        Ok(CategoryDetails { external_id, code, name, parent_id })
    }

    fn shown(view: &CategoryView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CategoryFilters {
    /// Only the category with this code.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    code: Option<Text>,
    /// Only those that are directly in this category.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    parent_id: Option<CategoryId>,
    /// Only those at the top, or only those that are in another.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    top: Option<Flag>,
}

impl SearchFilters for CategoryFilters {
    type Filter = CategoryFilter;

    fn with(self, selection: Selection) -> CategoryFilter {
        let Self { code, parent_id, top } = self;
        CategoryFilter { code: code.map(Into::into), parent_id, top: top.map(|Flag(top)| top), selection }
    }
}

impl Exported for CategoryView {
    const COLUMNS: &'static [&'static str] =
        &["id", "version", "external_id", "code", "name", "parent_id", "created_at", "updated_at"];
}
