//! The queries on credit.

use bigdecimal::BigDecimal;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::available;
use super::repository;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::commerce::customers::{CreditLimit, CustomerError};
use crate::platform::schema::customers;
use crate::values::ids::CustomerId;
use crate::values::money::Money;

/// A customer's credit, as it is at this moment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CustomerCredit)]
pub struct CreditView {
    /// Null is no limit.
    #[schema(value_type = Option<String>, example = "5000.00")]
    pub credit_limit: Option<Money>,
    /// What the customer owes and will owe: the gross totals of orders, held and delivered ones too, as far as they are neither invoiced, nor cancelled, nor came
    /// back; what is open of invoices; less the customer's credit. Less than zero if that is more.
    #[schema(value_type = String, example = "4800.00")]
    pub exposure: Money,
    /// What is left of the limit; less than zero if it was lowered, or passed with an approval; null without a limit.
    #[schema(value_type = Option<String>, example = "200.00")]
    pub available: Option<Money>,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// How many of the open orders wait for approval.
    pub held_orders: i64,
}

/// # Errors
/// `NotFound` if the tenant has no such customer. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: CustomerId) -> Result<CreditView, Error> {
    let tenant = context.tenant_id();
    let (customer, exposure) = db
        .read(context, async |connection| {
            let mut one = connection;
            let customer = customers::table
                .find((tenant.uuid(), id.uuid()))
                .select((customers::id, customers::credit_limit))
                .first::<(Uuid, Option<BigDecimal>)>(&mut one);
            let exposure = repository::exposure(connection, tenant, id);
            let (customer, exposure) = futures::join!(customer, exposure);
            Ok((customer.optional()?, exposure?))
        })
        .await?;
    let (_, limit) = customer.ok_or(CustomerError::NotFound(id))?;
    let limit = limit.as_ref().map(CreditLimit::stored);
    Ok(CreditView {
        available: limit.as_ref().map(|limit| available(limit, &exposure.amount)),
        credit_limit: limit.map(|limit| limit.amount().clone()),
        exposure: exposure.amount,
        currency: context.currency().code().to_owned(),
        held_orders: exposure.held_orders,
    })
}
