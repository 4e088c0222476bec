use proptest::prelude::*;

use super::super::content::tests::content;
use super::super::totals::{Adjustment, AdjustmentValue, DocumentAdjustment, Line, LineVat, Totals};
use super::*;
use crate::commerce::vat::Category;

fn money(text: &str) -> Money {
    Money::parse(text).expect("an amount")
}

fn units(text: &str) -> Units {
    Units::parse(text).expect("an amount")
}

fn standard(rate: &str) -> Vat {
    Vat { category: Category::Standard, rate: VatRate::parse(rate).ok() }
}

/// An invoice of lines at 20 %: quantity, price, and what its discounts take off.
fn original(lines: &[(&str, &str, &str)]) -> Original {
    let mut content = content("FA-2026-000001");
    let pattern = content.lines.remove(0);
    let mut sum = Money::zero();
    for (index, (quantity, price, discount)) in lines.iter().enumerate() {
        let quantity = Quantity::parse(quantity).expect("a quantity");
        let unit_price = UnitPrice::parse(price).expect("a price");
        let net = unit_price.times(&quantity).minus(&money(discount));
        sum = sum.plus(&net);
        let position = (index + 1).to_string();
        content.lines.push(content::Line { position, quantity, unit_price, net, ..pattern.clone() });
    }
    let known =
        OriginalLine { product_id: None, source: None, nature: Nature::Goods, credited: LineCredit::none() };
    content.vat[0].tax = VatRate::parse("20").expect("a rate").of(&sum);
    content.vat[0].base = sum;
    Original { lines: vec![known; lines.len()], content, groups: Vec::new(), is_deposit: false }
}

/// The totals of a credit note, calculated as those of an invoice.
fn totals(credit: &Credit) -> Totals {
    let vat = |vat: &DraftVat| LineVat {
        category: vat.category.expect("the invoice's"),
        rate: Some(vat.rate.clone()),
    };
    let adjustment = |given: &Reasoned| Adjustment {
        kind: given.kind,
        value: match &given.value {
            ReasonedValue::Amount(amount) => AdjustmentValue::Amount(amount.clone()),
            ReasonedValue::Percent(percent) => AdjustmentValue::Percent(percent.clone()),
        },
    };
    let lines: Vec<Line> = credit
        .lines
        .iter()
        .map(|line| Line {
            quantity: line.quantity.clone(),
            takes_off: line.role == LineRole::TakesDepositOff,
            unit_price: line.unit_price.clone(),
            adjustments: line.adjustments.iter().map(adjustment).collect(),
            vat: vat(&line.vat),
        })
        .collect();
    let adjustments: Vec<DocumentAdjustment> = credit
        .adjustments
        .iter()
        .map(|one| DocumentAdjustment { adjustment: adjustment(&one.adjustment), vat: vat(&one.vat) })
        .collect();
    Totals::of(&lines, &adjustments, &Money::zero()).expect("totals")
}

/// Notes what a credit note gives back, as its validation does.
fn note(original: &mut Original, credit: &Credit) -> Totals {
    let totals = totals(credit);
    for (entry, net) in credit.entries.iter().zip(&totals.line_nets) {
        assert_eq!(&entry.net, net, "what a line gives back is what it comes to");
        let Some(position) = entry.line else { continue };
        let line = &mut original.lines[usize::try_from(position).expect("small") - 1].credited;
        line.net = line.net.plus(&entry.net);
        if let Some(quantity) = &entry.quantity {
            line.quantity = line.quantity.plus(quantity);
            line.by_quantity = line.by_quantity.plus(&entry.net);
        }
    }
    for group in &totals.groups {
        let vat = Vat { category: group.vat.category, rate: group.vat.rate.clone() };
        match original.groups.iter_mut().find(|known| known.vat == vat) {
            Some(known) => {
                (known.base, known.tax) = (known.base.plus(&group.base), known.tax.plus(&group.amount));
            }
            None => {
                original.groups.push(GroupCredit {
                    vat,
                    base: group.base.clone(),
                    tax: group.amount.clone(),
                });
            }
        }
    }
    totals
}

fn part(line: i16, quantity: &str) -> CreditPart {
    CreditPart::Quantity { line, quantity: Quantity::parse(quantity).expect("a quantity") }
}

fn credited(original: &mut Original, wanted: &WantedCredit) -> Totals {
    let credit = original.credit(wanted).expect("possible").expect("something is left");
    note(original, &credit)
}

fn refused(original: &Original, parts: Vec<CreditPart>) -> Vec<(String, &'static str, Option<String>)> {
    let faults = original.credit(&WantedCredit::Parts(parts)).expect_err("refused");
    let shown = |fault: FieldError| (fault.pointer, fault.code, fault.available.map(String::from));
    faults.into_iter().map(shown).collect()
}

