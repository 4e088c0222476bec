//! Warehouses as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::warehouses::{
    WarehouseCode, WarehouseDetails, WarehouseFilter, WarehouseName, WarehouseView,
};
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::invalid::FieldError;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, Flag, SearchFilters, Text, read_from_text};
use crate::routes::address::PostalAddressDto;

read_from_text!(WarehouseCode, WarehouseName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct WarehouseRequest {
    /// What your own system calls it; unique among your warehouses.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ERP-W1", min_length = 1, max_length = 100)]
    external_id: Option<ExternalId>,
    /// The warehouse's short name in your books, unique among your warehouses.
    #[schema(value_type = String, example = "MAIN", min_length = 1, max_length = 50)]
    code: WarehouseCode,
    #[schema(value_type = String, example = "Entrepôt principal", min_length = 1, max_length = 200)]
    name: WarehouseName,
    #[deserr(default)]
    address: Option<PostalAddressDto>,
}

impl Editable for WarehouseRequest {
    type View = WarehouseView;
    type Details = WarehouseDetails;
    const READ_ONLY: &'static [&'static str] =
        &["id", "version", "is_default", "archived_at", "created_at", "updated_at"];

    fn into_details(self) -> Result<WarehouseDetails, Vec<FieldError>> {
        let Self { external_id, code, name, address } = self;
        Ok(WarehouseDetails { external_id, code, name, address: address.map(Into::into) })
    }

    fn shown(view: &WarehouseView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WarehouseFilters {
    /// Only the warehouse with this code.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    code: Option<Text>,
    /// Only archived warehouses, or only those in use.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    archived: Option<Flag>,
}

impl SearchFilters for WarehouseFilters {
    type Filter = WarehouseFilter;

    fn with(self, selection: Selection) -> WarehouseFilter {
        let Self { code, archived } = self;
        WarehouseFilter {
            code: code.map(Into::into),
            archived: archived.map(|Flag(archived)| archived),
            selection,
        }
    }
}

impl Exported for WarehouseView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "external_id",
        "code",
        "name",
        "address",
        "is_default",
        "archived_at",
        "created_at",
        "updated_at",
    ];
}
