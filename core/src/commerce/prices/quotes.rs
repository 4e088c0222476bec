//! What a product costs, for a customer, a quantity and a day; and why.

use serde::Serialize;
use utoipa::ToSchema;

use super::queries::{PriceListView, get};
use super::repository;
use super::resolver::{PriceScope, PriceSource};
use crate::accounts::tenants;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::commerce::{customers, products};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, PriceListId, ProductId};
use crate::values::money::{Money, Quantity, UnitPrice};

/// What is asked.
#[derive(Debug)]
pub struct Quote {
    /// `None` for nobody in particular: only lists for everybody apply.
    pub customer_id: Option<CustomerId>,
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// `None` stands for today, where the company is.
    pub on: Option<BusinessDate>,
}

/// What a product costs, and which price that is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceQuote)]
pub struct QuoteView {
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    /// Null if nobody in particular was named.
    #[schema(value_type = Option<Uuid>)]
    pub customer_id: Option<CustomerId>,
    #[schema(value_type = String, example = "12")]
    pub quantity: Quantity,
    #[schema(value_type = chrono::NaiveDate)]
    pub on: BusinessDate,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Net.
    #[schema(value_type = String, example = "11.50")]
    pub unit_price: UnitPrice,
    /// Net, of the whole quantity.
    #[schema(value_type = String, example = "138.00")]
    pub net_amount: Money,
    /// `list`, or `product` if no list applies.
    pub price_source: PriceSource,
    /// The list that applies; null if none does.
    pub price_list: Option<QuotedList>,
}

/// The list whose price applies, and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = QuotedPriceList)]
pub struct QuotedList {
    #[schema(value_type = Uuid)]
    pub id: PriceListId,
    #[schema(example = "SPRING-2026")]
    pub code: String,
    #[schema(example = "Printemps 2026")]
    pub name: String,
    /// Whose list it is: the customer's comes before the group's, and that before everybody's (`general`).
    pub scope: PriceScope,
    /// From which quantity on its price applies.
    #[schema(value_type = String, example = "10")]
    pub from_quantity: Units,
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub valid_from: Option<BusinessDate>,
    /// The first day on which it is not valid any more; null if there is no end.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub valid_to: Option<BusinessDate>,
}

/// # Errors
/// `NotFound` if the tenant has no such product, or no such customer. Fails if the database cannot be reached.
pub async fn quote(db: &TenantDatabase, context: &RequestContext, asked: Quote) -> Result<QuoteView, Error> {
    let Quote { customer_id, product_id, quantity, on } = asked;
    let on = match on {
        Some(on) => on,
        None => tenants::today(db, context).await?,
    };
    let product = products::get(db, context, product_id).await?;
    if let Some(customer) = customer_id {
        customers::get(db, context, customer).await?;
    }
    let tenant = context.tenant_id();
    let book = db
        .read(context, async |connection| {
            repository::book(connection, tenant, customer_id, vec![product_id], on).await
        })
        .await?;
    let (unit_price, list) = match book.price(product_id, &quantity) {
        None => (product.unit_price, None),
        Some(applied) => {
            let PriceListView { id, code, name, valid_from, valid_to, .. } =
                get(db, context, applied.list).await?;
            let (scope, from_quantity) = (applied.scope, applied.from_quantity);
            let list = QuotedList { id, code, name, scope, from_quantity, valid_from, valid_to };
            (applied.unit_price, Some(list))
        }
    };
    Ok(QuoteView {
        product_id,
        customer_id,
        net_amount: unit_price.times(&quantity),
        quantity,
        on,
        currency: context.currency().code().to_owned(),
        unit_price,
        price_source: if list.is_some() { PriceSource::List } else { PriceSource::Product },
        price_list: list,
    })
}
