//! The look of documents as JSON.

use comptoir_core::commerce::documents::{AccentColour, ChangeStyle, DocumentFooter, Style};
use deserr::Deserr;
use utoipa::ToSchema;

use crate::extract::{Faults, read_from_text};

read_from_text!(AccentColour, DocumentFooter);

/// The look of documents, but for the logo.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct DocumentStyleSettings {
    /// Of headings and of the amount due. Left out or null: a dark blue.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "#1f4e79", pattern = "^#[0-9A-Fa-f]{6}$")]
    accent: Option<AccentColour>,
    /// At the foot of every page, under the legal line. Left out or null: none.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Service clients : +33 2 40 00 00 01", min_length = 1, max_length = 300)]
    footer: Option<DocumentFooter>,
}

impl DocumentStyleSettings {
    /// As far as documents can have it.
    pub(crate) fn style(&self) -> Style {
        Style {
            accent: self.accent.as_ref().map(ToString::to_string),
            footer: self.footer.as_ref().map(ToString::to_string),
            logo: None,
        }
    }

    pub(crate) fn into_command(self) -> ChangeStyle {
        ChangeStyle { accent: self.accent, footer: self.footer }
    }
}

/// A PNG, at most 512 KiB and 2,000 × 2,000 pixels.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct LogoFile(Vec<u8>);
