//! Groups of customers as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::customer_groups::{
    CustomerGroupCode, CustomerGroupDetails, CustomerGroupFilter, CustomerGroupName, CustomerGroupView,
};
use comptoir_core::values::invalid::FieldError;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, SearchFilters, Text, read_from_text};

read_from_text!(CustomerGroupCode, CustomerGroupName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CustomerGroupRequest {
    /// The group's number in your books, unique among your groups.
    #[schema(value_type = String, example = "RESELLERS", min_length = 1, max_length = 50)]
    code: CustomerGroupCode,
    #[schema(value_type = String, example = "Revendeurs", min_length = 1, max_length = 200)]
    name: CustomerGroupName,
}

impl Editable for CustomerGroupRequest {
    type View = CustomerGroupView;
    type Details = CustomerGroupDetails;
    const READ_ONLY: &'static [&'static str] = &["id", "version", "created_at", "updated_at"];

    fn into_details(self) -> Result<CustomerGroupDetails, Vec<FieldError>> {
        let Self { code, name } = self;
        Ok(CustomerGroupDetails { code, name })
    }

    fn shown(view: &CustomerGroupView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomerGroupFilters {
    /// Only the group with this code.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    code: Option<Text>,
}

impl SearchFilters for CustomerGroupFilters {
    type Filter = CustomerGroupFilter;
    const WITHOUT: &'static [&'static str] = &["external_id"];

    fn with(self, selection: Selection) -> CustomerGroupFilter {
        CustomerGroupFilter { code: self.code.map(Into::into), selection }
    }
}

impl Exported for CustomerGroupView {
    const COLUMNS: &'static [&'static str] = &["id", "version", "code", "name", "created_at", "updated_at"];
}
