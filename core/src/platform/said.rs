//! What was said of a fault that comes again and again.

use std::fmt::Display;

/// The error that was said last. The same one is said once, until it changes or is over.
#[derive(Debug, Default)]
pub struct Said(Option<String>);

impl Said {
    /// Returns whether the error was not said yet, and notes that it is now.
    pub fn is_news(&mut self, error: &impl Display) -> bool {
        let error = error.to_string();
        let is_news = self.0.as_ref() != Some(&error);
        self.0 = Some(error);
        is_news
    }

    /// Notes that it works. Returns whether it did not before.
    pub fn is_over(&mut self) -> bool {
        self.0.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_said_once_until_it_changes_or_is_over() {
        let mut said = Said::default();
        assert!(!said.is_over(), "nothing was wrong");
        let news: Vec<bool> =
            ["refused", "refused", "no answer", "refused"].map(|error| said.is_news(&error)).into();
        assert_eq!(news, [true, false, true, true]);
        assert!(said.is_over() && !said.is_over());
        assert!(said.is_news(&"refused"));
    }
}
