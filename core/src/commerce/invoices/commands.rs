//! The commands on invoices.

use std::collections::HashMap;

use super::aggregate::{Invoice, InvoiceError};
use super::claims::{self, Claim, Extent};
use super::content::InvoiceKind;
use super::deposit_rows;
use super::draft::{
    Draft, DraftAdjustment, DraftLine, DraftReason, DraftVat, InvoiceNote, LineDescription, LineName,
    LineRole, LineSku, OrderReference, Period, Reasoned, Source, check_deposits,
};
use super::parties::{Buyer, Seller};
use super::queries::{DraftView, InvoiceView};
use super::repository;
use super::shipped::claim;
use crate::accounts::tenants::{self, Tenant};
use crate::application::Edit;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, change, delete};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::addresses::{Address, AddressKind};
use crate::commerce::customers::{self, Customer};
use crate::commerce::prices::{self, PriceBook, PriceOrigin};
use crate::commerce::products::{self, Product};
use crate::commerce::vat::{Category, Nature};
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::ids::{CustomerId, InvoiceId, ProductId};
use crate::values::invalid::{FieldError, Fields};
use crate::values::language::Language;
use crate::values::money::{Quantity, UnitPrice, VatRate};
use crate::values::unit::Unit;

/// What is to be invoiced, as a request says it: a line that names a product may leave out what the product knows.
#[derive(Debug, Clone)]
pub struct NewInvoice {
    pub customer_id: CustomerId,
    pub issue_date: Option<BusinessDate>,
    pub due_on: Option<BusinessDate>,
    pub delivered_on: Option<BusinessDate>,
    pub language: Option<Language>,
    pub reference: Option<OrderReference>,
    pub note: Option<InvoiceNote>,
    pub delivery_address: Option<PostalAddress>,
    pub period: Option<Period>,
    pub lines: Vec<LineDetails>,
    pub adjustments: Vec<DraftAdjustment>,
    /// Whether it also invoices what has not left yet.
    pub unshipped: bool,
    /// The deposits that it takes off.
    pub deposits: Vec<InvoiceId>,
}

#[derive(Debug, Clone)]
pub struct LineDetails {
    /// The line of an order that it invoices.
    pub source: Option<Source>,
    pub product_id: Option<ProductId>,
    pub sku: Option<LineSku>,
    pub name: Option<LineName>,
    pub description: Option<LineDescription>,
    /// `None` is the product's, or goods.
    pub nature: Option<Nature>,
    pub quantity: Quantity,
    pub unit: Option<Unit>,
    pub unit_price: Option<UnitPrice>,
    pub adjustments: Vec<Reasoned>,
    pub vat_rate: Option<VatRate>,
    pub vat_category: Option<Category>,
    pub vat_reason: Option<DraftReason>,
}

/// Makes a draft.
#[derive(Debug)]
pub struct CreateInvoice {
    pub details: NewInvoice,
}

impl Command for CreateInvoice {
    type Outcome = InvoiceView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceView, Error> {
        let draft = resolved(work, &self.details, None).await?;
        let id = InvoiceId::generate();
        let claims = claims::claims(&draft);
        claim(work, id, &draft, &claims, extent(&draft)).await?;
        created(work, id, draft, &claims).await
    }
}

/// Makes a draft, whose customer is held and whose claims were checked.
pub(super) async fn created(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    draft: Draft,
    claims: &[Claim],
) -> Result<InvoiceView, Error> {
    let invoice = inserted(work, id, draft, claims).await?;
    work.audit("invoice.create", (Invoice::NAME, id), None, Some(&invoice.audited()))?;
    Ok(InvoiceView::drafted(&invoice))
}

/// The same without a row of the audit trail.
pub(super) async fn inserted(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    draft: Draft,
    claims: &[Claim],
) -> Result<Invoice, Error> {
    let deposits = draft.deposits.clone();
    let (invoice, event) = Invoice::draft(id, draft, work.now())?;
    invoice.insert(work).await?;
    repository::replace_claims(work, id, claims).await?;
    if !deposits.is_empty() {
        deposit_rows::take(work, id, &deposits).await?;
    }
    work.record(event).await?;
    Ok(invoice)
}

/// What a draft may invoice of orders, until it is validated.
fn extent(draft: &Draft) -> Extent {
    if draft.unshipped { Extent::Ordered } else { Extent::Left }
}

#[derive(Debug)]
pub struct UpdateInvoiceDraft {
    pub id: InvoiceId,
    pub expected_version: Option<i64>,
    pub edit: Edit<DraftView, NewInvoice>,
}

