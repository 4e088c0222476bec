//! Which places share a VAT: a member state is not always what its country code says (directive 2006/112/EC, articles 5 to 8).

use crate::values::contact::Country;

/// The member states of the European Union, by ISO 3166-1.
const MEMBER_STATES: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT",
    "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Places that have a country code of their own, and the area they belong to. Guadeloupe and Martinique are one (CGI 294, 1).
const COUNTRIES: &[(&str, &str)] = &[
    ("MC", "FR"),
    ("IM", "GB"),
    ("GP", "FR-ANTILLES"),
    ("MQ", "FR-ANTILLES"),
    ("RE", "FR-RE"),
    ("GF", "FR-GF"),
    ("YT", "FR-YT"),
    ("MF", "FR-MF"),
    ("BL", "FR-BL"),
    ("PM", "FR-PM"),
    ("PF", "FR-PF"),
    ("NC", "FR-NC"),
    ("WF", "FR-WF"),
    ("TF", "FR-TF"),
    ("AX", "FI-AX"),
];

/// Places that are told by the beginning of their postal code, and the area that they are.
const POSTAL_CODES: &[(&str, &str, &str)] = &[
    ("FR", "97133", "FR-BL"),
    ("FR", "97150", "FR-MF"),
    ("FR", "971", "FR-ANTILLES"),
    ("FR", "972", "FR-ANTILLES"),
    ("FR", "973", "FR-GF"),
    ("FR", "974", "FR-RE"),
    ("FR", "975", "FR-PM"),
    ("FR", "976", "FR-YT"),
    ("FR", "984", "FR-TF"),
    ("FR", "986", "FR-WF"),
    ("FR", "987", "FR-PF"),
    ("FR", "988", "FR-NC"),
    // Canary Islands, Ceuta, Melilla.
    ("ES", "35", "ES-CN"),
    ("ES", "38", "ES-CN"),
    ("ES", "51", "ES-CE"),
    ("ES", "52", "ES-ML"),
    // Büsingen, Heligoland.
    ("DE", "78266", "DE-BUESINGEN"),
    ("DE", "27498", "DE-HELIGOLAND"),
    // Livigno, Campione d'Italia.
    ("IT", "23041", "IT-LIVIGNO"),
    ("IT", "22061", "IT-CAMPIONE"),
    ("GR", "63086", "GR-ATHOS"),
    ("FI", "22", "FI-AX"),
    // Northern Ireland, which is in the Union for goods.
    ("GB", "BT", "XI"),
];

/// Countries overseas that are French and have registers, taxes and a law of payment terms of their own.
const OWN_REGISTERS: [&str; 4] = ["FR-NC", "FR-PF", "FR-WF", "FR-TF"];

/// The area in which a place lies. Two places in the same area share a VAT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Territory {
    /// The country's code, or one of ours for a part that has a VAT of its own, or none: `FR`, `XI`, `ES-CN`.
    area: String,
}

impl Territory {
    pub fn of(country: &Country, postal_code: Option<&str>) -> Self {
        let code = country.code();
        let compact: String = postal_code
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect();
        // Some write the country in front: FR-97110.
        let digits = compact.strip_prefix(code).filter(|_| code != "GB").unwrap_or(&compact);
        let own_code = COUNTRIES.iter().find(|(of, _)| *of == code).map(|(_, area)| *area);
        let own_postal_code = || {
            POSTAL_CODES
                .iter()
                .find(|(of, beginning, _)| *of == code && digits.starts_with(beginning))
                .map(|(_, _, area)| *area)
        };
        Self { area: own_code.or_else(own_postal_code).unwrap_or(code).to_owned() }
    }

    pub fn area(&self) -> &str {
        &self.area
    }

    /// The country that it is, or belongs to: `ES` for the Canary Islands.
    pub fn country(&self) -> &str {
        self.area.split('-').next().unwrap_or_default()
    }

    /// Whether goods that come here stay in the Union's VAT territory. For them, Northern Ireland is a member state.
    pub fn is_in_union_for_goods(&self) -> bool {
        self.is_member_state() || self.area == "XI"
    }

    /// Whether somebody who is established here is in the Union, for services.
    pub fn is_in_union_for_services(&self) -> bool {
        self.is_member_state()
    }

    /// Whether it is a part of a member state outside of that state's VAT.
    pub fn is_special(&self) -> bool {
        self.area.contains('-')
    }

    /// Whether the registers of France and its law of commerce hold there: on the mainland and in its departments overseas, whatever their VAT.
    pub fn is_in_france(&self) -> bool {
        self.country() == "FR" && !OWN_REGISTERS.contains(&self.area())
    }

