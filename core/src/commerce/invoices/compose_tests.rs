use super::super::content::Treatment;
use super::super::draft::tests::{draft, line};
use super::super::draft::{
    Correction, DraftAdjustment, DraftReason, DraftVat, InvoiceReason, Period, Reasoned, ReasonedValue,
    Source, WantedCredit,
};
use super::super::totals::AdjustmentKind;
use super::*;
use crate::commerce::vat::Category;
use crate::values::contact::{AddressLine, Country, VatNumber};
use crate::values::ids::InvoiceId;
use crate::values::language::Language;
use crate::values::money::{UnitPrice, VatRate};
use crate::values::party::{CustomerKind, LegalForm, TradeRegister, VatScheme};
use crate::values::payment_terms::PaymentTerms;
use crate::values::registration::Registration;

fn address(country: &str, postal_code: &str) -> PostalAddress {
    PostalAddress {
        line1: AddressLine::parse("12 rue des Carmes").expect("valid"),
        line2: None,
        postal_code: AddressLine::parse(postal_code).ok(),
        city: AddressLine::parse("Nantes").expect("valid"),
        country: Country::parse(country).expect("valid"),
    }
}

fn seller() -> Seller {
    Seller {
        name: "Comptoir des Docks".to_owned(),
        address: Some(address("FR", "44000")),
        registration: Registration::parse("siret", "73282932000074").ok(),
        vat_number: VatNumber::parse("FR44732829320").ok(),
        currency: Currency::euro(),
        language: Language::Fr,
        legal_form: LegalForm::parse("SAS").ok(),
        share_capital: Money::parse("10000").ok(),
        trade_register: TradeRegister::parse("RCS Nantes").ok(),
        vat_scheme: VatScheme::Normal,
        vat_due_on: VatDueOn::Payments,
        one_stop_shop: false,
        electronic_address: None,
        iban: Iban::parse("FR1420041010050500013M02606").ok(),
        bic: None,
        late_interest_rate: None,
    }
}

fn buyer() -> Buyer {
    Buyer {
        name: "Librairie des Carmes".to_owned(),
        vat_number: VatNumber::parse("FR40303265045").ok(),
        address: Some(address("FR", "75001")),
        delivery_address: None,
        kind: Some(CustomerKind::Business),
        legal_form: None,
        registration: Registration::parse("siren", "303265045").ok(),
        electronic_address: None,
        language: None,
        payment_terms: None,
    }
}

fn german() -> Buyer {
    Buyer {
        vat_number: VatNumber::parse("DE136695976").ok(),
        address: Some(address("DE", "10115")),
        registration: None,
        ..buyer()
    }
}

fn today() -> BusinessDate {
    BusinessDate::parse("2026-11-30").expect("a date")
}

fn composed(draft: &Draft, seller: &Seller, buyer: &Buyer) -> Content {
    let composed = compose(draft, seller, buyer, today(), &Named::default());
    composed.expect("complete").numbered("FA-2026-000001")
}

