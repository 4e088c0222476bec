//! All words of the console, in French and in English: a file a subject, both languages side by side.
//!
//! A template names a word as a field, so one that is missing does not compile, and one that nobody says is a warning.
//! Spaces before `:` and the like, and apostrophes, are typed plainly: [`super::typography`] sets them.

pub(crate) mod accounting;
mod admin_faults;
pub(crate) mod audit;
pub(crate) mod counts;
pub(crate) mod customers;
pub(crate) mod emails;
pub(crate) mod errors;
pub(crate) mod faults;
pub(crate) mod home;
pub(crate) mod imports;
mod invoice_faults;
pub(crate) mod invoices;
mod keys;
pub(crate) mod operators;
pub(crate) mod orders;
pub(crate) mod parts;
pub(crate) mod payments;
pub(crate) mod permissions;
pub(crate) mod price_lists;
pub(crate) mod products;
mod profile;
pub(crate) mod projections;
pub(crate) mod purchases;
mod returns;
pub(crate) mod settings;
pub(crate) mod shared;
pub(crate) mod shipping;
mod sign_in;
pub(crate) mod stock;
mod suppliers;
mod users;
mod warehouses;

pub(crate) use accounting::Accounting;
pub(crate) use audit::Audit;
pub(crate) use counts::Counts;
pub(crate) use customers::Customers;
pub(crate) use emails::Emails;
pub(crate) use errors::Errors;
pub(crate) use home::Home;
pub(crate) use imports::Imports;
pub(crate) use invoices::Invoices;
pub(crate) use keys::Keys;
pub(crate) use operators::Operators;
pub(crate) use orders::Orders;
pub(crate) use parts::Parts;
pub(crate) use payments::Payments;
pub(crate) use price_lists::{Groups, PriceLists};
pub(crate) use products::{Categories, Products};
pub(crate) use profile::Profile;
pub(crate) use projections::Projections;
pub(crate) use purchases::Purchases;
pub(crate) use returns::Returns;
pub(crate) use settings::Settings;
pub(crate) use shared::Shared;
pub(crate) use shipping::Shipping;
pub(crate) use sign_in::SignIn;
pub(crate) use stock::Stock;
pub(crate) use suppliers::Suppliers;
pub(crate) use users::Users;
pub(crate) use warehouses::Warehouses;

/// Declares the words of a subject: `name: "in French", "in English";`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($word:ident: $french:literal, $english:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $word: $crate::console::typography::Word,)+
        }

        impl $name {
            const FRENCH: Self = Self {
                $($word: $crate::console::typography::Word::new(
                    $french,
                    comptoir_core::values::language::Language::Fr,
                ),)+
            };
            const ENGLISH: Self = Self {
                $($word: $crate::console::typography::Word::new(
                    $english,
                    comptoir_core::values::language::Language::En,
                ),)+
            };

            pub(crate) fn of(language: comptoir_core::values::language::Language) -> &'static Self {
                match language {
                    comptoir_core::values::language::Language::Fr => &Self::FRENCH,
                    comptoir_core::values::language::Language::En => &Self::ENGLISH,
                }
            }
        }
    };
}
use words;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    fn files(folder: &str) -> Vec<(PathBuf, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let (mut found, mut folders) = (Vec::new(), vec![folder]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push((path.clone(), std::fs::read_to_string(path).expect("text")));
                }
            }
        }
        assert!(!found.is_empty());
        found
    }

    /// The spaces and apostrophes of French are set, and typed nowhere; and no word stands in a template.
    #[test]
    fn typography_is_typed_nowhere() {
        for (path, text) in files("src/console/words").into_iter().chain(files("templates/console")) {
            for character in ['\u{a0}', '\u{202f}', '\u{2019}'] {
                assert!(
                    !text.contains(character),
                    "{}: {character:?} is set by typography.rs",
                    path.display()
                );
            }
        }
        for (path, text) in files("templates/console") {
            let accents = text.chars().find(|character| "éèêàùçÉÀœ".contains(*character));
            assert_eq!(accents, None, "{}: words stand in src/console/words", path.display());
        }
    }

    /// The policy of the pages (protection.rs) forbids both, and a browser would leave them out without a word.
    #[test]
    fn no_template_has_a_style_or_a_script_of_its_own() {
        for (path, text) in files("templates/console") {
            assert!(!text.contains("style="), "{}: style=", path.display());
            assert!(!text.contains("<style"), "{}: <style", path.display());
            let scripts = text.matches("<script").count();
            let own = text.matches("<script src=").count();
            assert_eq!(scripts, own, "{}: an inline script", path.display());
            for handler in [" onclick", " onload", " onsubmit", " onchange", "javascript:", "hx-on", "|safe"]
            {
                assert!(!text.contains(handler), "{}: {handler}", path.display());
            }
        }
    }
}