/// What a credit note gives back by quantity can be invoiced anew; an amount cannot.
#[test]
fn quantities_move_back_to_their_orders_and_amounts_do_not() {
    let mut original = original(&[("4", "10", "0"), ("2", "5", "0"), ("1", "7", "0")]);
    let source = |position| Source { order_id: OrderId::generate(), position };
    let (first, second) = (source(1), source(9));
    original.lines[0].source = Some(first);
    original.lines[1].source = Some(second);
    let parts = vec![
        CreditPart::Quantity { line: 1, quantity: Quantity::parse("3").expect("a quantity") },
        CreditPart::Line { line: 2, amount: money("1.00") },
        CreditPart::Quantity { line: 3, quantity: Quantity::parse("1").expect("a quantity") },
    ];
    let credit = original.credit(&WantedCredit::Parts(parts)).expect("possible").expect("something");
    let moved = credit.moved();
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert_eq!((moved[0].order_id, moved[0].position), (first.order_id, 1));
    assert_eq!(moved[0].quantity, BigDecimal::from(-3));
}

#[test]
fn a_line_is_given_back_at_the_invoices_price_and_the_last_part_gets_the_cents() {
    // 3 × 33.335 = 100.005, which is 100.01.
    let mut invoice = original(&[("3", "33.335", "0")]);
    let nets: Vec<String> = (0..3)
        .map(|_| credited(&mut invoice, &WantedCredit::Parts(vec![part(1, "1")])).lines.to_string())
        .collect();
    assert_eq!(nets, ["33.34", "33.33", "33.34"]);
    let expected = [("/lines/0/quantity".to_owned(), "exceeds_invoice", Some("0".to_owned()))];
    assert_eq!(refused(&invoice, vec![part(1, "0.0001")]), expected);
    assert_eq!(invoice.credit(&WantedCredit::Rest), Ok(None), "nothing is left");
}

#[test]
fn what_is_too_much_is_refused_with_what_is_left_to_the_cent() {
    let mut invoice = original(&[("2", "10", "0"), ("1", "5", "0")]);
    let amount = |line, text: &str| CreditPart::Line { line, amount: money(text) };
    credited(&mut invoice, &WantedCredit::Parts(vec![amount(1, "4.01")]));
    let left = |pointer: &str, left: &str| (pointer.to_owned(), "exceeds_invoice", Some(left.to_owned()));
    assert_eq!(refused(&invoice, vec![amount(1, "16.00")]), [left("/lines/0/amount", "15.99")]);
    assert_eq!(
        refused(&invoice, vec![amount(1, "10"), amount(1, "6")]),
        [left("/lines/1/amount", "5.99")],
        "two parts of one line count together"
    );
    assert_eq!(refused(&invoice, vec![part(1, "2")]), [left("/lines/0/quantity", "15.99")]);
    let group = |text: &str| CreditPart::Group { vat: standard("20"), amount: money(text) };
    assert_eq!(refused(&invoice, vec![group("21.00")]), [left("/lines", "20.99")]);
    let unknown =
        refused(&invoice, vec![part(3, "1"), CreditPart::Group { vat: standard("5.5"), amount: money("1") }]);
    let codes: Vec<_> = unknown.iter().map(|(_, code, _)| *code).collect();
    assert_eq!(codes, ["unknown_line", "unknown_vat"]);
    let rest = credited(&mut invoice, &WantedCredit::Rest);
    assert_eq!((rest.net, invoice.groups[0].base.clone()), (money("20.99"), money("25.00")));
}

#[test]
fn discounts_of_a_line_and_of_the_whole_are_given_back_in_proportion() {
    let mut invoice = original(&[("4", "10", "4.00"), ("1", "60", "0")]);
    // 36 + 60 − 9.60 = 86.40.
    invoice.content.adjustments.push(content::DocumentAdjustment {
        adjustment: content::Adjustment {
            kind: AdjustmentKind::Discount,
            reason: "Remise".to_owned(),
            percent: None,
            base: None,
            amount: money("9.60"),
        },
        vat: standard("20"),
    });
    (invoice.content.vat[0].base, invoice.content.vat[0].tax) = (money("86.40"), money("17.28"));
    let some = credited(&mut invoice, &WantedCredit::Parts(vec![part(1, "2")]));
    // Half of 36, less a tenth of that.
    assert_eq!((some.lines, some.discounts, some.net), (money("18"), money("1.80"), money("16.20")));
    let rest = credited(&mut invoice, &WantedCredit::Rest);
    assert_eq!((rest.net, rest.gross), (money("70.20"), money("84.24")));
    assert_eq!(invoice.groups[0].base, money("86.40"));
}

