//! What the law wants an invoice to say beside its amounts, in French and English, each with its source and the code of its note (EN 16931, BT-21;
//! UNTDID 4451).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::terms::LateInterest;
use crate::values::business_date::BusinessDate;
use crate::values::language::Language;
use crate::values::money::{Currency, Money, VatRate};
use crate::values::party::{LegalForm, TradeRegister};
use crate::values::registration::Registration;

const NARROW_SPACE: char = '\u{202f}';
const NO_BREAK_SPACE: char = '\u{a0}';

/// What an invoice must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// Who the seller is, by the law of companies.
    LegalIdentity {
        form: Option<LegalForm>,
        capital: Option<(Money, Currency)>,
        register: Option<TradeRegister>,
        registration: Option<Registration>,
    },
    /// What a late payment costs beside the interest.
    RecoveryFee(Money),
    LateInterest(LateInterest),
    /// That paying early gives no discount.
    NoEarlyDiscount,
    /// That it is due sooner than was agreed, because a law wants it so.
    DueSooner {
        agreed: BusinessDate,
        law: &'static str,
    },
    /// That it gives this one, in percent, to who pays within these days.
    EarlyDiscount {
        percent: VatRate,
        days: i16,
    },
    /// That the VAT on services is due when they are invoiced.
    VatOnDebits,
    /// Which kind of supply the invoice is of.
    Operations(Operations),
    /// Which invoice a credit note corrects.
    Corrects {
        number: String,
        issued_on: BusinessDate,
    },
    /// Which deposit a line takes off.
    TakesOff {
        number: String,
        issued_on: BusinessDate,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operations {
    Goods,
    Services,
    #[serde(rename = "mixed")]
    Both,
}

impl Operations {
    /// The letter of the French framework of invoicing (BT-23): B, S or M, before the digit that says which case it is.
    pub fn letter(self) -> char {
        match self {
            Self::Goods => 'B',
            Self::Services => 'S',
            Self::Both => 'M',
        }
    }
}

impl Mention {
    /// The code of the note's subject; `None` where the invoice has a member of its own for it.
    pub fn subject(&self) -> Option<&'static str> {
        match self {
            Self::LegalIdentity { .. } => Some("REG"),
            Self::RecoveryFee(_) => Some("PMT"),
            Self::LateInterest(_) => Some("PMD"),
            Self::NoEarlyDiscount | Self::EarlyDiscount { .. } => Some("AAB"),
            Self::VatOnDebits => Some("AAI"),
            // There is at most one note AAB (BR-FR-06).
            Self::DueSooner { .. } => None,
            Self::Operations(_) | Self::Corrects { .. } | Self::TakesOff { .. } => None,
        }
    }

    /// Where the law wants it.
    pub fn source(&self) -> &'static str {
        match self {
            Self::LegalIdentity { .. } => "Code de commerce, articles R123-237 and R123-238",
            Self::RecoveryFee(_) => "Code de commerce, articles L441-9, L441-10 and D441-5",
            Self::LateInterest(_) | Self::NoEarlyDiscount | Self::EarlyDiscount { .. } => {
                "Code de commerce, article L441-9"
            }
            Self::DueSooner { law, .. } => law,
            Self::VatOnDebits | Self::Operations(_) => "CGI, annexe II, article 242 nonies A, I",
            Self::Corrects { .. } => "CGI, article 289, I, 5",
            Self::TakesOff { .. } => "CGI, article 289, I, 1, c",
        }
    }

    pub fn text(&self, language: Language) -> String {
        match language {
            Language::Fr => self.french(),
            Language::En => self.english(),
        }
    }

    fn french(&self) -> String {
        match self {
            Self::LegalIdentity { form, capital, register, registration } => {
                let capital = capital.as_ref().map(|(amount, currency)| {
                    format!("au capital de {}", amount_text(amount, currency, Language::Fr))
                });
                identity(form.as_ref(), capital, register.as_ref(), registration.as_ref())
            }
            Self::RecoveryFee(fee) => format!(
                "Tout retard de paiement entraîne une indemnité forfaitaire pour frais de recouvrement de {}.",
                amount_text(fee, &Currency::euro(), Language::Fr)
            ),
            Self::LateInterest(LateInterest::Rate(rate)) => format!(
                "Pénalités de retard{NO_BREAK_SPACE}: {} l\u{2019}an, exigibles dès le lendemain de la date d\u{2019}échéance.",
                percent_text(rate, Language::Fr)
            ),
            Self::LateInterest(LateInterest::AboveCentralBank(points)) => format!(
                "Pénalités de retard{NO_BREAK_SPACE}: taux de refinancement de la Banque centrale européenne majoré de {points} points, exigibles dès le lendemain de la date d\u{2019}échéance."
            ),
            Self::NoEarlyDiscount => "Pas d\u{2019}escompte pour paiement anticipé.".to_owned(),
            Self::DueSooner { agreed, law } => format!(
                "Échéance ramenée au maximum légal ({law}){NO_BREAK_SPACE}: le délai convenu menait au {}.",
                date_text(*agreed, Language::Fr)
            ),
            Self::EarlyDiscount { percent, days } => format!(
                "Escompte de {} pour paiement sous {days}{NO_BREAK_SPACE}jours.",
                percent_text(percent, Language::Fr)
            ),
            Self::VatOnDebits => "Option pour le paiement de la taxe d\u{2019}après les débits.".to_owned(),
            Self::Operations(Operations::Goods) => "Livraison de biens".to_owned(),
            Self::Operations(Operations::Services) => "Prestation de services".to_owned(),
            Self::Operations(Operations::Both) => "Livraison de biens et prestation de services".to_owned(),
            Self::Corrects { number, issued_on } => {
                format!("Avoir sur la facture {number} du {}", date_text(*issued_on, Language::Fr))
            }
            Self::TakesOff { number, issued_on } => {
                format!("Acompte déduit, facture {number} du {}", date_text(*issued_on, Language::Fr))
            }
        }
    }

    fn english(&self) -> String {
        match self {
            Self::LegalIdentity { form, capital, register, registration } => {
                let capital = capital.as_ref().map(|(amount, currency)| {
                    format!("with a share capital of {}", amount_text(amount, currency, Language::En))
                });
                identity(form.as_ref(), capital, register.as_ref(), registration.as_ref())
            }
            Self::RecoveryFee(fee) => format!(
                "A fixed sum of {} is due for recovery costs if payment is late.",
                amount_text(fee, &Currency::euro(), Language::En)
            ),
            Self::LateInterest(LateInterest::Rate(rate)) => format!(
                "Late payment interest: {} a year, due from the day after the due date.",
                percent_text(rate, Language::En)
            ),
            Self::LateInterest(LateInterest::AboveCentralBank(points)) => format!(
                "Late payment interest: the European Central Bank\u{2019}s refinancing rate plus {points} percentage points, due from the day after the due date."
            ),
            Self::NoEarlyDiscount => "No discount for early payment.".to_owned(),
            Self::DueSooner { agreed, law } => format!(
                "Due as late as the law permits ({law}); the agreed terms led to {}.",
                date_text(*agreed, Language::En)
            ),
            Self::EarlyDiscount { percent, days } => {
                format!("Discount of {} for payment within {days} days.", percent_text(percent, Language::En))
            }
            Self::VatOnDebits => "VAT is paid on invoicing (option pour les débits).".to_owned(),
            Self::Operations(Operations::Goods) => "Supply of goods".to_owned(),
            Self::Operations(Operations::Services) => "Supply of services".to_owned(),
            Self::Operations(Operations::Both) => "Supply of goods and services".to_owned(),
            Self::Corrects { number, issued_on } => {
                format!("Credit note for invoice {number} of {}", date_text(*issued_on, Language::En))
            }
            Self::TakesOff { number, issued_on } => {
                format!("Deposit deducted, invoice {number} of {}", date_text(*issued_on, Language::En))
            }
        }
    }
}

