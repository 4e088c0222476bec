//! The two languages: labels, numbers, dates, and the sentences that the law wants.

mod countries;
mod labels;

use bigdecimal::BigDecimal;
use chrono::{Datelike, NaiveDate};

pub(crate) use labels::{Labels, labels};

use crate::decimal::decimals;
use crate::{
    Adjustment, Category, EarlyPayment, Identifier, Invoice, Kind, Language, Mention, Operations, Party,
    Period, Vat, VatDue,
};

/// Narrow and without a break: between the thousands, as French typography wants it.
const NARROW_SPACE: char = '\u{202F}';
const NO_BREAK_SPACE: char = '\u{A0}';
const MINUS: char = '\u{2212}';

/// What stands before the decimals.
pub(crate) const fn point(language: Language) -> char {
    match language {
        Language::Fr => ',',
        Language::En => '.',
    }
}

/// A number with at least `least` decimals.
pub(crate) fn number(language: Language, value: &BigDecimal, least: i64) -> String {
    let shown = value.with_scale(decimals(value).max(least)).to_plain_string();
    let (sign, digits) = shown.strip_prefix('-').map_or(("", shown.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let thousands = match language {
        Language::Fr => NARROW_SPACE,
        Language::En => ',',
    };
    let mut text = String::new();
    if !sign.is_empty() {
        text.push(MINUS);
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(thousands);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point(language));
        text.push_str(fraction);
    }
    text
}

/// Between a name and what it is: French has a space before the colon.
pub(crate) const fn colon(language: Language) -> &'static str {
    match language {
        Language::Fr => "\u{A0}: ",
        Language::En => ": ",
    }
}

/// An amount without its currency, as in columns.
pub(crate) fn amount(language: Language, value: &BigDecimal) -> String {
    number(language, value, 2)
}

/// An amount with its currency.
pub(crate) fn money(language: Language, value: &BigDecimal, currency: &str) -> String {
    with_currency(language, &amount(language, value), currency)
}

fn with_currency(language: Language, text: &str, currency: &str) -> String {
    match (language, currency) {
        (Language::Fr, "EUR") => format!("{text}{NO_BREAK_SPACE}€"),
        (Language::Fr, _) => format!("{text}{NO_BREAK_SPACE}{currency}"),
        (Language::En, "EUR") => match text.strip_prefix(MINUS) {
            Some(digits) => format!("{MINUS}€{digits}"),
            None => format!("€{text}"),
        },
        (Language::En, _) => format!("{currency}{NO_BREAK_SPACE}{text}"),
    }
}

pub(crate) fn percent(language: Language, value: &BigDecimal) -> String {
    let text = number(language, value, 0);
    match language {
        Language::Fr => format!("{text}{NO_BREAK_SPACE}%"),
        Language::En => format!("{text}%"),
    }
}

/// `31/01/2026`, and in English with the month in letters, since readers of that language do not agree on the order.
pub(crate) fn date(language: Language, date: NaiveDate) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    match language {
        Language::Fr => format!("{:02}/{:02}/{}", date.day(), date.month(), date.year()),
        Language::En => format!("{} {} {}", date.day(), MONTHS[date.month0() as usize % 12], date.year()),
    }
}

pub(crate) fn period(language: Language, period: Period) -> String {
    let (start, end) = (date(language, period.start), date(language, period.end));
    match language {
        Language::Fr => format!("du {start} au {end}"),
        Language::En => format!("{start} to {end}"),
    }
}

pub(crate) fn title(invoice: &Invoice) -> &'static str {
    let labels = labels(invoice.language);
    match invoice.kind {
        Kind::Invoice => labels.invoice,
        Kind::CreditNote => labels.credit_note,
        Kind::Prepayment => labels.prepayment,
    }
}

pub(crate) fn operations(invoice: &Invoice) -> &'static str {
    let labels = labels(invoice.language);
    match invoice.operations {
        Operations::Goods => labels.goods,
        Operations::Services => labels.services,
        Operations::Mixed => labels.mixed,
    }
}

/// A category with its rate, as the breakdown names it.
pub(crate) fn vat(language: Language, vat: &Vat) -> String {
    let labels = labels(language);
    let name = match vat.category {
        Category::S => return vat.rate.as_ref().map_or_else(String::new, |rate| percent(language, rate)),
        Category::Z => labels.zero_rated,
        Category::E => labels.exempt,
        Category::AE => labels.reverse_charge,
        Category::K => labels.intra_community,
        Category::G => labels.export,
        Category::O => labels.out_of_scope,
    };
    name.to_owned()
}

