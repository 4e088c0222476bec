//! A list as data, and the rows that lists and other tables have.

use askama::Template;

use super::Link;
use crate::console::format::Moment;
use crate::console::forms::Choice;
use crate::console::layout::Page;
use crate::console::lists::{Address, Chip, Head, Turn, View};
use crate::console::status::Status;

#[derive(Template)]
#[template(path = "console/parts/list.html")]
pub(crate) struct ListPage {
    pub(crate) page: Page,
    /// What a reader is told that the table has.
    pub(crate) label: String,
    pub(crate) path: &'static str,
    /// The list as a file; `None` if there is none.
    pub(crate) csv: Option<Address>,
    /// Pages beside the list.
    pub(crate) links: Vec<Link>,
    /// The page on which a row is made; `None` for whoever may not.
    pub(crate) create: Option<Link>,
    pub(crate) views: Vec<View>,
    pub(crate) address: Address,
    /// The fields of the form of filters, which keeps the other parameters.
    pub(crate) own: &'static [&'static str],
    /// What the field of words is called; empty if the list has none.
    pub(crate) search: String,
    pub(crate) words: String,
    pub(crate) selects: Vec<Select>,
    pub(crate) chips: Vec<Chip>,
    /// The list without any filter.
    pub(crate) cleared: Address,
    pub(crate) is_filtered: bool,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<Row>,
    /// What there is to say, and to do first, if there is no row at all.
    pub(crate) empty: String,
    pub(crate) empty_then: String,
    pub(crate) turn: Turn,
}

impl ListPage {
    /// A list at this address, of which nothing else is known yet.
    pub(crate) fn of(page: Page, path: &'static str, address: Address, turn: Turn) -> Self {
        let cleared = address.cleared();
        Self {
            label: page.title.clone(),
            page,
            path,
            csv: None,
            links: Vec::new(),
            create: None,
            views: Vec::new(),
            own: &["q"],
            search: String::new(),
            words: address.get("q").unwrap_or_default().to_owned(),
            selects: Vec::new(),
            chips: Vec::new(),
            is_filtered: !cleared.is_same_list(&address),
            cleared,
            address,
            heads: Vec::new(),
            rows: Vec::new(),
            empty: String::new(),
            empty_then: String::new(),
            turn,
        }
    }
}

/// A filter with some values.
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) choices: Vec<Choice>,
}

/// A row of a table. Its first cell is its head.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// Its own page; `None` if it has none.
    pub(crate) to: Option<String>,
    pub(crate) title: String,
    /// What stands below the title; empty for nothing.
    pub(crate) small: String,
    pub(crate) cells: Vec<Cell>,
}

/// One value of a row.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) is_number: bool,
    /// Not shown on telephones.
    pub(crate) is_wide_only: bool,
    pub(crate) status: Option<Status>,
    pub(crate) moment: Option<Moment>,
    pub(crate) to: Option<String>,
}

impl Cell {
    pub(crate) fn text(text: impl ToString) -> Self {
        Self { text: text.to_string(), ..Self::default() }
    }

    pub(crate) fn number(text: impl ToString) -> Self {
        Self { is_number: true, ..Self::text(text) }
    }

    pub(crate) fn status(status: Status) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    pub(crate) fn moment(moment: Moment) -> Self {
        Self { moment: Some(moment), ..Self::default() }
    }

    pub(crate) fn to(mut self, to: Option<String>) -> Self {
        self.to = to;
        self
    }

    /// Leaves it away on telephones.
    pub(crate) fn wide(mut self) -> Self {
        self.is_wide_only = true;
        self
    }
}
