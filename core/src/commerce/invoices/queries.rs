//! The queries on invoices.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Date, Text};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Invoice, InvoiceError, InvoiceState};
use super::content::{Content, InvoiceKind};
use super::draft::{
    Draft, DraftAdjustment, DraftLine, DraftVat, Period as InvoicePeriod, Reasoned, ReasonedValue, Source,
};
use super::repository::{Claimed, InvoiceRow, channel, kind, state};
use super::taxes;
use super::totals::AdjustmentKind;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::commerce::addresses;
use crate::commerce::prices::{PriceOrigin, PriceSource};
use crate::commerce::vat::{Category, Nature};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::{
    invoice_claims, invoice_contents, invoice_drafts, invoice_lines, invoices, order_deposits,
};
use crate::values::business_date::BusinessDate;
use crate::values::channel::Channel;
use crate::values::contact::PostalAddress;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, InvoiceId, OrderId, PriceListId, ProductId};
use crate::values::language::Language;
use crate::values::money::{Money, Quantity, UnitPrice, VatRate};
use crate::values::series::SeriesCode;

/// An invoice without what it says.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InvoiceSummary)]
pub struct InvoiceSummary {
    #[schema(value_type = Uuid)]
    pub id: InvoiceId,
    /// Rises with every change; the ETag.
    pub version: i64,
    pub kind: InvoiceKind,
    pub state: InvoiceState,
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    /// What the customer calls the order that is invoiced.
    #[schema(example = "PO-7")]
    pub reference: Option<String>,
    /// Null as long as it is a draft, like the three after it.
    #[schema(example = "FA-2026-000123")]
    pub number: Option<String>,
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub issue_date: Option<BusinessDate>,
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub due_on: Option<BusinessDate>,
    #[schema(value_type = Option<String>, example = "30.00")]
    pub gross_total: Option<Money>,
    /// By payments; of a credit note: what pays invoices.
    #[schema(value_type = String, example = "0.00")]
    pub paid: Money,
    /// What credit notes took off.
    #[schema(value_type = String, example = "0.00")]
    pub credited: Money,
    /// What is still to be paid; nothing of a draft. Of a credit note: what pays nothing yet, which is credit of the customer.
    #[schema(value_type = String, example = "30.00")]
    pub open: Money,
    /// When the customer got it first.
    pub sent_at: Option<DateTime<Utc>>,
    /// By which channel that was.
    pub sent_by: Option<Channel>,
    /// The day on which it was found overdue; null if it never was.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub overdue_on: Option<BusinessDate>,
    /// Why the customer does not pay; null if nothing is disputed.
    pub dispute: Option<String>,
    /// The invoice that a credit note corrects; null if it is none.
    #[schema(value_type = Option<Uuid>)]
    pub corrects: Option<InvoiceId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An invoice with everything that it says.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Invoice)]
pub struct InvoiceView {
    #[serde(flatten)]
    pub summary: InvoiceSummary,
    /// What it says, from its validation on: it never changes. Null as long as it is a draft.
    pub content: Option<Content>,
    /// Which price each line has, in the order of the lines; it never changes, and the document does not say it. Empty as long as it is a draft, whose lines
    /// say it themselves.
    pub prices: Vec<InvoicedPrice>,
}

/// Which price a line of an invoice has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvoicedPrice {
    /// Null if it is not known, and of lines of credit notes and deposits.
    pub price_source: Option<PriceSource>,
    /// The price list, if the price is from one; it may have been deleted since.
    #[schema(value_type = Option<Uuid>)]
    pub price_list_id: Option<PriceListId>,
}

impl From<Option<PriceOrigin>> for InvoicedPrice {
    fn from(price: Option<PriceOrigin>) -> Self {
        Self {
            price_source: price.map(|price| price.price_source),
            price_list_id: price.and_then(|price| price.price_list_id),
        }
    }
}

/// What the audit trail keeps.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InvoiceAudited {
    #[serde(flatten)]
    summary: InvoiceSummary,
    draft: Option<Draft>,
}

impl InvoiceAudited {
    pub(super) fn of(invoice: &Invoice) -> Self {
        Self { summary: InvoiceSummary::of(invoice), draft: invoice.draft.clone() }
    }
}