/// `SARL au capital de 10 000,00 €, RCS Nantes 303 265 045`. A French SIREN stands behind its register, as the law wants them together.
fn identity(
    form: Option<&LegalForm>,
    capital: Option<String>,
    register: Option<&TradeRegister>,
    registration: Option<&Registration>,
) -> String {
    let company: Vec<String> = form.map(ToString::to_string).into_iter().chain(capital).collect();
    let number = registration.map(|registration| match registration.siren() {
        Some(siren) => grouped(siren.as_str(), 3),
        None => registration.number().to_owned(),
    });
    let place = match (register.map(ToString::to_string), number) {
        (Some(register), Some(number)) => Some(format!("{register} {number}")),
        (None, Some(number)) if registration.is_some_and(|known| known.siren().is_some()) => {
            Some(format!("SIREN {number}"))
        }
        (register, number) => register.or(number),
    };
    let company = (!company.is_empty()).then(|| company.join(" "));
    company.into_iter().chain(place).collect::<Vec<_>>().join(", ")
}

/// Writes digits in groups, with spaces that do not break, from the left.
fn grouped(digits: &str, size: usize) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place.is_multiple_of(size) {
            text.push(NO_BREAK_SPACE);
        }
        text.push(digit);
    }
    text
}

/// `1 234,56 €` or `€1,234.56`.
pub fn amount_text(amount: &Money, currency: &Currency, language: Language) -> String {
    let plain = amount.to_string();
    let (sign, unsigned) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("\u{2212}", rest));
    let (whole, cents) = unsigned.split_once('.').unwrap_or((unsigned, "00"));
    let thousands = match language {
        Language::Fr => NARROW_SPACE,
        Language::En => ',',
    };
    let mut grouped = String::with_capacity(whole.len() * 2);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(thousands);
        }
        grouped.push(digit);
    }
    let is_euro = currency.code() == "EUR";
    match language {
        Language::Fr => {
            let unit = if is_euro { "€" } else { currency.code() };
            format!("{sign}{grouped},{cents}{NO_BREAK_SPACE}{unit}")
        }
        Language::En if is_euro => format!("{sign}€{grouped}.{cents}"),
        Language::En => format!("{sign}{}{NO_BREAK_SPACE}{grouped}.{cents}", currency.code()),
    }
}

