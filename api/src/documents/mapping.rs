//! What an invoice says as the input of its document. Both have the same members (core/src/commerce/invoices/content.rs), so the one is read as the other; what
//! is added here follows from it alone.

use comptoir_core::commerce::invoices::content::Content;
use comptoir_documents::{AdjustmentKind, Category, EarlyPayment, Invoice, Language, Mention, Treatment};

use super::units;

/// The subject of the note that says who the seller is by the law of companies: the foot of every page and BT-33 say the same.
const LEGAL_IDENTITY: &str = "REG";

/// # Errors
/// Fails if the content has a member that a document does not know.
pub(super) fn of_content(content: &Content) -> Result<Invoice, serde_json::Error> {
    serde_json::from_value(serde_json::to_value(content)?).map(completed)
}

/// # Errors
/// Fails if the text is no content that this version knows.
pub(super) fn of_text(text: &str) -> Result<Invoice, serde_json::Error> {
    serde_json::from_str(text).map(completed)
}

fn completed(mut invoice: Invoice) -> Invoice {
    let language = invoice.language;
    invoice.lines.iter_mut().for_each(|line| units::name(&mut line.unit, language));
    invoice.mentions.retain(|mention| mention.subject.as_deref() != Some(LEGAL_IDENTITY));
    // What is not there is left out: BT-107, BT-108.
    let has = |kind| invoice.adjustments.iter().any(|on| on.adjustment.kind == kind);
    let (has_discounts, has_charges) = (has(AdjustmentKind::Discount), has(AdjustmentKind::Charge));
    invoice.totals.discounts = invoice.totals.discounts.filter(|_| has_discounts);
    invoice.totals.charges = invoice.totals.charges.filter(|_| has_charges);
    tax_numbers(&mut invoice);
    if matches!(invoice.treatment, Some(Treatment::Consumer | Treatment::ForeignConsumer)) {
        for_consumers(&mut invoice);
    }
    invoice
}

/// Which numbers of the parties stand where. BR-O-02: where something is outside the scope of VAT, nobody's VAT number has a place in the XML, and French law wants
/// the seller's on the page all the same (CGI, annexe II, 242 nonies A, I, 2°): it is a note then. BR-E-02 and its sisters: a seller without VAT number is known
/// by another number to whoever collects taxes, in France by the SIREN.
fn tax_numbers(invoice: &mut Invoice) {
    if invoice.vat.iter().any(|group| group.vat.category == Category::O) {
        let (own, other) = match invoice.language {
            Language::Fr => ("N° TVA du vendeur\u{a0}: ", "N° TVA du client\u{a0}: "),
            Language::En => ("Seller’s VAT No.: ", "Customer’s VAT No.: "),
        };
        for (label, number) in
            [(own, invoice.seller.vat_number.take()), (other, invoice.buyer.vat_number.take())]
        {
            let note = number.map(|number| Mention { subject: None, text: format!("{label}{number}") });
            invoice.mentions.extend(note);
        }
    } else if invoice.seller.vat_number.is_none() {
        invoice.seller.tax_number = invoice.seller.legal_id.as_ref().map(|id| id.value.clone());
    }
}

/// BR-FR-05 asks for three mentions on every French invoice. Of businesses they say what late payment costs; consumers owe none of that (Code de commerce,
/// L441-10 and D441-5 are about businesses), so theirs say this.
fn for_consumers(invoice: &mut Invoice) {
    let (interest, fee) = match invoice.language {
        Language::Fr => (
            "En cas de retard de paiement, intérêts au taux légal (article 1231-6 du Code civil).",
            "Aucune indemnité forfaitaire pour frais de recouvrement n’est due par un consommateur.",
        ),
        Language::En => (
            "Late payment bears interest at the statutory rate (article 1231-6 of the French Code civil).",
            "Consumers owe no fixed compensation for recovery costs.",
        ),
    };
    for (subject, text) in [("PMD", interest), ("PMT", fee)] {
        if !invoice.mentions.iter().any(|mention| mention.subject.as_deref() == Some(subject)) {
            invoice.mentions.push(Mention { subject: Some(subject.to_owned()), text: text.to_owned() });
        }
    }
    // The sentence is the crate's.
    invoice.terms.early_payment.get_or_insert(EarlyPayment::None);
}

#[cfg(test)]
mod tests {
    use comptoir_documents::validate;
    use serde_json::{Value, json};

    use super::*;
    use crate::documents::faults_of;

