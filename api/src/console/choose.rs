//! What comboboxes offer: eight rows that have the typed words; and what was chosen in one, or only typed.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::listing::Selection;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers::{self, CustomerFilter};
use comptoir_core::commerce::locations::{self, LocationFilter};
use comptoir_core::commerce::products::{self, ProductFilter, ProductView};
use comptoir_core::commerce::stock::{self, StockFilter};
use comptoir_core::commerce::suppliers::{self, SupplierFilter};
use comptoir_core::values::goods::Units;

use super::forms::Form;
use super::lists::{Address, first};
use super::pages::Pages;
use super::places::Places;
use super::visitor::Visitor;
use super::words::orders::available;
use super::{layout, scan};
use crate::access::Access::Needs;
use crate::error::ApiError;

const ROWS: u8 = 8;
/// How many warehouses are added up.
const WAREHOUSES: u8 = 50;
/// The maximum length of what is searched for, in characters, and of its words, as in the API.
const MAX_LENGTH: usize = 100;
const MAX_WORDS: usize = 10;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(Permission::CustomersRead), "/console/choose/customers", of_customers)
        .get(Needs(Permission::ProductsRead), "/console/choose/products", of_products)
        .get(Needs(Permission::SuppliersRead), "/console/choose/suppliers", of_suppliers)
        .get(Needs(Permission::WarehousesRead), "/console/choose/locations", of_locations)
}

#[derive(Template)]
#[template(path = "console/choose/choices.html")]
struct Choices {
    /// The id of the list that shows them.
    list: String,
    choices: Vec<Choice>,
}

/// A row: what is chosen, and what tells it from others.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) hint: String,
}

async fn of_customers(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let choices = customers_like(address.get("q").unwrap_or_default(), &visitor, &database).await?;
    layout::ok(&Choices { list: list(&address), choices })
}

async fn of_products(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let found = products_like(address.get("q").unwrap_or_default(), &visitor, &database).await?;
    let mut choices = Vec::with_capacity(found.len());
    for product in found {
        let stock = in_stock(&product, &visitor, &database).await?;
        let hint = [Some(product.sku.clone()), stock].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        choices.push(Choice { id: product.id.to_string(), text: product.name, hint });
    }
    layout::ok(&Choices { list: list(&address), choices })
}

async fn of_suppliers(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let choices = suppliers_like(address.get("q").unwrap_or_default(), &visitor, &database).await?;
    layout::ok(&Choices { list: list(&address), choices })
}

async fn of_locations(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let selection = Selection { words: words(address.get("q").unwrap_or_default()), ..Selection::default() };
    let filter = LocationFilter { archived: Some(false), selection, ..LocationFilter::default() };
    let found = locations::list(&database, &visitor.context, &filter, &first(ROWS)?).await?;
    let places = Places::of(&visitor, &database).await?;
    let choice = |location: locations::LocationView| {
        // The same code can be in several warehouses.
        let warehouse = places.code(location.warehouse_id.uuid());
        let hint = [Some(warehouse), location.name].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        Choice { id: location.id.to_string(), text: location.code, hint }
    };
    let choices = found.data.into_iter().map(choice).collect();
    layout::ok(&Choices { list: list(&address), choices })
}

fn list(address: &Address) -> String {
    let list = address.get("list").unwrap_or("choice");
    list.chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
        .take(60)
        .collect()
}

/// Words as a search takes them; `None` if there are none.
pub(super) fn words(text: &str) -> Option<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: String =
        words.take(MAX_WORDS).collect::<Vec<_>>().join(" ").chars().take(MAX_LENGTH).collect();
    (!words.is_empty()).then_some(words)
}

