//! What [`validate`] refuses, and where it says so.

use bigdecimal::BigDecimal;
use comptoir_documents::*;

use crate::cases::{self, number};

/// The faults of an invoice that was right before it was changed.
fn faults(mut invoice: Invoice, change: impl FnOnce(&mut Invoice)) -> Vec<(String, String)> {
    assert_eq!(validate(&invoice), [], "before the change");
    change(&mut invoice);
    validate(&invoice).into_iter().map(|fault| (fault.rule, fault.pointer)).collect()
}

#[track_caller]
fn refused(invoice: Invoice, rule: &str, pointer: &str, change: impl FnOnce(&mut Invoice)) {
    let found = faults(invoice, change);
    assert!(
        found.contains(&(rule.to_owned(), pointer.to_owned())),
        "{rule} at {pointer} is not among {found:?}"
    );
}

#[test]
fn every_case_is_right() {
    for (name, invoice) in cases::dozen().into_iter().chain(cases::rest()) {
        assert_eq!(validate(&invoice), [], "{name}");
        assert_eq!(check_glyphs(&invoice).unwrap(), [], "{name}");
    }
}

/// Each amount that others follow from, off by one cent: found by the rule that says how it is made.
#[test]
fn a_cent_too_much_is_found_wherever_it_is() {
    type Amount = fn(&mut Invoice) -> &mut BigDecimal;
    let amounts: [(&str, &str, Amount); 12] = [
        ("BT-131", "/lines/0/net", |invoice| &mut invoice.lines[0].net),
        ("BR-S-08", "/vat/0/base", |invoice| &mut invoice.vat[0].base),
        ("BR-CO-17", "/vat/0/tax", |invoice| &mut invoice.vat[0].tax),
        ("BR-CO-10", "/totals/lines", |invoice| &mut invoice.totals.lines),
        ("BR-CO-11", "/totals/discounts", |invoice| invoice.totals.discounts.as_mut().unwrap()),
        ("BR-CO-12", "/totals/charges", |invoice| invoice.totals.charges.as_mut().unwrap()),
        ("BR-CO-13", "/totals/net", |invoice| &mut invoice.totals.net),
        ("BR-CO-14", "/totals/vat", |invoice| &mut invoice.totals.vat),
        ("BR-CO-15", "/totals/gross", |invoice| &mut invoice.totals.gross),
        ("BR-CO-16", "/totals/due", |invoice| &mut invoice.totals.due),
        ("BG-20", "/adjustments/0/adjustment/amount", |invoice| {
            &mut invoice.adjustments[0].adjustment.amount
        }),
        ("BG-20", "/lines/1/adjustments/0/amount", |invoice| &mut invoice.lines[1].adjustments[0].amount),
    ];
    for (rule, pointer, amount) in amounts {
        for cent in ["0.01", "-0.01"] {
            refused(cases::short(), rule, pointer, |invoice| *amount(invoice) += number(cent));
        }
    }
}

/// The VAT of each line, rounded and added, would be another: 26 × 0.125 × 20 %.
#[test]
fn vat_is_rounded_once_for_a_rate() {
    let invoice = cases::rest().into_iter().find(|(name, _)| *name == "half-cents").unwrap().1;
    // 25 lines of 0.13 (0.125, half away from zero) and one of −0.13.
    assert_eq!(invoice.totals.lines, number("3.12"));
    assert_eq!(invoice.totals.vat, number("0.62"));
    refused(invoice, "BR-CO-17", "/vat/0/tax", |invoice| invoice.vat[0].tax = number("0.72"));
}

#[test]
fn what_was_paid_before_adds_up() {
    refused(cases::paid_in_part(), "BT-113", "/totals/prepaid", |invoice| {
        invoice.prepayments.pop();
    });
    refused(cases::paid_in_part(), "BT-113", "/prepayments/1/amount", |invoice| {
        invoice.prepayments[1].vat = Some(number("99.99"));
    });
}

#[test]
fn a_line_that_takes_a_deposit_off_counts_below_zero() {
    let invoice = cases::after_deposits();
    assert_eq!((&invoice.totals.net, &invoice.totals.vat), (&number("3000.00"), &number("600.00")));
    assert_eq!(validate(&invoice), []);
    refused(invoice, "BT-131", "/lines/1/net", |invoice| invoice.lines[1].net = number("1500.00"));
}