/// Pointers and codes of what is wrong.
fn faults(draft: &Draft, seller: &Seller, buyer: &Buyer) -> Vec<(String, &'static str)> {
    let faults = compose(draft, seller, buyer, today(), &Named::default()).expect_err("refused");
    faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

fn expected(faults: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    faults.iter().map(|(pointer, code)| ((*pointer).to_owned(), *code)).collect()
}

#[test]
fn a_french_invoice_says_what_the_law_wants() {
    let content = composed(&draft(vec![line("Earl Grey, 250 g", "2", "12.50", "5.5")]), &seller(), &buyer());
    assert_eq!((content.number.as_str(), content.issue_date), ("FA-2026-000001", today()));
    assert_eq!(content.due_date.to_string(), "2026-12-30");
    assert_eq!(content.treatment, Some(Treatment::Business));
    assert_eq!(content.totals.gross.to_string(), "26.38");
    let payment = content.payment.expect("an account");
    assert_eq!((payment.means.as_str(), payment.reference.as_str()), ("58", "FA-2026-000001"));
    let subjects: Vec<_> = content.mentions.iter().filter_map(|note| note.subject.as_deref()).collect();
    assert_eq!(subjects, ["REG", "PMD", "PMT", "AAB"]);
    let seller = content.seller;
    let electronic = seller.electronic_address.expect("derived");
    assert_eq!((electronic.scheme.as_deref(), electronic.value.as_str()), (Some("0225"), "732829320"));
    assert_eq!(seller.legal_id.expect("a SIREN").value, "732829320");
    assert_eq!(seller.identifiers.len(), 1);
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let nobody =
        Seller { registration: None, vat_number: None, legal_form: None, trade_register: None, ..seller() };
    let unknown = Buyer { registration: None, ..buyer() };
    assert_eq!(
        faults(&draft(vec![line("Tea", "1", "1", "20")]), &nobody, &unknown),
        expected(&[
            ("/tenant/vat_number", "seller_vat_number_missing"),
            ("/tenant/registration", "seller_siren_missing"),
            ("/tenant/invoicing/legal_form", "legal_form_missing"),
            ("/tenant/invoicing/trade_register", "trade_register_missing"),
            ("/customer/invoicing/registration", "customer_siren_missing"),
        ])
    );
    let nowhere = Buyer { address: None, kind: None, ..buyer() };
    assert_eq!(
        faults(&draft(vec![]), &Seller { address: None, ..seller() }, &nowhere),
        expected(&[
            ("/tenant/address", "seller_address_missing"),
            ("/customer/addresses", "customer_address_missing"),
            ("/customer/invoicing/kind", "customer_kind_missing"),
            ("/draft/lines", "wrong_length"),
        ])
    );
}

#[test]
fn what_is_wrong_with_a_line_is_said_of_that_line() {
    let mut wrong = draft(vec![
        line("Tea", "1", "1", "19.6"),
        line("Pot", "1.00001", "1", "20"),
        line("Cup", "1", "1", "0"),
    ]);
    wrong.lines[1].adjustments.push(Reasoned {
        kind: AdjustmentKind::Discount,
        reason: InvoiceReason::parse("Remise").expect("valid"),
        value: ReasonedValue::Amount(Money::parse("2").expect("valid")),
    });
    wrong.issue_date = BusinessDate::parse("2026-12-01").ok();
    wrong.due_on = BusinessDate::parse("2026-11-30").ok();
    assert_eq!(
        faults(&wrong, &seller(), &buyer()),
        expected(&[
            ("/draft/issue_date", "in_the_future"),
            ("/draft/lines/0/vat", "not_a_rate"),
            ("/draft/lines/1/quantity", "too_precise"),
            ("/draft/lines/1/adjustments", "negative_line"),
            ("/draft/lines/2/vat", "exemption_missing"),
            ("/draft/due_on", "due_before_issue"),
        ])
    );
    let late =
        Draft { due_on: BusinessDate::parse("2027-01-30").ok(), ..draft(vec![line("Tea", "1", "1", "20")]) };
    assert_eq!(faults(&late, &seller(), &buyer()), expected(&[("/draft/due_on", "terms_beyond_law")]));
}

#[test]
fn an_invoice_of_a_month_is_due_within_45_days_and_says_what_was_agreed() {
    let agreed = Buyer { payment_terms: PaymentTerms::new(60, false).ok(), ..buyer() };
    let mut sold = draft(vec![line("Tea", "1", "1", "20")]);
    let (issued, single) = ("2026-11-30", "2027-01-29");
    sold.issue_date = BusinessDate::parse(issued).ok();
    let due = |sold: &Draft| {
        let content = composed(sold, &seller(), &agreed);
        let said = content.mentions.iter().filter(|note| note.text.contains("maximum légal")).count();
        (content.due_date.to_string(), said)
    };
    assert_eq!(due(&sold), (single.to_owned(), 0));
    sold.period = Period::month("2026-11").ok();
    assert_eq!(due(&sold), ("2027-01-14".to_owned(), 1));
    sold.due_on = BusinessDate::parse("2027-01-10").ok();
    assert_eq!(due(&sold), ("2027-01-10".to_owned(), 0), "chosen");
    sold.due_on = BusinessDate::parse(single).ok();
    assert_eq!(faults(&sold, &seller(), &agreed), expected(&[("/draft/due_on", "terms_beyond_law")]));
}

#[test]
fn goods_to_another_member_state_say_why_they_bear_no_vat() {
    let content = composed(&draft(vec![line("Tea", "1", "100", "20")]), &seller(), &german());
    let group = &content.vat[0];
    assert_eq!(
        (group.vat.category, group.reason_code.as_deref()),
        (Category::IntraCommunity, Some("VATEX-EU-IC"))
    );
    assert!(group.reason.as_deref().is_some_and(|reason| reason.contains("262 ter")));
    assert_eq!(
        (content.totals.vat.to_string(), content.totals.gross.to_string()),
        ("0.00".to_owned(), "100.00".to_owned())
    );
    assert_eq!(content.delivery.address.expect("an address").country, "DE");
    assert_eq!(content.treatment, Some(Treatment::ForeignBusiness));
    let english = Buyer { language: Some(Language::En), ..german() };
    let content = composed(&draft(vec![line("Tea", "1", "100", "20")]), &seller(), &english);
    assert!(content.vat[0].reason.as_deref().is_some_and(|reason| reason.starts_with("Intra-Community")));
}

#[test]
fn the_delivery_address_decides_for_goods_and_the_customers_for_services() {
    let mut sold = draft(vec![line("Tea", "1", "100", "20")]);
    sold.delivery_address = Some(address("FR", "67000"));
    assert_eq!(composed(&sold, &seller(), &german()).vat[0].vat.category, Category::Standard);
    sold.lines[0].nature = Nature::Service;
    let content = composed(&sold, &seller(), &german());
    assert_eq!(
        (content.vat[0].vat.category, content.vat_due),
        (Category::ReverseCharge, Some(VatDue::OnPayment))
    );
    assert_eq!(content.operations, Operations::Services);
}

#[test]
fn goods_that_leave_from_a_warehouse_abroad_are_decided_by_hand() {
    let order_id = OrderId::generate();
    let mut sold = draft(vec![line("Tea", "1", "100", "20")]);
    sold.lines[0].source = Some(Source { order_id, position: 1 });
    let from = |country, postal_code| Named {
        leaves_from: HashMap::from([(order_id, address(country, postal_code))]),
        ..Named::default()
    };
    let code = |draft: &Draft, named: &Named| {
        let composed = compose(draft, &seller(), &buyer(), today(), named);
        composed.map_or_else(|faults| faults[0].code, |_| "")
    };
    assert_eq!(code(&sold, &from("FR", "69001")), "");
    assert_eq!(code(&sold, &from("MC", "98000")), "", "Monaco is France");
    assert_eq!(code(&sold, &from("DE", "10115")), "leaves_from_elsewhere");
    let deposit = Draft { deposit_of: Some(order_id), ..draft(vec![line("Acompte", "1", "30", "20")]) };
    assert_eq!(code(&deposit, &from("DE", "10115")), "leaves_from_elsewhere");
    let mut service = sold.clone();
    service.lines[0].nature = Nature::Service;
    assert_eq!(code(&service, &from("DE", "10115")), "", "a service leaves from nowhere");
    let free = draft(vec![line("Tea", "1", "100", "20")]);
    assert_eq!(code(&free, &from("DE", "10115")), "", "not of that order");
    sold.lines[0].vat.category = Some(Category::Standard);
    assert_eq!(code(&sold, &from("DE", "10115")), "", "chosen by hand");
}

#[test]
fn somebody_may_choose_and_has_to_say_why() {
    let mut sold = draft(vec![line("Works", "1", "100", "0")]);
    sold.lines[0].vat.category = Some(Category::ReverseCharge);
    assert_eq!(faults(&sold, &seller(), &buyer()), expected(&[("/draft/lines/0/vat", "vat_does_not_fit")]));
    let text = InvoiceReason::parse("Autoliquidation, article 283, 2 nonies du CGI").expect("valid");
    sold.lines[0].vat.reason = Some(DraftReason { code: Some("VATEX-EU-AE".to_owned()), text });
    let content = composed(&sold, &seller(), &buyer());
    assert_eq!(content.vat[0].vat.category, Category::ReverseCharge);
    let why = compose(&sold, &seller(), &buyer(), today(), &Named::default()).expect("complete").whys;
    assert_eq!(why, ["chosen by hand"]);
    sold.lines[0].vat.rate = VatRate::parse("20").expect("valid");
    assert_eq!(faults(&sold, &seller(), &buyer()), expected(&[("/draft/lines/0/vat", "vat_does_not_fit")]));
}

#[test]
fn what_is_not_subject_stands_alone_and_reasons_are_one_for_each_category() {
    let not_subject = DraftVat {
        rate: VatRate::parse("0").expect("valid"),
        category: Some(Category::NotSubject),
        reason: Some(DraftReason { code: None, text: InvoiceReason::parse("Débours").expect("valid") }),
    };
    let mut sold = draft(vec![line("Tea", "1", "100", "20"), line("Stamps", "1", "5", "0")]);
    sold.lines[1].vat = not_subject.clone();
    assert_eq!(faults(&sold, &seller(), &buyer()), expected(&[("/draft/lines", "mixes_not_subject")]));
    sold.lines[0].vat = DraftVat {
        reason: Some(DraftReason { code: None, text: InvoiceReason::parse("Autre").expect("valid") }),
        ..not_subject
    };
    assert_eq!(faults(&sold, &seller(), &buyer()), expected(&[("/draft/lines", "several_reasons")]));
}

#[test]
fn a_discount_of_the_whole_is_shown_with_what_it_is_of() {
    let mut sold = draft(vec![line("Tea", "2", "50", "20"), line("Book", "1", "10", "5.5")]);
    sold.adjustments.push(DraftAdjustment {
        adjustment: Reasoned {
            kind: AdjustmentKind::Discount,
            reason: InvoiceReason::parse("Remise de fin d\u{2019}année").expect("valid"),
            value: ReasonedValue::Percent(VatRate::parse("10").expect("valid")),
        },
        nature: Nature::Goods,
        vat: sold.lines[0].vat.clone(),
    });
    let content = composed(&sold, &seller(), &buyer());
    let discount = &content.adjustments[0].adjustment;
    assert_eq!(
        (discount.base.as_ref().map(ToString::to_string), discount.amount.to_string()),
        (Some("100.00".to_owned()), "10.00".to_owned())
    );
    assert_eq!(
        (content.totals.discounts.to_string(), content.totals.net.to_string()),
        ("10.00".to_owned(), "100.00".to_owned())
    );
}

#[test]
fn a_consumer_is_not_told_of_interest_and_fees() {
    let consumer =
        Buyer { kind: Some(CustomerKind::Consumer), registration: None, vat_number: None, ..buyer() };
    let content = composed(&draft(vec![line("Tea", "1", "1", "20")]), &seller(), &consumer);
    let subjects: Vec<_> = content.mentions.iter().filter_map(|note| note.subject.as_deref()).collect();
    assert_eq!((subjects, content.due_date), (vec!["REG"], today()));
}

#[test]
fn a_seller_elsewhere_says_nothing_of_french_law() {
    let subjects = |seller: &Seller, customer: &Buyer| {
        let mut sold = draft(vec![line("Conseil", "1", "100", "8.1")]);
        sold.lines[0].nature = Nature::Service;
        let content = composed(&sold, seller, customer);
        let notes = content.mentions.into_iter().filter_map(|note| note.subject);
        (notes.collect::<Vec<_>>(), content.treatment)
    };
    let swiss = Seller {
        address: Some(address("CH", "1201")),
        registration: Registration::parse("foreign", "CHE-100.155.212").ok(),
        vat_number: None,
        vat_due_on: VatDueOn::Debits,
        ..seller()
    };
    let at_home =
        Buyer { address: Some(address("CH", "1201")), registration: None, vat_number: None, ..buyer() };
    assert_eq!(subjects(&swiss, &at_home), (vec![], None));
    let agreed = Seller { late_interest_rate: VatRate::parse("5").ok(), ..swiss };
    assert_eq!(subjects(&agreed, &at_home), (vec!["PMD".to_owned()], None));
}

#[test]
fn only_who_is_in_the_registers_of_france_needs_a_siren() {
    let sold = draft(vec![line("Tea", "1", "100", "20")]);
    for (country, postal_code, treatment) in
        [("MC", "98000", Treatment::ForeignBusiness), ("NC", "98800", Treatment::ForeignBusiness)]
    {
        let customer = Buyer { address: Some(address(country, postal_code)), registration: None, ..buyer() };
        assert_eq!(composed(&sold, &seller(), &customer).treatment, Some(treatment), "{country}");
    }
    let overseas = Buyer { address: Some(address("FR", "97400")), registration: None, ..buyer() };
    let missing = [("/customer/invoicing/registration", "customer_siren_missing")];
    assert_eq!(faults(&sold, &seller(), &overseas), expected(&missing));
}

#[test]
fn a_deposit_is_due_at_once_and_nothing_was_delivered() {
    let mut deposit = draft(vec![line("Acompte", "1", "30", "20")]);
    deposit.deposit_of = Some(OrderId::generate());
    let content = composed(&deposit, &seller(), &buyer());
    assert_eq!((content.kind, content.due_date), (InvoiceKind::Prepayment, today()));
    assert_eq!((content.delivery.date, content.totals.gross.to_string()), (None, "36.00".to_owned()));
}

#[test]
fn what_has_not_left_was_delivered_on_no_day_unless_somebody_says_one() {
    let mut sold = draft(vec![line("Tea", "1", "100", "20")]);
    let said = |sold: &Draft, buyer: &Buyer| composed(sold, &seller(), buyer).delivery.date;
    assert_eq!(said(&sold, &buyer()), Some(today()), "it has left, and nobody says when");
    sold.unshipped = true;
    assert_eq!(said(&sold, &buyer()), None);
    let missing = [("/draft/delivered_on", "intra_community_delivery_missing")];
    assert_eq!(faults(&sold, &seller(), &german()), expected(&missing));
    let of_month = Draft { period: Period::month("2026-11").ok(), ..sold.clone() };
    let content = composed(&of_month, &seller(), &german());
    assert_eq!((content.delivery.date, content.period), (None, of_month.period));
    sold.delivered_on = BusinessDate::parse("2026-12-04").ok();
    for buyer in [buyer(), german()] {
        assert_eq!(said(&sold, &buyer), sold.delivered_on);
    }
}

#[test]
fn a_deposit_that_is_taken_off_makes_no_goods_of_services() {
    let mut sold = draft(vec![line("Conseil", "1", "100", "20"), line("Acompte déduit", "1", "30", "20")]);
    (sold.lines[0].nature, sold.lines[1].role) = (Nature::Service, LineRole::TakesDepositOff);
    assert_eq!(operations(&sold), Operations::Services);
    sold.lines[0].role = LineRole::Deposit;
    assert_eq!(operations(&sold), Operations::Both, "there is nothing else to go by");
}

#[test]
fn a_final_invoice_takes_deposits_off_with_their_reason_in_any_language() {
    let mut sold = draft(vec![line("Tea", "1", "100", "20"), line("Acompte déduit", "1", "30", "0")]);
    sold.lines[1].role = LineRole::TakesDepositOff;
    sold.lines[1].vat.category = Some(Category::IntraCommunity);
    let text = InvoiceReason::parse("as the deposit says it").expect("valid");
    sold.lines[1].vat.reason = Some(DraftReason { code: Some("VATEX-EU-IC".to_owned()), text });
    let number = "FA-2026-000001".to_owned();
    let named = Named {
        preceding: vec![Preceding { kind: InvoiceKind::Invoice, number, issue_date: today() }],
        ..Named::default()
    };
    let composed = compose(&sold, &seller(), &german(), today(), &named).expect("complete");
    assert_eq!(composed.whys[1], "as on the deposit that it takes off");
    let content = composed.numbered("FA-2026-000002");
    let taken = &content.lines[1];
    assert_eq!((taken.quantity.to_string(), taken.net.to_string()), ("-1".to_owned(), "-30.00".to_owned()));
    assert_eq!((content.vat.len(), content.totals.gross.to_string()), (1, "70.00".to_owned()));
    assert!(content.vat[0].reason.as_deref().is_some_and(|reason| reason.contains("262 ter")));
    assert_eq!(content.references.preceding, named.preceding);
    sold.lines[1].unit_price = UnitPrice::parse("100.01").expect("a price");
    assert_eq!(faults(&sold, &seller(), &german()), expected(&[("/draft/lines", "negative_total")]));
}

#[test]
fn a_credit_note_has_the_vat_and_the_delivery_of_what_it_corrects() {
    let mut given = draft(vec![line("Tea", "1", "100", "19.6")]);
    // No rate of today, and no rate of this customer.
    given.lines[0].vat.category = Some(Category::Standard);
    let invoice_id = InvoiceId::generate();
    given.correction = Some(Correction { invoice_id, wanted: WantedCredit::Rest, return_id: None });
    let delivery = Delivery { date: BusinessDate::parse("2014-01-15").ok(), address: None };
    let named = Named { delivery: Some(delivery.clone()), ..Named::default() };
    let composed = compose(&given, &seller(), &german(), today(), &named).expect("complete");
    let later = Preceding {
        kind: InvoiceKind::Invoice,
        number: "FA-2026-000009".to_owned(),
        issue_date: BusinessDate::parse("2026-12-01").expect("a date"),
    };
    let before = Named { preceding: vec![later], ..named };
    let faults = compose(&given, &seller(), &german(), today(), &before).expect_err("refused");
    assert_eq!((faults[0].pointer.as_str(), faults[0].code), ("/draft/issue_date", "before_the_preceding"));
    assert_eq!(composed.whys, ["as on the invoice that it corrects"]);
    let content = composed.numbered("AV-2026-000001");
    assert_eq!((content.kind, content.due_date, content.payment), (InvoiceKind::CreditNote, today(), None));
    assert_eq!((content.totals.vat.to_string(), content.delivery), ("19.60".to_owned(), delivery));
}

#[test]
fn the_text_of_the_content_is_read_back_and_has_no_numbers_but_texts() {
    let content = composed(&draft(vec![line("Tea", "1.5", "1.005", "20")]), &seller(), &buyer());
    let text = serde_json::to_string(&content).expect("JSON");
    assert_eq!(serde_json::from_str::<Content>(&text).expect("a content"), content);
    fn numbers(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Number(_) => 1,
            serde_json::Value::Array(values) => values.iter().map(numbers).sum(),
            serde_json::Value::Object(members) => members.values().map(numbers).sum(),
            _ => 0,
        }
    }
    assert_eq!(numbers(&serde_json::from_str(&text).expect("JSON")), 0, "{text}");
}
