//! The statement of a customer: the head of an invoice, a table with the balance after each entry, what is owed by age.

use bigdecimal::BigDecimal;

use super::colours::{INK, WHITE};
use super::sheet::{BODY, SMALL, STRONG, Sheet, look};
use super::{BOTTOM, LEFT, Page, RIGHT, closing, head};
use crate::font::{Fonts, Weight};
use crate::glyphs::missing_in;
use crate::{Aged, Entry, EntryKind, Invoice, Language, Statement, words};

const DATE: f32 = LEFT + 6.0;
const WHAT: f32 = LEFT + 62.0;
const WHAT_WIDTH: f32 = DUE - 56.0 - WHAT;
const DUE: f32 = DEBIT - 78.0;
const DEBIT: f32 = CREDIT - 76.0;
const CREDIT: f32 = BALANCE - 76.0;
const BALANCE: f32 = RIGHT - 6.0;
const AMOUNT_WIDTH: f32 = 70.0;
const HEAD_HEIGHT: f32 = 19.0;
const ROW: f32 = 15.5;
/// Rows end above the balance that is carried forward.
const END: f32 = BOTTOM - ROW;

struct Labels {
    title: &'static str,
    what: &'static str,
    debit: &'static str,
    credit: &'static str,
    balance: &'static str,
    opening: &'static str,
    owed: &'static str,
    in_favour: &'static str,
    aged: &'static str,
    not_due: &'static str,
    kinds: [&'static str; 5],
}

static FRENCH: Labels = Labels {
    title: "Relevé de compte",
    what: "Pièce",
    debit: "Débit",
    credit: "Crédit",
    balance: "Solde",
    opening: "Solde antérieur",
    owed: "Solde dû",
    in_favour: "Solde en votre faveur",
    aged: "Restant dû par ancienneté",
    not_due: "Non échu",
    kinds: ["Facture", "Facture d’acompte", "Avoir", "Règlement", "Règlement annulé"],
};

static ENGLISH: Labels = Labels {
    title: "Statement of account",
    what: "Document",
    debit: "Debit",
    credit: "Credit",
    balance: "Balance",
    opening: "Balance brought forward",
    owed: "Balance due",
    in_favour: "Balance in your favour",
    aged: "Amounts due by age",
    not_due: "Not yet due",
    kinds: ["Invoice", "Deposit invoice", "Credit note", "Payment", "Payment reversed"],
};

const fn labels(language: Language) -> &'static Labels {
    match language {
        Language::Fr => &FRENCH,
        Language::En => &ENGLISH,
    }
}

pub(crate) fn statement_title(language: Language) -> &'static str {
    labels(language).title
}

/// The pages of a statement. `frame` has the parties and the look.
pub(crate) fn compose_statement(statement: &Statement, frame: &Invoice, fonts: &Fonts) -> Vec<Page> {
    let (language, own) = (statement.language, labels(statement.language));
    let period = words::period(language, crate::Period { start: statement.from, end: statement.to });
    let mut sheet = Sheet::new(frame, fonts);
    sheet.heading = format!("{} {period} – {}", own.title, sheet.labels.continued);
    head::letterhead(&mut sheet, own.title, &period);
    let amounts_in = format!("{} {}", sheet.labels.amounts_in, statement.currency);
    sheet.text_to(RIGHT, sheet.y + 4.0, SMALL, &amounts_in);
    sheet.y += 9.0;
    table_head(&mut sheet, own);
    let mut balance = statement.opening.clone();
    balance_row(&mut sheet, own.opening, &balance);
    for entry in &statement.entries {
        if sheet.y + ROW > END {
            let (forward, brought) = (sheet.labels.carried_forward, sheet.labels.brought_forward);
            balance_row(&mut sheet, forward, &balance);
            sheet.next_page();
            table_head(&mut sheet, own);
            balance_row(&mut sheet, brought, &balance);
        }
        if entry.kind.is_debit() {
            balance += &entry.amount;
        } else {
            balance -= &entry.amount;
        }
        row(&mut sheet, own, entry, &balance);
    }
    owed(&mut sheet, own, statement, &balance);
    aged(&mut sheet, own, &statement.aged);
    closing::settlement(&mut sheet);
    sheet.finish()
}

fn table_head(sheet: &mut Sheet<'_>, own: &Labels) {
    let (top, shared) = (sheet.y, sheet.labels);
    let shown = look(Weight::Bold, 7.6, sheet.palette.accent);
    sheet.block(LEFT, top, RIGHT - LEFT, HEAD_HEIGHT, sheet.palette.tint);
    let y = top + 12.5;
    sheet.text(DATE, y, shown, shared.date);
    sheet.text(WHAT, y, shown, own.what);
    sheet.text_to(DUE, y, shown, shared.due_date);
    sheet.text_to(DEBIT, y, shown, own.debit);
    sheet.text_to(CREDIT, y, shown, own.credit);
    sheet.text_to(BALANCE, y, shown, own.balance);
    sheet.y = top + HEAD_HEIGHT;
}

