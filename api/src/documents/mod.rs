//! The documents of invoices: what `core` knows of an invoice as the input of `comptoir-documents`, and what that says as problems (ADR 34).

mod mapping;
mod pointers;
mod statement;
mod units;

use comptoir_core::commerce::documents::{Documents, Rendered, Style};
use comptoir_core::commerce::invoices::content::Content;
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_documents::{Fault, Invoice, MissingGlyph, check_glyphs, check_style, render, validate};

pub(crate) use statement::statement_pdf;

/// Makes documents with `comptoir-documents`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Renderer;

impl Documents for Renderer {
    fn check(&self, content: &Content) -> Vec<FieldError> {
        match mapping::of_content(content) {
            Ok(invoice) => faults_of(&invoice),
            // Content has a member that a document does not know: a defect.
            Err(error) => {
                let message = format!("no document can be made of it: {error}");
                vec![Invalid::new("no_document", message).at("/draft")]
            }
        }
    }

    fn render(&self, content: &str, style: &Style) -> Result<Rendered, String> {
        let mut invoice = mapping::of_text(content).map_err(|error| error.to_string())?;
        invoice.style = look(style);
        let made = render(&invoice).map_err(|error| error.to_string())?;
        let pages = i32::try_from(made.pages).map_err(|_| format!("{} pages are too many", made.pages))?;
        Ok(Rendered { pdf: made.pdf, xml: made.xml.into_bytes(), pages })
    }
}

fn faults_of(invoice: &Invoice) -> Vec<FieldError> {
    let broken = validate(invoice).into_iter().map(|Fault { rule, message, pointer }| {
        let pointer = pointers::of_request(&pointer);
        match rule.as_str() {
            "limit" => Invalid::new("beyond_limit", message).at(pointer),
            _ => Invalid::new("rule_broken", format!("{rule}: {message}")).at(pointer),
        }
    });
    let mut faults: Vec<FieldError> = broken.collect();
    match check_glyphs(invoice) {
        Ok(missing) => faults.extend(
            missing.iter().map(|missing| not_printable(missing).at(pointers::of_request(&missing.pointer))),
        ),
        Err(error) => faults.push(Invalid::new("no_document", error.to_string()).at("/draft")),
    }
    faults
}

fn not_printable(missing: &MissingGlyph) -> Invalid {
    let (character, code) = (missing.character, u32::from(missing.character));
    let shown = if character.is_control() { String::new() } else { format!(" (“{character}”)") };
    let message = format!(
        "the character U+{code:04X}{shown} cannot be printed: documents are written in Latin, Greek and Cyrillic letters, from left to right"
    );
    Invalid::new("not_printable", message)
}

fn look(style: &Style) -> comptoir_documents::Style {
    let Style { accent, footer, logo } = style.clone();
    comptoir_documents::Style { accent, footer, logo }
}

/// Returns everything that is wrong with a style; pointers lead into it. A logo is decoded: give this a thread of its own if there is one.
pub(crate) fn style_faults(style: &Style) -> Vec<FieldError> {
    match check_style(&look(style)) {
        Ok(faults) => faults
            .into_iter()
            .map(|Fault { rule, message, pointer }| {
                let code = if rule == "glyph" { "not_printable" } else { "not_possible" };
                Invalid::new(code, message).at(pointer)
            })
            .collect(),
        Err(error) => vec![Invalid::new("no_document", error.to_string()).at("")],
    }
}
