//! Invoices as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::invoices::draft::{
    DraftAdjustment, DraftReason, DraftVat, InvoiceNote, InvoiceReason, LineDescription, LineName, LineSku,
    OrderReference, Period, Reasoned, ReasonedValue, Source, check_adjustments,
};
use comptoir_core::commerce::invoices::totals::AdjustmentKind;
use comptoir_core::commerce::invoices::{
    DraftView, InvoiceFilter, InvoiceShipped, InvoiceState, InvoiceSummary, LineDetails, NewInvoice, Scope,
};
use comptoir_core::commerce::prices::PriceSource;
use comptoir_core::commerce::vat::{Category, Nature};
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::ids::{CustomerId, InvoiceId, OrderId, PriceListId, ProductId, ShipmentId};
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_core::values::language::Language;
use comptoir_core::values::money::{Money, Quantity, UnitPrice, VatRate};
use comptoir_core::values::series::SeriesCode;
use comptoir_core::values::unit::Unit;
use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, Flag, SearchFilters, Several, Text, one_of, read_from_text};
use crate::routes::address::PostalAddressDto;
use crate::routes::party::within;

read_from_text!(InvoiceNote, InvoiceReason, LineDescription, LineName, LineSku, OrderReference);
read_from_text!(InvoiceState => |text| one_of(text, &InvoiceState::ALL, InvoiceState::as_str));
read_from_text!(Nature => |text| one_of(text, &Nature::ALL, Nature::name));
read_from_text!(AdjustmentKind => |text| one_of(text, &AdjustmentKind::ALL, AdjustmentKind::name));
read_from_text!(Category => |text| one_of(text, &Category::ALL, Category::code));
read_from_text!(PriceSource => |text| one_of(text, &PriceSource::ALL, PriceSource::name));

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct InvoiceRequest {
    #[schema(value_type = Uuid)]
    customer_id: CustomerId,
    /// Left out or null: the day on which it is validated. Never after that day.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    issue_date: Option<BusinessDate>,
    /// Left out or null: what was agreed with the customer, or what the law says; never later than the law permits.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    due_on: Option<BusinessDate>,
    /// When the goods were delivered, or the service was done. Left out or null: the issue date, or none if it is `unshipped`.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    delivered_on: Option<BusinessDate>,
    /// Left out or null: the customer's, or your company's.
    #[deserr(default)]
    language: Option<Language>,
    /// What the customer calls the order that is invoiced.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "PO-7", min_length = 1, max_length = 100)]
    reference: Option<OrderReference>,
    /// What the document says besides.
    #[deserr(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    note: Option<InvoiceNote>,
    /// Where the goods went. Left out or null: the customer's first shipping address, or the billing address.
    #[deserr(default)]
    delivery_address: Option<PostalAddressDto>,
    /// What it invoices together, such as a month: payment is due within 45 days then (France). Left out or null: it is no period.
    #[deserr(default)]
    period: Option<PeriodRequest>,
    #[schema(min_items = 1, max_items = 5000)]
    lines: Vec<InvoiceLineRequest>,
    /// Discounts and charges of the whole document.
    #[deserr(default)]
    #[schema(required = false, max_items = 20)]
    adjustments: Vec<InvoiceAdjustmentRequest>,
    /// Whether lines of orders may also invoice what has not left yet. It must be reserved when the invoice is validated (409 `insufficient_stock`).
    #[deserr(default)]
    #[schema(required = false)]
    unshipped: bool,
    /// Deposits of the customer that it takes off: paid whole, and not credited. Their lines are made when it is validated.
    #[deserr(default)]
    #[schema(value_type = Vec<Uuid>, required = false, max_items = 50)]
    deposits: Vec<InvoiceId>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = InvoiceLineRequest::checked -> FieldError)]
