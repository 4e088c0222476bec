//! Suppliers as JSON.

use comptoir_core::commerce::suppliers::{
    SupplierCode, SupplierDetails, SupplierFilter, SupplierName, SupplierSort,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::contact::VatNumber;
use comptoir_core::values::invalid::{FieldError, Fields};
use comptoir_core::values::payment_terms::PaymentTerms;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::extract;
use crate::routes::address::{self, AddressDto};
use crate::routes::parse_limit;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SupplierRequest {
    /// The supplier's number in your books; unique, at most 50 characters.
    #[schema(example = "S-7", min_length = 1, max_length = 50)]
    code: String,
    #[schema(example = "Terres de Thé", min_length = 1, max_length = 200)]
    name: String,
    #[schema(example = "FR40303265045")]
    vat_number: Option<String>,
    #[serde(default)]
    #[schema(max_items = 20)]
    addresses: Vec<AddressDto>,
    /// Left out or null if nothing was agreed.
    payment_terms: Option<PaymentTermsDto>,
}

/// When an invoice is due.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PaymentTermsDto {
    #[schema(example = 45, minimum = 0, maximum = 365)]
    days: i16,
    /// Whether the invoice is due at the end of the month in which the days end.
    #[serde(default)]
    end_of_month: bool,
}

impl SupplierRequest {
    pub(super) fn into_details(self) -> Result<SupplierDetails, Vec<FieldError>> {
        let mut fields = Fields::default();
        let code = fields.take("/code", SupplierCode::parse(&self.code));
        let name = fields.take("/name", SupplierName::parse(&self.name));
        let vat_number =
            fields.take("/vat_number", self.vat_number.as_deref().map(VatNumber::parse).transpose());
        let addresses = address::parse_all("a supplier", self.addresses, &mut fields);
        let terms = self.payment_terms.map(|terms| PaymentTerms::new(terms.days, terms.end_of_month));
        let payment_terms = fields.take("/payment_terms/days", terms.transpose());
        let details = (|| {
            Some(SupplierDetails {
                code: code?,
                name: name?,
                vat_number: vat_number?,
                addresses: addresses?,
                payment_terms: payment_terms?,
            })
        })();
        fields.finish(details)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SupplierQuery {
    /// Only the supplier with this code.
    code: Option<String>,
    /// `code`, `name`, `created_at`; `-` in front sorts descending.
    #[param(example = "code")]
    sort: Option<String>,
    /// Rows of a page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl SupplierQuery {
    pub(super) fn parse(self) -> Result<(SupplierFilter, PageRequest<SupplierSort>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let code = fields.take("/query/code", extract::text(self.code));
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let (code, limit) = fields.finish(code.zip(limit))?;
        let filter = SupplierFilter { code };
        Ok((filter, PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())?))
    }
}
