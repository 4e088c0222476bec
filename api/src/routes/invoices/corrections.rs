//! Credit notes and deposits: their bodies and their handlers.

use actix_web::HttpResponse;
use actix_web::web::Data;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::invoices::content::Vat;
use comptoir_core::commerce::invoices::draft::{
    CreditPart, DraftReason, InvoiceNote, InvoiceReason, WantedCredit,
};
use comptoir_core::commerce::invoices::{
    CreditReturn, DepositShare, DraftCreditNote, DraftDeposit, InvoiceView, check_parts,
};
use comptoir_core::commerce::vat::Category;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::ids::{InvoiceId, OrderId, ReturnId};
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_core::values::money::{Money, Quantity, VatRate};
use deserr::{Deserr, ValuePointerRef};
use utoipa::ToSchema;

use super::handlers::drafted;
use crate::error::ApiError;
use crate::extract::{Context, Faults, Id, Posted, Text, read_from_text};
use crate::openapi::{IdParam, IdempotencyHeader};
use crate::respond;

read_from_text!(CreditedAmount);

/// An amount above zero.
#[derive(Debug)]
struct CreditedAmount(Money);

impl CreditedAmount {
    fn parse(text: &str) -> Result<Self, Invalid> {
        let amount = Money::parse(text)?;
        if amount.is_negative() || amount.is_zero() {
            return Err(Invalid::new("not_positive", "an amount is more than zero"));
        }
        Ok(Self(amount))
    }
}

/// What is to be given back of an invoice.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreditNoteRequest {
    /// Left out or null: all that no other credit note has given back.
    #[deserr(default, try_from(Option<Vec<CreditedLineRequest>>) = some_parts -> Invalid)]
    #[schema(value_type = Option<Vec<CreditedLineRequest>>, min_items = 1, max_items = 5000)]
    lines: Option<Vec<CreditedLineRequest>>,
    /// Left out or null: the day on which it is validated.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    issue_date: Option<BusinessDate>,
    /// Why, for the customer: the document says it.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Marchandise endommagée", min_length = 1, max_length = 1000)]
    note: Option<InvoiceNote>,
}

fn some_parts(parts: Option<Vec<CreditedLineRequest>>) -> Result<Option<Vec<CreditedLineRequest>>, Invalid> {
    if let Some(parts) = &parts {
        check_parts(parts.len())?;
    }
    Ok(parts)
}

/// A quantity of a line at the invoice's price; an amount of a line; or an amount of everything with a category and rate of VAT.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = CreditedLineRequest::checked -> FieldError)]
pub(crate) struct CreditedLineRequest {
    /// Of the invoice; counts from 1.
    #[deserr(default)]
    #[schema(minimum = 1, maximum = 5000)]
    line: Option<i16>,
    /// Not together with `amount`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "1", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Option<Quantity>,
    /// Without VAT; more than zero.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "10.00", pattern = r"^\d{1,9}(\.\d{1,2})?$")]
    amount: Option<CreditedAmount>,
    /// In place of a line.
    #[deserr(default)]
    vat: Option<CreditedVatRequest>,
}

/// A category of VAT, and its rate.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreditedVatRequest {
    category: Category,
    /// Percent; only the category `O` has none.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "20", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    rate: Option<VatRate>,
}

impl CreditedLineRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        self.part()?;
        Ok(self)
    }

    fn part(&self) -> Result<CreditPart, FieldError> {
        let Self { line, quantity, amount, vat } = self;
        let refused = |code, message: &str, member: &str| Err(Invalid::new(code, message).at(member));
        match (*line, quantity, amount, vat) {
            (Some(line), Some(quantity), None, None) => {
                Ok(CreditPart::Quantity { line, quantity: quantity.clone() })
            }
            (Some(line), None, Some(CreditedAmount(amount)), None) => {
                Ok(CreditPart::Line { line, amount: amount.clone() })
            }
            (None, None, Some(CreditedAmount(amount)), Some(CreditedVatRequest { category, rate })) => {
                if (*category == Category::NotSubject) == rate.is_some() {
                    return refused(
                        "missing_field",
                        "every category has a rate, but for O, which has none",
                        "/vat/rate",
                    );
                }
                let vat = Vat { category: *category, rate: rate.clone() };
                Ok(CreditPart::Group { vat, amount: amount.clone() })
            }
            (_, Some(_), Some(_), _) => {
                refused("both_given", "give a quantity or an amount, not both", "/amount")
            }
            (Some(_), None, None, _) => refused("missing_field", "give a quantity or an amount", "/quantity"),
            (Some(_), _, _, Some(_)) => refused("both_given", "give a line or vat, not both", "/vat"),
            (None, _, _, Some(_)) => {
                refused("missing_field", "give an amount of what has this VAT", "/amount")
            }
            (None, _, _, None) => refused("missing_field", "give a line, or vat", "/line"),
        }
    }
}

impl CreditNoteRequest {
    pub(crate) fn into_command(self, id: InvoiceId) -> Result<DraftCreditNote, Vec<FieldError>> {
        let Self { lines, issue_date, note } = self;
        let wanted = match lines {
            None => WantedCredit::Rest,
            Some(lines) => {
                let parts: Result<Vec<CreditPart>, FieldError> =
                    lines.iter().map(CreditedLineRequest::part).collect();
                WantedCredit::Parts(parts.map_err(|fault| vec![fault])?)
            }
        };
        Ok(DraftCreditNote { id, wanted, issue_date, note })
    }
}