/// `Remise fidélité 5 % sur 200,00`.
pub(crate) fn adjustment(language: Language, adjustment: &Adjustment) -> String {
    let mut text = adjustment.reason.clone();
    if let Some(rate) = &adjustment.percent {
        text.push_str(&format!(" {}", percent(language, rate)));
        if let Some(base) = &adjustment.base {
            text.push_str(&format!(" {} {}", labels(language).of, amount(language, base)));
        }
    }
    text
}

/// An identifier with what it is, if the scheme is known to readers: `SIREN 732 829 320`.
pub(crate) fn identifier(id: &Identifier) -> (Option<&'static str>, String) {
    match id.scheme.as_deref() {
        Some("0002") => (Some("SIREN"), grouped(&id.value, &[3, 3, 3])),
        Some("0009") => (Some("SIRET"), grouped(&id.value, &[3, 3, 3, 5])),
        Some("0088") => (Some("GLN"), id.value.clone()),
        Some("0060") => (Some("DUNS"), id.value.clone()),
        Some("0208") => (Some("BCE/KBO"), id.value.clone()),
        _ => (None, id.value.clone()),
    }
}

/// Digits in groups, if they are as many as the groups hold.
fn grouped(digits: &str, groups: &[usize]) -> String {
    if digits.len() != groups.iter().sum::<usize>() || !digits.is_ascii() {
        return digits.to_owned();
    }
    let mut rest = digits;
    let mut parts = Vec::new();
    for length in groups {
        let (part, after) = rest.split_at(*length);
        parts.push(part);
        rest = after;
    }
    parts.join(&NO_BREAK_SPACE.to_string())
}

/// An IBAN in groups of four.
pub(crate) fn iban(iban: &str) -> String {
    let mut text = String::new();
    for (index, character) in iban.chars().filter(|character| !character.is_whitespace()).enumerate() {
        if index > 0 && index.is_multiple_of(4) {
            text.push(NO_BREAK_SPACE);
        }
        text.push(character);
    }
    text
}

pub(crate) fn country(language: Language, code: &str) -> String {
    match (countries::names(code), language) {
        (Some((french, _)), Language::Fr) => french.to_owned(),
        (Some((_, english)), Language::En) => english.to_owned(),
        (None, _) => code.to_owned(),
    }
}

/// Form, capital and register: BT-33, and a part of the legal line at the foot of each page.
pub(crate) fn legal_status(language: Language, party: &Party) -> Option<String> {
    let labels = labels(language);
    let capital = party.capital.as_ref().map(|capital| {
        // Without cents, unless it has some.
        let cents = if decimals(&capital.amount) > 0 { 2 } else { 0 };
        let amount = with_currency(language, &number(language, &capital.amount, cents), &capital.currency);
        format!("{} {amount}", labels.capital)
    });
    let form: Vec<String> = party.legal_form.clone().into_iter().chain(capital).collect();
    let register = party.register.as_ref().map(|register| match &party.legal_id {
        Some(id) => format!("{register} {}", identifier(id).1),
        None => register.clone(),
    });
    let parts: Vec<String> =
        [form.join(" "), register.unwrap_or_default()].into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(" – "))
}

/// The legal line at the foot of each page.
pub(crate) fn legal_line(invoice: &Invoice) -> String {
    let (language, seller) = (invoice.language, &invoice.seller);
    let labels = labels(language);
    let mut parts = vec![seller.name.clone()];
    parts.extend(legal_status(language, seller));
    if seller.register.is_none() {
        parts.extend(seller.legal_id.as_ref().map(named));
    }
    parts.extend(seller.identifiers.iter().filter(|id| identifier(id).0.is_some()).map(named));
    parts.extend(seller.vat_number.as_ref().map(|number| format!("{} {number}", labels.vat_number)));
    parts.extend(seller.tax_number.as_ref().map(|number| format!("{} {number}", labels.tax_number)));
    parts.join(" – ")
}

pub(crate) fn named(id: &Identifier) -> String {
    match identifier(id) {
        (Some(name), value) => format!("{name} {value}"),
        (None, value) => value,
    }
}

