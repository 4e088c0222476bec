//! Suppliers as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::addresses::Address;
use comptoir_core::commerce::suppliers::{
    SupplierCode, SupplierDetails, SupplierFilter, SupplierName, SupplierView,
};
use comptoir_core::values::contact::VatNumber;
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::invalid::{FieldError, Invalid};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, SearchFilters, Text, read_from_text};
use crate::routes::address::{AddressDto, parse_addresses};
use crate::routes::party::PaymentTermsDto;

read_from_text!(SupplierCode, SupplierName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct SupplierRequest {
    /// What your own system calls it; unique among your suppliers.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ERP-311", min_length = 1, max_length = 100)]
    external_id: Option<ExternalId>,
    /// The supplier's number in your books, unique among your suppliers.
    #[schema(value_type = String, example = "S-7", min_length = 1, max_length = 50)]
    code: SupplierCode,
    #[schema(value_type = String, example = "Terres de Thé", min_length = 1, max_length = 200)]
    name: SupplierName,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "FR40303265045")]
    vat_number: Option<VatNumber>,
    #[deserr(default, try_from(Vec<AddressDto>) = parse_addresses -> Invalid)]
    #[schema(value_type = Vec<AddressDto>, max_items = 20, required = false)]
    addresses: Vec<Address>,
    /// Left out or null if nothing was agreed.
    #[deserr(default)]
    payment_terms: Option<PaymentTermsDto>,
}

impl Editable for SupplierRequest {
    type View = SupplierView;
    type Details = SupplierDetails;
    const READ_ONLY: &'static [&'static str] = &["id", "version", "created_at", "updated_at"];

    fn into_details(self) -> Result<SupplierDetails, Vec<FieldError>> {
        let Self { external_id, code, name, vat_number, addresses, payment_terms } = self;
        let payment_terms = payment_terms.map(|terms| terms.terms()).transpose();
        let payment_terms = payment_terms.map_err(|invalid| vec![invalid.at("/payment_terms/days")])?;
        Ok(SupplierDetails { external_id, code, name, vat_number, addresses, payment_terms })
    }

    fn shown(view: &SupplierView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SupplierFilters {
    /// Only the supplier with this code.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    code: Option<Text>,
}

impl SearchFilters for SupplierFilters {
    type Filter = SupplierFilter;

    fn with(self, selection: Selection) -> SupplierFilter {
        SupplierFilter { code: self.code.map(Into::into), selection }
    }
}

impl Exported for SupplierView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "external_id",
        "code",
        "name",
        "vat_number",
        "addresses",
        "payment_terms",
        "created_at",
        "updated_at",
    ];
}
