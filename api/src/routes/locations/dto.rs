//! Locations as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::locations::{
    CreateLocation, LocationCode, LocationDetails, LocationFilter, LocationName, LocationView,
};
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::ids::WarehouseId;
use comptoir_core::values::invalid::FieldError;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, Flag, SearchFilters, read_from_text};

read_from_text!(LocationCode, LocationName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreateLocationRequest {
    /// The warehouse that it is in; it never changes.
    #[schema(value_type = Uuid)]
    warehouse_id: WarehouseId,
    /// What your own system calls it; unique among your locations.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ERP-W1-A013", min_length = 1, max_length = 100)]
    external_id: Option<ExternalId>,
    /// What stands on the shelf, unique in the warehouse.
    #[schema(value_type = String, example = "A-01-3", min_length = 1, max_length = 50)]
    code: LocationCode,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Aisle A, bay 1, shelf 3", min_length = 1, max_length = 200)]
    name: Option<LocationName>,
}

impl CreateLocationRequest {
    pub(crate) fn into_command(self) -> CreateLocation {
        let Self { warehouse_id, external_id, code, name } = self;
        CreateLocation { warehouse_id, details: LocationDetails { external_id, code, name } }
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct LocationRequest {
    /// What your own system calls it; unique among your locations.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ERP-W1-A013", min_length = 1, max_length = 100)]
    external_id: Option<ExternalId>,
    /// What stands on the shelf, unique in the warehouse.
    #[schema(value_type = String, example = "A-01-3", min_length = 1, max_length = 50)]
    code: LocationCode,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Aisle A, bay 1, shelf 3", min_length = 1, max_length = 200)]
    name: Option<LocationName>,
}

impl Editable for LocationRequest {
    type View = LocationView;
    type Details = LocationDetails;
    const READ_ONLY: &'static [&'static str] =
        &["id", "version", "warehouse_id", "archived_at", "created_at", "updated_at"];

    fn into_details(self) -> Result<LocationDetails, Vec<FieldError>> {
        let Self { external_id, code, name } = self;
        Ok(LocationDetails { external_id, code, name })
    }

    fn shown(view: &LocationView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LocationFilters {
    /// Only those in this warehouse.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Only archived locations, or only those in use.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    archived: Option<Flag>,
}

impl SearchFilters for LocationFilters {
    type Filter = LocationFilter;

    fn with(self, selection: Selection) -> LocationFilter {
        let Self { warehouse_id, archived } = self;
        LocationFilter { warehouse_id, archived: archived.map(|Flag(archived)| archived), selection }
    }
}

impl Exported for LocationView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "warehouse_id",
        "external_id",
        "code",
        "name",
        "archived_at",
        "created_at",
        "updated_at",
    ];
}