pub(crate) struct InvoiceLineRequest {
    /// The line of an order of the customer that it invoices. Nothing is invoiced twice: what all drafts and invoices name of it is never more than has left.
    #[deserr(default)]
    source: Option<SourceRequest>,
    /// A product: what the line leaves out of its SKU, name, nature, unit, price and VAT rate is the product's.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    product_id: Option<ProductId>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "TEA-EG-250", min_length = 1, max_length = 64)]
    sku: Option<LineSku>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Earl Grey, 250 g", min_length = 1, max_length = 200)]
    name: Option<LineName>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    description: Option<LineDescription>,
    /// VAT depends on it. Left out or null: the product's, or goods.
    #[deserr(default)]
    nature: Option<Nature>,
    /// More than zero; at most four decimals once it is validated.
    #[schema(value_type = String, example = "2", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
    /// A code of UN/ECE recommendation 20, or of recommendation 21 with an X in front. Left out or null: `C62` (one).
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "C62", pattern = "^[A-Za-z0-9]{2,3}$")]
    unit: Option<Unit>,
    /// Net price of one unit. Left out or null: of a product, that of a price list, or else its own; the day is that of delivery, or of issue, or today.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "12.50", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_price: Option<UnitPrice>,
    /// Discounts and charges of the line.
    #[deserr(default)]
    #[schema(required = false, max_items = 20)]
    adjustments: Vec<DiscountOrChargeRequest>,
    /// Left out or null: the product's rate, by the rule.
    #[deserr(default)]
    vat: Option<LineVatRequest>,
    /// As GET gives it; passed over: it follows from the price.
    #[deserr(default)]
    #[allow(dead_code, reason = "what GET gave can be sent back")]
    price_source: Option<PriceSource>,
    /// As GET gives it; passed over: it follows from the price.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    #[allow(dead_code, reason = "what GET gave can be sent back")]
    price_list_id: Option<PriceListId>,
}

/// The line of an order.
#[derive(Debug, Clone, Copy, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = InvoicedOrderLineRequest)]
pub(crate) struct SourceRequest {
    #[schema(value_type = Uuid)]
    order_id: OrderId,
    /// Counts from 1.
    #[schema(minimum = 1, maximum = 32767)]
    position: i16,
}

/// Days, both of them included.
#[derive(Debug, Clone, Copy, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = PeriodRequest::checked -> FieldError)]
#[schema(as = InvoicePeriodRequest)]
pub(crate) struct PeriodRequest {
    #[schema(value_type = NaiveDate)]
    start: BusinessDate,
    #[schema(value_type = NaiveDate)]
    end: BusinessDate,
}

impl PeriodRequest {
    fn period(self) -> Result<Period, FieldError> {
        Period::new(self.start, self.end).map_err(|invalid| invalid.at("/end"))
    }

    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        self.period()?;
        Ok(self)
    }
}

/// Orders of one customer, of which all that has left and is not invoiced yet is to be invoiced.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct InvoiceOrdersRequest {
    #[deserr(try_from(Vec<OrderId>) = at_most_100 -> Invalid)]
    #[schema(value_type = Vec<Uuid>, min_items = 1, max_items = 100)]
    order_ids: Vec<OrderId>,
    /// Left out or null: the day on which it is validated.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    issue_date: Option<BusinessDate>,
    /// Whether what has not left yet is invoiced, too. Left out or null: no.
    #[deserr(default)]
    unshipped: Option<bool>,
    /// Whether paid deposits of the orders are taken off, as far as they are not more than is invoiced. Left out or null: yes.
    #[deserr(default)]
    deposits: Option<bool>,
}

/// Shipments of one customer's orders, of which all that is not invoiced yet is to be invoiced.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct InvoiceShipmentsRequest {
    #[deserr(try_from(Vec<ShipmentId>) = at_most_100 -> Invalid)]
    #[schema(value_type = Vec<Uuid>, min_items = 1, max_items = 100)]
    shipment_ids: Vec<ShipmentId>,
    /// Left out or null: the day on which it is validated.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    issue_date: Option<BusinessDate>,
    /// Whether paid deposits of their orders are taken off, as far as they are not more than is invoiced. Left out or null: yes.
    #[deserr(default)]
    deposits: Option<bool>,
}