/// What is to be invoiced, as long as it can be changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InvoiceDraft)]
pub struct DraftView {
    #[schema(value_type = Uuid)]
    pub id: InvoiceId,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Only a draft of an invoice is changed: one of a credit note or of a deposit is deleted and made anew.
    pub kind: InvoiceKind,
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    /// Null: the day on which it is validated.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub issue_date: Option<BusinessDate>,
    /// Null: what was agreed with the customer, or what the law says.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub due_on: Option<BusinessDate>,
    /// Null: the issue date, or none if it also invoices what has not left.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub delivered_on: Option<BusinessDate>,
    /// Null: the customer's, or your company's.
    pub language: Option<Language>,
    #[schema(example = "PO-7")]
    pub reference: Option<String>,
    pub note: Option<String>,
    /// Null: the customer's.
    #[schema(schema_with = addresses::postal_schema)]
    pub delivery_address: Option<PostalAddress>,
    /// What it invoices together, such as a month; null if it is no period.
    pub period: Option<InvoicePeriod>,
    pub lines: Vec<DraftLineView>,
    pub adjustments: Vec<DraftAdjustmentView>,
    /// Whether it also invoices what has not left yet.
    pub unshipped: bool,
    /// The deposits that it takes off: their lines are made when it is validated.
    #[schema(value_type = Vec<Uuid>)]
    pub deposits: Vec<InvoiceId>,
    pub updated_at: DateTime<Utc>,
    /// What it comes to without VAT, before its deposits are taken off; for the pages alone.
    #[serde(skip)]
    pub net_so_far: Option<Money>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InvoiceDraftLine)]
pub struct DraftLineView {
    /// The line of an order that it invoices; null if it is of none.
    pub source: Option<Source>,
    #[schema(value_type = Option<Uuid>)]
    pub product_id: Option<ProductId>,
    #[schema(example = "TEA-EG-250")]
    pub sku: Option<String>,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    pub description: Option<String>,
    pub nature: Nature,
    #[schema(value_type = String, example = "2")]
    pub quantity: Quantity,
    #[schema(example = "C62")]
    pub unit: String,
    #[schema(value_type = String, example = "12.50")]
    pub unit_price: UnitPrice,
    pub adjustments: Vec<ReasonedView>,
    pub vat: DraftVatView,
    /// Which price it has; null if it is not known.
    pub price_source: Option<PriceSource>,
    /// The price list, if the price is from one; it may have been deleted since.
    #[schema(value_type = Option<Uuid>)]
    pub price_list_id: Option<PriceListId>,
}

/// A discount or a charge.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InvoiceDraftDiscountOrCharge)]
pub struct ReasonedView {
    pub kind: AdjustmentKind,
    #[schema(example = "Remise de bienvenue")]
    pub reason: String,
    /// Null if it is in percent.
    #[schema(value_type = Option<String>, example = "2.50")]
    pub amount: Option<Money>,
    /// Null if it is an amount.
    #[schema(value_type = Option<String>, example = "10")]
    pub percent: Option<VatRate>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InvoiceDraftAdjustment)]
pub struct DraftAdjustmentView {
    #[serde(flatten)]
    pub adjustment: ReasonedView,
    pub nature: Nature,
    pub vat: DraftVatView,
}

/// What is known of the VAT; the rest follows at the validation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InvoiceDraftVat)]
pub struct DraftVatView {
    /// Percent: the rate at home, or of the category that somebody chose.
    #[schema(value_type = String, example = "20")]
    pub rate: VatRate,
    /// Chosen by somebody; null: by the rule.
    pub category: Option<Category>,
    /// Why there is no VAT, of the list VATEX.
    #[schema(example = "VATEX-EU-132-1I")]
    pub reason_code: Option<String>,
    pub reason: Option<String>,
}

impl From<&Reasoned> for ReasonedView {
    fn from(given: &Reasoned) -> Self {
        let (amount, percent) = match &given.value {
            ReasonedValue::Amount(amount) => (Some(amount.clone()), None),
            ReasonedValue::Percent(percent) => (None, Some(percent.clone())),
        };
        Self { kind: given.kind, reason: given.reason.to_string(), amount, percent }
    }
}

impl From<&DraftVat> for DraftVatView {
    fn from(vat: &DraftVat) -> Self {
        let reason = vat.reason.as_ref();
        Self {
            rate: vat.rate.clone(),
            category: vat.category,
            reason_code: reason.and_then(|reason| reason.code.clone()),
            reason: reason.map(|reason| reason.text.to_string()),
        }
    }
}