/// The same file is read and written by `core/src/commerce/invoices/content.rs`: what is frozen there is the input here.
#[test]
fn what_is_frozen_of_an_invoice_is_read_as_it_is() {
    let invoice: Invoice = serde_json::from_str(include_str!("../frozen.json")).unwrap();
    assert_eq!(validate(&invoice), []);
    assert_eq!(check_glyphs(&invoice).unwrap(), []);
}

#[test]
fn every_category_and_rate_has_its_group() {
    refused(cases::short(), "BR-S-01", "/vat", |invoice| {
        invoice.vat.pop();
    });
    refused(cases::short(), "BR-E-01", "/vat/2", |invoice| {
        let mut other = invoice.vat[0].clone();
        other.vat = cases::vat(Category::E, "0");
        invoice.vat.push(other);
    });
    refused(cases::short(), "BR-S-01", "/vat/2", |invoice| {
        let again = invoice.vat[0].clone();
        invoice.vat.push(again);
    });
}

#[test]
fn the_rules_of_the_standard_point_into_our_input() {
    for (rule, pointer, change) in [
        (
            "BR-AE-10",
            "/vat/0",
            (|invoice| (invoice.vat[0].reason, invoice.vat[0].reason_code) = (None, None))
                as fn(&mut Invoice),
        ),
        ("BR-AE-02", "", |invoice| invoice.buyer.vat_number = None),
        ("BR-CL-14", "/buyer/address/country", |invoice| invoice.buyer.address.country = "XX".to_owned()),
        ("BR-CL-04", "/currency", |invoice| invoice.currency = "EURO".to_owned()),
        ("BR-CL-23", "/lines/0/unit/code", |invoice| invoice.lines[0].unit.code = "stück".to_owned()),
    ] {
        let found = faults(cases::reverse_charge(), change);
        assert!(
            found.iter().any(|(found, at)| found == rule && at.starts_with(pointer)),
            "{rule} at {pointer} is not among {found:?}"
        );
    }
}

#[test]
fn a_french_seller_keeps_the_french_rules() {
    type Change = fn(&mut Invoice);
    let changes: [(&str, &str, Change); 18] = [
        ("BR-FR-01", "/number", |invoice| invoice.number = "F".repeat(36)),
        ("BR-FR-02", "/number", |invoice| invoice.number = "FA 2026 1".to_owned()),
        ("BR-FR-03", "/issue_date", |invoice| invoice.issue_date = cases::day("1999-12-31")),
        ("BR-FR-05", "/terms/recovery_fee", |invoice| invoice.terms.recovery_fee = None),
        ("BR-FR-05", "/terms/late_payment_rate", |invoice| invoice.terms.late_payment_rate = None),
        ("BR-FR-05", "/terms/early_payment", |invoice| invoice.terms.early_payment = None),
        ("BR-FR-09", "/seller/identifiers/0/value", |invoice| {
            invoice.seller.identifiers[0].value = "55210055400013".to_owned();
        }),
        ("BR-FR-10", "/seller/legal_id", |invoice| invoice.seller.legal_id = None),
        ("BR-FR-11", "/buyer/legal_id", |invoice| invoice.buyer.legal_id = None),
        ("BR-FR-12", "/buyer/electronic_address", |invoice| invoice.buyer.electronic_address = None),
        ("BR-FR-13", "/seller/electronic_address", |invoice| invoice.seller.electronic_address = None),
        ("BR-FR-16", "/lines/0/vat/rate", |invoice| invoice.lines[0].vat.rate = Some(number("19"))),
        ("BR-FR-21", "/buyer/electronic_address", |invoice| {
            invoice.buyer.electronic_address = Some(cases::id("0225", "732829320"));
        }),
        ("BR-FR-23", "/buyer/electronic_address/value", |invoice| {
            invoice.buyer.electronic_address = Some(cases::id("0225", "552100554 X"));
        }),
        ("BR-FR-CO-07", "/due_date", |invoice| invoice.due_date = Some(cases::day("2026-11-29"))),
        ("BR-FR-CO-10", "/buyer/identifiers/1/scheme", |invoice| {
            let again = invoice.buyer.identifiers[0].clone();
            invoice.buyer.identifiers.push(again);
        }),
        ("BR-FR-CO-12", "/totals/vat_accounted", |invoice| invoice.currency = "USD".to_owned()),
        ("BR-FR-CO-15", "/seller/identifiers/1", |invoice| {
            invoice.seller.identifiers.push(cases::id("0231", "732829320"));
        }),
    ];
    for (rule, pointer, change) in changes {
        refused(cases::short(), rule, pointer, change);
    }
    refused(cases::credit_note(), "BR-FR-CO-05", "/references/preceding", |invoice| {
        invoice.references.preceding.clear();
    });
}