/// A balance with what it is.
fn balance_row(sheet: &mut Sheet<'_>, label: &str, balance: &BigDecimal) {
    let y = sheet.y + 10.8;
    sheet.text(WHAT, y, STRONG, label);
    let amount = words::amount(sheet.invoice.language, balance);
    sheet.text_within(BALANCE, AMOUNT_WIDTH, y, STRONG, &amount);
    sheet.y += ROW;
    sheet.hairline(LEFT, RIGHT, sheet.y - 0.5);
}

fn row(sheet: &mut Sheet<'_>, own: &Labels, entry: &Entry, balance: &BigDecimal) {
    let language = sheet.invoice.language;
    let kind = match entry.kind {
        EntryKind::Invoice => own.kinds[0],
        EntryKind::Prepayment => own.kinds[1],
        EntryKind::CreditNote => own.kinds[2],
        EntryKind::Payment => own.kinds[3],
        EntryKind::Reversal => own.kinds[4],
    };
    let what = format!("{kind} {}", printable(&entry.reference));
    let y = sheet.y + 10.8;
    sheet.text(DATE, y, BODY, &words::date(language, entry.date));
    let mut named = BODY;
    named.size *= (WHAT_WIDTH / sheet.shape(BODY, &what).width(BODY.size)).min(1.0);
    sheet.text(WHAT, y, named, &what);
    if let Some(due) = entry.due_date {
        sheet.text_to(DUE, y, BODY, &words::date(language, due));
    }
    let right = if entry.kind.is_debit() { DEBIT } else { CREDIT };
    sheet.text_within(right, AMOUNT_WIDTH, y, BODY, &words::amount(language, &entry.amount));
    sheet.text_within(BALANCE, AMOUNT_WIDTH, y, BODY, &words::amount(language, balance));
    sheet.y += ROW;
    sheet.hairline(LEFT, RIGHT, sheet.y - 0.5);
}

/// Whoever paid wrote it, and a statement is not refused for that.
fn printable(text: &str) -> String {
    let can_be = |character: char| {
        missing_in("", &character.to_string()).is_ok_and(|missing| missing.is_empty()) && character != '\n'
    };
    text.chars().take(80).map(|character| if can_be(character) { character } else { '?' }).collect()
}

fn owed(sheet: &mut Sheet<'_>, own: &Labels, statement: &Statement, balance: &BigDecimal) {
    let width = 226.0;
    sheet.y += 10.0;
    sheet.ensure(28.0);
    let (top, left) = (sheet.y, RIGHT - width);
    sheet.block(left, top, width, 24.0, sheet.palette.accent);
    let in_favour = *balance < BigDecimal::default();
    let (label, amount) =
        if in_favour { (own.in_favour, -balance.clone()) } else { (own.owed, balance.clone()) };
    let amount = words::money(statement.language, &amount, &statement.currency);
    sheet.text(left + 8.0, top + 15.5, look(Weight::Bold, 9.4, WHITE), label);
    sheet.text_within(RIGHT - 6.0, 104.0, top + 15.5, look(Weight::Bold, 11.0, WHITE), &amount);
    sheet.y = top + 28.0;
}

fn aged(sheet: &mut Sheet<'_>, own: &Labels, aged: &[Aged]) {
    if aged.is_empty() {
        return;
    }
    let language = sheet.invoice.language;
    sheet.y += 8.0;
    sheet.ensure(44.0);
    sheet.text(LEFT, sheet.y + 9.0, look(Weight::Bold, 8.8, sheet.palette.accent), own.aged);
    sheet.y += 14.0;
    sheet.hairline(LEFT, RIGHT, sheet.y);
    for one in aged {
        sheet.ensure(ROW);
        let y = sheet.y + 10.8;
        sheet.text(LEFT + 6.0, y, look(Weight::Regular, BODY.size, INK), &age(language, own, one));
        sheet.text_within(LEFT + 240.0, AMOUNT_WIDTH, y, BODY, &words::amount(language, &one.amount));
        sheet.y += ROW;
    }
}

fn age(language: Language, own: &Labels, aged: &Aged) -> String {
    match (aged.days, language) {
        (None, _) => own.not_due.to_owned(),
        (Some((first, Some(last))), Language::Fr) => format!("Échu depuis {first} à {last} jours"),
        (Some((first, Some(last))), Language::En) => format!("{first} to {last} days overdue"),
        (Some((first, None)), Language::Fr) => format!("Échu depuis {first} jours ou plus"),
        (Some((first, None)), Language::En) => format!("{first} days overdue or more"),
    }
}
