//! The units in which products are counted and measured.

use serde::{Deserialize, Serialize};

use crate::values::invalid::Invalid;
use crate::values::money::QuantityDecimals;

/// A unit that products can have.
struct Known {
    code: &'static str,
    name: &'static str,
    /// How many decimals a quantity has, unless the product says otherwise.
    decimals: i16,
}

const fn unit(code: &'static str, name: &'static str, decimals: i16) -> Known {
    Known { code, name, decimals }
}

/// What a trading company uses of UN/ECE recommendation 20, and of recommendation 21 (packages, with an X in front): the codes that
/// invoices carry too (EN 16931, BT-130). The most frequent come first. What is counted has no decimals.
const UNITS: &[Known] = &[
    unit("C62", "one", 0),
    unit("H87", "piece", 0),
    unit("EA", "each", 0),
    unit("KGM", "kilogram", 3),
    unit("GRM", "gram", 3),
    unit("LTR", "litre", 3),
    unit("MTR", "metre", 3),
    unit("MTK", "square metre", 3),
    unit("MTQ", "cubic metre", 3),
    unit("HUR", "hour", 2),
    unit("XBX", "box", 0),
    unit("XPX", "pallet", 0),
    // Counted.
    unit("PR", "pair", 0),
    unit("SET", "set", 0),
    unit("KT", "kit", 0),
    unit("NAR", "number of articles", 0),
    unit("DZN", "dozen", 0),
    unit("GRO", "gross", 0),
    unit("CEN", "hundred", 2),
    unit("MIL", "thousand", 3),
    unit("RM", "ream", 0),
    unit("IE", "person", 0),
    unit("E48", "service unit", 2),
    unit("LS", "lump sum", 2),
    // Weighed.
    unit("MGM", "milligram", 3),
    unit("HGM", "hectogram", 3),
    unit("DTN", "decitonne", 3),
    unit("TNE", "tonne", 3),
    unit("CTM", "metric carat", 3),
    unit("LBR", "pound", 3),
    unit("ONZ", "ounce", 3),
    // By volume.
    unit("MLT", "millilitre", 3),
    unit("CLT", "centilitre", 3),
    unit("DLT", "decilitre", 3),
    unit("HLT", "hectolitre", 3),
    unit("CMQ", "cubic centimetre", 3),
    unit("DMQ", "cubic decimetre", 3),
    unit("GLL", "gallon (US)", 3),
    unit("GLI", "gallon (UK)", 3),
    unit("PTI", "pint (UK)", 3),
    unit("OZA", "fluid ounce (US)", 3),
    // By length and area.
    unit("MMT", "millimetre", 3),
    unit("CMT", "centimetre", 3),
    unit("DMT", "decimetre", 3),
    unit("KMT", "kilometre", 3),
    unit("INH", "inch", 3),
    unit("FOT", "foot", 3),
    unit("YRD", "yard", 3),
    unit("CMK", "square centimetre", 3),
    unit("DMK", "square decimetre", 3),
    unit("H18", "hectare", 4),
    unit("FTK", "square foot", 3),
    unit("YDK", "square yard", 3),
    // By time.
    unit("MIN", "minute", 2),
    unit("DAY", "day", 2),
    unit("WEE", "week", 2),
    unit("MON", "month", 2),
    unit("QAN", "quarter of a year", 2),
    unit("ANN", "year", 2),
    // By energy.
    unit("KWH", "kilowatt hour", 3),
    unit("MWH", "megawatt hour", 6),
    // By the package.
    unit("XAE", "aerosol", 0),
    unit("XBA", "barrel", 0),
    unit("XBE", "bundle", 0),
    unit("XBG", "bag", 0),
    unit("XBO", "bottle", 0),
    unit("XCR", "crate", 0),
    unit("XCS", "case", 0),
    unit("XCT", "carton", 0),
    unit("XCX", "can", 0),
    unit("XDR", "drum", 0),
    unit("XJR", "jar", 0),
    unit("XKG", "keg", 0),
    unit("XPA", "packet", 0),
    unit("XPK", "package", 0),
    unit("XPL", "pail", 0),
    unit("XRL", "reel", 0),
    unit("XRO", "roll", 0),
    unit("XSA", "sack", 0),
    unit("XSO", "spool", 0),
    unit("XST", "sheet", 0),
    unit("XTB", "tub", 0),
    unit("XTN", "tin", 0),
    unit("XTU", "tube", 0),
];

