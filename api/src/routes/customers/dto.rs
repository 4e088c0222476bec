//! Customers as JSON.

use comptoir_core::commerce::customers::{
    CustomerCode, CustomerDetails, CustomerFilter, CustomerName, CustomerSort,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::contact::{Email, VatNumber};
use comptoir_core::values::invalid::{FieldError, Fields};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::extract;
use crate::routes::address::{self, AddressDto};
use crate::routes::parse_limit;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerRequest {
    /// The customer's number in your books; unique, at most 50 characters.
    #[schema(example = "C-1042", min_length = 1, max_length = 50)]
    code: String,
    #[schema(example = "Librairie des Carmes", min_length = 1, max_length = 200)]
    name: String,
    #[schema(example = "achats@carmes.example", format = Email, max_length = 254)]
    email: String,
    #[schema(example = "FR40303265045")]
    vat_number: Option<String>,
    #[serde(default)]
    #[schema(max_items = 20)]
    addresses: Vec<AddressDto>,
}

impl CustomerRequest {
    pub(super) fn into_details(self) -> Result<CustomerDetails, Vec<FieldError>> {
        let mut fields = Fields::default();
        let code = fields.take("/code", CustomerCode::parse(&self.code));
        let name = fields.take("/name", CustomerName::parse(&self.name));
        let email = fields.take("/email", Email::parse(&self.email));
        let vat_number =
            fields.take("/vat_number", self.vat_number.as_deref().map(VatNumber::parse).transpose());
        let addresses = address::parse_all("a customer", self.addresses, &mut fields);
        let details = (|| {
            Some(CustomerDetails {
                code: code?,
                name: name?,
                email: email?,
                vat_number: vat_number?,
                addresses: addresses?,
            })
        })();
        fields.finish(details)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomerQuery {
    /// Only the customer with this code.
    code: Option<String>,
    /// Only customers with this e-mail address.
    email: Option<String>,
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

impl CustomerQuery {
    pub(super) fn parse(self) -> Result<(CustomerFilter, PageRequest<CustomerSort>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let code = fields.take("/query/code", extract::text(self.code));
        let email = fields.take("/query/email", extract::text(self.email));
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let filter = (|| Some((CustomerFilter { code: code?, email: email? }, limit?)))();
        let (filter, limit) = fields.finish(filter)?;
        Ok((filter, PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())?))
    }
}
