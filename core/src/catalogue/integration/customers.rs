//! The integration events of customers.

use serde::Serialize;

use super::addresses::AddressV1;
use super::parties::{ElectronicAddressV1, PaymentTermsV1, RegistrationV1};
use super::{IntegrationEvent, integration_event, payload};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::customers::{Customer, CustomerEvent, CustomerInvoicing};

/// A customer was created: the customer as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CustomerCreatedV1 {
    customer_id: String,
    external_id: Option<String>,
    code: String,
    name: String,
    email: String,
    vat_number: Option<String>,
    addresses: Vec<AddressV1>,
    /// What the customer's open orders may come to, in the company's currency; null is no limit.
    credit_limit: Option<String>,
    invoicing: CustomerInvoicingV1,
    /// The group of customers whose prices it has; null if it is in none.
    group_id: Option<String>,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(CustomerCreatedV1, "customer", "customer.created", 1);

/// A customer was updated: the customer as it is from now on, whatever changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CustomerUpdatedV1 {
    customer_id: String,
    external_id: Option<String>,
    code: String,
    name: String,
    email: String,
    vat_number: Option<String>,
    addresses: Vec<AddressV1>,
    /// What the customer's open orders may come to, in the company's currency; null is no limit.
    credit_limit: Option<String>,
    invoicing: CustomerInvoicingV1,
    /// The group of customers whose prices it has; null if it is in none.
    group_id: Option<String>,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(CustomerUpdatedV1, "customer", "customer.updated", 1);

/// The customer is gone. It had no orders.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CustomerDeletedV1 {
    customer_id: String,
    external_id: Option<String>,
    code: String,
    /// RFC 3339, UTC.
    deleted_at: String,
}
payload!(CustomerDeletedV1, "customer", "customer.deleted", 1);

/// Everything was taken away that says who the customer was, and no law keeps it: whoever has a copy of it, of its e-mail addresses, postal
/// addresses and numbers, or of where its orders went, deletes that. Documents that the law wants kept stay as they are.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CustomerAnonymisedV1 {
    customer_id: String,
    /// What stands in its place.
    code: String,
    /// What stands in its place.
    name: String,
    /// RFC 3339, UTC.
    anonymised_at: String,
}
payload!(CustomerAnonymisedV1, "customer", "customer.anonymised", 1);

/// What invoices to it need. Null is what is not known.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CustomerInvoicingV1 {
    /// `business`, `consumer` or `public_body`.
    kind: Option<String>,
    legal_form: Option<String>,
    registration: Option<RegistrationV1>,
    electronic_address: Option<ElectronicAddressV1>,
    /// ISO 639-1; null is the company's.
    language: Option<String>,
    /// Null if nothing was agreed.
    payment_terms: Option<PaymentTermsV1>,
}

impl CustomerInvoicingV1 {
    fn of(known: &CustomerInvoicing) -> Self {
        Self {
            kind: known.kind.map(|kind| kind.name().to_owned()),
            legal_form: known.legal_form.as_ref().map(ToString::to_string),
            registration: known.registration.as_ref().map(RegistrationV1::of),
            electronic_address: known.electronic_address.as_ref().map(ElectronicAddressV1::of),
            language: known.language.map(|language| language.code().to_owned()),
            payment_terms: known.payment_terms.map(PaymentTermsV1::of),
        }
    }
}

pub(super) fn translate(event: &CustomerEvent) -> Result<IntegrationEvent, Error> {
    match event {
        CustomerEvent::Created(customer) => integration_event(customer, &created(customer)),
        CustomerEvent::Updated(customer) => integration_event(customer, &updated(customer)),
        CustomerEvent::Deleted(customer) => integration_event(customer, &deleted(customer)),
        CustomerEvent::Anonymised(customer) => integration_event(customer, &anonymised(customer)),
    }
}

fn created(customer: &Customer) -> CustomerCreatedV1 {
    let details = customer.details();
    CustomerCreatedV1 {
        customer_id: customer.id().to_string(),
        external_id: super::external_id(customer.details().external_id.as_ref()),
        code: details.code.to_string(),
        name: details.name.to_string(),
        email: details.email.as_str().to_owned(),
        vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
        addresses: details.addresses.iter().map(AddressV1::of).collect(),
        credit_limit: details.credit_limit.as_ref().map(ToString::to_string),
        invoicing: CustomerInvoicingV1::of(&details.invoicing),
        group_id: details.group_id.map(|id| id.to_string()),
        created_at: super::time(customer.created_at()),
    }
}

fn updated(customer: &Customer) -> CustomerUpdatedV1 {
    let details = customer.details();
    CustomerUpdatedV1 {
        customer_id: customer.id().to_string(),
        external_id: super::external_id(customer.details().external_id.as_ref()),
        code: details.code.to_string(),
        name: details.name.to_string(),
        email: details.email.as_str().to_owned(),
        vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
        addresses: details.addresses.iter().map(AddressV1::of).collect(),
        credit_limit: details.credit_limit.as_ref().map(ToString::to_string),
        invoicing: CustomerInvoicingV1::of(&details.invoicing),
        group_id: details.group_id.map(|id| id.to_string()),
        updated_at: super::time(customer.updated_at()),
    }
}

fn deleted(customer: &Customer) -> CustomerDeletedV1 {
    CustomerDeletedV1 {
        customer_id: customer.id().to_string(),
        external_id: super::external_id(customer.details().external_id.as_ref()),
        code: customer.details().code.to_string(),
        deleted_at: super::time(customer.updated_at()),
    }
}

fn anonymised(customer: &Customer) -> CustomerAnonymisedV1 {
    let details = customer.details();
    CustomerAnonymisedV1 {
        customer_id: customer.id().to_string(),
        code: details.code.to_string(),
        name: details.name.to_string(),
        // The change in question is the last one.
        anonymised_at: super::time(customer.updated_at()),
    }
}
