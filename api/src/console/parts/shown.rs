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
    pub(crate) is_outdated: bool,
}

impl Shown {
    pub(crate) fn of(values: Values) -> Self {
        let spare = usize::from(!values.has_rows());
        Self { values, faults: FormFaults::default(), key: new_key(), spare, is_outdated: false }
    }

    /// With all that was typed.
    pub(crate) fn again(values: Values, form: &Form, faults: FormFaults, spare: usize) -> Self {
        Self { values, faults, key: form.key_text(), spare, is_outdated: false }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self { is_outdated: true, .. } => StatusCode::CONFLICT,
            Self { faults, .. } if !faults.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        }
    }
}