    /// Whether the law of the Union holds there, where its VAT does not, too: on the Canary Islands, say.
    pub fn is_in_union(&self) -> bool {
        if self.country() == "FR" { self.is_in_france() } else { MEMBER_STATES.contains(&self.country()) }
    }

    fn is_member_state(&self) -> bool {
        MEMBER_STATES.contains(&self.area.as_str())
    }
}

/// Whether a country by this code (`XI` for Northern Ireland) gives numbers for trade in goods within the Union.
pub(super) fn gives_numbers_for_goods(country: &str) -> bool {
    country == "XI" || MEMBER_STATES.contains(&country)
}

/// The same for services.
pub(super) fn gives_numbers_for_services(country: &str) -> bool {
    MEMBER_STATES.contains(&country)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::contact::{AddressLine, PostalAddress};

    fn territory(country: &str, postal_code: &str) -> Territory {
        Territory::of(&Country::parse(country).expect("a country"), Some(postal_code))
    }

    /// Settings of a company are judged without its territory (`values/contact.rs`): both say the same of France, but for Monaco.
    #[test]
    fn an_address_is_in_france_where_its_territory_is() {
        for (country, postal_code) in [
            ("FR", "44000"),
            ("FR", "97400"),
            ("FR", "97150"),
            ("FR", "98713"),
            ("FR", "FR-98800"),
            ("RE", ""),
            ("GP", "97110"),
            ("MQ", "97200"),
            ("GF", "97300"),
            ("YT", "97600"),
            ("MF", "97150"),
            ("BL", "97133"),
            ("PM", "97500"),
            ("NC", "98800"),
            ("PF", "98713"),
            ("WF", "98600"),
            ("TF", "98400"),
            ("BE", "1000"),
            ("DE", "98800"),
        ] {
            let address = PostalAddress {
                line1: AddressLine::parse("1 rue du Port").expect("valid"),
                line2: None,
                postal_code: AddressLine::parse(postal_code).ok(),
                city: AddressLine::parse("Ville").expect("valid"),
                country: Country::parse(country).expect("a country"),
            };
            let there = territory(country, postal_code);
            assert_eq!(address.is_in_france(), there.is_in_france(), "{country} {postal_code}");
        }
    }

    #[test]
    fn a_place_is_told_by_its_country_and_its_postal_code() {
        for (country, postal_code, area, goods, services) in [
            ("FR", "44000", "FR", true, true),
            ("FR", "20000", "FR", true, true),
            ("MC", "98000", "FR", true, true),
            ("FR", "97110", "FR-ANTILLES", false, false),
            ("FR", "FR-97200", "FR-ANTILLES", false, false),
            ("MQ", "97200", "FR-ANTILLES", false, false),
            ("FR", "97150", "FR-MF", false, false),
            ("RE", "", "FR-RE", false, false),
            ("ES", "28013", "ES", true, true),
            ("ES", "38 001", "ES-CN", false, false),
            ("DE", "78266", "DE-BUESINGEN", false, false),
            ("FI", "22100", "FI-AX", false, false),
            ("AX", "22100", "FI-AX", false, false),
            ("GB", "BT1 5GS", "XI", true, false),
            ("GB", "SW1A 1AA", "GB", false, false),
            ("CH", "1201", "CH", false, false),
            ("US", "10001", "US", false, false),
            ("PT", "9000-001", "PT", true, true),
        ] {
            let territory = territory(country, postal_code);
            assert_eq!(territory.area(), area, "{country} {postal_code}");
            assert_eq!(
                (territory.is_in_union_for_goods(), territory.is_in_union_for_services()),
                (goods, services),
                "{country} {postal_code}"
            );
        }
        for (country, postal_code, france, union) in [
            ("FR", "44000", true, true),
            ("FR", "97400", true, true),
            ("RE", "", true, true),
            ("NC", "98800", false, false),
            ("FR", "98713", false, false),
            ("ES", "35001", false, true),
            ("BE", "1000", false, true),
            ("GB", "BT1 5GS", false, false),
            ("CH", "1201", false, false),
        ] {
            let territory = territory(country, postal_code);
            let found = (territory.is_in_france(), territory.is_in_union());
            assert_eq!(found, (france, union), "{country} {postal_code}");
        }
        assert_eq!(territory("ES", "35001").country(), "ES");
        assert!(territory("ES", "35001").is_special() && !territory("ES", "28013").is_special());
    }
}
