//! A form as data: sections with fields, and rows that can be added.

use askama::Template;

use super::{Link, Values};
use crate::console::forms::{Choice, FormFaults, TwoVersions};
use crate::console::layout::Page;
use crate::console::words::Parts;

#[derive(Template)]
#[template(path = "console/parts/form.html")]
pub(crate) struct FormPage {
    pub(crate) page: Page,
    pub(crate) w: &'static Parts,
    pub(crate) faults: FormFaults,
    /// Where it goes back without saving.
    pub(crate) crumb: Link,
    pub(crate) hint: String,
    /// Where the form is sent.
    pub(crate) action: String,
    pub(crate) key: String,
    /// Of the row that is changed; `None` if there is none yet.
    pub(crate) version: Option<i64>,
    /// Somebody else changed the row meanwhile, and the page shows it as it is now.
    pub(crate) is_outdated: bool,
    /// Somebody else changed the row meanwhile, and the form has what was typed.
    pub(crate) versions: Option<TwoVersions>,
    pub(crate) sections: Vec<Section>,
    pub(crate) submit: String,
    /// Whether it cannot be taken back.
    pub(crate) is_danger: bool,
}

/// Fields that belong together.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) inputs: Vec<Input>,
    /// Rows of fields, each like the others.
    pub(crate) rows: Vec<Vec<Input>>,
    /// What the button says that adds rows; `None` if there is none.
    pub(crate) more: Option<String>,
}

impl Section {
    pub(crate) fn new(title: impl ToString, inputs: Vec<Input>) -> Self {
        Self { title: title.to_string(), inputs, ..Self::default() }
    }
}

/// One field.
#[derive(Debug, Clone, Default)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) label: String,
    /// Empty if there is nothing to say.
    pub(crate) hint: String,
    pub(crate) value: String,
    /// The type of the input; `select`, `check` and `combo` are templates of their own.
    pub(crate) kind: &'static str,
    pub(crate) is_required: bool,
    pub(crate) choices: Vec<Choice>,
    /// Where a combobox looks its choices up, and what it shows.
    pub(crate) source: &'static str,
    pub(crate) shown: String,
}

impl Input {
    pub(crate) fn text(values: &Values, name: impl Into<String>, label: impl ToString) -> Self {
        let name = name.into();
        let value = values.get(&name).to_owned();
        Self { name, label: label.to_string(), value, kind: "text", ..Self::default() }
    }

    pub(crate) fn of_kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    pub(crate) fn hint(mut self, hint: impl ToString) -> Self {
        self.hint = hint.to_string();
        self
    }

    /// A box to tick.
    pub(crate) fn check(values: &Values, name: impl Into<String>, label: impl ToString) -> Self {
        Self::text(values, name, label).of_kind("check")
    }

    /// One of some values; each with what it is called.
    pub(crate) fn select<V: Into<String>, L: ToString>(
        values: &Values,
        name: impl Into<String>,
        label: impl ToString,
        choices: impl IntoIterator<Item = (V, L)>,
    ) -> Self {
        let mut input = Self::text(values, name, label).of_kind("select");
        let chosen = input.value.clone();
        let choice = |(value, label): (V, L)| Choice::new(value, label, &chosen);
        input.choices = choices.into_iter().map(choice).collect();
        input
    }

    /// A text that is looked up; the id is what is sent.
    pub(crate) fn combo(
        values: &Values,
        name: impl Into<String>,
        label: impl ToString,
        source: &'static str,
    ) -> Self {
        let mut input = Self::text(values, name, label).of_kind("combo");
        input.shown = values.get(&format!("{}_text", input.name)).to_owned();
        input.source = source;
        input
    }
}
