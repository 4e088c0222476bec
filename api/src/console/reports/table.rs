//! A report as a table, with the reports beside it.

use askama::Template;

use super::rank::Rank;
use crate::console::layout::Page;
use crate::console::lists::{Address, Head, Turn, View};
use crate::console::menu;
use crate::console::visitor::Visitor;
use crate::console::words::Accounting;

#[derive(Template)]
#[template(path = "console/reports/table.html")]
pub(in crate::console) struct TablePage {
    pub(in crate::console) page: Page,
    pub(in crate::console) w: &'static Accounting,
    pub(in crate::console) reports: Vec<View>,
    /// The ways to look at this one.
    pub(in crate::console) views: Vec<View>,
    pub(in crate::console) csv: Option<Address>,
    /// The first and the last day, if it is of a period, and what the form of it keeps.
    pub(in crate::console) days: Option<(String, String)>,
    pub(in crate::console) by: Option<String>,
    pub(in crate::console) action: &'static str,
    /// What the figures are.
    pub(in crate::console) hint: String,
    /// The highest of it, as bars above the table.
    pub(in crate::console) rank: Option<Rank>,
    pub(in crate::console) heads: Vec<Head>,
    pub(in crate::console) rows: Vec<Row>,
    /// The last row.
    pub(in crate::console) sum: Option<Row>,
    pub(in crate::console) turn: Option<Turn>,
}

pub(in crate::console) struct Row {
    pub(in crate::console) label: String,
    pub(in crate::console) to: Option<String>,
    pub(in crate::console) cells: Vec<Cell>,
}

pub(in crate::console) struct Cell {
    pub(in crate::console) text: String,
    pub(in crate::console) is_number: bool,
}

pub(in crate::console) fn text(text: impl ToString) -> Cell {
    Cell { text: text.to_string(), is_number: false }
}

pub(in crate::console) fn number(text: impl ToString) -> Cell {
    Cell { text: text.to_string(), is_number: true }
}

/// The reports that there are, for those who may see them.
pub(in crate::console) fn reports(current: &str, visitor: &Visitor) -> Vec<View> {
    let w = Accounting::of(visitor.language);
    let all = [
        ("/console/reports", w.by_day),
        ("/console/reports/products", w.by_product),
        ("/console/reports/customers", w.by_customer),
        ("/console/reports/sales", w.sales),
        ("/console/reports/vat-due", w.vat_due),
        ("/console/reports/accounts", w.accounts),
    ];
    let shown = all.into_iter().filter(|(path, _)| menu::may_see(&visitor.context.principal, path));
    let view = |(path, label): (&str, crate::console::typography::Word)| View {
        label: label.to_string(),
        to: Address::at(path),
        is_current: path == current,
        count: None,
        is_warning: false,
    };
    shown.map(view).collect()
}