/// A month of shipments to a customer, of which all that is not invoiced yet is to be invoiced.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct InvoiceMonthRequest {
    #[schema(value_type = Uuid)]
    customer_id: CustomerId,
    #[schema(value_type = String, example = "2026-11", pattern = r"^\d{4}-\d{2}$")]
    month: Month,
    /// Left out or null: the day on which it is validated.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    issue_date: Option<BusinessDate>,
    /// Whether paid deposits of its orders are taken off, as far as they are not more than is invoiced. Left out or null: yes.
    #[deserr(default)]
    deposits: Option<bool>,
}

#[derive(Debug)]
struct Month(Period);

read_from_text!(Month => |text| Period::month(text).map(Month));

fn at_most_100<T>(ids: Vec<T>) -> Result<Vec<T>, Invalid> {
    if (1..=100).contains(&ids.len()) {
        return Ok(ids);
    }
    Err(Invalid::new("wrong_length", format!("1 to 100 are possible, not {}", ids.len())))
}

impl From<InvoiceOrdersRequest> for InvoiceShipped {
    fn from(request: InvoiceOrdersRequest) -> Self {
        Self {
            scope: Scope::Orders(request.order_ids),
            issue_date: request.issue_date,
            unshipped: request.unshipped.unwrap_or(false),
            deposits: request.deposits.unwrap_or(true),
        }
    }
}

impl From<InvoiceShipmentsRequest> for InvoiceShipped {
    fn from(request: InvoiceShipmentsRequest) -> Self {
        Self {
            scope: Scope::Shipments(request.shipment_ids),
            issue_date: request.issue_date,
            unshipped: false,
            deposits: request.deposits.unwrap_or(true),
        }
    }
}

impl From<InvoiceMonthRequest> for InvoiceShipped {
    fn from(request: InvoiceMonthRequest) -> Self {
        let InvoiceMonthRequest { customer_id, month: Month(month), issue_date, deposits } = request;
        Self {
            scope: Scope::Month { customer_id, month },
            issue_date,
            unshipped: false,
            deposits: deposits.unwrap_or(true),
        }
    }
}

/// A discount or a charge: an amount, or a percentage.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = DiscountOrChargeRequest::checked -> FieldError)]
pub(crate) struct DiscountOrChargeRequest {
    kind: AdjustmentKind,
    /// The document says it.
    #[schema(value_type = String, example = "Remise de bienvenue", min_length = 1, max_length = 200)]
    reason: InvoiceReason,
    /// Zero or more; not together with `percent`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "2.50", pattern = r"^\d{1,15}(\.\d{1,2})?$")]
    amount: Option<Money>,
    /// From 0 to 100, of the price of the line; not together with `amount`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "10", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    percent: Option<VatRate>,
}

/// A discount or a charge of the whole document, with the VAT of what it adjusts. A percentage is of the lines that have this VAT.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = InvoiceAdjustmentRequest::checked -> FieldError)]
pub(crate) struct InvoiceAdjustmentRequest {
    kind: AdjustmentKind,
    /// The document says it.
    #[schema(value_type = String, example = "Frais de port", min_length = 1, max_length = 200)]
    reason: InvoiceReason,
    /// Zero or more; not together with `percent`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "6.90", pattern = r"^\d{1,15}(\.\d{1,2})?$")]
    amount: Option<Money>,
    /// From 0 to 100; not together with `amount`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "10", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    percent: Option<VatRate>,
    /// VAT depends on it. Left out or null: goods.
    #[deserr(default)]
    nature: Option<Nature>,
    vat: VatRequest,
}

/// The VAT of a line: the rate at home, from which the rest follows when the invoice is validated; or what you choose, with a reason.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = LineVatRequest::checked -> FieldError)]
pub(crate) struct LineVatRequest {
    /// Percent. Left out or null: the product's.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "20", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    rate: Option<VatRate>,
    /// Replaces the rule; left out or null: by the rule.
    #[deserr(default)]
    category: Option<Category>,
    /// Of the list VATEX; only with a reason.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "VATEX-EU-132-1I")]
    reason_code: Option<Text>,
    /// Why there is no VAT at home, or for what was chosen: with the article of the law.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Exonération de TVA, article 261, 4, 4° du CGI", min_length = 1, max_length = 200)]
    reason: Option<InvoiceReason>,
}

