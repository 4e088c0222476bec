//! What units of measure are called on documents. Those that are not here have the English name of recommendation 20 or 21.

use comptoir_documents::{Language, Unit};

/// Code, French, English.
const NAMES: &[(&str, &str, &str)] = &[
    ("C62", "unité", "unit"),
    ("H87", "pièce", "piece"),
    ("EA", "pièce", "each"),
    ("PR", "paire", "pair"),
    ("SET", "lot", "set"),
    ("DZN", "douzaine", "dozen"),
    ("MIN", "min", "min"),
    ("HUR", "heure", "hour"),
    ("DAY", "jour", "day"),
    ("WEE", "semaine", "week"),
    ("MON", "mois", "month"),
    ("ANN", "an", "year"),
    ("GRM", "g", "g"),
    ("KGM", "kg", "kg"),
    ("TNE", "t", "t"),
    ("MLT", "ml", "ml"),
    ("CLT", "cl", "cl"),
    ("LTR", "l", "l"),
    ("MMT", "mm", "mm"),
    ("CMT", "cm", "cm"),
    ("MTR", "m", "m"),
    ("KMT", "km", "km"),
    ("MTK", "m²", "m²"),
    ("MTQ", "m³", "m³"),
    ("KWH", "kWh", "kWh"),
    ("LS", "forfait", "lump sum"),
    ("E48", "prestation", "service"),
    ("XBX", "boîte", "box"),
    ("XCT", "carton", "carton"),
    ("XPK", "paquet", "pack"),
    ("XPX", "palette", "pallet"),
    ("XBO", "bouteille", "bottle"),
    ("XBG", "sac", "bag"),
];

/// Gives a unit the name that readers of the language know.
pub(super) fn name(unit: &mut Unit, language: Language) {
    if let Some((_, french, english)) = NAMES.iter().find(|(code, ..)| *code == unit.code) {
        let name = match language {
            Language::Fr => french,
            Language::En => english,
        };
        (*name).clone_into(&mut unit.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_the_names_of_the_language() {
        let named = |code: &str, language| {
            let mut unit = Unit { code: code.to_owned(), name: "as it was".to_owned() };
            name(&mut unit, language);
            unit.name
        };
        assert_eq!(
            (named("HUR", Language::Fr), named("HUR", Language::En)),
            ("heure".to_owned(), "hour".to_owned())
        );
        assert_eq!(named("NAR", Language::Fr), "as it was");
    }
}