#[test]
fn a_deposit_that_was_taken_off_comes_back_with_the_whole_rest() {
    let mut invoice = original(&[("1", "100", "0")]);
    let taken = content::Line {
        position: "2".to_owned(),
        quantity: Quantity::stored(BigDecimal::from(-1)),
        unit_price: UnitPrice::parse("30").expect("a price"),
        net: money("-30"),
        ..invoice.content.lines[0].clone()
    };
    invoice.content.lines.push(taken);
    invoice.lines.push(invoice.lines[0].clone());
    (invoice.content.vat[0].base, invoice.content.vat[0].tax) = (money("70"), money("14"));
    let codes: Vec<_> =
        refused(&invoice, vec![part(2, "1")]).into_iter().map(|(pointer, code, _)| (pointer, code)).collect();
    assert_eq!(codes, [("/lines/0/line".to_owned(), "takes_deposit_off")]);
    let too_much = refused(&invoice, vec![part(1, "1")]);
    assert_eq!(too_much, [("/lines".to_owned(), "exceeds_invoice", Some("70.00".to_owned()))]);
    let credit = invoice.credit(&WantedCredit::Rest).expect("possible").expect("something");
    assert!(credit.gives_deposits_back());
    assert_eq!((credit.entries[1].net.clone(), totals(&credit).gross), (money("-30"), money("84")));
}

#[test]
fn freight_that_is_left_alone_is_given_back() {
    let mut invoice = original(&[("1", "10", "0")]);
    invoice.content.adjustments.push(content::DocumentAdjustment {
        adjustment: content::Adjustment {
            kind: AdjustmentKind::Charge,
            reason: "Frais de port".to_owned(),
            percent: None,
            base: None,
            amount: money("6.90"),
        },
        vat: standard("20"),
    });
    (invoice.content.vat[0].base, invoice.content.vat[0].tax) = (money("16.90"), money("3.38"));
    assert_eq!(credited(&mut invoice, &WantedCredit::Parts(vec![part(1, "1")])).net, money("10"));
    assert_eq!(credited(&mut invoice, &WantedCredit::Rest).gross, money("8.28"));
    assert_eq!(invoice.credit(&WantedCredit::Rest), Ok(None));
}

#[test]
fn the_lines_that_take_a_deposit_off_repeat_its_vat() {
    let mut deposit = original(&[("1", "30", "0")]);
    deposit.is_deposit = true;
    let lines = taking_off(&deposit, Language::En);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].role, lines[0].unit_price.to_string()),
        (LineRole::TakesDepositOff, "30.00".to_owned())
    );
    assert_eq!(
        (lines[0].vat.category, lines[0].vat.rate.to_string()),
        (Some(Category::Standard), "20".to_owned())
    );
    assert!(lines[0].name.as_str().contains("FA-2026-000001"), "{}", lines[0].name);
    let credit = deposit.credit(&WantedCredit::Rest).expect("possible").expect("something");
    assert_eq!(credit.lines[0].role, LineRole::Deposit);
    assert!(units("1") == deposit.quantity_left(1) && deposit.quantity_left(2).is_zero());
}

#[test]
fn a_deposit_of_goods_and_services_at_one_rate_is_taken_off_of_both() {
    let mut deposit = original(&[("1", "30", "0"), ("1", "20", "0")]);
    deposit.lines[1].nature = Nature::Service;
    let lines = taking_off(&deposit, Language::En);
    let shown: Vec<_> = lines.iter().map(|line| (line.nature, line.unit_price.to_string())).collect();
    assert_eq!(shown, [(Nature::Goods, "30.00".to_owned()), (Nature::Service, "20.00".to_owned())]);
    deposit.lines[0].nature = Nature::Service;
    let lines = taking_off(&deposit, Language::En);
    assert_eq!((lines.len(), lines[0].unit_price.to_string()), (1, "50.00".to_owned()));
}

proptest! {
    /// However an invoice is given back by parts: it is given back whole in the end, and never more of it.
    #[test]
    fn parts_and_the_rest_come_to_the_invoice(
        lines in prop::collection::vec((1u32..50, 1u32..100_000), 1..6),
        parts in prop::collection::vec((1i16..6, 1u32..20), 0..8),
    ) {
        let given: Vec<(String, String)> = lines
            .iter()
            .map(|(quantity, price)| (quantity.to_string(), format!("{}.{:03}", price / 1000, price % 1000)))
            .collect();
        let given: Vec<_> = given.iter().map(|(quantity, price)| (quantity.as_str(), price.as_str(), "0")).collect();
        let mut invoice = original(&given);
        let whole = invoice.content.vat[0].base.plus(&invoice.content.vat[0].tax);
        let mut gross = Money::zero();
        for (line, quantity) in parts {
            let wanted = WantedCredit::Parts(vec![part(line, &quantity.to_string())]);
            if let Ok(Some(credit)) = invoice.credit(&wanted) {
                gross = gross.plus(&note(&mut invoice, &credit).gross);
            }
            prop_assert!(gross.value() <= whole.value(), "{} of {}", gross, whole);
        }
        // There is no base that comes to 0.03 with 20 % of VAT: then a second one gives the last cent back.
        for _ in 0..2 {
            if let Some(credit) = invoice.credit(&WantedCredit::Rest).expect("the rest is always possible") {
                gross = gross.plus(&note(&mut invoice, &credit).gross);
            }
        }
        prop_assert_eq!(gross, whole);
        prop_assert_eq!(invoice.credit(&WantedCredit::Rest), Ok(None));
    }
}