/// The mentions of the invoice, and the sentences that follow from its terms where no mention has their subject: in the order in which
/// they are printed.
pub(crate) fn mentions(invoice: &Invoice) -> Vec<Mention> {
    let (language, terms) = (invoice.language, &invoice.terms);
    let mut mentions = invoice.mentions.clone();
    let mut add = |subject: &str, text: String| {
        if !mentions.iter().any(|mention| mention.subject.as_deref() == Some(subject)) {
            mentions.push(Mention { subject: Some(subject.to_owned()), text });
        }
    };
    if let Some(early) = &terms.early_payment {
        let text = match (early, language) {
            (EarlyPayment::Discount(text), _) => text.clone(),
            (EarlyPayment::None, Language::Fr) => "Pas d’escompte pour paiement anticipé.".to_owned(),
            (EarlyPayment::None, Language::En) => "No discount for early payment.".to_owned(),
        };
        add("AAB", text);
    }
    if let Some(rate) = &terms.late_payment_rate {
        let rate = percent(language, rate);
        let text = match language {
            Language::Fr => format!(
                "En cas de retard de paiement, des pénalités au taux annuel de {rate} sont exigibles le jour suivant la date \
                 d’échéance, sans qu’un rappel soit nécessaire."
            ),
            Language::En => format!(
                "Late payment bears a penalty at a yearly rate of {rate} from the day after the due date; no reminder is needed."
            ),
        };
        add("PMD", text);
    }
    if let Some(fee) = &terms.recovery_fee {
        let fee = money(language, fee, "EUR");
        let text = match language {
            Language::Fr => format!(
                "Indemnité forfaitaire pour frais de recouvrement en cas de retard de paiement : {fee}."
            ),
            Language::En => format!("Fixed compensation for recovery costs in case of late payment: {fee}."),
        };
        add("PMT", text);
    }
    if invoice.vat_due == Some(VatDue::OnInvoice) && invoice.operations != Operations::Goods {
        let text = match language {
            Language::Fr => "Option pour le paiement de la taxe d’après les débits.",
            Language::En => "The seller has opted to account for VAT on the invoice date (VAT on debits).",
        };
        add("AAI", text.to_owned());
    }
    mentions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> BigDecimal {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_written_as_each_language_does() {
        for (value, french, english) in [
            ("0", "0,00 €", "€0.00"),
            ("1234.5", "1\u{202F}234,50 €", "€1,234.50"),
            ("-1234567.891", "−1\u{202F}234\u{202F}567,891 €", "−€1,234,567.891"),
            ("100", "100,00 €", "€100.00"),
        ] {
            let french = french.replace(' ', "\u{A0}");
            assert_eq!(money(Language::Fr, &decimal(value), "EUR"), french);
            assert_eq!(money(Language::En, &decimal(value), "EUR"), english);
        }
        assert_eq!(money(Language::En, &decimal("5"), "USD"), "USD\u{A0}5.00");
        assert_eq!(number(Language::Fr, &decimal("12.500"), 0), "12,5");
        assert_eq!(percent(Language::Fr, &decimal("5.50")), "5,5\u{A0}%");
    }

    #[test]
    fn numbers_of_companies_and_accounts_are_written_in_groups() {
        let id = |scheme: &str, value: &str| {
            named(&Identifier { scheme: Some(scheme.to_owned()), value: value.to_owned() })
        };
        assert_eq!(
            id("0002", "732829320"),
            "SIREN 732 829 320".replace(' ', "\u{A0}").replacen('\u{A0}', " ", 1)
        );
        assert_eq!(id("0002", "7328é9320"), "SIREN 7328é9320");
        assert_eq!(id("0007", "212000-0027"), "212000-0027");
        assert_eq!(iban("FR76 3000").replace('\u{A0}', " "), "FR76 3000");
    }

    #[test]
    fn a_mention_replaces_the_sentence_with_its_subject() {
        let json = include_str!("../../tests/minimal.json");
        let mut invoice: Invoice = serde_json::from_str(json).unwrap();
        let subjects = |invoice: &Invoice| {
            mentions(invoice).into_iter().map(|mention| mention.subject.unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(subjects(&invoice), ["AAB", "PMD", "PMT"]);
        invoice.mentions.push(Mention { subject: Some("PMD".to_owned()), text: "Ours.".to_owned() });
        assert_eq!(subjects(&invoice), ["PMD", "AAB", "PMT"]);
        assert_eq!(mentions(&invoice)[0].text, "Ours.");
    }
}