impl From<&DraftLine> for DraftLineView {
    fn from(line: &DraftLine) -> Self {
        Self {
            source: line.source,
            product_id: line.product_id,
            sku: line.sku.as_ref().map(ToString::to_string),
            name: line.name.to_string(),
            description: line.description.as_ref().map(ToString::to_string),
            nature: line.nature,
            quantity: line.quantity.clone(),
            unit: line.unit.code().to_owned(),
            unit_price: line.unit_price.clone(),
            adjustments: line.adjustments.iter().map(ReasonedView::from).collect(),
            vat: DraftVatView::from(&line.vat),
            price_source: line.price.map(|price| price.price_source),
            price_list_id: line.price.and_then(|price| price.price_list_id),
        }
    }
}

impl From<&DraftAdjustment> for DraftAdjustmentView {
    fn from(given: &DraftAdjustment) -> Self {
        Self {
            adjustment: ReasonedView::from(&given.adjustment),
            nature: given.nature,
            vat: DraftVatView::from(&given.vat),
        }
    }
}

impl DraftView {
    pub(super) fn of(invoice: &Invoice, draft: &Draft) -> Self {
        Self {
            id: invoice.id,
            version: invoice.version,
            kind: invoice.kind,
            customer_id: draft.customer_id,
            issue_date: draft.issue_date,
            due_on: draft.due_on,
            delivered_on: draft.delivered_on,
            language: draft.language,
            reference: draft.reference.as_ref().map(ToString::to_string),
            note: draft.note.as_ref().map(ToString::to_string),
            delivery_address: draft.delivery_address.clone(),
            period: draft.period,
            lines: draft.lines.iter().map(DraftLineView::from).collect(),
            adjustments: draft.adjustments.iter().map(DraftAdjustmentView::from).collect(),
            unshipped: draft.unshipped,
            deposits: draft.deposits.clone(),
            updated_at: invoice.updated_at,
            net_so_far: taxes::net_so_far(draft),
        }
    }
}

impl InvoiceSummary {
    pub(crate) fn of(invoice: &Invoice) -> Self {
        let numbered = invoice.numbered.as_ref();
        Self {
            id: invoice.id,
            version: invoice.version,
            kind: invoice.kind,
            state: invoice.state,
            customer_id: invoice.customer_id,
            reference: invoice.reference.clone(),
            number: numbered.map(|numbered| numbered.number.clone()),
            issue_date: numbered.map(|numbered| numbered.issue_date),
            due_on: numbered.map(|numbered| numbered.due_on),
            gross_total: numbered.map(|numbered| numbered.gross_total.clone()),
            paid: invoice.paid.clone(),
            credited: invoice.credited.clone(),
            open: invoice.open(),
            sent_at: invoice.sent_at,
            sent_by: invoice.moving.sent_by,
            overdue_on: invoice.moving.overdue_on,
            dispute: invoice.moving.dispute.as_ref().map(ToString::to_string),
            corrects: invoice.corrects,
            created_at: invoice.created_at,
            updated_at: invoice.updated_at,
        }
    }

