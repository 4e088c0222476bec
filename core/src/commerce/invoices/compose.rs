//! Makes the content of an invoice from a draft, the seller and the customer as they are at that moment, or says everything that is missing. Pure: all that can
//! refuse a validation is decided here, before a number is drawn.

use std::collections::HashMap;

use super::content::{
    self, Account, Address, Content, Delivery, InvoiceKind, Payment, Preceding, References, VatDue,
};
use super::draft::{Draft, DraftLine, LineRole};
use super::mentions::Operations;
use super::parties::{Buyer, Known, Seller};
use super::rules;
use super::taxes::Taxes;
use super::totals::Totals;
use crate::commerce::vat::Nature;
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::iban::{Bic, Iban};
use crate::values::ids::OrderId;
use crate::values::invalid::{FieldError, Fields};
use crate::values::money::{Currency, Money};
use crate::values::party::VatDueOn;

/// UNTDID 4461: a SEPA credit transfer, and any other one.
const SEPA_TRANSFER: &str = "58";
const TRANSFER: &str = "30";

/// What is known of the invoices and orders that it names.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// What a credit note corrects, or the deposits that are taken off.
    pub preceding: Vec<Preceding>,
    /// When and where that was delivered which a credit note corrects.
    pub delivery: Option<Delivery>,
    /// From where the goods of orders leave, as far as their warehouses have addresses. Other goods leave from where the seller is.
    pub leaves_from: HashMap<OrderId, PostalAddress>,
}

/// An invoice that lacks nothing but its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    content: Content,
    /// Why each line has the VAT that it has.
    pub whys: Vec<&'static str>,
}

impl Composed {
    pub fn content(&self) -> &Content {
        &self.content
    }

    pub fn issue_date(&self) -> BusinessDate {
        self.content.issue_date
    }

    /// The content with its number.
    #[must_use]
    pub fn numbered(&self, number: &str) -> Content {
        let mut content = self.content.clone();
        number.clone_into(&mut content.number);
        if let Some(payment) = &mut content.payment {
            number.clone_into(&mut payment.reference);
        }
        content
    }
}