/// When what a return brought is given back.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreditReturnRequest {
    /// Left out or null: today.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    issue_date: Option<BusinessDate>,
}

/// A deposit of an order: a percentage, or an amount.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = DepositRequest::checked -> FieldError)]
pub(crate) struct DepositRequest {
    /// Of what the order comes to without VAT; more than zero. Not together with `amount`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "30", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    percent: Option<VatRate>,
    /// Without VAT; more than zero. It is spread over the rates of the order.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "500.00", pattern = r"^\d{1,9}(\.\d{1,2})?$")]
    amount: Option<CreditedAmount>,
    /// Left out or null: the day on which it is validated.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    issue_date: Option<BusinessDate>,
    /// Left out or null: at once.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    due_on: Option<BusinessDate>,
    /// What the document says besides.
    #[deserr(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    note: Option<InvoiceNote>,
    /// Why what has the rate 0 in the order is exempt at home: a deposit is not changed once it is drafted. Left out or null: nothing is.
    #[deserr(default)]
    exemption: Option<ExemptionRequest>,
}

/// Why there is no VAT at home.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = InvoiceExemptionRequest)]
pub(crate) struct ExemptionRequest {
    /// Of the list VATEX.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "VATEX-EU-132-1I")]
    reason_code: Option<Text>,
    /// With the article of the law.
    #[schema(value_type = String, example = "Exonération de TVA, article 261, 4, 4° du CGI", min_length = 1, max_length = 200)]
    reason: InvoiceReason,
}

impl From<ExemptionRequest> for DraftReason {
    fn from(request: ExemptionRequest) -> Self {
        Self { code: request.reason_code.map(String::from), text: request.reason }
    }
}

impl DepositRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        self.share()?;
        Ok(self)
    }

    fn share(&self) -> Result<DepositShare, FieldError> {
        let refused = |code, message: &str, member: &str| Err(Invalid::new(code, message).at(member));
        match (&self.percent, &self.amount) {
            (Some(percent), None) if percent.is_zero() => {
                refused("not_positive", "a percentage is more than zero", "/percent")
            }
            (Some(percent), None) => Ok(DepositShare::Percent(percent.clone())),
            (None, Some(CreditedAmount(amount))) => Ok(DepositShare::Amount(amount.clone())),
            (None, None) => refused("missing_field", "give a percentage, or an amount", "/percent"),
            (Some(_), Some(_)) => {
                refused("both_given", "give a percentage or an amount, not both", "/amount")
            }
        }
    }

    pub(crate) fn into_command(self, order_id: OrderId) -> Result<DraftDeposit, Vec<FieldError>> {
        let share = self.share().map_err(|fault| vec![fault])?;
        let Self { issue_date, due_on, note, exemption, .. } = self;
        let exemption = exemption.map(DraftReason::from);
        Ok(DraftDeposit { order_id, share, issue_date, due_on, note, exemption })
    }
}

/// Draft a credit note
///
/// Of quantities or amounts of an invoice or a deposit, or of the whole rest. Its VAT is the invoice's, and never more is given back than is left (409
/// `exceeds_invoice`). Once it is validated, it pays the invoice as far as that is open, and the rest is credit of the customer.
#[utoipa::path(post, path = "/api/v1/invoices/{id}/credit-notes", tag = "invoices", operation_id = "draftCreditNote", request_body = Option<CreditNoteRequest>,
    params(IdParam, IdempotencyHeader),
    responses((status = 201, body = InvoiceView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn draft_credit_note(
    context: Context,
    id: Id<InvoiceId>,
    posted: Posted<CreditNoteRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command(id.0).map_err(ApiError::invalid)?;
    respond::answer(executor.execute(context.0, posted.key, command, drafted).await?)
}

/// Give back what a return brought
///
/// Makes and validates one credit note: of the oldest invoice of which something that came back is not given back yet. Where several invoices are concerned, each
/// call makes one, until nothing is left (409 `nothing_to_credit`).
#[utoipa::path(post, path = "/api/v1/returns/{id}/credit-note", tag = "invoices", operation_id = "creditReturn",
    request_body = Option<CreditReturnRequest>,
    params(IdParam, IdempotencyHeader),
    responses((status = 201, body = InvoiceView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn credit_return(
    context: Context,
    id: Id<ReturnId>,
    posted: Posted<CreditReturnRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = CreditReturn { id: id.0, issue_date: posted.body.issue_date };
    respond::answer(executor.execute(context.0, posted.key, command, drafted).await?)
}

/// Draft a deposit of an order
///
/// An invoice of a part of the price, with its VAT, before anything has left. The deposits of an order are together at most what it comes to (409
/// `deposit_exceeds_order`). Once it is paid, invoices of the order take it off.
#[utoipa::path(post, path = "/api/v1/orders/{id}/deposits", tag = "invoices", operation_id = "draftDeposit", request_body = DepositRequest,
    params(IdParam, IdempotencyHeader),
    responses((status = 201, body = InvoiceView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn draft_deposit(
    context: Context,
    id: Id<OrderId>,
    posted: Posted<DepositRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command(id.0).map_err(ApiError::invalid)?;
    respond::answer(executor.execute(context.0, posted.key, command, drafted).await?)
}
