//! What the pages of the catalogue are made of: lists, pages of one row, and forms, as data. A subject says what they have,
//! and no subject has a template of its own for what all have.

pub(crate) mod addresses;
pub(crate) mod editing;
pub(crate) mod form;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod save;
pub(crate) mod shown;
pub(crate) mod values;
pub(crate) mod versions;

pub(crate) use form::{FormPage, Input, Section};
pub(crate) use list::{Cell, ListPage, Row, Select};
pub(crate) use one::{Action, Block, OnePage};
pub(crate) use save::{Saved, saved};
pub(crate) use shown::Shown;
pub(crate) use values::{Kind, List, Spec, Values};

/// Where a click leads, and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) to: String,
    pub(crate) label: String,
}

impl Link {
    pub(crate) fn new(to: impl Into<String>, label: impl ToString) -> Self {
        Self { to: to.into(), label: label.to_string() }
    }
}
