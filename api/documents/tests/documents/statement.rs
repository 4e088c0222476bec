//! Statements of customers.

use comptoir_documents::*;

use crate::cases::{day, french_buyer, french_seller, logo, number};

fn statement(entries: usize) -> Statement {
    let entry = |at: usize| Entry {
        date: day("2026-11-03"),
        kind: [EntryKind::Invoice, EntryKind::Payment, EntryKind::CreditNote, EntryKind::Reversal][at % 4],
        reference: format!("FA-2026-{at:06}"),
        due_date: at.is_multiple_of(4).then(|| day("2026-12-03")),
        amount: number("1234.56"),
    };
    Statement {
        language: Language::Fr,
        seller: french_seller(),
        buyer: french_buyer(),
        from: day("2026-11-01"),
        to: day("2026-11-30"),
        currency: "EUR".to_owned(),
        opening: number("-10.00"),
        entries: (0..entries).map(entry).collect(),
        aged: vec![
            Aged { days: None, amount: number("100.00") },
            Aged { days: Some((1, Some(30))), amount: number("20.00") },
            Aged { days: Some((91, None)), amount: number("0.00") },
        ],
        accounts: vec![Account {
            iban: "FR7630006000011234567890189".to_owned(),
            bic: None,
            holder: None,
            bank: None,
        }],
        style: Style { logo: Some(logo()), accent: Some("#0b6e4f".to_owned()), footer: None },
    }
}

/// From its first line to its last.
fn is_pdf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"%PDF-1.7") && bytes.trim_ascii_end().ends_with(b"%%EOF")
}

#[test]
fn a_statement_is_a_pdf_and_the_same_each_time() {
    for entries in [0, 3, 200] {
        let made = render_statement(&statement(entries)).unwrap();
        assert!(is_pdf(&made), "{entries} entries");
        assert_eq!(made, render_statement(&statement(entries)).unwrap(), "{entries} entries");
    }
    let (short, long) =
        (render_statement(&statement(3)).unwrap(), render_statement(&statement(400)).unwrap());
    assert!(long.len() > short.len() + 5_000, "{} and {} bytes", short.len(), long.len());
}

#[test]
fn what_a_customer_wrote_refuses_no_statement_and_a_name_that_cannot_be_printed_does() {
    let mut odd = statement(1);
    odd.entries[0].reference = "virement 发票 du 3\n\u{202e}".to_owned();
    assert!(is_pdf(&render_statement(&odd).unwrap()));
    odd.language = Language::En;
    odd.buyer.name = "书店".to_owned();
    let Err(RenderError::Glyphs(missing)) = render_statement(&odd) else { panic!("it was rendered") };
    assert_eq!(missing[0].pointer, "/buyer/name");
}

#[test]
fn a_statement_has_a_limit() {
    let Err(RenderError::Invalid(faults)) = render_statement(&statement(5_001)) else {
        panic!("it was rendered")
    };
    assert_eq!(faults[0].pointer, "/entries");
}

#[test]
fn a_style_is_checked_when_it_is_chosen() {
    let faults = |style: &Style| {
        let found = check_style(style).unwrap();
        found.into_iter().map(|fault| (fault.rule, fault.pointer)).collect::<Vec<_>>()
    };
    let fault = |rule: &str, pointer: &str| (rule.to_owned(), pointer.to_owned());
    assert!(faults(&statement(0).style).is_empty());
    let wrong = Style {
        logo: Some(b"GIF89a".to_vec()),
        accent: Some("red".to_owned()),
        footer: Some("书".to_owned()),
    };
    assert_eq!(
        faults(&wrong),
        [fault("limit", "/logo"), fault("limit", "/accent"), fault("glyph", "/footer")]
    );
    let long = Style { footer: Some("é".repeat(301)), ..Style::default() };
    assert_eq!(faults(&long), [fault("limit", "/footer")]);
}