/// The same where there is no product that would know the rate.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = VatRequest::checked -> FieldError)]
pub(crate) struct VatRequest {
    /// Percent.
    #[schema(value_type = String, example = "20", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    rate: VatRate,
    /// Replaces the rule; left out or null: by the rule.
    #[deserr(default)]
    category: Option<Category>,
    /// Of the list VATEX; only with a reason.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "VATEX-EU-132-1I")]
    reason_code: Option<Text>,
    /// Why there is no VAT at home, or for what was chosen: with the article of the law.
    #[deserr(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    reason: Option<InvoiceReason>,
}

/// # Errors
/// `missing_field` if there is a code without words.
fn reason(code: Option<Text>, text: Option<InvoiceReason>) -> Result<Option<DraftReason>, FieldError> {
    match (code.map(String::from), text) {
        (code, Some(text)) => Ok(Some(DraftReason { code, text })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            let message = "a code is for programs: give the reason in words, too";
            Err(Invalid::new("missing_field", message).at("/reason"))
        }
    }
}

/// # Errors
/// Fails unless there is either an amount or a percentage.
fn value(amount: Option<Money>, percent: Option<VatRate>) -> Result<ReasonedValue, FieldError> {
    match (amount, percent) {
        (Some(amount), None) if amount.is_negative() => {
            let message = "an amount is zero or more: the kind says whether it is taken off or added";
            Err(Invalid::new("negative", message).at("/amount"))
        }
        (Some(amount), None) => Ok(ReasonedValue::Amount(amount)),
        (None, Some(percent)) => Ok(ReasonedValue::Percent(percent)),
        (None, None) => Err(Invalid::new("missing_field", "give an amount, or a percentage").at("/amount")),
        (Some(_), Some(_)) => {
            Err(Invalid::new("both_given", "give an amount or a percentage, not both").at("/percent"))
        }
    }
}

impl DiscountOrChargeRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        value(self.amount.clone(), self.percent.clone())?;
        Ok(self)
    }

    fn into_reasoned(self) -> Result<Reasoned, FieldError> {
        let Self { kind, reason, amount, percent } = self;
        Ok(Reasoned { kind, reason, value: value(amount, percent)? })
    }
}

impl InvoiceAdjustmentRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        value(self.amount.clone(), self.percent.clone())?;
        Ok(self)
    }

    fn into_adjustment(self) -> Result<DraftAdjustment, FieldError> {
        let Self { kind, reason: why, amount, percent, nature, vat } = self;
        let VatRequest { rate, category, reason_code, reason: text } = vat;
        Ok(DraftAdjustment {
            adjustment: Reasoned { kind, reason: why, value: value(amount, percent)? },
            nature: nature.unwrap_or(Nature::Goods),
            vat: DraftVat { rate, category, reason: reason(reason_code, text)? },
        })
    }
}

impl LineVatRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        check_reason(self.reason_code.is_some(), self.reason.is_some())?;
        Ok(self)
    }
}

impl VatRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        check_reason(self.reason_code.is_some(), self.reason.is_some())?;
        Ok(self)
    }
}

fn check_reason(has_code: bool, has_text: bool) -> Result<(), FieldError> {
    if !has_code || has_text {
        return Ok(());
    }
    let message = "a code is for programs: give the reason in words, too";
    Err(Invalid::new("missing_field", message).at("/reason"))
}

