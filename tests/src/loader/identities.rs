//! Who the customers of a sales file are, as far as invoices must know it. The file names a number and a country: the rest is invented, always the same for the
//! same number. A customer without a number is a consumer, every other one is a business.

use comptoir_core::values::contact::VatNumber;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Where a customer lives of whom the file names no country: at home.
pub(super) const HOME: &str = "FR";
/// Where businesses are in the French register, by code: the overseas parts and Monaco among them.
const FRENCH: [&str; 14] =
    [HOME, "BL", "GF", "GP", "MC", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"];
/// The most numbers that are tried until one has the check digits of its country: no country needs more than some hundreds.
const TRIES: u64 = 2_000;

/// The country, a postal code and a city there, and how its VAT numbers look: `#` is a digit and `@` a letter, the last of which check the others. No part of a
/// country is among them that has a VAT of its own (the Canary Islands, say).
const MEMBER_STATES: [(&str, &str, &str, &str); 26] = [
    ("AT", "1010", "Wien", "ATU########"),
    ("BE", "1000", "Bruxelles", "BE0#########"),
    ("BG", "1000", "Sofia", "BG2########"),
    ("CY", "1010", "Lefkosia", "CY10######@"),
    ("CZ", "110 00", "Praha", "CZ2#######"),
    ("DE", "10115", "Berlin", "DE1########"),
    ("DK", "1050", "København", "DK1#######"),
    ("EE", "10111", "Tallinn", "EE10#######"),
    ("ES", "28013", "Madrid", "ESB########"),
    ("FI", "00100", "Helsinki", "FI2#######"),
    ("GR", "105 57", "Athina", "EL0########"),
    ("HR", "10000", "Zagreb", "HR3##########"),
    ("HU", "1051", "Budapest", "HU1#######"),
    ("IE", "D02 X285", "Dublin", "IE6######@"),
    ("IT", "20121", "Milano", "IT0######015#"),
    ("LT", "01100", "Vilnius", "LT1######1#"),
    ("LU", "1111", "Luxembourg", "LU########"),
    ("LV", "1050", "Riga", "LV40#########"),
    ("MT", "VLT 1117", "Valletta", "MT1#######"),
    ("NL", "1012 JS", "Amsterdam", "NL#########B01"),
    ("PL", "00-001", "Warszawa", "PL8#########"),
    ("PT", "1100-148", "Lisboa", "PT5########"),
    ("RO", "010011", "Bucureşti", "RO1#######"),
    ("SE", "111 22", "Stockholm", "SE55########01"),
    ("SI", "1000", "Ljubljana", "SI5#######"),
    ("SK", "811 01", "Bratislava", "SK202#######"),
];
/// The same of other countries, whose VAT numbers no invoice needs.
const ELSEWHERE: [(&str, &str, &str); 8] = [
    ("AU", "2000", "Sydney"),
    ("CA", "M5H 2N2", "Toronto"),
    ("CH", "3011", "Bern"),
    ("GB", "EC2V 7HH", "London"),
    ("IS", "101", "Reykjavík"),
    ("JP", "100-0001", "Tokyo"),
    ("NO", "0151", "Oslo"),
    ("US", "10001", "New York"),
];

/// What is said of a customer who does not exist yet. `country` is its ISO 3166-1 code, if the file names one.
pub(super) fn describe(code: &str, country: Option<&str>, is_consumer: bool) -> Value {
    let country = country.unwrap_or(HOME);
    // The local part of an e-mail address is plain ASCII here.
    let local: String =
        code.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let email = format!("customer-{local}@example.com");
    let kind = if is_consumer { "consumer" } else { "business" };
    let mut body = json!({
        "code": code,
        "name": format!("Customer {code}"),
        "email": email,
        "addresses": [address(code, country)],
        "invoicing": {"kind": kind},
    });
    if FRENCH.contains(&country) && !is_consumer {
        let siren = siren(code);
        body["vat_number"] = json!(french_vat_number(&siren));
        body["invoicing"]["registration"] = json!({"scheme": "siren", "number": siren});
        return body;
    }
    if !is_consumer {
        body["vat_number"] = json!(vat_number(code, country));
    }
    // French invoices want an electronic address; the directory derives it of a SIREN, and of nothing else.
    body["invoicing"]["electronic_address"] = json!({"scheme": "EM", "identifier": email});
    body
}

fn address(code: &str, country: &str) -> Value {
    let number = 1 + seed(code) % 120;
    let of_union = MEMBER_STATES.iter().map(|(code, postal_code, city, _)| (*code, *postal_code, *city));
    let known = of_union.chain(ELSEWHERE).find(|(code, ..)| *code == country);
    let (line1, postal_code, city) = match known {
        Some((_, postal_code, city)) => (format!("{number} Market Street"), Some(postal_code), city),
        None if country == HOME => (format!("{number} rue du Commerce"), Some("44000"), "Nantes"),
        None => (format!("{number} Market Street"), None, "not stated"),
    };
    json!({"kind": "billing", "line1": line1, "postal_code": postal_code, "city": city, "country": country})
}

/// A number that stands for the customer's.
fn seed(code: &str) -> u64 {
    let digest = Sha256::digest(code);
    digest.iter().take(7).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Nine digits, the last of which is the Luhn check digit of the others (ISO/IEC 7812-1, annex B).
fn siren(code: &str) -> String {
    let digits = format!("{:08}", seed(code) % 100_000_000);
    let sum: u32 = (0_u32..)
        .zip(digits.chars())
        .filter_map(|(place, digit)| Some((place, digit.to_digit(10)?)))
        .map(|(place, digit)| if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// `FR`, a key, and the SIREN. The key is the French tax administration's.
fn french_vat_number(siren: &str) -> String {
    let number: u64 = siren.parse().unwrap_or_default();
    format!("FR{:02}{siren}", (12 + 3 * (number % 97)) % 97)
}

/// A VAT number of another member state that its check digits accept. `None` elsewhere.
fn vat_number(code: &str, country: &str) -> Option<String> {
    let (.., form) = MEMBER_STATES.iter().find(|(of, ..)| *of == country)?;
    let first = seed(code);
    (0..TRIES).map(|offset| filled(form, first.wrapping_add(offset))).find(|text| is_possible(text))
}

fn is_possible(text: &str) -> bool {
    VatNumber::parse(text).is_ok_and(|number| number.check().is_ok())
}

/// Fills the places of a form with the last digits of a number, and with one of the letters.
fn filled(form: &str, number: u64) -> String {
    let places = form.bytes().filter(|byte| *byte == b'#').count();
    let digits = format!("{number:020}");
    let mut digits = digits.chars().skip(digits.len().saturating_sub(places));
    let letter = char::from(b'A' + u8::try_from(number % 26).unwrap_or_default());
    let fill = |place: char| match place {
        '#' => digits.next().unwrap_or('0'),
        '@' => letter,
        other => other,
    };
    form.chars().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use comptoir_core::values::registration::Registration;

    use super::*;

    #[test]
    fn every_member_state_gives_numbers_that_its_check_digits_accept() {
        for (country, ..) in MEMBER_STATES {
            for code in ["17850", "12583", "12370", "A-7", "99999"] {
                let number = vat_number(code, country);
                assert!(number.as_deref().is_some_and(is_possible), "{country} {code}: {number:?}");
                assert_eq!(number, vat_number(code, country), "always the same");
            }
        }
        assert_eq!(vat_number("17850", "GB"), None);
    }

    #[test]
    fn a_business_at_home_has_a_siren_and_the_vat_number_that_belongs_to_it() {
        for code in ["12583", "21003", "1", "x"] {
            let body = describe(code, Some("FR"), false);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let siren = text(&body["invoicing"]["registration"]["number"]);
            let registration = Registration::parse("siren", &siren).expect(&siren);
            let number = VatNumber::parse(&text(&body["vat_number"])).expect("a VAT number");
            assert_eq!(registration.check_vat_number(&number), Ok(()));
            assert_eq!(number.check(), Ok(()), "{number:?}");
            assert_eq!(body["invoicing"]["kind"], "business");
        }
    }

    #[test]
    fn who_has_no_number_is_a_consumer_and_who_has_no_country_lives_at_home() {
        let guest = describe("GUEST-EIRE", Some("IE"), true);
        assert_eq!((&guest["invoicing"]["kind"], &guest["vat_number"]), (&json!("consumer"), &Value::Null));
        assert_eq!(guest["addresses"][0]["country"], "IE");
        assert_eq!(guest["email"], "customer-guest-eire@example.com");
        let nowhere = describe("28001", None, false);
        assert_eq!(nowhere["addresses"][0]["country"], HOME);
        assert!(nowhere["vat_number"].is_string());
        assert_eq!(describe("27001", Some("US"), false)["vat_number"], Value::Null);
        assert!(describe("27002", Some("MC"), false)["invoicing"]["registration"].is_object());
    }
}
