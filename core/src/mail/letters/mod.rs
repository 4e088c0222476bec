//! The words of e-mails, in each language, and their form: text and HTML.

mod english;
mod french;

use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::config::Links;
use super::content::EmailContent;
use super::email::EmailKind;
use crate::application::error::Error;
use crate::values::language::Language;

/// What stands for a secret where it must not be seen.
const HIDDEN: &str = "***";

/// What the words depend on beside the content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) company: &'a str,
    pub(super) language: Language,
    /// A name of the IANA time zone database.
    pub(super) time_zone: &'a str,
    pub(super) recipient: &'a str,
    pub(super) deadline: DateTime<Utc>,
    pub(super) links: &'a Links,
}

impl Setting<'_> {
    /// Returns a time as the company's clocks show it.
    fn local(&self, time: DateTime<Utc>, format: &str) -> String {
        let zone: Tz = self.time_zone.parse().unwrap_or(Tz::UTC);
        time.with_timezone(&zone).format(format).to_string()
    }
}

/// What an e-mail says, in the words of a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    subject: String,
    greeting: String,
    paragraphs: Vec<String>,
    /// What the recipient is to do: the words of a link, and those in front of a token where there is no page for it.
    action: Option<(&'static str, &'static str)>,
    after: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Action {
    label: &'static str,
    target: String,
    is_link: bool,
}

/// An e-mail that can be written in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    greeting: String,
    paragraphs: Vec<String>,
    action: Option<Action>,
    after: Vec<String>,
    company: String,
    language: Language,
}

#[derive(Template)]
#[template(path = "mail/letter.txt", escape = "none")]
struct Text<'a> {
    greeting: &'a str,
    paragraphs: &'a [String],
    action: Option<&'a Action>,
    after: &'a [String],
    company: &'a str,
    colon: &'static str,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    subject: &'a str,
    greeting: &'a str,
    paragraphs: &'a [String],
    action: Option<&'a Action>,
    after: &'a [String],
    company: &'a str,
    colon: &'static str,
    lang: &'static str,
}

/// Returns the words for the content. Without the secret, what it would be is hidden.
pub(super) fn letter(content: &EmailContent, setting: &Setting<'_>, secret: Option<&str>) -> Letter {
    let language = content.language().unwrap_or(setting.language);
    let words = match language {
        Language::Fr => french::words(content, setting),
        Language::En => english::words(content, setting),
    };
    let secret = secret.unwrap_or(HIDDEN);
    let link = match content.kind() {
        EmailKind::Welcome => setting.links.verify(secret),
        EmailKind::Invitation | EmailKind::PasswordReset => setting.links.password(secret),
        EmailKind::SecurityNotice
        | EmailKind::StockDigest
        | EmailKind::Invoice
        | EmailKind::InvoiceReminder => None,
    };
    let action = words.action.map(|(of_link, of_token)| match link {
        Some(target) => Action { label: of_link, target, is_link: true },
        None => Action { label: of_token, target: secret.to_owned(), is_link: false },
    });
    Letter {
        subject: words.subject,
        greeting: words.greeting,
        paragraphs: words.paragraphs,
        action,
        after: words.after,
        company: setting.company.to_owned(),
        language,
    }
}

impl Letter {
    /// # Errors
    /// Fails if the template does.
    pub(super) fn text(&self) -> Result<String, Error> {
        let text = Text {
            greeting: &self.greeting,
            paragraphs: &self.paragraphs,
            action: self.action.as_ref(),
            after: &self.after,
            company: &self.company,
            colon: self.colon(),
        };
        text.render().map_err(|error| Error::Template(error.to_string()))
    }

    /// # Errors
    /// Fails if the template does.
    pub(super) fn html(&self) -> Result<String, Error> {
        let html = Html {
            subject: &self.subject,
            greeting: &self.greeting,
            paragraphs: &self.paragraphs,
            action: self.action.as_ref(),
            after: &self.after,
            company: &self.company,
            colon: self.colon(),
            lang: self.language.code(),
        };
        html.render().map_err(|error| Error::Template(error.to_string()))
    }

