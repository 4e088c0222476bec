//! What becomes of a form that was sent.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::Answer;

use crate::console::answers::follow;
use crate::console::forms::FormFaults;
use crate::console::visitor::Visitor;
use crate::console::words::faults;
use crate::error::ApiError;

/// What became of a command.
pub(crate) enum Saved {
    /// It was done: the browser is sent on.
    Done(HttpResponse),
    /// What was typed is refused.
    Refused(FormFaults),
    /// Somebody else was faster.
    Outdated,
}

/// Tells what became of a command. A refusal that names no field stands at the field that its code is about.
///
/// # Errors
/// The error, if no other input would mend it.
pub(crate) fn saved(
    answer: Result<Answer, Error>,
    fields: &[String],
    visitor: &Visitor,
) -> Result<Saved, ApiError> {
    match answer {
        Ok(answer) => Ok(Saved::Done(follow(answer, crate::console::PREFIX))),
        Err(error) => refused(error.into(), fields, visitor),
    }
}

/// The same for what was refused before a command ran.
///
/// # Errors
/// The error, if no other input would mend it.
pub(crate) fn refused(error: ApiError, fields: &[String], visitor: &Visitor) -> Result<Saved, ApiError> {
    if error.status() == StatusCode::PRECONDITION_FAILED {
        return Ok(Saved::Outdated);
    }
    let names: Vec<&str> = fields.iter().map(String::as_str).collect();
    if error.status() == StatusCode::CONFLICT
        && error.fields().is_empty()
        && let Some(field) = taken(error.code())
        && names.contains(&field)
    {
        let mut found = FormFaults::default();
        found.add(field, faults::whole(&error, visitor.language));
        return Ok(Saved::Refused(found));
    }
    Ok(Saved::Refused(FormFaults::of(error, &names, visitor.language)?))
}

/// The field whose value another row has.
fn taken(code: &str) -> Option<&'static str> {
    let what = code.strip_suffix("_taken")?;
    if what.ends_with("_external_id") {
        Some("external_id")
    } else if what.ends_with("_code") {
        Some("code")
    } else if what.ends_with("_sku") {
        Some("sku")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_taken_is_said_at_the_code() {
        assert_eq!(taken("customer_code_taken"), Some("code"));
        assert_eq!(taken("product_external_id_taken"), Some("external_id"));
        assert_eq!((taken("product_sku_taken"), taken("price_taken")), (Some("sku"), None));
    }
}