impl Command for UpdateInvoiceDraft {
    type Outcome = DraftView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<DraftView, Error> {
        // What it is to name is locked before it: read without a lock, locked in order, and looked at again.
        let seen = repository::look_at(work, self.id).await?;
        check_version(self.expected_version, seen.version())?;
        let before = seen.check_draft("changed")?;
        if seen.kind() != InvoiceKind::Invoice {
            return Err(InvoiceError::MadeOnce { id: self.id, kind: seen.kind() }.into());
        }
        let details = self.edit.apply(&DraftView::of(&seen, before))?;
        let draft = resolved(work, &details, Some(before)).await?;
        let invoice = repository::load(work, self.id, LockMode::Change).await?;
        check_version(self.expected_version, invoice.version())?;
        if invoice.version() != seen.version() {
            return Err(Error::Overtaken);
        }
        invoice.check_draft("changed")?;
        let claims = claims::claims(&draft);
        claim(work, self.id, &draft, &claims, extent(&draft)).await?;
        repository::replace_claims(work, self.id, &claims).await?;
        deposit_rows::take(work, self.id, &draft.deposits).await?;
        let decide = |invoice: &mut Invoice, now| invoice.change(draft, now);
        let invoice = change(work, "invoice.update", invoice, self.expected_version, decide).await?;
        Ok(DraftView::of(&invoice, invoice.check_draft("changed")?))
    }
}

/// Deletes a draft. What has a number stays.
#[derive(Debug)]
pub struct DeleteInvoice {
    pub id: InvoiceId,
    pub expected_version: Option<i64>,
}

impl Command for DeleteInvoice {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let invoice = repository::load(work, self.id, LockMode::Withdraw).await?;
        delete(work, "invoice.delete", invoice, self.expected_version, Invoice::delete).await
    }
}

/// Makes the draft of what a request says, and locks what it names: until the unit of work ends, it is not deleted. `before` is the draft
/// that it changes.
async fn resolved(
    work: &mut UnitOfWork<'_>,
    details: &NewInvoice,
    before: Option<&Draft>,
) -> Result<Draft, Error> {
    // First, so that nothing is locked for what is refused anyway.
    Draft::check_sizes(details.lines.len(), details.adjustments.len()).map_err(InvoiceError::Sizes)?;
    check_deposits(details.deposits.len())
        .map_err(|invalid| InvoiceError::Lines(vec![invalid.at("/deposits")]))?;
    let ids = details.lines.iter().filter_map(|line| line.product_id).collect();
    let products = products::repository::load_for_order(work, ids).await?;
    let prices = listed(work, details).await?;
    let draft = with_products(details, &products, &prices, before).map_err(InvoiceError::Lines)?;
    products::repository::mark_ordered(work, products.values()).await?;
    if !customers::repository::hold(work, details.customer_id).await? {
        return Err(InvoiceError::CustomerUnknown(details.customer_id).into());
    }
    Ok(draft)
}

/// Reads what price lists say of the lines that name a product and no price: on the day of delivery, or of issue, or today where the
/// company is.
async fn listed(work: &mut UnitOfWork<'_>, details: &NewInvoice) -> Result<PriceBook, Error> {
    let unpriced = details.lines.iter().filter(|line| line.unit_price.is_none());
    let ids: Vec<ProductId> = unpriced.filter_map(|line| line.product_id).collect();
    if ids.is_empty() {
        return Ok(PriceBook::default());
    }
    let on = match details.delivered_on.or(details.issue_date) {
        Some(on) => on,
        None => tenants::repository::today(work).await?,
    };
    let tenant = work.tenant();
    prices::repository::book(work.connection(), tenant, Some(details.customer_id), ids, on).await
}

/// The prices of a draft that is changed. GET shows the price of each line, so a change that leaves it alone names it again: it stays what it
/// was.
struct Known<'a>(HashMap<ProductId, Vec<&'a DraftLine>>);

impl<'a> Known<'a> {
    fn of(before: Option<&'a Draft>) -> Self {
        let mut known: HashMap<ProductId, Vec<&'a DraftLine>> = HashMap::new();
        for line in before.into_iter().flat_map(|draft| &draft.lines) {
            if let Some(product) = line.product_id {
                known.entry(product).or_default().push(line);
            }
        }
        Self(known)
    }

    /// Which price it is: given, unless the draft has a line of this product at this price.
    fn origin(&self, product: Option<ProductId>, unit_price: &UnitPrice) -> Option<PriceOrigin> {
        let lines = product.and_then(|product| self.0.get(&product)).into_iter().flatten();
        let same = lines.copied().find(|line| line.unit_price == *unit_price);
        same.map_or(Some(PriceOrigin::GIVEN), |line| line.price)
    }
}