/// `5,5 %` or `5.5%`.
pub fn percent_text(percent: &VatRate, language: Language) -> String {
    match language {
        Language::Fr => format!("{}{NO_BREAK_SPACE}%", percent.to_string().replace('.', ",")),
        Language::En => format!("{percent}%"),
    }
}

/// `30/11/2026` or `30 November 2026`, which nobody takes for another day.
pub fn date_text(date: BusinessDate, language: Language) -> String {
    match language {
        Language::Fr => date.date().format("%d/%m/%Y").to_string(),
        Language::En => date.date().format("%-d %B %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).expect("an amount")
    }

    fn percent(text: &str) -> VatRate {
        VatRate::parse(text).expect("a percentage")
    }

    fn company(
        form: Option<&str>,
        capital: Option<&str>,
        register: Option<&str>,
        siren: Option<&str>,
    ) -> Mention {
        Mention::LegalIdentity {
            form: form.map(|text| LegalForm::parse(text).expect("valid")),
            capital: capital.map(|text| (money(text), Currency::euro())),
            register: register.map(|text| TradeRegister::parse(text).expect("valid")),
            registration: siren.map(|text| Registration::parse("siren", text).expect("valid")),
        }
    }

    #[test]
    fn a_company_is_named_as_its_law_wants() {
        let nantes = company(Some("SARL"), Some("10000"), Some("RCS Nantes"), Some("303265045"));
        assert_eq!(
            nantes.text(Language::Fr),
            "SARL au capital de 10\u{202f}000,00\u{a0}€, RCS Nantes 303\u{a0}265\u{a0}045"
        );
        assert_eq!(
            nantes.text(Language::En),
            "SARL with a share capital of €10,000.00, RCS Nantes 303\u{a0}265\u{a0}045"
        );
        let self_employed = company(Some("EI"), None, None, Some("303265045"));
        assert_eq!(self_employed.text(Language::Fr), "EI, SIREN 303\u{a0}265\u{a0}045");
        let munich = company(Some("GmbH"), None, Some("Amtsgericht München HRB 12345"), None);
        assert_eq!(munich.text(Language::En), "GmbH, Amtsgericht München HRB 12345");
        assert_eq!(company(None, None, None, None).text(Language::Fr), "");
    }

    #[test]
    fn amounts_and_dates_are_written_as_the_language_does() {
        let euro = Currency::euro();
        for (amount, fr, en) in [
            ("0", "0,00\u{a0}€", "€0.00"),
            ("999.9", "999,90\u{a0}€", "€999.90"),
            ("1234.56", "1\u{202f}234,56\u{a0}€", "€1,234.56"),
            ("-1234567.8", "\u{2212}1\u{202f}234\u{202f}567,80\u{a0}€", "\u{2212}€1,234,567.80"),
        ] {
            assert_eq!(amount_text(&money(amount), &euro, Language::Fr), fr);
            assert_eq!(amount_text(&money(amount), &euro, Language::En), en);
        }
        let francs = Currency::parse("CHF").expect("a currency");
        assert_eq!(amount_text(&money("10"), &francs, Language::Fr), "10,00\u{a0}CHF");
        assert_eq!(amount_text(&money("10"), &francs, Language::En), "CHF\u{a0}10.00");
        let date = BusinessDate::parse("2026-02-03").expect("a date");
        assert_eq!(date_text(date, Language::Fr), "03/02/2026");
        assert_eq!(date_text(date, Language::En), "3 February 2026");
        assert_eq!(percent_text(&percent("5.5"), Language::Fr), "5,5\u{a0}%");
    }

    #[test]
    fn what_late_payment_costs_is_said_in_both_languages() {
        let above = Mention::LateInterest(LateInterest::AboveCentralBank(percent("10")));
        assert!(above.text(Language::Fr).contains("majoré de 10 points"));
        assert!(above.text(Language::En).contains("plus 10 percentage points"));
        let set = Mention::LateInterest(LateInterest::Rate(percent("12.5")));
        assert!(set.text(Language::Fr).contains("12,5\u{a0}% l\u{2019}an"));
        assert!(Mention::RecoveryFee(money("40")).text(Language::Fr).contains("40,00\u{a0}€"));
        let subjects = [&above, &set, &Mention::RecoveryFee(money("40")), &Mention::NoEarlyDiscount];
        assert_eq!(subjects.map(Mention::subject), [Some("PMD"), Some("PMD"), Some("PMT"), Some("AAB")]);
    }

    #[test]
    fn every_mention_has_words_and_a_source() {
        let issued_on = BusinessDate::parse("2026-02-03").expect("a date");
        for mention in [
            company(Some("SAS"), None, None, None),
            Mention::NoEarlyDiscount,
            Mention::EarlyDiscount { percent: percent("2"), days: 8 },
            Mention::DueSooner { agreed: issued_on, law: "Code de commerce, article L441-10" },
            Mention::VatOnDebits,
            Mention::Operations(Operations::Both),
            Mention::Corrects { number: "FA-2026-000001".to_owned(), issued_on },
            Mention::TakesOff { number: "FA-2026-000001".to_owned(), issued_on },
        ] {
            assert!(!mention.source().is_empty());
            assert_ne!(
                mention.text(Language::Fr),
                mention.text(Language::En).replace("SAS", "S"),
                "{mention:?}"
            );
        }
    }
}
