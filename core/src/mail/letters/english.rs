//! The words in English.

use super::{EmailContent, Setting, Words};
use crate::mail::content::{Change, InvoiceMail, LowStock, OverdueInvoice, ReminderMail};

const TIME: &str = "%Y-%m-%d %H:%M";

pub(super) fn words(content: &EmailContent, setting: &Setting<'_>) -> Words {
    let company = setting.company;
    let until = format!("It is good for one use, until {}.", setting.local(setting.deadline, TIME));
    let ignore = "If you do not know what this is about, ignore this message.".to_owned();
    let greeting = format!("Hello {},", setting.recipient);
    match content {
        EmailContent::Welcome { by } => Words {
            subject: format!("Welcome to {company}: confirm your address"),
            greeting,
            paragraphs: vec![
                format!("{by} made an account for you at {company}."),
                "Confirm your e-mail address, and you can log in.".to_owned(),
            ],
            action: Some(("Confirm the address", "Your code to confirm the address")),
            after: vec![until, ignore],
        },
        EmailContent::Invitation { by } => Words {
            subject: format!("You are invited to work with {company}"),
            greeting,
            paragraphs: vec![
                format!("{by} made an account for you at {company}."),
                "Choose a password, and you can log in.".to_owned(),
            ],
            action: Some(("Choose a password", "Your code to choose a password")),
            after: vec![until, ignore],
        },
        EmailContent::PasswordReset {} => Words {
            subject: format!("A new password for {company}"),
            greeting,
            paragraphs: vec![format!(
                "Somebody, probably you, asked for a new password for your account at {company}."
            )],
            action: Some(("Choose a new password", "Your code to choose a new password")),
            after: vec![
                until,
                "If it was not you, ignore this message: your password stays as it is.".to_owned(),
            ],
        },
        EmailContent::SecurityNotice { change, by, at } => {
            let (subject, what) = changed(change);
            Words {
                subject: format!("{subject} ({company})"),
                greeting,
                paragraphs: vec![
                    what,
                    format!("Time: {} ({}). Done by: {by}.", setting.local(*at, TIME), setting.time_zone),
                ],
                action: None,
                after: vec![format!(
                    "If you did not expect this, tell an administrator of {company} at once."
                )],
            }
        }
        EmailContent::StockDigest { low, more } => {
            let number = u64::try_from(low.len()).unwrap_or(u64::MAX).saturating_add(*more);
            let what = if number == 1 { "1 product is".to_owned() } else { format!("{number} products are") };
            let mut paragraphs = vec![format!("{what} at the reorder point or below it at {company}:")];
            paragraphs.extend(low.iter().map(product));
            if *more > 0 {
                paragraphs.push(format!("And {more} more."));
            }
            Words {
                subject: format!("{what} low in stock ({company})"),
                greeting,
                paragraphs,
                action: None,
                after: vec!["This message comes once a day, as long as something is low.".to_owned()],
            }
        }
        EmailContent::Invoice(mail) => invoice(mail, company, greeting),
        EmailContent::InvoiceReminder(reminder) => remind(reminder, company, greeting),
    }
}

fn invoice(mail: &InvoiceMail, company: &str, greeting: String) -> Words {
    let InvoiceMail { document, number, issue_date, due_on, gross_total, currency, .. } = mail;
    let what = match document.as_str() {
        "credit_note" => "Credit note",
        "prepayment" => "Deposit invoice",
        _ => "Invoice",
    };
    let mut paragraphs = vec![
        format!("Please find attached our document {number} of {issue_date}."),
        format!("Total: {gross_total} {currency}."),
    ];
    if document != "credit_note" {
        paragraphs.push(format!("It is due on {due_on}."));
    }
    Words {
        subject: format!("{what} {number} ({company})"),
        greeting,
        paragraphs,
        action: None,
        after: vec!["Thank you for your trust.".to_owned()],
    }
}

fn remind(reminder: &ReminderMail, company: &str, greeting: String) -> Words {
    let ReminderMail { level, text, overdue, more, total, currency, .. } = reminder;
    let (subject, usual) = match level {
        0 | 1 => (
            "Reminder",
            "The following has not reached us yet. Perhaps it was overlooked: please pay it soon.",
        ),
        2 => (
            "Second reminder",
            "In spite of our reminder, the following is still not paid. Please pay it within eight days.",
        ),
        _ => (
            "Last reminder",
            "In spite of our reminders, the following is still not paid. Please pay it at once, or tell us what is in the way.",
        ),
    };
    let mut paragraphs = vec![text.clone().unwrap_or_else(|| usual.to_owned())];
    paragraphs.extend(overdue.iter().map(|OverdueInvoice { number, due_on, open }| {
        format!("{number}, due on {due_on}: {open} {currency}")
    }));
    if *more > 0 {
        paragraphs.push(format!("And {more} more."));
    }
    paragraphs.push(format!("Total to be paid: {total} {currency}."));
    Words {
        subject: format!("{subject}: {total} {currency} to be paid ({company})"),
        greeting,
        paragraphs,
        action: None,
        after: vec!["If you have paid in the meantime, ignore this message.".to_owned()],
    }
}

fn product(low: &LowStock) -> String {
    let LowStock { sku, name, warehouse, available, reorder_point, reorder_quantity } = low;
    format!(
        "{sku}, {name} ({warehouse}): {available} available, reorder point {reorder_point}, order {reorder_quantity}"
    )
}

fn changed(change: &Change) -> (&'static str, String) {
    match change {
        Change::Password => {
            ("Your password was changed", "The password of your account was changed.".to_owned())
        }
        Change::Role { from, to } => {
            ("Your role was changed", format!("Your role was {from}, and is {to} now."))
        }
        Change::Permissions { granted, revoked } => (
            "Your permissions were changed",
            format!(
                "Beside those of your role you have: {}. Of those of your role you do not have: {}.",
                list(granted),
                list(revoked)
            ),
        ),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