pub(super) async fn customers_like(
    text: &str,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Choice>, ApiError> {
    let selection = Selection { words: words(text), ..Selection::default() };
    let filter = CustomerFilter { selection, ..CustomerFilter::default() };
    let page = customers::list(database, &visitor.context, &filter, &first(ROWS)?).await?;
    let choice = |customer: customers::CustomerView| Choice {
        id: customer.id.to_string(),
        text: customer.name,
        hint: customer.code,
    };
    Ok(page.data.into_iter().map(choice).collect())
}

pub(super) async fn suppliers_like(
    text: &str,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Choice>, ApiError> {
    let selection = Selection { words: words(text), ..Selection::default() };
    let filter = SupplierFilter { selection, ..SupplierFilter::default() };
    let page = suppliers::list(database, &visitor.context, &filter, &first(ROWS)?).await?;
    let choice = |supplier: suppliers::SupplierView| Choice {
        id: supplier.id.to_string(),
        text: supplier.name,
        hint: supplier.code,
    };
    Ok(page.data.into_iter().map(choice).collect())
}

pub(super) async fn products_like(
    text: &str,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<ProductView>, ApiError> {
    let selection = Selection { words: words(text), ..Selection::default() };
    let filter = ProductFilter { archived: Some(false), selection, ..ProductFilter::default() };
    Ok(products::list(database, &visitor.context, &filter, &first(ROWS)?).await?.data)
}

/// Finds the one customer that was typed: by the code, or if the words mean one alone.
pub(super) async fn one_customer(
    text: &str,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<Chosen>, ApiError> {
    if text.is_empty() || !visitor.may(Permission::CustomersRead) {
        return Ok(None);
    }
    if let Some(found) = customers::find_by_code(database, &visitor.context, text).await? {
        return Ok(Some(Chosen { text: found.name, id: found.id.to_string() }));
    }
    Ok(only(customers_like(text, visitor, database).await?).map(Chosen::from))
}

/// Finds the one supplier that was typed: by the code, or if the words mean one alone.
pub(super) async fn one_supplier(
    text: &str,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<Chosen>, ApiError> {
    if text.is_empty() || !visitor.may(Permission::SuppliersRead) {
        return Ok(None);
    }
    if let Some(found) = suppliers::find_by_code(database, &visitor.context, text).await? {
        return Ok(Some(Chosen { text: found.name, id: found.id.to_string() }));
    }
    Ok(only(suppliers_like(text, visitor, database).await?).map(Chosen::from))
}

/// Finds the one product that was typed: by its barcode, its SKU, or if the words mean one alone.
pub(super) async fn one_product(
    text: &str,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<ProductView>, ApiError> {
    if text.is_empty() || !visitor.may(Permission::ProductsRead) {
        return Ok(None);
    }
    if let Some(found) = scan::product(text, visitor, database).await? {
        return Ok(Some(found));
    }
    Ok(only(products_like(text, visitor, database).await?))
}

fn only<T>(mut found: Vec<T>) -> Option<T> {
    if found.len() == 1 { found.pop() } else { None }
}

/// What was chosen in a combobox, or only typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    pub(super) text: String,
    /// Empty if it is not known yet.
    pub(super) id: String,
}

impl Chosen {
    /// What a form says of the combobox with this name.
    pub(super) fn of(form: &Form, name: &str) -> Self {
        let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
        Self { text: text(&format!("{name}_text")), id: text(name) }
    }

    /// Whether something was typed and nothing chosen.
    pub(super) fn is_open(&self) -> bool {
        self.id.is_empty() && !self.text.is_empty()
    }

    /// Finds the customer that was typed and not chosen.
    pub(super) async fn find_customer(
        &mut self,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<(), ApiError> {
        if self.is_open()
            && let Some(found) = one_customer(&self.text, visitor, database).await?
        {
            *self = found;
        }
        Ok(())
    }

    /// Finds the supplier that was typed and not chosen.
    pub(super) async fn find_supplier(
        &mut self,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<(), ApiError> {
        if self.is_open()
            && let Some(found) = one_supplier(&self.text, visitor, database).await?
        {
            *self = found;
        }
        Ok(())
    }

    /// Finds the product that was typed and not chosen.
    pub(super) async fn find_product(
        &mut self,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<(), ApiError> {
        if self.is_open()
            && let Some(found) = one_product(&self.text, visitor, database).await?
        {
            *self = Self { text: found.name, id: found.id.to_string() };
        }
        Ok(())
    }
}

impl From<Choice> for Chosen {
    fn from(choice: Choice) -> Self {
        Self { text: choice.text, id: choice.id }
    }
}

/// What of a product is free in all warehouses; `None` if it is not kept in stock, or the visitor may not see that.
async fn in_stock(
    product: &ProductView,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<String>, ApiError> {
    if !product.stocked || !visitor.may(Permission::StockRead) {
        return Ok(None);
    }
    let filter = StockFilter { product_id: Some(product.id), ..StockFilter::default() };
    let levels = stock::list(database, &visitor.context, &filter, &first(WAREHOUSES)?).await?;
    let free = levels.data.iter().fold(Units::zero(), |free, level| free.plus(&level.available));
    Ok(Some(available(&visitor.format.decimal(free.value()), visitor.language)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_has_words() {
        assert_eq!(words(" thé, vert! ").as_deref(), Some("thé vert"));
        assert_eq!(words("…"), None);
        assert_eq!(words(&"a ".repeat(50)).map(|words| words.len()), Some(19));
    }
}