/// A unit by its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unit(String);

impl Default for Unit {
    /// `C62`: things that are counted.
    fn default() -> Self {
        Self("C62".to_owned())
    }
}

impl Unit {
    /// # Errors
    /// `unknown_unit` if there is no such code here.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let code = text.trim().to_ascii_uppercase();
        if UNITS.iter().any(|unit| unit.code == code) {
            return Ok(Self(code));
        }
        let named = UNITS.iter().find(|unit| unit.name.eq_ignore_ascii_case(text.trim()));
        let message = match named {
            Some(unit) => format!("expected a code, and that of {} is {}", unit.name, unit.code),
            None => {
                let codes: Vec<_> = UNITS.iter().map(|unit| unit.code).collect();
                format!(
                    "expected a code of UN/ECE recommendation 20 such as C62 (one), KGM (kilogram) or XBX (box): one of {}",
                    codes.join(", ")
                )
            }
        };
        Err(Invalid::new("unknown_unit", message))
    }

    /// Wraps a code from the database. A later version may know more of them.
    pub(crate) fn stored(code: String) -> Self {
        Self(code)
    }

    pub fn code(&self) -> &str {
        &self.0
    }

    fn known(&self) -> Option<&'static Known> {
        UNITS.iter().find(|unit| unit.code == self.0)
    }

    /// Returns its English name; the code, if only a later version knows it.
    pub fn name(&self) -> &str {
        self.known().map_or(&self.0, |unit| unit.name)
    }

    /// Returns how many decimals a quantity in this unit has, unless a product says otherwise.
    pub fn decimals(&self) -> QuantityDecimals {
        QuantityDecimals::stored(self.known().map_or(QuantityDecimals::MAX, |unit| unit.decimals))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_unit_is_there_once_and_fits_its_column() {
        let codes: BTreeSet<_> = UNITS.iter().map(|unit| unit.code).collect();
        let names: BTreeSet<_> = UNITS.iter().map(|unit| unit.name).collect();
        assert_eq!((codes.len(), names.len()), (UNITS.len(), UNITS.len()));
        for Known { code, decimals, .. } in UNITS {
            let is_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            assert!((2..=3).contains(&code.len()) && code.bytes().all(is_code), "{code}");
            assert!(QuantityDecimals::new(*decimals).is_ok(), "{code}");
        }
    }

    #[test]
    fn a_unit_is_known_by_its_code_in_any_case() {
        for (text, code, name, decimals) in [
            ("C62", "C62", "one", 0),
            ("kgm", "KGM", "kilogram", 3),
            (" xbx ", "XBX", "box", 0),
            ("HUR", "HUR", "hour", 2),
        ] {
            let unit = Unit::parse(text).expect(text);
            assert_eq!((unit.code(), unit.name(), unit.decimals().value()), (code, name, decimals));
        }
        assert_eq!(Unit::default().name(), "one");
    }

    #[test]
    fn an_unknown_unit_is_refused_with_what_would_be_right() {
        let refused = |text: &str| Unit::parse(text).expect_err(text);
        assert_eq!(refused("kg").code, "unknown_unit");
        assert!(refused("kg").message.contains("KGM"));
        assert_eq!(refused("Kilogram").message, "expected a code, and that of kilogram is KGM");
        for text in ["", "ZZZ", "C6\u{0}", "pièce"] {
            assert_eq!(refused(text).code, "unknown_unit", "{text:?}");
        }
    }

    #[test]
    fn a_code_of_a_later_version_is_shown_as_it_is() {
        let later = Unit::stored("E34".to_owned());
        assert_eq!((later.name(), later.decimals().value()), ("E34", 6));
    }
}