impl InvoiceLineRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        check_adjustments(self.adjustments.len()).map_err(|invalid| invalid.at("/adjustments"))?;
        Ok(self)
    }

    fn into_details(self) -> Result<LineDetails, FieldError> {
        let Self {
            source,
            product_id,
            sku,
            name,
            description,
            nature,
            quantity,
            unit,
            unit_price,
            adjustments,
            vat,
            price_source: _,
            price_list_id: _,
        } = self;
        let adjustments = adjustments.into_iter().map(DiscountOrChargeRequest::into_reasoned);
        let (vat_rate, vat_category, vat_reason) = match vat {
            None => (None, None, None),
            Some(LineVatRequest { rate, category, reason_code, reason: text }) => {
                (rate, category, reason(reason_code, text)?)
            }
        };
        Ok(LineDetails {
            source: source.map(|SourceRequest { order_id, position }| Source { order_id, position }),
            product_id,
            sku,
            name,
            description,
            nature,
            quantity,
            unit,
            unit_price,
            adjustments: adjustments.collect::<Result<_, _>>()?,
            vat_rate,
            vat_category,
            vat_reason,
        })
    }
}

impl Editable for InvoiceRequest {
    type View = DraftView;
    type Details = NewInvoice;
    const READ_ONLY: &'static [&'static str] = &["id", "version", "kind", "updated_at"];

    fn into_details(self) -> Result<NewInvoice, Vec<FieldError>> {
        let Self {
            customer_id,
            issue_date,
            due_on,
            delivered_on,
            language,
            reference,
            note,
            delivery_address,
            period,
            lines,
            adjustments,
            unshipped,
            deposits,
        } = self;
        let lines: Result<_, _> = lines.into_iter().map(InvoiceLineRequest::into_details).collect();
        let adjustments: Result<_, _> =
            adjustments.into_iter().map(InvoiceAdjustmentRequest::into_adjustment).collect();
        let period = period.map(PeriodRequest::period).transpose();
        Ok(NewInvoice {
            customer_id,
            issue_date,
            due_on,
            delivered_on,
            language,
            reference,
            note,
            delivery_address: delivery_address.map(Into::into),
            period: period.map_err(|fault| vec![within("period", fault)])?,
            lines: lines.map_err(|fault| vec![fault])?,
            adjustments: adjustments.map_err(|fault| vec![fault])?,
            unshipped,
            deposits,
        })
    }

    fn shown(view: &DraftView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvoiceFilters {
    /// Only invoices in this state, or in one of these: repeated, or separated by commas.
    #[deserr(default)]
    #[param(value_type = Option<Vec<InvoiceState>>, min_items = 1, max_items = 5, example = json!(["validated", "sent"]))]
    state: Option<Several<InvoiceState, 5>>,
    /// Only invoices to this customer.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// True: only those of which something is to be paid; no drafts and no credit notes.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    unpaid: Option<Flag>,
    /// True: only those of which something should have been paid before today, in your company's time zone.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    overdue: Option<Flag>,
    /// Only those that are dated on this day or later.
    #[deserr(default)]
    #[param(value_type = Option<NaiveDate>)]
    issued_from: Option<BusinessDate>,
    /// Only those that are dated on this day or before.
    #[deserr(default)]
    #[param(value_type = Option<NaiveDate>)]
    issued_to: Option<BusinessDate>,
    /// Only those of this series of numbers.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "FA")]
    series: Option<SeriesCode>,
}

impl SearchFilters for InvoiceFilters {
    type Filter = InvoiceFilter;
    const WITHOUT: &'static [&'static str] = &["external_id"];

    fn with(self, selection: Selection) -> InvoiceFilter {
        let Self { state, customer_id, unpaid, overdue, issued_from, issued_to, series } = self;
        let states = state.map_or_else(Vec::new, |Several(states)| states);
        let is_on = |flag: Option<Flag>| flag.is_some_and(|Flag(on)| on);
        let (unpaid, overdue) = (is_on(unpaid), is_on(overdue));
        InvoiceFilter { states, customer_id, unpaid, overdue, issued_from, issued_to, series, selection }
    }
}

impl Exported for InvoiceSummary {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "kind",
        "state",
        "customer_id",
        "reference",
        "number",
        "issue_date",
        "due_on",
        "gross_total",
        "paid",
        "credited",
        "open",
        "sent_at",
        "sent_by",
        "overdue_on",
        "dispute",
        "corrects",
        "created_at",
        "updated_at",
    ];
}
