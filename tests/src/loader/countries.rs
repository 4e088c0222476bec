//! Country names in sales files, and their ISO 3166 codes.

/// Names that are not the ISO short name, in lower case. Names without a country of their own are not here: a customer
/// of "Channel Islands" (two countries) or "European Community" has no country that an address could state.
const ALIASES: &[(&str, &str)] = &[
    ("bolivia", "BO"),
    ("brunei", "BN"),
    ("czech republic", "CZ"),
    ("eire", "IE"),
    ("england", "GB"),
    ("great britain", "GB"),
    ("iran", "IR"),
    ("ivory coast", "CI"),
    ("korea", "KR"),
    ("laos", "LA"),
    ("macau", "MO"),
    ("moldova", "MD"),
    ("netherlands", "NL"),
    ("northern ireland", "GB"),
    ("palestine", "PS"),
    ("republic of ireland", "IE"),
    ("rsa", "ZA"),
    ("russia", "RU"),
    ("scotland", "GB"),
    ("south korea", "KR"),
    ("swaziland", "SZ"),
    ("syria", "SY"),
    ("taiwan", "TW"),
    ("tanzania", "TZ"),
    ("the netherlands", "NL"),
    ("turkey", "TR"),
    ("u.k.", "GB"),
    ("u.s.a.", "US"),
    ("uae", "AE"),
    ("uk", "GB"),
    ("united kingdom", "GB"),
    ("united states", "US"),
    ("usa", "US"),
    ("venezuela", "VE"),
    ("vietnam", "VN"),
    ("wales", "GB"),
];

/// Returns the alpha-2 code of a country's name, if there is one.
pub fn code(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let lower = name.to_lowercase();
    if let Ok(found) = ALIASES.binary_search_by(|(alias, _)| (*alias).cmp(&lower)) {
        return Some(ALIASES[found].1);
    }
    rust_iso3166::ALL
        .iter()
        .find(|country| country.name.eq_ignore_ascii_case(name))
        .map(|country| country.alpha2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_sorted_for_the_binary_search() {
        assert!(ALIASES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn names_and_aliases_have_their_codes() {
        for (name, expected) in
            [("France", "FR"), ("EIRE", "IE"), ("USA", "US"), (" United Kingdom ", "GB"), ("RSA", "ZA")]
        {
            assert_eq!(code(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn what_is_no_country_has_no_code() {
        for name in ["Channel Islands", "Unspecified", "European Community", ""] {
            assert_eq!(code(name), None, "{name}");
        }
    }
}