#[test]
fn nobody_else_is_asked_for_them() {
    let invoice = cases::rest().into_iter().find(|(name, _)| *name == "german-seller").unwrap().1;
    assert!(
        invoice.terms.recovery_fee.is_none() && invoice.seller.legal_id.as_ref().unwrap().scheme.is_none()
    );
    assert_eq!(validate(&invoice), []);
}

#[test]
fn what_is_too_large_is_refused_before_it_costs_anything() {
    let short = cases::short;
    refused(short(), "limit", "/lines", |invoice| invoice.lines = vec![invoice.lines[0].clone(); 5_001]);
    refused(short(), "limit", "/lines/1/adjustments", |invoice| {
        let adjustments = &mut invoice.lines[1].adjustments;
        *adjustments = vec![adjustments[0].clone(); limits::LINE_ADJUSTMENTS + 1];
    });
    refused(short(), "limit", "/mentions/0/text", |invoice| {
        invoice.mentions = vec![Mention { subject: None, text: "x".repeat(5_001) }];
    });
    refused(short(), "limit", "/buyer/name", |invoice| invoice.buyer.name = "x".repeat(251));
    refused(short(), "limit", "/buyer/name", |invoice| invoice.buyer.name = "two\nlines".to_owned());
    refused(short(), "limit", "/buyer/name", |invoice| invoice.buyer.name = " ".to_owned());
    refused(short(), "limit", "/lines/0/net", |invoice| invoice.lines[0].net = number("1e300"));
    refused(short(), "limit", "/style/accent", |invoice| invoice.style.accent = Some("red".to_owned()));
    refused(short(), "limit", "/style/logo", |invoice| invoice.style.logo = Some(b"GIF89a".to_vec()));
    refused(short(), "limit", "/seller", |invoice| invoice.seller.register = Some("RCS ".repeat(60)));
    refused(short(), "BT-129", "/lines/0/quantity", |invoice| invoice.lines[0].quantity = number("1.00001"));
    refused(short(), "BT-146", "/lines/0/unit_price", |invoice| {
        invoice.lines[0].unit_price = number("0.0000001");
    });
    refused(short(), "BR-DEC-14", "/totals/gross", |invoice| invoice.totals.gross = number("1.001"));
}

#[test]
fn a_logo_that_lies_about_its_size_is_refused() {
    let mut png = cases::logo();
    assert_eq!(check_logo(&png), Ok((360, 120)));
    // The width in IHDR.
    png[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(check_logo(&png).is_err());
    let cut = &cases::logo()[..200];
    assert!(matches!(check_logo(cut), Err(LogoError::Unreadable(_))));
    assert_eq!(
        check_logo(&vec![0; limits::LOGO_BYTES + 1]),
        Err(LogoError::TooLarge(limits::LOGO_BYTES + 1))
    );
}

#[test]
fn characters_that_cannot_be_printed_are_named_with_their_field() {
    let mut invoice = cases::short();
    invoice.lines[1].name = "茶 noir".to_owned();
    invoice.buyer.name = "שלום".to_owned();
    invoice.mentions = vec![Mention { subject: None, text: "un\u{7}deux 🙂".to_owned() }];
    let missing = check_glyphs(&invoice).unwrap();
    let told: Vec<_> = missing.iter().map(|missing| (missing.pointer.as_str(), missing.character)).collect();
    for expected in [
        ("/lines/1/name", '茶'),
        ("/buyer/name", 'ש'),
        ("/mentions/0/text", '\u{7}'),
        ("/mentions/0/text", '🙂'),
    ] {
        assert!(told.contains(&expected), "{expected:?} is not among {told:?}");
    }
    assert!(missing.iter().all(|missing| missing.to_string().contains("U+")));
    assert!(matches!(render(&invoice), Err(RenderError::Glyphs(_))));
}

#[test]
fn json_has_no_floats_and_no_unknown_members() {
    let invoice = cases::odd();
    let json = serde_json::to_value(&invoice).unwrap();
    assert_eq!(json["lines"][0]["quantity"], "123456789.1234");
    assert_eq!(serde_json::from_value::<Invoice>(json.clone()).unwrap(), invoice);
    let mut floats = json.clone();
    floats["lines"][0]["quantity"] = serde_json::json!(1.5);
    assert!(serde_json::from_value::<Invoice>(floats).is_err());
    let mut unknown = json;
    unknown["colour"] = serde_json::json!("red");
    assert!(serde_json::from_value::<Invoice>(unknown).is_err());
}
