//! What a company begins with: on its home page as long as it has no order.

use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers::{self, CustomerFilter};
use comptoir_core::commerce::orders::{self, OrderFilter};
use comptoir_core::commerce::products::{self, ProductFilter};
use comptoir_core::commerce::stock::{self, StockFilter};
use comptoir_core::platform::paging::Count;

use crate::console::lists::first;
use crate::console::menu;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Home;
use crate::error::ApiError;

/// A step, which is done or leads to its form.
pub(super) struct Start {
    pub(super) status: Status,
    pub(super) title: Word,
    pub(super) why: Word,
    /// `None` if it is done.
    pub(super) to: Option<&'static str>,
    pub(super) label: Word,
    /// The class of its button: the first one that is not done is filled.
    pub(super) class: &'static str,
}

/// Returns the steps that the visitor may do. `today` is how many orders there are of today.
pub(super) async fn read(
    visitor: &Visitor,
    database: &TenantDatabase,
    today: Option<Count>,
) -> Result<Vec<Start>, ApiError> {
    // Where orders come in, nothing more is asked.
    if today.is_none_or(|count| count.value > 0) {
        return Ok(Vec::new());
    }
    let context = &visitor.context;
    let placed = orders::list(database, context, &OrderFilter::default(), &first(1)?).await?;
    if !placed.data.is_empty() {
        return Ok(Vec::new());
    }
    let has_customers = visitor.may(Permission::CustomersRead)
        && !customers::list(database, context, &CustomerFilter::default(), &first(1)?).await?.data.is_empty();
    let has_products = visitor.may(Permission::ProductsRead)
        && !products::list(database, context, &ProductFilter::default(), &first(1)?).await?.data.is_empty();
    let has_goods = visitor.may(Permission::StockRead)
        && !stock::list(database, context, &StockFilter::default(), &first(1)?).await?.data.is_empty();
    let has_company = visitor.tenant.registration.is_some() && visitor.tenant.address.is_some();
    let w = Home::of(visitor.language);
    let steps = [
        (has_company, "/console/settings/company", w.start_company, w.start_company_why, w.start_company_do),
        (has_customers, "/console/customers/new", w.start_customer, w.start_customer_why, w.create_customer),
        (has_products, "/console/products/new", w.start_product, w.start_product_why, w.create_product),
        (has_goods, "/console/receipts/new", w.start_goods, w.start_goods_why, w.receive),
        (false, "/console/orders/new", w.start_order, w.start_order_why, w.place_order),
    ];
    let mut is_next = true;
    let steps = steps.into_iter().filter(|(_, path, ..)| menu::may_see(&context.principal, path));
    let step = |(is_done, path, title, why, label): (bool, &'static str, Word, Word, Word)| {
        let is_filled = !is_done && std::mem::take(&mut is_next);
        Start {
            status: if is_done { Status::done(w.start_done) } else { Status::open(w.start_to_do) },
            title,
            why,
            to: (!is_done).then_some(path),
            label,
            class: if is_filled { " go" } else { "" },
        }
    };
    Ok(steps.map(step).collect())
}
