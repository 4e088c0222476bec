//! The languages in which companies write to people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A language, by its code (ISO 639-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Fr,
    En,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Fr, Self::En];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// Reads a stored code. One that only a newer version knows is French, as for a company that has chosen none.
    pub(crate) fn stored(code: &str) -> Self {
        Self::ALL.into_iter().find(|language| language.code() == code).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_its_code() {
        for language in Language::ALL {
            assert_eq!(Language::stored(language.code()), language);
        }
        assert_eq!(Language::stored("nl"), Language::Fr);
    }
}
