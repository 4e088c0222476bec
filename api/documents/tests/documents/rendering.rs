//! The bytes.

use comptoir_documents::*;
use proptest::prelude::*;

use crate::cases;

#[test]
fn the_same_input_makes_the_same_bytes() {
    for invoice in [cases::short(), cases::long(40), cases::odd()] {
        assert_eq!(render(&invoice).unwrap(), render(&invoice.clone()).unwrap());
    }
}

#[test]
fn what_breaks_a_rule_is_not_rendered() {
    let mut invoice = cases::short();
    invoice.totals.due += cases::number("0.01");
    let Err(RenderError::Invalid(faults)) = render(&invoice) else { panic!("it was rendered") };
    assert_eq!(faults.len(), 1);
    assert_eq!((faults[0].rule.as_str(), faults[0].pointer.as_str()), ("BR-CO-16", "/totals/due"));
}

#[test]
fn pages_follow_from_lines() {
    assert_eq!(render(&cases::short()).unwrap().pages, 1);
    assert!(render(&cases::long(200)).unwrap().pages > 5);
}

/// One line more after the other: whatever the last line leaves of its page, nothing panics, and no page is added for nothing.
#[test]
#[ignore = "slow: make test-all"]
fn every_number_of_lines_has_its_pages() {
    let mut before = 1;
    for lines in 1..=80 {
        let pages = render(&cases::long(lines)).unwrap().pages;
        assert!(pages == before || pages == before + 1, "{lines} lines: {before}, then {pages} pages");
        before = pages;
    }
}

/// The schematron has no opinion on what the XML says of the process, the kind of sale and what came before.
#[test]
fn the_xml_says_what_kind_of_sale_it_is() {
    let xml = |invoice: &Invoice| render(invoice).unwrap().xml;
    for (name, expected) in [
        (
            "short",
            vec!["<ram:ID>B1</ram:ID>", "<ram:Content>B2B</ram:Content>", "<ram:TypeCode>380</ram:TypeCode>"],
        ),
        (
            "credit-note",
            vec![
                "<ram:TypeCode>381</ram:TypeCode>",
                "<ram:IssuerAssignedID>FA-2026-00042</ram:IssuerAssignedID>",
            ],
        ),
        ("deposit", vec!["<ram:TypeCode>386</ram:TypeCode>", "<ram:ID>B1</ram:ID>"]),
        (
            "after-deposits",
            vec![
                "<ram:ID>B4</ram:ID>",
                "<ram:IssuerAssignedID>FA-2026-00031</ram:IssuerAssignedID>",
                "FA-2026-00036 du 02/11/2026",
                "<ram:DuePayableAmount>3600.00</ram:DuePayableAmount>",
            ],
        ),
        ("paid", vec!["<ram:ID>B2</ram:ID>", "<ram:DuePayableAmount>0.00</ram:DuePayableAmount>"]),
        ("reverse-charge", vec!["<ram:ID>S1</ram:ID>", "<ram:Content>B2BINT</ram:Content>"]),
        ("debits", vec!["<ram:DueDateTypeCode>5</ram:DueDateTypeCode>", "d’après les débits"]),
        ("receipts", vec!["<ram:DueDateTypeCode>72</ram:DueDateTypeCode>"]),
        ("credit-of-three", vec!["FA-2026-00040 du 20/11/2026", "FA-2026-00041 du 25/11/2026"]),
    ] {
        let invoice =
            cases::dozen().into_iter().chain(cases::rest()).find(|(other, _)| *other == name).unwrap().1;
        let xml = xml(&invoice);
        for part in expected {
            assert!(xml.contains(part), "{name} has no {part}:\n{xml}");
        }
    }
}

/// What is optional may be left out of the JSON.
#[test]
fn the_least_that_an_invoice_needs_is_enough() {
    let invoice: Invoice = serde_json::from_str(include_str!("../minimal.json")).unwrap();
    assert_eq!(render(&invoice).unwrap().pages, 1);
}

/// Letters, combining marks, punctuation, symbols, spaces of all kinds, controls: what the fonts have and what they have not.
fn texts() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        8 => proptest::char::range(' ', '\u{24F}'),
        2 => proptest::char::range('\u{300}', '\u{36F}'),
        3 => proptest::char::range('\u{370}', '\u{52F}'),
        2 => proptest::char::range('\u{1E00}', '\u{2BFF}'),
        1 => any::<char>(),
    ];
    prop::collection::vec(character, 1..80).prop_map(|characters| characters.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The checks before the number is drawn are enough: what passes them becomes a document, and its XML has every character.
    #[test]
    fn what_was_checked_can_be_rendered(mut texts in prop::collection::vec(texts(), 6)) {
        let mut invoice = cases::short();
        // What cannot be printed is left out, as its author would after the error.
        for text in &mut texts {
            let mut probe = cases::credit_note();
            loop {
                probe.mentions = vec![Mention { subject: None, text: text.clone() }];
                let missing = check_glyphs(&probe).unwrap();
                if missing.is_empty() { break }
                text.retain(|character| missing.iter().all(|missing| missing.character != character));
            }
            if text.trim().is_empty() { *text = "x".to_owned() }
        }
        invoice.mentions = vec![Mention { subject: None, text: texts[0].clone() }];
        invoice.lines[0].description = Some(texts[1].clone());
        let short = |text: &String| text.replace('\n', " ");
        invoice.lines[0].name = short(&texts[2]);
        invoice.buyer.name = short(&texts[3]);
        invoice.adjustments[0].adjustment.reason = short(&texts[4]);
        invoice.references.buyer_order = Some(short(&texts[5]));
        prop_assert_eq!(validate(&invoice), vec![]);
        let rendered = render(&invoice);
        prop_assert!(rendered.is_ok(), "{:?}: {:?}", texts, rendered.err());
    }
}
