//! The words in French.

use chrono::NaiveDate;

use super::{EmailContent, Setting, Words};
use crate::mail::content::{Change, InvoiceMail, LowStock, OverdueInvoice, ReminderMail};

const TIME: &str = "%d/%m/%Y à %H:%M";

pub(super) fn words(content: &EmailContent, setting: &Setting<'_>) -> Words {
    let company = setting.company;
    let until = format!("Valable une seule fois, jusqu’au {}.", setting.local(setting.deadline, TIME));
    let ignore = "Si ce message ne vous dit rien, ignorez-le.".to_owned();
    let greeting = format!("Bonjour {},", setting.recipient);
    match content {
        EmailContent::Welcome { by } => Words {
            subject: format!("Bienvenue chez {company} : confirmez votre adresse"),
            greeting,
            paragraphs: vec![
                format!("{by} vous a ouvert un compte chez {company}."),
                "Confirmez votre adresse électronique pour pouvoir vous connecter.".to_owned(),
            ],
            action: Some(("Confirmer l’adresse", "Votre code pour confirmer l’adresse")),
            after: vec![until, ignore],
        },
        EmailContent::Invitation { by } => Words {
            subject: format!("Invitation à travailler avec {company}"),
            greeting,
            paragraphs: vec![
                format!("{by} vous a ouvert un compte chez {company}."),
                "Choisissez un mot de passe pour pouvoir vous connecter.".to_owned(),
            ],
            action: Some(("Choisir un mot de passe", "Votre code pour choisir un mot de passe")),
            after: vec![until, ignore],
        },
        EmailContent::PasswordReset {} => Words {
            subject: format!("Un nouveau mot de passe pour {company}"),
            greeting,
            paragraphs: vec![format!(
                "Quelqu’un, sans doute vous, a demandé un nouveau mot de passe pour votre compte chez {company}."
            )],
            action: Some((
                "Choisir un nouveau mot de passe",
                "Votre code pour choisir un nouveau mot de passe",
            )),
            after: vec![
                until,
                "Si ce n’était pas vous, ignorez ce message : votre mot de passe reste le même.".to_owned(),
            ],
        },
        EmailContent::SecurityNotice { change, by, at } => {
            let (subject, what) = changed(change);
            Words {
                subject: format!("{subject} ({company})"),
                greeting,
                paragraphs: vec![
                    what,
                    format!("Le {} ({}), par {by}.", setting.local(*at, TIME), setting.time_zone),
                ],
                action: None,
                after: vec![format!(
                    "Si vous ne vous y attendiez pas, prévenez tout de suite un administrateur de {company}."
                )],
            }
        }
        EmailContent::StockDigest { low, more } => {
            let number = u64::try_from(low.len()).unwrap_or(u64::MAX).saturating_add(*more);
            let products = if number == 1 { "article" } else { "articles" };
            let mut paragraphs = vec![format!(
                "Chez {company}, {number} {products} au seuil de réapprovisionnement ou en dessous."
            )];
            paragraphs.extend(low.iter().map(product));
            if *more > 0 {
                paragraphs.push(match more {
                    1 => "Et 1 autre.".to_owned(),
                    more => format!("Et {more} autres."),
                });
            }
            Words {
                subject: format!("{number} {products} à réapprovisionner ({company})"),
                greeting,
                paragraphs,
                action: None,
                after: vec!["Ce message vient une fois par jour, tant qu’un stock est bas.".to_owned()],
            }
        }
        EmailContent::Invoice(mail) => invoice(mail, company, greeting),
        EmailContent::InvoiceReminder(reminder) => remind(reminder, company, greeting),
    }
}

fn invoice(mail: &InvoiceMail, company: &str, greeting: String) -> Words {
    let InvoiceMail { document, number, issue_date, due_on, gross_total, currency, .. } = mail;
    let (what, ours) = match document.as_str() {
        "credit_note" => ("Avoir", "notre avoir"),
        "prepayment" => ("Facture d’acompte", "notre facture d’acompte"),
        _ => ("Facture", "notre facture"),
    };
    let mut paragraphs = vec![
        format!("Veuillez trouver ci-joint {ours} {number} du {}.", day(*issue_date)),
        format!("Montant total TTC : {}.", amount(gross_total, currency)),
    ];
    if document != "credit_note" {
        paragraphs.push(format!("Échéance : {}.", day(*due_on)));
    }
    Words {
        subject: format!("{what} {number} ({company})"),
        greeting,
        paragraphs,
        action: None,
        after: vec!["Nous vous remercions de votre confiance.".to_owned()],
    }
}

fn remind(reminder: &ReminderMail, company: &str, greeting: String) -> Words {
    let ReminderMail { level, text, overdue, more, total, currency, .. } = reminder;
    let (subject, usual) = match level {
        0 | 1 => (
            "Rappel",
            "Sauf erreur de notre part, le règlement suivant ne nous est pas parvenu. Nous vous remercions de bien vouloir y procéder.",
        ),
        2 => (
            "Deuxième rappel",
            "Malgré notre rappel, le règlement suivant ne nous est toujours pas parvenu. Merci de régler sous huit jours.",
        ),
        _ => (
            "Dernier rappel",
            "Malgré nos rappels, le règlement suivant ne nous est toujours pas parvenu. Merci de régler sans délai, ou de nous dire ce qui s’y oppose.",
        ),
    };
    let mut paragraphs = vec![text.clone().unwrap_or_else(|| usual.to_owned())];
    paragraphs.extend(overdue.iter().map(|OverdueInvoice { number, due_on, open }| {
        format!("{number}, échue le {} : {}", day(*due_on), amount(open, currency))
    }));
    match more {
        0 => {}
        1 => paragraphs.push("Et 1 autre.".to_owned()),
        more => paragraphs.push(format!("Et {more} autres.")),
    }
    let total = amount(total, currency);
    paragraphs.push(format!("Total à régler : {total}."));
    Words {
        subject: format!("{subject} : {total} à régler ({company})"),
        greeting,
        paragraphs,
        action: None,
        after: vec!["Si vous avez réglé entre-temps, ne tenez pas compte de ce message.".to_owned()],
    }
}

fn day(date: NaiveDate) -> String {
    date.format("%d/%m/%Y").to_string()
}

fn amount(decimal: &str, currency: &str) -> String {
    format!("{} {currency}", decimal.replace('.', ","))
}

fn product(low: &LowStock) -> String {
    let LowStock { sku, name, warehouse, available, reorder_point, reorder_quantity } = low;
    format!(
        "{sku}, {name} ({warehouse}) : {available} disponibles, seuil {reorder_point}, à commander {reorder_quantity}"
    )
}

fn changed(change: &Change) -> (&'static str, String) {
    match change {
        Change::Password => {
            ("Votre mot de passe a été changé", "Le mot de passe de votre compte a été changé.".to_owned())
        }
        Change::Role { from, to } => (
            "Votre rôle a été changé",
            format!("Votre rôle était « {} » ; il est maintenant « {} ».", role(from), role(to)),
        ),
        Change::Permissions { granted, revoked } => (
            "Vos droits ont été changés",
            format!(
                "En plus de ceux de votre rôle, vous avez : {}. De ceux de votre rôle, vous n’avez pas : {}.",
                list(granted),
                list(revoked)
            ),
        ),
    }
}

fn role(name: &str) -> &str {
    match name {
        "admin" => "administrateur",
        "management" => "direction",
        "sales" => "commercial",
        "warehouse" => "magasinier",
        other => other,
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "aucun".to_owned() } else { names.join(", ") }
}
