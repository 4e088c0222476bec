//! A form as it is shown: for the first time, again after a refusal, or anew after somebody else's change.

use actix_web::http::StatusCode;

use super::Values;
use crate::console::forms::{Form, FormFaults, new_key};

pub(crate) struct Shown {
    pub(crate) values: Values,
    pub(crate) faults: FormFaults,
    pub(crate) key: String,
    /// Empty rows behind those that were typed.
    pub(crate) spare: usize,
    /// Somebody else changed the row meanwhile: this is how it is now.
    pub(crate) theirs: Option<Values>,
}

impl Shown {
    pub(crate) fn of(values: Values) -> Self {
        let spare = usize::from(!values.has_rows());
        Self { values, faults: FormFaults::default(), key: new_key(), spare, theirs: None }
    }

    /// With all that was typed.
    pub(crate) fn again(values: Values, form: &Form, faults: FormFaults, spare: usize) -> Self {
        Self { values, faults, key: form.key_text(), spare, theirs: None }
    }

    /// With all that was typed, beside what is there now. It is another request, with a key of its own.
    pub(crate) fn beside(values: Values, theirs: Values) -> Self {
        Self { theirs: Some(theirs), ..Self::of(values) }
    }

    /// These values and no empty rows: what is compared.
    pub(crate) fn bare(values: &Values) -> Self {
        Self { spare: 0, ..Self::of(values.clone()) }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self { theirs: Some(_), .. } => StatusCode::CONFLICT,
            Self { faults, .. } if !faults.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        }
    }
}