    fn colon(&self) -> &'static str {
        match self.language {
            Language::Fr => "\u{a0}:",
            Language::En => ":",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::content::{Change, InvoiceMail, LowStock, OverdueInvoice, ReminderMail};

    fn contents(language: Language) -> Vec<EmailContent> {
        let by = || "bob@docks.example".to_owned();
        let at = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        let notice = |change| EmailContent::SecurityNotice { change, by: by(), at };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        vec![
            EmailContent::Welcome { by: by() },
            EmailContent::Invitation { by: by() },
            EmailContent::PasswordReset {},
            notice(Change::Password),
            notice(Change::Role { from: "sales".to_owned(), to: "admin".to_owned() }),
            notice(Change::Permissions { granted: names(&["users:read"]), revoked: names(&[]) }),
            EmailContent::StockDigest { low: vec![low()], more: 0 },
            EmailContent::StockDigest { low: vec![low(), low()], more: 3 },
            EmailContent::Invoice(invoice(language, "invoice")),
            EmailContent::Invoice(invoice(language, "credit_note")),
            EmailContent::InvoiceReminder(reminder(language, 1, None)),
            EmailContent::InvoiceReminder(reminder(language, 3, None)),
        ]
    }

    fn date(text: &str) -> chrono::NaiveDate {
        text.parse().expect("a date")
    }

    fn invoice(language: Language, document: &str) -> InvoiceMail {
        InvoiceMail {
            language,
            document: document.to_owned(),
            number: "FA-2026-000123".to_owned(),
            issue_date: date("2026-11-30"),
            due_on: date("2026-12-30"),
            gross_total: "1234.50".to_owned(),
            currency: "EUR".to_owned(),
        }
    }

    fn reminder(language: Language, level: u8, text: Option<&str>) -> ReminderMail {
        let due_on = date("2026-12-30");
        ReminderMail {
            language,
            level,
            text: text.map(str::to_owned),
            overdue: vec![OverdueInvoice {
                number: "FA-2026-000123".to_owned(),
                due_on,
                open: "34.50".to_owned(),
            }],
            more: 2,
            total: "99.00".to_owned(),
            currency: "EUR".to_owned(),
        }
    }

    fn low() -> LowStock {
        LowStock {
            sku: "TEA-EG-250".to_owned(),
            name: "Earl Grey, 250 g".to_owned(),
            warehouse: "MAIN".to_owned(),
            available: "4".to_owned(),
            reorder_point: "30".to_owned(),
            reorder_quantity: "100".to_owned(),
        }
    }

    fn setting<'a>(language: Language, links: &'a Links) -> Setting<'a> {
        Setting {
            company: "Dupont & <Fils>",
            language,
            time_zone: "Europe/Paris",
            recipient: "Ada",
            deadline: DateTime::from_timestamp(1_780_000_000, 0).expect("a time"),
            links,
        }
    }

    #[test]
    fn every_e_mail_has_words_in_every_language_and_hands_its_secret_over() {
        let links = Links::default();
        for language in Language::ALL {
            for content in contents(language) {
                let letter = letter(&content, &setting(language, &links), Some("cot_secret"));
                let (text, html) = (letter.text().expect("text"), letter.html().expect("HTML"));
                let hands_over = content.kind().hands_over();
                assert_eq!(text.contains("cot_secret"), hands_over, "{text}");
                assert_eq!(html.contains("cot_secret"), hands_over, "{html}");
                assert!(text.contains("Ada") && text.contains("Dupont & <Fils>"), "{text}");
                assert!(html.contains("Dupont &#38; &#60;Fils&#62;") && !html.contains("<Fils>"), "{html}");
                assert!(!letter.subject.is_empty() && !letter.subject.contains('\n'));
                assert!(html.contains(&format!("lang=\"{}\"", language.code())), "{html}");
            }
        }
    }

    #[test]
    fn a_secret_that_is_not_given_is_hidden() {
        let links = Links::default();
        let letter = letter(&EmailContent::PasswordReset {}, &setting(Language::En, &links), None);
        assert!(letter.text().expect("text").contains(HIDDEN));
    }

    #[test]
    fn what_is_low_is_named_with_how_much_to_order() {
        let links = Links::default();
        for (language, more) in [(Language::Fr, "Et 3 autres."), (Language::En, "And 3 more.")] {
            let digest = EmailContent::StockDigest { low: vec![low()], more: 3 };
            let letter = letter(&digest, &setting(language, &links), None);
            let text = letter.text().expect("text");
            assert!(text.contains("TEA-EG-250") && text.contains("MAIN") && text.contains("100"), "{text}");
            assert!(text.contains(more) && letter.subject.starts_with('4'), "{}: {text}", letter.subject);
        }
    }

    #[test]
    fn an_invoice_is_told_in_the_customers_language_with_its_amount_and_due_date() {
        let links = Links::default();
        let said = |language, document| {
            // The company writes in English.
            let content = EmailContent::Invoice(invoice(language, document));
            let letter = letter(&content, &setting(Language::En, &links), None);
            (letter.subject.clone(), letter.text().expect("text"))
        };
        let (subject, text) = said(Language::Fr, "invoice");
        assert!(subject.starts_with("Facture FA-2026-000123"), "{subject}");
        assert!(text.contains("1234,50 EUR") && text.contains("30/12/2026"), "{text}");
        let (subject, text) = said(Language::En, "invoice");
        assert!(subject.starts_with("Invoice FA-2026-000123"), "{subject}");
        assert!(text.contains("1234.50 EUR") && text.contains("2026-12-30"), "{text}");
        let (subject, text) = said(Language::Fr, "credit_note");
        assert!(subject.starts_with("Avoir") && !text.contains("30/12/2026"), "{subject}: {text}");
    }

    #[test]
    fn a_reminder_names_what_is_overdue_in_the_companys_own_words_if_it_has_some() {
        let links = Links::default();
        let text = |content: ReminderMail| {
            let letter =
                letter(&EmailContent::InvoiceReminder(content), &setting(Language::En, &links), None);
            letter.text().expect("text")
        };
        let usual = text(reminder(Language::Fr, 2, None));
        assert!(usual.contains("FA-2026-000123") && usual.contains("34,50 EUR"), "{usual}");
        assert!(usual.contains("99,00 EUR") && usual.contains("Et 2 autres"), "{usual}");
        let own = text(reminder(Language::En, 2, Some("Please pay, dear friend.")));
        assert!(own.contains("dear friend") && own.contains("34.50 EUR"), "{own}");
    }

    #[test]
    fn times_are_those_of_the_companys_clocks() {
        let links = Links::default();
        let letter = letter(&EmailContent::PasswordReset {}, &setting(Language::En, &links), None);
        // 20:26:40 UTC, in summer.
        assert!(letter.text().expect("text").contains("2026-05-28 22:26"), "{:?}", letter.text());
    }
}
