//! Periods, sums and accounts as JSON and CSV.

use comptoir_core::commerce::accounting::{
    Account, AccountLabel, AccountNumber, AccountingPeriod, MAX_SALES_DAYS, Purpose, SalesBy, SalesFilter,
    SalesView, SetAccounts, VatDueLine,
};
use comptoir_core::commerce::vat::Category;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::invalid::Invalid;
use comptoir_core::values::money::VatRate;
use deserr::Deserr;
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::export::Exported;
use crate::extract::{Faults, one_of, read_from_text};

read_from_text!(AccountLabel, AccountNumber);
read_from_text!(Purpose => |text| one_of(text, &Purpose::ALL, Purpose::name));
read_from_text!(SalesBy => |text| one_of(text, &SalesBy::ALL, SalesBy::name));

/// The period ends too early or too late.
fn refused(invalid: Invalid) -> ApiError {
    ApiError::invalid_field("/query/to", invalid.code, invalid.message)
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PeriodParameters {
    /// The first day.
    #[param(value_type = NaiveDate, example = "2026-01-01")]
    from: BusinessDate,
    /// The last day.
    #[param(value_type = NaiveDate, example = "2026-12-31")]
    to: BusinessDate,
}

impl PeriodParameters {
    /// # Errors
    /// 422 if it ends before it begins, or has more than ten years.
    pub(crate) fn period(&self) -> Result<AccountingPeriod, ApiError> {
        AccountingPeriod::new(self.from, self.to, MAX_SALES_DAYS).map_err(refused)
    }

    /// # Errors
    /// 422 if it ends before it begins, or has more than twelve months.
    pub(super) fn fiscal_year(&self) -> Result<AccountingPeriod, ApiError> {
        AccountingPeriod::fiscal(self.from, self.to).map_err(refused)
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SalesParameters {
    /// What is added up.
    #[param(inline)]
    by: SalesBy,
    /// The first day on which documents were issued.
    #[param(value_type = NaiveDate, example = "2026-01-01")]
    from: BusinessDate,
    /// The last day.
    #[param(value_type = NaiveDate, example = "2026-12-31")]
    to: BusinessDate,
}

impl SalesParameters {
    /// # Errors
    /// 422 if the period ends before it begins, or has more than ten years.
    pub(crate) fn filter(&self) -> Result<SalesFilter, ApiError> {
        let period = AccountingPeriod::new(self.from, self.to, MAX_SALES_DAYS).map_err(refused)?;
        Ok(SalesFilter { by: self.by, period })
    }
}

/// The company's own accounts: all of them.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = AccountingAccountsRequest)]
pub(crate) struct AccountsRequest {
    /// One for each purpose, category and rate. What has none is booked on the usual account.
    #[schema(max_items = 200)]
    accounts: Vec<AccountRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = AccountingAccountRequest)]
struct AccountRequest {
    purpose: Purpose,
    /// Only of this category of VAT; for `goods`, `services`, `vat` and `deposits`. Left out or null: of every category.
    #[deserr(default)]
    category: Option<Category>,
    /// Only of this rate, in percent; for the same. Left out or null: of every rate.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "20", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    rate: Option<VatRate>,
    /// Three digits of the chart of accounts, then digits and capital letters.
    #[schema(value_type = String, example = "707100", pattern = "^[0-9]{3}[0-9A-Z]{0,17}$")]
    number: AccountNumber,
    #[schema(value_type = String, example = "Ventes de thé", min_length = 1, max_length = 100)]
    label: AccountLabel,
}

impl From<AccountsRequest> for SetAccounts {
    fn from(request: AccountsRequest) -> Self {
        let account = |AccountRequest { purpose, category, rate, number, label }: AccountRequest| Account {
            purpose,
            category,
            rate,
            number,
            label,
        };
        Self { accounts: request.accounts.into_iter().map(account).collect() }
    }
}

impl Exported for VatDueLine {
    const COLUMNS: &'static [&'static str] = &["cause", "category", "rate", "base", "tax", "country"];
    const SIGNED: &'static [&'static str] = &["base", "tax"];
}

impl Exported for SalesView {
    const COLUMNS: &'static [&'static str] = &[
        "period_begins",
        "customer_id",
        "product_id",
        "code",
        "name",
        "documents",
        "quantity",
        "net_total",
        "deposit_total",
        "vat_total",
        "gross_total",
    ];
    const SIGNED: &'static [&'static str] =
        &["quantity", "net_total", "deposit_total", "vat_total", "gross_total"];
}