    /// What core freezes, member by member.
    fn frozen() -> Value {
        let vat = json!({"category": "S", "rate": "20"});
        let party = |name: &str, siren: &str| {
            json!({
                "name": name, "legal_form": "SAS", "capital": {"amount": "10000.00", "currency": "EUR"}, "register": "RCS Nantes",
                "legal_id": {"scheme": "0002", "value": siren}, "identifiers": [], "vat_number": null,
                "address": {"line1": "1 quai des Docks", "line2": null, "post_code": "44000", "city": "Nantes", "country": "FR"},
                "electronic_address": {"scheme": "0225", "value": siren},
            })
        };
        let mut seller = party("Comptoir des Docks", "732829320");
        seller["vat_number"] = json!("FR44732829320");
        let mut buyer = party("Librairie des Carmes", "303265045");
        (buyer["capital"], buyer["register"]) = (Value::Null, Value::Null);
        json!({
            "language": "fr", "kind": "invoice", "number": "FA-2026-000001", "issue_date": "2026-11-30", "due_date": "2026-12-30",
            "currency": "EUR", "operations": "goods", "treatment": "business", "vat_due": null, "seller": seller, "buyer": buyer,
            "delivery": {"date": "2026-11-30", "address": null}, "period": null,
            "references": {"buyer_order": "PO-7", "preceding": []},
            "lines": [{
                "position": "1", "sku": "TEA-EG-250", "name": "Earl Grey, 250 g", "description": null, "quantity": "2",
                "unit": {"code": "C62", "name": "one"}, "unit_price": "10.00",
                "adjustments": [{"kind": "discount", "reason": "Remise", "percent": "10", "base": "20.00", "amount": "2.00"}],
                "net": "18.00", "vat": vat,
            }],
            "adjustments": [], "vat": [{"vat": vat, "base": "18.00", "tax": "3.60", "reason": null, "reason_code": null}],
            "totals": {
                "lines": "18.00", "discounts": "0.00", "charges": "0.00", "net": "18.00", "vat": "3.60", "gross": "21.60", "due": "21.60",
            },
            "payment": {"means": "58", "reference": "FA-2026-000001", "accounts": [{"iban": "FR1420041010050500013M02606", "bic": null}]},
            "mentions": [
                {"subject": "REG", "text": "SAS au capital de 10 000,00 €, RCS Nantes 732 829 320"},
                {"subject": "PMD", "text": "Pénalités de retard : 12 % l’an."},
                {"subject": "PMT", "text": "Indemnité forfaitaire : 40 €."},
                {"subject": "AAB", "text": "Pas d’escompte pour paiement anticipé."},
                {"subject": null, "text": "Merci."},
            ],
        })
    }

    fn invoice(frozen: &Value) -> Invoice {
        // As it is stored, and as it is checked before that.
        let text = frozen.to_string();
        let content: Content = serde_json::from_str(&text).expect("a content");
        let of_text = of_text(&text).expect("the members of a document");
        assert_eq!(of_content(&content).expect("the members of a document"), of_text);
        of_text
    }

    #[test]
    fn what_is_frozen_becomes_a_document() {
        let invoice = invoice(&frozen());
        assert_eq!(validate(&invoice), vec![]);
        assert_eq!((invoice.lines[0].unit.name.as_str(), &invoice.totals.discounts), ("unité", &None));
        let subjects: Vec<_> = invoice.mentions.iter().map(|mention| mention.subject.as_deref()).collect();
        assert_eq!(subjects, [Some("PMD"), Some("PMT"), Some("AAB"), None]);
        assert_eq!(comptoir_documents::render(&invoice).expect("a document").pages, 1);
    }

    #[test]
    fn credit_notes_deposits_and_final_invoices_become_documents() {
        let whole = of_text(include_str!("../../documents/tests/frozen.json")).expect("a document");
        assert_eq!(faults_of(&whole), vec![], "an invoice that takes a deposit off");
        let mut note = frozen();
        (note["kind"], note["number"], note["payment"]) =
            (json!("credit_note"), json!("AV-2026-000001"), Value::Null);
        note["references"]["preceding"] =
            json!([{"kind": "invoice", "number": "FA-2026-000001", "issue_date": "2026-11-30"}]);
        assert_eq!(faults_of(&invoice(&note)), vec![]);
        let mut deposit = frozen();
        (deposit["kind"], deposit["delivery"]["date"]) = (json!("prepayment"), Value::Null);
        deposit["due_date"] = deposit["issue_date"].clone();
        assert_eq!(faults_of(&invoice(&deposit)), vec![]);
    }