    fn of_row(row: InvoiceRow) -> Result<Self, Error> {
        let gross_total = row.gross_total.as_ref().map(Money::rounded);
        let (paid, credited) = (Money::rounded(&row.paid), Money::rounded(&row.credited));
        let total = gross_total.clone().unwrap_or_else(Money::zero);
        Ok(Self {
            id: InvoiceId::from_uuid(row.id),
            version: row.version,
            kind: kind(&row.kind)?,
            state: state(&row.state)?,
            customer_id: CustomerId::from_uuid(row.customer_id),
            reference: row.reference,
            number: row.number,
            issue_date: row.issue_date.map(BusinessDate::stored),
            due_on: row.due_on.map(BusinessDate::stored),
            open: total.minus(&paid).minus(&credited),
            gross_total,
            paid,
            credited,
            sent_at: row.sent_at,
            sent_by: row.sent_by.map(channel).transpose()?,
            overdue_on: row.overdue_on.map(BusinessDate::stored),
            dispute: row.dispute,
            corrects: row.corrects.map(InvoiceId::from_uuid),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl InvoiceView {
    /// A draft.
    pub(super) fn drafted(invoice: &Invoice) -> Self {
        Self { summary: InvoiceSummary::of(invoice), content: None, prices: Vec::new() }
    }

    /// What was validated, with its draft.
    pub(super) fn validated(invoice: &Invoice, content: Content, draft: &Draft) -> Self {
        let prices = draft.lines.iter().map(|line| line.price.into()).collect();
        Self { summary: InvoiceSummary::of(invoice), content: Some(content), prices }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceSort {
    CreatedAt,
    UpdatedAt,
}

impl SortKey for InvoiceSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("created_at", Self::CreatedAt), ("updated_at", Self::UpdatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<InvoiceSort> for InvoiceSummary {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: InvoiceSort) -> SortValue {
        match key {
            InvoiceSort::CreatedAt => self.created_at.into(),
            InvoiceSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct InvoiceFilter {
    /// Invoices in one of these states; empty for all.
    pub states: Vec<InvoiceState>,
    pub customer_id: Option<CustomerId>,
    /// Those of which something is to be paid; no credit notes.
    pub unpaid: bool,
    /// Those of which something should have been paid before today, in the company's time zone; no credit notes.
    pub overdue: bool,
    /// Those that are dated on this day or later.
    pub issued_from: Option<BusinessDate>,
    /// Those that are dated on this day or before.
    pub issued_to: Option<BusinessDate>,
    pub series: Option<SeriesCode>,
    pub selection: Selection,
}

impl InvoiceFilter {
    /// Whether it asks for nothing but states, a customer and what all lists have.
    fn is_plain(&self) -> bool {
        let dated = self.issued_from.is_some() || self.issued_to.is_some();
        !self.unpaid && !self.overdue && !dated && self.series.is_none()
    }
}

/// The condition of the partial index, as literals: PostgreSQL could not prove it of parameters.
const UNPAID: &str = "(state IN ('validated', 'sent', 'partly_paid') AND kind <> 'credit_note')";
/// Today is where the company is: row-level security shows no other company.
const OVERDUE: &str = "(state IN ('validated', 'sent', 'partly_paid') AND kind <> 'credit_note'
    AND due_on < (SELECT (now() AT TIME ZONE t.time_zone)::date FROM tenants AS t WHERE t.id = comptoir_tenant()))";

type Rows<'a> = invoices::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<InvoiceRow, Pg>>>;
type Condition<'a> = Filter<'a, invoices::table>;

impl<'q> Filtered<'q> for InvoiceFilter {
    type Sort = InvoiceSort;
    type Table = invoices::table;
    type Rows = Rows<'q>;
    type Row = InvoiceRow;
    type View = InvoiceSummary;
    const TABLE: &'static str = "invoices";
    const SEARCH: &'static str = "search_invoices";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        invoices::table.filter(invoices::tenant_id.eq(tenant)).select(InvoiceRow::as_select()).into_boxed()
    }

    fn walk(&'q self, rows: Rows<'q>, request: &PageRequest<InvoiceSort>, branch: Option<usize>) -> Rows<'q> {
        use invoices::{created_at, customer_id, id, state, updated_at};
        let Selection { created, updated, .. } = self.selection;
        let start = match request.key {
            InvoiceSort::CreatedAt => request.times().within(created),
            InvoiceSort::UpdatedAt => {
                return walk!(rows, request.times().within(updated), [], updated_at, id);
            }
        };
        let Some(branch) = branch else { return walk!(rows, start, [], created_at, id) };
        let wanted = self.states.get(branch).copied().map(InvoiceState::as_str);
        match (self.customer_id.map(CustomerId::uuid), wanted) {
            (Some(customer), _) => walk!(rows, start, [customer_id => customer], created_at, id),
            (None, Some(wanted)) => walk!(rows, start, [state => wanted], created_at, id),
            (None, None) => walk!(rows, start, [], created_at, id),
        }
    }

    fn branches(&self) -> usize {
        self.states.len().max(1)
    }

    fn is_served(&self, key: InvoiceSort) -> bool {
        let Selection { created, updated, .. } = &self.selection;
        // Each has its index, and both together have none: a customer has few invoices, and few are drafts or open.
        let alone = self.customer_id.is_none() || self.states.is_empty();
        let by_neither = self.customer_id.is_none() && self.states.is_empty();
        match key {
            InvoiceSort::CreatedAt => self.is_plain() && alone && updated.is_open(),
            InvoiceSort::UpdatedAt => self.is_plain() && by_neither && created.is_open(),
        }
    }

    fn conditions(&'q self, branch: Option<usize>) -> Vec<Condition<'q>> {
        use invoices::{created_at, customer_id, state, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(customer) = self.customer_id {
            conditions.push(Box::new(customer_id.eq(customer.uuid())));
        }
        if let Some(wanted) = branch.and_then(|branch| self.states.get(branch)) {
            conditions.push(Box::new(state.eq(wanted.as_str())));
        } else if !self.states.is_empty() {
            conditions.push(Box::new(state.eq_any(self.states.iter().copied().map(InvoiceState::as_str))));
        }
        if self.overdue {
            conditions.push(Box::new(sql::<Bool>(OVERDUE)));
        } else if self.unpaid {
            conditions.push(Box::new(sql::<Bool>(UNPAID)));
        }
        if let Some(from) = self.issued_from {
            conditions.push(Box::new(sql::<Bool>("(issue_date >= ").bind::<Date, _>(from.date()).sql(")")));
        }
        if let Some(to) = self.issued_to {
            conditions.push(Box::new(sql::<Bool>("(issue_date <= ").bind::<Date, _>(to.date()).sql(")")));
        }
        within(&mut conditions, updated_at, self.selection.updated);
        within(&mut conditions, created_at, self.selection.created);
        conditions
    }

    fn looked_at(&'q self) -> Vec<Condition<'q>> {
        let series = self.series.as_ref().map(|series| -> Condition<'q> {
            Box::new(sql::<Bool>("(series = ").bind::<Text, _>(series.as_str()).sql(")"))
        });
        series.into_iter().collect()
    }

    fn column(key: InvoiceSort) -> &'static str {
        match key {
            InvoiceSort::CreatedAt => invoices::created_at::NAME,
            InvoiceSort::UpdatedAt => invoices::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(invoices::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "invoice_words(tenant_id, number, reference) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: InvoiceSort) -> Option<Period> {
        Some(match key {
            InvoiceSort::CreatedAt => self.selection.created,
            InvoiceSort::UpdatedAt => self.selection.updated,
        })
    }

    fn view(row: InvoiceRow) -> Result<InvoiceSummary, Error> {
        InvoiceSummary::of_row(row)
    }
}

/// # Errors
/// `NotFound` if the tenant has no such invoice. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: InvoiceId) -> Result<InvoiceView, Error> {
    let key = (context.tenant_id().uuid(), id.uuid());
    type Price = (Option<String>, Option<Uuid>);
    let (row, text, prices): (Option<InvoiceRow>, Option<String>, Vec<Price>) = db
        .read(context, async |connection| {
            let (mut one, mut other, mut third) = (connection, connection, connection);
            let invoice =
                invoices::table.find(key).select(InvoiceRow::as_select()).first::<InvoiceRow>(&mut one);
            let text = invoice_contents::table
                .find(key)
                .select(invoice_contents::content)
                .first::<String>(&mut other);
            let prices = invoice_lines::table
                .filter(invoice_lines::tenant_id.eq(key.0).and(invoice_lines::invoice_id.eq(key.1)))
                .order(invoice_lines::position)
                .select((invoice_lines::price_source, invoice_lines::price_list_id))
                .load::<Price>(&mut third);
            let (invoice, text, prices) = futures::join!(invoice, text, prices);
            Ok((invoice.optional()?, text.optional()?, prices?))
        })
        .await?;
    let summary = InvoiceSummary::of_row(row.ok_or(InvoiceError::NotFound(id))?)?;
    let content = text.map(|text| serde_json::from_str(&text)).transpose();
    let content =
        content.map_err(|cause| Error::Serialize { what: "the stored content of an invoice", cause })?;
    let price = |(source, list): Price| {
        InvoicedPrice::from(PriceOrigin::stored(source.as_deref(), list.map(PriceListId::from_uuid)))
    };
    Ok(InvoiceView { summary, content, prices: prices.into_iter().map(price).collect() })
}

/// # Errors
/// `NotFound` if the tenant has no such invoice, `NoDraft` if it has a number. Fails if the database cannot be reached.
pub async fn get_draft(
    db: &TenantDatabase,
    context: &RequestContext,
    id: InvoiceId,
) -> Result<DraftView, Error> {
    let key = (context.tenant_id().uuid(), id.uuid());
    let (row, draft): (Option<InvoiceRow>, Option<Value>) = db
        .read(context, async |connection| {
            let (mut one, mut other) = (connection, connection);
            let invoice =
                invoices::table.find(key).select(InvoiceRow::as_select()).first::<InvoiceRow>(&mut one);
            let draft =
                invoice_drafts::table.find(key).select(invoice_drafts::content).first::<Value>(&mut other);
            let (invoice, draft) = futures::join!(invoice, draft);
            Ok((invoice.optional()?, draft.optional()?))
        })
        .await?;
    let invoice = row.ok_or(InvoiceError::NotFound(id))?.into_invoice(draft)?;
    let draft = invoice.draft.as_ref().ok_or(InvoiceError::NoDraft(id))?;
    Ok(DraftView::of(&invoice, draft))
}

/// The most deposits of an order that are read.
const MOST_DEPOSITS: i64 = 50;

/// Returns the deposits of an order and the drafts of them, the first one first, 50 at most.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn deposits_of(
    db: &TenantDatabase,
    context: &RequestContext,
    order: OrderId,
) -> Result<Vec<InvoiceSummary>, Error> {
    let tenant = context.tenant_id().uuid();
    let rows: Vec<InvoiceRow> = db
        .read(context, async |mut connection| {
            let ids: Vec<Uuid> = order_deposits::table
                .filter(order_deposits::tenant_id.eq(tenant).and(order_deposits::order_id.eq(order.uuid())))
                .select(order_deposits::invoice_id)
                .limit(MOST_DEPOSITS)
                .load(&mut connection)
                .await?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let rows = invoices::table
                .filter(invoices::tenant_id.eq(tenant).and(invoices::id.eq_any(ids)))
                .order((invoices::created_at, invoices::id))
                .select(InvoiceRow::as_select());
            Ok(rows.load(&mut connection).await?)
        })
        .await?;
    rows.into_iter().map(InvoiceSummary::of_row).collect()
}

/// The most invoices of an order that are read.
const MOST_OF_ORDER: i64 = 50;

/// What is invoiced of an order.
#[derive(Debug, Clone)]
pub struct InvoicedOfOrder {
    /// The invoices and drafts that have something of it, the first one first, 50 at most. Neither deposits nor credit notes.
    pub invoices: Vec<InvoiceSummary>,
    /// What they have of each of its lines, by position, without what credit notes gave back.
    pub claimed: HashMap<i16, Units>,
}

/// Returns what is invoiced of an order, drafts included.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn of_order(
    db: &TenantDatabase,
    context: &RequestContext,
    order: OrderId,
) -> Result<InvoicedOfOrder, Error> {
    let tenant = context.tenant_id().uuid();
    let orders = [order.uuid()];
    let (rows, claimed) = db
        .read(context, async |mut connection| {
            let of_order =
                invoice_claims::tenant_id.eq(tenant).and(invoice_claims::order_id.eq(order.uuid()));
            let ids: Vec<Uuid> = invoice_claims::table
                .filter(of_order)
                .select(invoice_claims::invoice_id)
                .distinct()
                // Ids ascend with the time at which they were made.
                .order(invoice_claims::invoice_id)
                .limit(MOST_OF_ORDER)
                .load(&mut connection)
                .await?;
            if ids.is_empty() {
                return Ok((Vec::new(), Vec::new()));
            }
            let rows: Vec<InvoiceRow> = invoices::table
                .filter(invoices::tenant_id.eq(tenant).and(invoices::id.eq_any(ids)))
                .order((invoices::created_at, invoices::id))
                .select(InvoiceRow::as_select())
                .load(&mut connection)
                .await?;
            // No invoice is left out: none has this id.
            let claimed: Vec<(Uuid, i16, BigDecimal)> =
                Claimed::new(tenant, &orders, Uuid::nil()).load(&mut connection).await?;
            Ok((rows, claimed))
        })
        .await?;
    let claimed = claimed.into_iter().map(|(_, position, units)| (position, Units::stored(units))).collect();
    let invoices = rows.into_iter().map(InvoiceSummary::of_row).collect::<Result<_, Error>>()?;
    Ok(InvoicedOfOrder { invoices, claimed })
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &InvoiceFilter,
    request: &PageRequest<InvoiceSort>,
) -> Result<Page<InvoiceSummary>, Error> {
    db.list(context, filter, request).await
}