/// Fills in what a line leaves out, and a price list or its product knows.
///
/// # Errors
/// Fails with every line that names no product that there is, or leaves out what nobody knows.
fn with_products(
    details: &NewInvoice,
    products: &HashMap<ProductId, Product>,
    prices: &PriceBook,
    before: Option<&Draft>,
) -> Result<Draft, Vec<FieldError>> {
    let known = Known::of(before);
    let mut faults = Fields::default();
    let mut lines = Vec::with_capacity(details.lines.len());
    for (index, line) in details.lines.iter().enumerate() {
        let product = line.product_id.and_then(|id| products.get(&id)).map(Product::details);
        if let (Some(id), None) = (line.product_id, product) {
            let message = format!("there is no product {id}");
            faults.refuse(format!("/lines/{index}/product_id"), "unknown_product", message);
            continue;
        }
        let mut missing = |member: &str| {
            let message = format!("{member} is required where no product is named");
            faults.refuse(format!("/lines/{index}/{member}"), "missing_field", message);
        };
        let name = line.name.clone().or_else(|| Some(LineName::stored(product?.name.as_str().to_owned())));
        if name.is_none() {
            missing("name");
        }
        let listed = line.product_id.and_then(|product| prices.price(product, &line.quantity));
        let priced = match (&line.unit_price, listed, product) {
            (Some(given), _, _) => Some((given.clone(), known.origin(line.product_id, given))),
            (None, Some(listed), _) => Some((listed.unit_price, Some(PriceOrigin::list(listed.list)))),
            (None, None, Some(product)) => Some((product.unit_price.clone(), Some(PriceOrigin::PRODUCT))),
            (None, None, None) => None,
        };
        if priced.is_none() {
            missing("unit_price");
        }
        let rate = line.vat_rate.clone().or_else(|| Some(product?.vat_rate.clone()));
        if rate.is_none() {
            missing("vat/rate");
        }
        let (Some(name), Some((unit_price, price)), Some(rate)) = (name, priced, rate) else { continue };
        let unit = line.unit.clone().or_else(|| Some(product?.unit.clone()));
        lines.push(DraftLine {
            source: line.source,
            product_id: line.product_id,
            sku: line.sku.clone().or_else(|| Some(LineSku::stored(product?.sku.as_str().to_owned()))),
            name,
            description: line.description.clone(),
            nature: line.nature.or_else(|| Some(product?.nature)).unwrap_or_default(),
            quantity: line.quantity.clone(),
            unit: unit.unwrap_or_default(),
            unit_price,
            adjustments: line.adjustments.clone(),
            vat: DraftVat { rate, category: line.vat_category, reason: line.vat_reason.clone() },
            price,
            role: LineRole::Sale,
        });
    }
    faults.finish(Some(Draft {
        customer_id: details.customer_id,
        issue_date: details.issue_date,
        due_on: details.due_on,
        delivered_on: details.delivered_on,
        language: details.language,
        reference: details.reference.clone(),
        note: details.note.clone(),
        delivery_address: details.delivery_address.clone(),
        period: details.period,
        lines,
        adjustments: details.adjustments.clone(),
        unshipped: details.unshipped,
        deposits: details.deposits.clone(),
        correction: None,
        deposit_of: None,
    }))
}

pub(super) fn seller(tenant: &Tenant) -> Seller {
    let details = tenant.details();
    let invoicing = &details.invoicing;
    Seller {
        name: details.name.to_string(),
        address: details.address.clone(),
        registration: details.registration.clone(),
        vat_number: details.vat_number.clone(),
        currency: tenant.currency().clone(),
        language: details.language,
        legal_form: invoicing.legal_form.clone(),
        share_capital: invoicing.share_capital.clone(),
        trade_register: invoicing.trade_register.clone(),
        vat_scheme: invoicing.vat_scheme,
        vat_due_on: invoicing.vat_due_on,
        one_stop_shop: invoicing.one_stop_shop,
        electronic_address: invoicing.electronic_address.clone(),
        iban: invoicing.iban.clone(),
        bic: invoicing.bic.clone(),
        late_interest_rate: invoicing.late_interest_rate.clone(),
    }
}

pub(super) fn buyer(customer: &Customer) -> Buyer {
    let details = customer.details();
    let invoicing = &details.invoicing;
    let first = |kind| details.addresses.iter().find(|address: &&Address| address.kind == kind);
    let (billing, shipping) = (first(AddressKind::Billing), first(AddressKind::Shipping));
    Buyer {
        name: details.name.to_string(),
        vat_number: details.vat_number.clone(),
        address: billing.or(shipping).map(|address| address.postal.clone()),
        delivery_address: shipping.map(|address| address.postal.clone()),
        kind: invoicing.kind,
        legal_form: invoicing.legal_form.clone(),
        registration: invoicing.registration.clone(),
        electronic_address: invoicing.electronic_address.clone(),
        language: invoicing.language,
        payment_terms: invoicing.payment_terms,
    }
}
