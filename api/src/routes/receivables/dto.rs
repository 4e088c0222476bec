//! What customers owe, as JSON and as CSV.

use comptoir_core::commerce::receivables::{
    AgedFilter, AgedView, EntryKind, StatementEntry, StatementPeriod, StatementView,
};
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::money::Money;
use deserr::Deserr;
use serde::Serialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::export::Exported;
use crate::extract::Faults;

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgedFilters {
    /// How it stood at the end of this day; today, in your company's time zone, if it is left out. A day to come says how late it will be.
    #[deserr(default)]
    #[param(value_type = Option<NaiveDate>)]
    at: Option<BusinessDate>,
}

impl From<AgedFilters> for AgedFilter {
    fn from(AgedFilters { at }: AgedFilters) -> Self {
        Self { at }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatementDays {
    /// The first day; the first one of the last day's year, if it is left out.
    #[deserr(default)]
    #[param(value_type = Option<NaiveDate>)]
    from: Option<BusinessDate>,
    /// The last day; today, in your company's time zone, if it is left out.
    #[deserr(default)]
    #[param(value_type = Option<NaiveDate>)]
    to: Option<BusinessDate>,
}

impl From<StatementDays> for StatementPeriod {
    fn from(StatementDays { from, to }: StatementDays) -> Self {
        Self { from, to }
    }
}

impl Exported for AgedView {
    const COLUMNS: &'static [&'static str] = &[
        "customer_id",
        "customer_code",
        "customer_name",
        "at",
        "not_due",
        "days_1_30",
        "days_31_60",
        "days_61_90",
        "over_90",
        "open",
        "credit",
        "balance",
    ];
    const SIGNED: &'static [&'static str] =
        &["not_due", "days_1_30", "days_31_60", "days_61_90", "over_90", "open", "credit", "balance"];
}

/// What a line of a statement as CSV is.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum LineKind {
    Entry(EntryKind),
    /// `opening` or `closing`.
    Balance(&'static str),
}

/// A line of a statement as CSV: between what the customer owed before and after, its entries.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StatementLine {
    date: BusinessDate,
    kind: LineKind,
    document_id: Option<Uuid>,
    reference: Option<String>,
    due_on: Option<BusinessDate>,
    debit: Option<Money>,
    credit: Option<Money>,
    balance: Money,
}

impl StatementLine {
    pub(super) fn all(view: StatementView) -> Vec<Self> {
        let StatementView { from, to, opening, entries, closing, .. } = view;
        let first = Self::of_balance(from, "opening", opening);
        let last = Self::of_balance(to, "closing", closing);
        let entries = entries.into_iter().map(Self::from);
        std::iter::once(first).chain(entries).chain(std::iter::once(last)).collect()
    }

    fn of_balance(date: BusinessDate, kind: &'static str, balance: Money) -> Self {
        let kind = LineKind::Balance(kind);
        Self {
            date,
            kind,
            document_id: None,
            reference: None,
            due_on: None,
            debit: None,
            credit: None,
            balance,
        }
    }
}

impl From<StatementEntry> for StatementLine {
    fn from(entry: StatementEntry) -> Self {
        Self {
            date: entry.date,
            kind: LineKind::Entry(entry.kind),
            document_id: Some(entry.document_id),
            reference: entry.reference,
            due_on: entry.due_on,
            debit: entry.debit,
            credit: entry.credit,
            balance: entry.balance,
        }
    }
}

impl Exported for StatementLine {
    const COLUMNS: &'static [&'static str] =
        &["date", "kind", "document_id", "reference", "due_on", "debit", "credit", "balance"];
    const SIGNED: &'static [&'static str] = &["balance"];
}