    #[test]
    fn a_consumer_is_told_that_nothing_is_owed_beside_the_legal_interest() {
        let mut frozen = frozen();
        (frozen["treatment"], frozen["mentions"]) = (json!("consumer"), json!([]));
        for member in ["legal_form", "legal_id", "electronic_address"] {
            frozen["buyer"][member] = Value::Null;
        }
        let invoice = invoice(&frozen);
        assert_eq!(faults_of(&invoice), vec![]);
        let text = &invoice.mentions[1].text;
        assert!(text.contains("Aucune indemnité"), "{text}");
    }

    #[test]
    fn every_category_of_vat_passes() {
        for (category, reason, code) in [
            ("Z", None, None),
            ("E", Some("Exonération de TVA, article 261, 4, 4° du CGI"), Some("VATEX-EU-132-1I")),
            ("AE", Some("Autoliquidation"), Some("VATEX-EU-AE")),
            ("K", Some("Livraison intracommunautaire, article 262 ter, I du CGI"), Some("VATEX-EU-IC")),
            ("G", Some("Exportation, article 262, I du CGI"), Some("VATEX-EU-G")),
            ("O", Some("TVA non applicable, article 259-1 du CGI"), Some("VATEX-EU-O")),
        ] {
            let mut frozen = frozen();
            let vat = json!({"category": category, "rate": (category != "O").then_some("0")});
            frozen["buyer"]["vat_number"] = json!("FR40303265045");
            frozen["delivery"]["address"] = frozen["buyer"]["address"].clone();
            frozen["lines"][0]["vat"] = vat.clone();
            frozen["vat"] =
                json!([{"vat": vat, "base": "18.00", "tax": "0.00", "reason": reason, "reason_code": code}]);
            (frozen["totals"]["vat"], frozen["totals"]["gross"], frozen["totals"]["due"]) =
                (json!("0.00"), json!("18.00"), json!("18.00"));
            let invoice = invoice(&frozen);
            assert_eq!(faults_of(&invoice), vec![], "{category}");
            let is_noted = invoice.mentions.iter().any(|mention| mention.text.ends_with("FR44732829320"));
            assert_eq!(is_noted, category == "O", "{category}");
        }
    }

    #[test]
    fn a_small_enterprise_is_known_by_its_siren() {
        let mut frozen = frozen();
        frozen["seller"]["vat_number"] = Value::Null;
        frozen["lines"][0]["vat"] = json!({"category": "E", "rate": "0"});
        frozen["vat"][0] = json!({
            "vat": {"category": "E", "rate": "0"}, "base": "18.00", "tax": "0.00",
            "reason": "TVA non applicable, article 293 B du CGI", "reason_code": "VATEX-FR-FRANCHISE",
        });
        (frozen["totals"]["vat"], frozen["totals"]["gross"], frozen["totals"]["due"]) =
            (json!("0.00"), json!("18.00"), json!("18.00"));
        let invoice = invoice(&frozen);
        assert_eq!(faults_of(&invoice), vec![]);
        assert_eq!(invoice.seller.tax_number.as_deref(), Some("732829320"));
    }

    #[test]
    fn what_a_document_refuses_is_said_of_what_is_to_be_changed() {
        let mut frozen = frozen();
        frozen["buyer"]["electronic_address"] = json!({"scheme": "EM", "value": "compta@carmes.example"});
        frozen["buyer"]["name"] = json!("书店 des Carmes");
        frozen["lines"][0]["net"] = json!("18.01");
        let faults = faults_of(&invoice(&frozen));
        let found = |pointer: &str, code: &str| {
            let fault = faults.iter().find(|fault| fault.pointer == pointer && fault.code == code);
            fault.map(|fault| fault.message.clone())
        };
        let rule = found("/customer/invoicing/electronic_address", "rule_broken");
        assert!(rule.is_some_and(|rule| rule.starts_with("BR-FR-21: ")), "{faults:?}");
        assert!(
            found("/customer/name", "not_printable").is_some_and(|said| said.contains("U+4E66")),
            "{faults:?}"
        );
        assert!(
            found("/draft/lines/0", "rule_broken").is_some_and(|rule| rule.starts_with("BT-131: ")),
            "{faults:?}"
        );
    }

    #[test]
    fn a_member_that_no_document_knows_is_refused() {
        let mut frozen = frozen();
        frozen["totals"]["tip"] = json!("1.00");
        assert!(of_text(&frozen.to_string()).is_err());
    }
}