/// Makes the content of an invoice. `today` is the date in the company's time zone. The lines of deposits that it takes off are among those of the draft.
///
/// Pointers begin with `/draft`, `/tenant` or `/customer`: what is to be changed.
///
/// # Errors
/// Fails with everything that is missing or wrong.
pub fn compose(
    draft: &Draft,
    seller: &Seller,
    buyer: &Buyer,
    today: BusinessDate,
    named: &Named,
) -> Result<Composed, Vec<FieldError>> {
    let mut faults = Fields::default();
    let parties = Known::of(seller, buyer, &mut faults);
    let issue_date = draft.issue_date.unwrap_or(today);
    if issue_date > today {
        let message = format!("an invoice is not dated after today, {today}");
        faults.refuse("/draft/issue_date", "in_the_future", message);
    }
    if named.preceding.iter().any(|one| one.issue_date > issue_date) {
        let message = "it is not dated before the invoice that it corrects, or a deposit that it takes off";
        faults.refuse("/draft/issue_date", "before_the_preceding", message);
    }
    faults.take("/draft/lines", Draft::check_sizes(draft.lines.len(), draft.adjustments.len()));
    let Some(parties) = parties else { return faults.finish(None) };
    parties.identities(&mut faults);
    if parties.is_french_seller() {
        faults.take("/tenant/currency", rules::check_currency(&seller.currency));
        let late = parties.parties().check_late_interest(seller.late_interest_rate.as_ref(), issue_date);
        faults.take("/tenant/invoicing/late_interest_rate", late);
    }
    let delivered_on = draft.delivered_on.or(draft.period.map(|period| period.end)).unwrap_or(issue_date);
    let language = draft.language.or(buyer.language).unwrap_or(seller.language);
    // A credit note repeats what its invoice says, which may be old.
    if draft.kind() != InvoiceKind::CreditNote {
        let is_of_goods = operations(draft) != Operations::Services;
        if let Some(on) = draft.delivered_on {
            faults.take("/draft/delivered_on", rules::check_delivery(issue_date, on, is_of_goods));
        }
        if let Some(period) = draft.period {
            faults.take("/draft/period/end", rules::check_period(issue_date, period, is_of_goods));
        }
    }

    let taxes = Taxes::of(draft, &parties, named, delivered_on, &mut faults);
    let due = parties.due_date(draft, issue_date, delivered_on, &mut faults);
    let Some(taxes) = taxes else { return faults.finish(None) };
    let totals = faults.take("/draft/lines", Totals::of(&taxes.lines, &taxes.adjustments, &Money::zero()));
    let Some(totals) = totals else { return faults.finish(None) };
    if totals.mixes_not_subject() {
        let message = "what is not subject to VAT stands alone on an invoice (EN 16931, BR-O-11): make two";
        faults.refuse("/draft/lines", "mixes_not_subject", message);
    }
    faults.take("/draft/lines", rules::check_deposit(draft.kind(), &totals.groups));
    let (operations, kind) = (operations(draft), draft.kind());
    let said_on = match kind {
        InvoiceKind::Prepayment => None,
        // What has not left was delivered on no day yet: the law wants it as far as it is known (CGI, annexe II, 242 nonies A, I, 10°).
        InvoiceKind::Invoice if draft.unshipped => draft.delivered_on,
        InvoiceKind::Invoice | InvoiceKind::CreditNote => Some(delivered_on),
    };
    if kind == InvoiceKind::Invoice {
        let is_said = said_on.is_some() || draft.period.is_some();
        faults.take("/draft/delivered_on", rules::check_delivery_is_said(is_said, &totals.groups));
    }
    let delivered = Delivery { date: said_on, address: Some(Address::from(parties.delivery(draft))) };
    // Whoever gets money back does not transfer it.
    let account = seller.iban.as_ref().filter(|_| kind != InvoiceKind::CreditNote);
    let content = Content {
        language,
        kind,
        number: String::new(),
        issue_date,
        due_date: due.on,
        currency: seller.currency.code().to_owned(),
        operations,
        treatment: parties.treatment(),
        vat_due: (operations != Operations::Goods).then_some(match seller.vat_due_on {
            VatDueOn::Payments => VatDue::OnPayment,
            VatDueOn::Debits => VatDue::OnInvoice,
        }),
        seller: parties.seller_party(),
        buyer: parties.buyer_party(),
        delivery: named.delivery.clone().unwrap_or(delivered),
        period: draft.period,
        references: References {
            buyer_order: draft.reference.as_ref().map(ToString::to_string),
            preceding: named.preceding.clone(),
        },
        lines: taxes.lines_of(draft, &totals),
        adjustments: taxes.adjustments_of(draft, &totals),
        vat: totals.groups.iter().map(|group| taxes.group(group, language)).collect(),
        mentions: parties.mentions(draft, operations, due, language),
        payment: account.map(|iban| payment(iban, seller.bic.as_ref(), &seller.currency)),
        totals: content::Totals {
            lines: totals.lines,
            discounts: totals.discounts,
            charges: totals.charges,
            net: totals.net,
            vat: totals.vat,
            gross: totals.gross,
            due: totals.due,
        },
    };
    faults.finish(Some(Composed { content, whys: taxes.whys }))
}

fn payment(iban: &Iban, bic: Option<&Bic>, currency: &Currency) -> Payment {
    let means = if currency.code() == "EUR" { SEPA_TRANSFER } else { TRANSFER };
    Payment {
        means: means.to_owned(),
        reference: String::new(),
        accounts: vec![Account {
            iban: iban.as_str().to_owned(),
            bic: bic.map(|bic| bic.as_str().to_owned()),
        }],
    }
}

/// What is sold. Lines of deposits may be of what else was ordered: they count only where there are no others.
fn operations(draft: &Draft) -> Operations {
    let is_sale = |line: &DraftLine| line.role == LineRole::Sale;
    let any_sale = draft.lines.iter().any(is_sale);
    let has = |nature| draft.lines.iter().any(|line| line.nature == nature && (is_sale(line) || !any_sale));
    match (has(Nature::Goods), has(Nature::Service)) {
        (true, true) => Operations::Both,
        (false, true) => Operations::Services,
        (true | false, false) => Operations::Goods,
    }
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
