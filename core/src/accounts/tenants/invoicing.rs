//! What the invoices of a company say of it, besides its name, address and registration (docs/invoices.md).

use serde::Serialize;
use utoipa::ToSchema;

use super::reminders::{ReminderLevel, ReminderLevelView};
use crate::values::iban::{Bic, Iban};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{Money, VatRate};
use crate::values::party::{ElectronicAddress, LegalForm, TradeRegister, VatDueOn, VatScheme};
use crate::values::series::SeriesCode;

/// What is not known is `None`, and an invoice that needs it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantInvoicing {
    pub legal_form: Option<LegalForm>,
    /// In the company's currency.
    pub share_capital: Option<Money>,
    pub trade_register: Option<TradeRegister>,
    pub vat_scheme: VatScheme,
    pub vat_due_on: VatDueOn,
    /// Whether it declares VAT of other member states in the one-stop shop.
    pub one_stop_shop: bool,
    pub electronic_address: Option<ElectronicAddress>,
    pub iban: Option<Iban>,
    pub bic: Option<Bic>,
    /// The yearly interest on late payments, in percent; `None` is what the law says.
    pub late_interest_rate: Option<VatRate>,
    /// What the numbers of invoices and deposits begin with.
    pub series: SeriesCode,
    /// The same for credit notes, which may share the series of invoices.
    pub credit_note_series: SeriesCode,
    /// Whether no invoice is dated before the last one of its series.
    pub dates_in_order: bool,
    /// At most [`ReminderLevel::MOST`]; none: customers are not reminded.
    pub reminders: Vec<ReminderLevel>,
}

impl Default for TenantInvoicing {
    fn default() -> Self {
        Self {
            legal_form: None,
            share_capital: None,
            trade_register: None,
            vat_scheme: VatScheme::default(),
            vat_due_on: VatDueOn::default(),
            one_stop_shop: false,
            electronic_address: None,
            iban: None,
            bic: None,
            late_interest_rate: None,
            series: SeriesCode::stored("FA".to_owned()),
            credit_note_series: SeriesCode::stored("AV".to_owned()),
            dates_in_order: true,
            reminders: Vec::new(),
        }
    }
}

impl TenantInvoicing {
    /// # Errors
    /// `negative` if the share capital is less than zero; `iban_missing` if there is the code of a bank and no account in it. As [`ReminderLevel::check`]
    /// for reminders.
    pub fn check(&self) -> Result<(), FieldError> {
        if self.share_capital.as_ref().is_some_and(Money::is_negative) {
            let message = "a share capital is zero or more";
            return Err(Invalid::new("negative", message).at("/share_capital"));
        }
        if self.bic.is_some() && self.iban.is_none() {
            let message = "a BIC names the bank of an account: give the IBAN, too";
            return Err(Invalid::new("iban_missing", message).at("/iban"));
        }
        ReminderLevel::check(&self.reminders)
    }
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TenantInvoicing)]
pub struct TenantInvoicingView {
    #[schema(example = "SARL")]
    pub legal_form: Option<String>,
    /// In the company's currency.
    #[schema(value_type = Option<String>, example = "10000.00")]
    pub share_capital: Option<Money>,
    #[schema(example = "RCS Nantes")]
    pub trade_register: Option<String>,
    pub vat_scheme: VatScheme,
    pub vat_due_on: VatDueOn,
    pub one_stop_shop: bool,
    pub electronic_address: Option<ElectronicAddress>,
    #[schema(example = "FR1420041010050500013M02606")]
    pub iban: Option<String>,
    #[schema(example = "PSSTFRPPNTE")]
    pub bic: Option<String>,
    /// In percent a year; null is what the law says.
    #[schema(value_type = Option<String>, example = "12")]
    pub late_interest_rate: Option<VatRate>,
    /// What the numbers of invoices and deposits begin with.
    #[schema(value_type = String, example = "FA")]
    pub series: SeriesCode,
    /// The same for credit notes.
    #[schema(value_type = String, example = "AV")]
    pub credit_note_series: SeriesCode,
    /// Whether no invoice is dated before the last one of its series.
    pub dates_in_order: bool,
    /// The levels of reminders, the first one first; none: customers are not reminded.
    pub reminders: Vec<ReminderLevelView>,
}

impl From<&TenantInvoicing> for TenantInvoicingView {
    fn from(known: &TenantInvoicing) -> Self {
        Self {
            legal_form: known.legal_form.clone().map(Into::into),
            share_capital: known.share_capital.clone(),
            trade_register: known.trade_register.clone().map(Into::into),
            vat_scheme: known.vat_scheme,
            vat_due_on: known.vat_due_on,
            one_stop_shop: known.one_stop_shop,
            electronic_address: known.electronic_address.clone(),
            iban: known.iban.as_ref().map(|iban| iban.as_str().to_owned()),
            bic: known.bic.as_ref().map(|bic| bic.as_str().to_owned()),
            late_interest_rate: known.late_interest_rate.clone(),
            series: known.series.clone(),
            credit_note_series: known.credit_note_series.clone(),
            dates_in_order: known.dates_in_order,
            reminders: known.reminders.iter().map(ReminderLevelView::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_is_named_with_an_account_and_a_capital_is_no_debt() {
        let bic = Bic::parse("PSSTFRPPNTE").ok();
        let pointer = |known: TenantInvoicing| known.check().map_err(|fault| (fault.pointer, fault.code));
        assert_eq!(pointer(TenantInvoicing::default()), Ok(()));
        let no_account = TenantInvoicing { bic: bic.clone(), ..TenantInvoicing::default() };
        assert_eq!(pointer(no_account), Err(("/iban".to_owned(), "iban_missing")));
        let iban = Iban::parse("FR1420041010050500013M02606").ok();
        assert_eq!(pointer(TenantInvoicing { bic, iban, ..TenantInvoicing::default() }), Ok(()));
        let debt = TenantInvoicing { share_capital: Money::parse("-1").ok(), ..TenantInvoicing::default() };
        assert_eq!(pointer(debt), Err(("/share_capital".to_owned(), "negative")));
    }
}
