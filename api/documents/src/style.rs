//! What a company chooses of the look of its documents, checked when it is chosen: a document is not refused for it later.

use crate::{Fault, RenderError, Style, check_logo, glyphs, layout, limits};

/// Everything that is wrong with a style; pointers lead into the [`Style`].
///
/// # Errors
///
/// [`RenderError::Font`] if the fonts of this crate are damaged.
pub fn check_style(style: &Style) -> Result<Vec<Fault>, RenderError> {
    let mut faults = Vec::new();
    if let Some(Err(error)) = style.logo.as_deref().map(check_logo) {
        faults.push(Fault::new("limit", "/logo", error.to_string()));
    }
    if style.accent.as_deref().is_some_and(|accent| layout::colour(accent).is_none()) {
        faults.push(Fault::new("limit", "/accent", "is no colour such as #1f4e79"));
    }
    let Some(footer) = &style.footer else { return Ok(faults) };
    if footer.trim().is_empty() {
        faults.push(Fault::new("limit", "/footer", "is empty; leave it out instead"));
    } else if footer.chars().count() > limits::FOOT_CHARACTERS {
        let message = format!("has more than {} characters", limits::FOOT_CHARACTERS);
        faults.push(Fault::new("limit", "/footer", message));
    }
    for missing in glyphs::missing_in("/footer", footer)? {
        faults.push(Fault::new("glyph", "/footer", missing.to_string()));
    }
    Ok(faults)
}
