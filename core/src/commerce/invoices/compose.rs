//! Makes the content of an invoice from a draft, the seller and the customer as they are at that moment, or says everything that is missing. Pure: all that can
//! refuse a validation is decided here, before a number is drawn.

use std::collections::HashMap;

use super::content::{
    self, Account, Address, Capital, Content, Delivery, Identifier, InvoiceKind, Note, Party, Payment,
    Preceding, References, Treatment, UnitName, Vat, VatDue,
};
use super::draft::{Draft, DraftLine, DraftReason, DraftVat, LineRole, Reasoned, ReasonedValue};
use super::mentions::{Mention, Operations};
use super::rules;
use super::terms::{Due, Parties};
use super::totals::{Adjustment, AdjustmentValue, DocumentAdjustment, Line, LineVat, Totals, VatGroup};
use crate::commerce::vat::{
    self, Category, Exemption, Nature, Reason, Supply, Territory, Undecided, Verdict, decide,
};
use crate::values::business_date::BusinessDate;
use crate::values::contact::{PostalAddress, VatNumber};
use crate::values::iban::{Bic, Iban};
use crate::values::ids::OrderId;
use crate::values::invalid::{FieldError, Fields, Invalid};
use crate::values::language::Language;
use crate::values::money::{Currency, Money, VatRate};
use crate::values::party::{CustomerKind, ElectronicAddress, LegalForm, TradeRegister, VatDueOn, VatScheme};
use crate::values::payment_terms::PaymentTerms;
use crate::values::registration::Registration;

/// The scheme of the French directory of electronic addresses.
const FRENCH_DIRECTORY: &str = "0225";
/// ISO 6523: SIREN, SIRET.
const SIREN: &str = "0002";
const SIRET: &str = "0009";
/// UNTDID 4461: a SEPA credit transfer, and any other one.
const SEPA_TRANSFER: &str = "58";
const TRANSFER: &str = "30";

/// The company that sells.
#[derive(Debug, Clone)]
pub struct Seller {
    pub name: String,
    pub address: Option<PostalAddress>,
    pub registration: Option<Registration>,
    pub vat_number: Option<VatNumber>,
    pub currency: Currency,
    pub language: Language,
    pub legal_form: Option<LegalForm>,
    pub share_capital: Option<Money>,
    pub trade_register: Option<TradeRegister>,
    pub vat_scheme: VatScheme,
    pub vat_due_on: VatDueOn,
    pub one_stop_shop: bool,
    pub electronic_address: Option<ElectronicAddress>,
    pub iban: Option<Iban>,
    pub bic: Option<Bic>,
    pub late_interest_rate: Option<VatRate>,
}

/// The customer who buys.
#[derive(Debug, Clone)]
pub struct Buyer {
    pub name: String,
    pub vat_number: Option<VatNumber>,
    /// Where invoices go.
    pub address: Option<PostalAddress>,
    /// Where goods go, if elsewhere.
    pub delivery_address: Option<PostalAddress>,
    pub kind: Option<CustomerKind>,
    pub legal_form: Option<LegalForm>,
    pub registration: Option<Registration>,
    pub electronic_address: Option<ElectronicAddress>,
    pub language: Option<Language>,
    pub payment_terms: Option<PaymentTerms>,
}

/// What is known of the invoices and orders that it names.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// What a credit note corrects, or the deposits that are taken off.
    pub preceding: Vec<Preceding>,
    /// When and where that was delivered which a credit note corrects.
    pub delivery: Option<Delivery>,
    /// From where the goods of orders leave, as far as their warehouses have addresses. Other goods leave from where the seller is.
    pub leaves_from: HashMap<OrderId, PostalAddress>,
}

/// An invoice that lacks nothing but its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    content: Content,
    /// Why each line has the VAT that it has.
    pub whys: Vec<&'static str>,
}

impl Composed {
    pub fn content(&self) -> &Content {
        &self.content
    }

    pub fn issue_date(&self) -> BusinessDate {
        self.content.issue_date
    }

    /// The content with its number.
    #[must_use]
    pub fn numbered(&self, number: &str) -> Content {
        let mut content = self.content.clone();
        number.clone_into(&mut content.number);
        if let Some(payment) = &mut content.payment {
            number.clone_into(&mut payment.reference);
        }
        content
    }
}

/// Makes the content of an invoice. `today` is the date in the company's time zone. The lines of deposits that it takes off are among those of the draft.
///
/// Pointers begin with `/draft`, `/tenant` or `/customer`: what is to be changed.
///
/// # Errors
/// Fails with everything that is missing or wrong.
pub fn compose(
    draft: &Draft,
    seller: &Seller,
    buyer: &Buyer,
    today: BusinessDate,
    named: &Named,
) -> Result<Composed, Vec<FieldError>> {
    let mut faults = Fields::default();
    let parties = Known::of(seller, buyer, &mut faults);
    let issue_date = draft.issue_date.unwrap_or(today);
    if issue_date > today {
        let message = format!("an invoice is not dated after today, {today}");
        faults.refuse("/draft/issue_date", "in_the_future", message);
    }
    if named.preceding.iter().any(|one| one.issue_date > issue_date) {
        let message = "it is not dated before the invoice that it corrects, or a deposit that it takes off";
        faults.refuse("/draft/issue_date", "before_the_preceding", message);
    }
    faults.take("/draft/lines", Draft::check_sizes(draft.lines.len(), draft.adjustments.len()));
    let Some(parties) = parties else { return faults.finish(None) };
    parties.identities(&mut faults);
    if parties.is_french_seller() {
        faults.take("/tenant/currency", rules::check_currency(&seller.currency));
        let late = parties.parties().check_late_interest(seller.late_interest_rate.as_ref(), issue_date);
        faults.take("/tenant/invoicing/late_interest_rate", late);
    }
    let delivered_on = draft.delivered_on.or(draft.period.map(|period| period.end)).unwrap_or(issue_date);
    let language = draft.language.or(buyer.language).unwrap_or(seller.language);

    let taxes = Taxes::of(draft, &parties, named, delivered_on, &mut faults);
    let due = parties.due_date(draft, issue_date, delivered_on, &mut faults);
    let Some(taxes) = taxes else { return faults.finish(None) };
    let totals = faults.take("/draft/lines", Totals::of(&taxes.lines, &taxes.adjustments, &Money::zero()));
    let Some(totals) = totals else { return faults.finish(None) };
    if totals.mixes_not_subject() {
        let message = "what is not subject to VAT stands alone on an invoice (EN 16931, BR-O-11): make two";
        faults.refuse("/draft/lines", "mixes_not_subject", message);
    }
    faults.take("/draft/lines", rules::check_deposit(draft.kind(), &totals.groups));
    let (operations, kind) = (operations(draft), draft.kind());
    let delivered = Delivery {
        date: (kind != InvoiceKind::Prepayment).then_some(delivered_on),
        address: Some(Address::from(parties.delivery(draft))),
    };
    // Whoever gets money back does not transfer it.
    let account = seller.iban.as_ref().filter(|_| kind != InvoiceKind::CreditNote);
    let content = Content {
        language,
        kind,
        number: String::new(),
        issue_date,
        due_date: due.on,
        currency: seller.currency.code().to_owned(),
        operations,
        treatment: parties.treatment(),
        vat_due: (operations != Operations::Goods).then_some(match seller.vat_due_on {
            VatDueOn::Payments => VatDue::OnPayment,
            VatDueOn::Debits => VatDue::OnInvoice,
        }),
        seller: parties.seller_party(),
        buyer: parties.buyer_party(),
        delivery: named.delivery.clone().unwrap_or(delivered),
        period: draft.period,
        references: References {
            buyer_order: draft.reference.as_ref().map(ToString::to_string),
            preceding: named.preceding.clone(),
        },
        lines: taxes.lines_of(draft, &totals),
        adjustments: taxes.adjustments_of(draft, &totals),
        vat: totals.groups.iter().map(|group| taxes.group(group, language)).collect(),
        mentions: parties.mentions(draft, operations, due, language),
        payment: account.map(|iban| payment(iban, seller.bic.as_ref(), &seller.currency)),
        totals: content::Totals {
            lines: totals.lines,
            discounts: totals.discounts,
            charges: totals.charges,
            net: totals.net,
            vat: totals.vat,
            gross: totals.gross,
            due: totals.due,
        },
    };
    faults.finish(Some(Composed { content, whys: taxes.whys }))
}

/// The parties, as far as everything else depends on them.
struct Known<'a> {
    seller: &'a Seller,
    buyer: &'a Buyer,
    seller_address: &'a PostalAddress,
    buyer_address: &'a PostalAddress,
    kind: CustomerKind,
    here: Territory,
    there: Territory,
}

fn territory(address: &PostalAddress) -> Territory {
    Territory::of(&address.country, address.postal_code.as_ref().map(|code| code.as_str()))
}

/// Whether somebody who is established there is in the registers of France. Monaco has its VAT, and registers of its own.
fn is_in_france(address: &PostalAddress, territory: &Territory) -> bool {
    territory.is_in_france() && address.country.code() != "MC"
}

impl<'a> Known<'a> {
    fn of(seller: &'a Seller, buyer: &'a Buyer, faults: &mut Fields) -> Option<Self> {
        if seller.address.is_none() {
            let message =
                "an invoice has the seller's address (CGI, annexe II, 242 nonies A, I, 1°; EN 16931, BR-08)";
            faults.refuse("/tenant/address", "seller_address_missing", message);
        }
        if buyer.address.is_none() {
            let message = "an invoice has the customer's address (CGI, annexe II, 242 nonies A, I, 1°; EN 16931, BR-10): give a billing address";
            faults.refuse("/customer/addresses", "customer_address_missing", message);
        }
        if buyer.kind.is_none() {
            let message = "VAT, terms and mentions depend on whether the customer is a business, a consumer or a public body";
            faults.refuse("/customer/invoicing/kind", "customer_kind_missing", message);
        }
        let (seller_address, buyer_address) = seller.address.as_ref().zip(buyer.address.as_ref())?;
        Some(Self {
            seller,
            buyer,
            seller_address,
            buyer_address,
            kind: buyer.kind?,
            here: territory(seller_address),
            there: territory(buyer_address),
        })
    }

    fn is_french_seller(&self) -> bool {
        is_in_france(self.seller_address, &self.here)
    }

    fn is_french_buyer(&self) -> bool {
        is_in_france(self.buyer_address, &self.there)
    }

    fn is_french_trade(&self) -> bool {
        self.is_french_seller() && self.is_french_buyer() && self.kind != CustomerKind::Consumer
    }

    /// What the law wants of who they are.
    fn identities(&self, faults: &mut Fields) {
        let Self { seller, buyer, .. } = self;
        if seller.vat_scheme == VatScheme::Normal
            && seller.vat_number.is_none()
            && self.here.is_in_union_for_goods()
        {
            let message = "an invoice with VAT has the seller's VAT number (CGI, annexe II, 242 nonies A, I, 2°; EN 16931, BR-S-2)";
            faults.refuse("/tenant/vat_number", "seller_vat_number_missing", message);
        }
        if !self.is_french_seller() {
            return;
        }
        if seller.registration.as_ref().and_then(Registration::siren).is_none() {
            let message = "an invoice has the seller's SIREN (Code de commerce, article R123-237, 1°)";
            faults.refuse("/tenant/registration", "seller_siren_missing", message);
        }
        if seller.legal_form.is_none() {
            let message = "an invoice has the seller's legal form, or EI (Code de commerce, articles R123-237, R123-238 and R526-27)";
            faults.refuse("/tenant/invoicing/legal_form", "legal_form_missing", message);
        }
        if seller.share_capital.is_some() && seller.trade_register.is_none() {
            let message = "a company's invoice says where it is registered, such as RCS Nantes (Code de commerce, article R123-237, 2°)";
            faults.refuse("/tenant/invoicing/trade_register", "trade_register_missing", message);
        }
        if self.is_french_trade() && buyer.registration.as_ref().and_then(Registration::siren).is_none() {
            let message = "an invoice to a French business has its SIREN (CGI, annexe II, 242 nonies A, I)";
            faults.refuse("/customer/invoicing/registration", "customer_siren_missing", message);
        }
    }

    fn parties(&self) -> Parties<'_> {
        Parties { seller: &self.here, customer: self.kind }
    }

    fn due_date(
        &self,
        draft: &Draft,
        issued_on: BusinessDate,
        delivered_on: BusinessDate,
        faults: &mut Fields,
    ) -> Due {
        // What is credited is due to nobody, and a deposit is due before anything is delivered.
        match (draft.kind(), draft.due_on) {
            (InvoiceKind::CreditNote, _) | (InvoiceKind::Prepayment, None) => {
                return Due { on: issued_on, shortened_from: None };
            }
            (InvoiceKind::Prepayment, Some(_)) | (InvoiceKind::Invoice, _) => {}
        }
        let (parties, is_periodic) = (self.parties(), draft.period.is_some());
        let Some(due_on) = draft.due_on else {
            return parties.due_within_law(
                issued_on,
                Some(delivered_on),
                self.buyer.payment_terms,
                is_periodic,
            );
        };
        // A date of its own was not agreed with the end of a month.
        faults.take("/draft/due_on", parties.check(issued_on, Some(delivered_on), due_on, None, is_periodic));
        Due { on: due_on, shortened_from: None }
    }

    fn delivery(&self, draft: &'a Draft) -> &'a PostalAddress {
        draft.delivery_address.as_ref().or(self.buyer.delivery_address.as_ref()).unwrap_or(self.buyer_address)
    }

    fn treatment(&self) -> Option<Treatment> {
        self.is_french_seller().then_some(match (self.kind, self.is_french_buyer()) {
            (CustomerKind::Consumer, true) => Treatment::Consumer,
            (CustomerKind::Consumer, false) => Treatment::ForeignConsumer,
            (CustomerKind::Business | CustomerKind::PublicBody, true) => Treatment::Business,
            (CustomerKind::Business | CustomerKind::PublicBody, false) => Treatment::ForeignBusiness,
        })
    }

    fn seller_party(&self) -> Party {
        let seller = self.seller;
        Party {
            name: seller.name.clone(),
            legal_form: seller.legal_form.as_ref().map(ToString::to_string),
            capital: seller.share_capital.as_ref().map(|amount| Capital {
                amount: amount.clone(),
                currency: seller.currency.code().to_owned(),
            }),
            register: seller.trade_register.as_ref().map(ToString::to_string),
            legal_id: legal_id(seller.registration.as_ref()),
            identifiers: identifiers(seller.registration.as_ref()),
            vat_number: seller.vat_number.as_ref().map(|number| number.as_str().to_owned()),
            address: Address::from(self.seller_address),
            electronic_address: self
                .electronic(seller.electronic_address.as_ref(), seller.registration.as_ref()),
        }
    }

    fn buyer_party(&self) -> Party {
        let buyer = self.buyer;
        Party {
            name: buyer.name.clone(),
            legal_form: buyer.legal_form.as_ref().map(ToString::to_string),
            capital: None,
            register: None,
            legal_id: legal_id(buyer.registration.as_ref()),
            identifiers: identifiers(buyer.registration.as_ref()),
            vat_number: buyer.vat_number.as_ref().map(|number| number.as_str().to_owned()),
            address: Address::from(self.buyer_address),
            electronic_address: self
                .electronic(buyer.electronic_address.as_ref(), buyer.registration.as_ref()),
        }
    }

    /// The one that is known, or the SIREN in the French directory.
    fn electronic(
        &self,
        known: Option<&ElectronicAddress>,
        registration: Option<&Registration>,
    ) -> Option<Identifier> {
        let of_siren = || {
            let siren = registration.and_then(Registration::siren).filter(|_| self.is_french_seller())?;
            Some(Identifier { scheme: Some(FRENCH_DIRECTORY.to_owned()), value: siren.as_str().to_owned() })
        };
        let given = known.map(|address| Identifier {
            scheme: Some(address.scheme().to_owned()),
            value: address.identifier().to_owned(),
        });
        given.or_else(of_siren)
    }

    fn mentions(&self, draft: &Draft, operations: Operations, due: Due, language: Language) -> Vec<Note> {
        let seller = self.seller;
        let mut mentions = Vec::new();
        if self.is_french_seller() {
            mentions.push(Mention::LegalIdentity {
                form: seller.legal_form.clone(),
                capital: seller.share_capital.clone().map(|capital| (capital, seller.currency.clone())),
                register: seller.trade_register.clone(),
                registration: seller.registration.clone(),
            });
        }
        mentions.extend(
            self.parties().late_interest(seller.late_interest_rate.as_ref()).map(Mention::LateInterest),
        );
        mentions.extend(self.parties().recovery_fee().map(Mention::RecoveryFee));
        // French laws want these two.
        if self.is_french_seller() && self.kind != CustomerKind::Consumer {
            mentions.push(Mention::NoEarlyDiscount);
        }
        if let Some(agreed) = due.shortened_from {
            mentions.push(Mention::DueSooner { agreed, law: self.parties().source() });
        }
        let is_option = self.is_french_seller() && seller.vat_scheme == VatScheme::Normal;
        if is_option && operations != Operations::Goods && seller.vat_due_on == VatDueOn::Debits {
            mentions.push(Mention::VatOnDebits);
        }
        let notes = mentions.iter().map(|mention| Note {
            subject: mention.subject().map(str::to_owned),
            text: mention.text(language),
        });
        let own = draft.note.iter().map(|note| Note { subject: None, text: note.to_string() });
        notes.filter(|note| !note.text.is_empty()).chain(own).collect()
    }
}

fn legal_id(registration: Option<&Registration>) -> Option<Identifier> {
    registration.map(|registration| match registration.siren() {
        Some(siren) => Identifier { scheme: Some(SIREN.to_owned()), value: siren.as_str().to_owned() },
        None => Identifier { scheme: None, value: registration.number().to_owned() },
    })
}

fn identifiers(registration: Option<&Registration>) -> Vec<Identifier> {
    match registration {
        Some(Registration::Siret(siret)) => {
            vec![Identifier { scheme: Some(SIRET.to_owned()), value: siret.as_str().to_owned() }]
        }
        _ => Vec::new(),
    }
}

fn payment(iban: &Iban, bic: Option<&Bic>, currency: &Currency) -> Payment {
    let means = if currency.code() == "EUR" { SEPA_TRANSFER } else { TRANSFER };
    Payment {
        means: means.to_owned(),
        reference: String::new(),
        accounts: vec![Account {
            iban: iban.as_str().to_owned(),
            bic: bic.map(|bic| bic.as_str().to_owned()),
        }],
    }
}

/// What is sold. Lines of deposits may be of what else was ordered: they count only where there are no others.
fn operations(draft: &Draft) -> Operations {
    let is_sale = |line: &DraftLine| line.role == LineRole::Sale;
    let any_sale = draft.lines.iter().any(is_sale);
    let has = |nature| draft.lines.iter().any(|line| line.nature == nature && (is_sale(line) || !any_sale));
    match (has(Nature::Goods), has(Nature::Service)) {
        (true, true) => Operations::Both,
        (false, true) => Operations::Services,
        (true | false, false) => Operations::Goods,
    }
}

/// The VAT of everything on an invoice.
struct Taxes {
    lines: Vec<Line>,
    adjustments: Vec<DocumentAdjustment>,
    whys: Vec<&'static str>,
    /// Why there is none, by category and rate.
    reasons: Vec<(LineVat, Reason)>,
}

impl Taxes {
    /// `None` if the VAT of something is not known.
    fn of(
        draft: &Draft,
        parties: &Known<'_>,
        named: &Named,
        delivered_on: BusinessDate,
        faults: &mut Fields,
    ) -> Option<Self> {
        let to = territory(parties.delivery(draft));
        let from: HashMap<OrderId, Territory> =
            named.leaves_from.iter().map(|(order, address)| (*order, territory(address))).collect();
        // Nobody says which goods a discount or a charge of the document is of: of those that leave from elsewhere, if there are any.
        let elsewhere = from.values().find(|place| **place != parties.here).unwrap_or(&parties.here);
        let verdict =
            |from: &Territory, nature, vat: &DraftVat| tax(parties, (from, &to), nature, vat, delivered_on);
        let mut taxes =
            Self { lines: Vec::new(), adjustments: Vec::new(), whys: Vec::new(), reasons: Vec::new() };
        let mut is_complete = true;
        for (index, line) in draft.lines.iter().enumerate() {
            let at = format!("/draft/lines/{index}");
            let order = line.source.map(|source| source.order_id).or(draft.deposit_of);
            let leaves = order.and_then(|order| from.get(&order)).unwrap_or(&parties.here);
            let Some(found) = faults.take(format!("{at}/vat"), verdict(leaves, line.nature, &line.vat))
            else {
                is_complete = false;
                continue;
            };
            let takes_off = line.role == LineRole::TakesDepositOff;
            let taxed = Line {
                quantity: line.quantity.clone(),
                takes_off,
                unit_price: line.unit_price.clone(),
                adjustments: line.adjustments.iter().map(adjustment).collect(),
                vat: LineVat { category: found.category, rate: found.rate.clone() },
            };
            faults.take(format!("{at}/quantity"), taxed.check_quantity());
            if taxed.net().is_negative() && !takes_off {
                let message = "the discounts are more than the line is worth";
                faults.refuse(format!("{at}/adjustments"), "negative_line", message);
            }
            taxes.whys.push(match (&draft.correction, takes_off) {
                (Some(_), _) => "as on the invoice that it corrects",
                (None, true) => "as on the deposit that it takes off",
                (None, false) => found.why,
            });
            // A deposit has the reason of its invoice, whose language may be another one.
            if !takes_off || !taxes.reasons.iter().any(|(known, _)| *known == taxed.vat) {
                taxes.note(&taxed.vat, found.reason);
            }
            taxes.lines.push(taxed);
        }
        for (index, given) in draft.adjustments.iter().enumerate() {
            let at = format!("/draft/adjustments/{index}/vat");
            let Some(found) = faults.take(at, verdict(elsewhere, given.nature, &given.vat)) else {
                is_complete = false;
                continue;
            };
            let vat = LineVat { category: found.category, rate: found.rate };
            taxes.note(&vat, found.reason);
            taxes.adjustments.push(DocumentAdjustment { adjustment: adjustment(&given.adjustment), vat });
        }
        taxes.one_reason_each(faults);
        is_complete.then_some(taxes)
    }

    fn note(&mut self, vat: &LineVat, reason: Option<Reason>) {
        if let Some(reason) = reason.filter(|reason| !self.reasons.contains(&(vat.clone(), reason.clone()))) {
            self.reasons.push((vat.clone(), reason));
        }
    }

    /// An invoice has one reason for each category and rate (EN 16931, BG-23).
    fn one_reason_each(&self, faults: &mut Fields) {
        for (index, (vat, _)) in self.reasons.iter().enumerate() {
            if self.reasons.iter().take(index).any(|(other, _)| other == vat) {
                let message = format!(
                    "lines of the category {} give different reasons, and an invoice has one for each category: make two",
                    vat.category.code()
                );
                faults.refuse("/draft/lines", "several_reasons", message);
                return;
            }
        }
    }

    fn lines_of(&self, draft: &Draft, totals: &Totals) -> Vec<content::Line> {
        let taxed = self.lines.iter().zip(&totals.line_nets);
        let line = |(index, (line, (taxed, net))): (usize, (&super::draft::DraftLine, (&Line, &Money)))| {
            let gross = taxed.gross();
            content::Line {
                position: (index + 1).to_string(),
                sku: line.sku.as_ref().map(ToString::to_string),
                name: line.name.to_string(),
                description: line.description.as_ref().map(ToString::to_string),
                quantity: if taxed.takes_off { line.quantity.opposite() } else { line.quantity.clone() },
                unit: UnitName { code: line.unit.code().to_owned(), name: line.unit.name().to_owned() },
                unit_price: line.unit_price.clone(),
                adjustments: line.adjustments.iter().map(|given| shown(given, &gross)).collect(),
                net: net.clone(),
                vat: vat_of(&taxed.vat),
            }
        };
        draft.lines.iter().zip(taxed).enumerate().map(line).collect()
    }

    fn adjustments_of(&self, draft: &Draft, totals: &Totals) -> Vec<content::DocumentAdjustment> {
        let taxed = self.adjustments.iter().zip(&totals.adjustments);
        let one =
            |(given, (taxed, amount)): (&super::draft::DraftAdjustment, (&DocumentAdjustment, &Money))| {
                let base: Money = self
                    .lines
                    .iter()
                    .zip(&totals.line_nets)
                    .filter(|(line, _)| line.vat == taxed.vat)
                    .map(|(_, net)| net)
                    .sum();
                let adjustment =
                    content::Adjustment { amount: amount.clone(), ..shown(&given.adjustment, &base) };
                content::DocumentAdjustment { adjustment, vat: vat_of(&taxed.vat) }
            };
        draft.adjustments.iter().zip(taxed).map(one).collect()
    }

    fn group(&self, group: &VatGroup, language: Language) -> content::VatGroup {
        let reason = self.reasons.iter().find(|(vat, _)| *vat == group.vat).map(|(_, reason)| reason);
        content::VatGroup {
            vat: vat_of(&group.vat),
            base: group.base.clone(),
            tax: group.amount.clone(),
            reason: reason.map(|reason| reason.text(language).to_owned()),
            reason_code: reason.and_then(|reason| reason.code.clone()),
        }
    }
}

fn vat_of(vat: &LineVat) -> Vat {
    Vat { category: vat.category, rate: vat.rate.clone() }
}

fn adjustment(given: &Reasoned) -> Adjustment {
    let value = match &given.value {
        ReasonedValue::Amount(amount) => AdjustmentValue::Amount(amount.clone()),
        ReasonedValue::Percent(percent) => AdjustmentValue::Percent(percent.clone()),
    };
    Adjustment { kind: given.kind, value }
}

fn shown(given: &Reasoned, base: &Money) -> content::Adjustment {
    let percent = match &given.value {
        ReasonedValue::Amount(_) => None,
        ReasonedValue::Percent(percent) => Some(percent.clone()),
    };
    content::Adjustment {
        kind: given.kind,
        reason: given.reason.to_string(),
        base: percent.is_some().then(|| base.clone()),
        percent,
        amount: adjustment(given).amount(base),
    }
}

/// The VAT of a line: by the rule, or as somebody chose it.
fn tax(
    parties: &Known<'_>,
    (from, to): (&Territory, &Territory),
    nature: Nature,
    vat: &DraftVat,
    delivered_on: BusinessDate,
) -> Result<Verdict, Invalid> {
    if let Some(category) = vat.category {
        return chosen(category, vat);
    }
    let exemption = vat.reason.as_ref().map(exemption).transpose()?;
    decide(&Supply {
        seller: vat::Seller {
            territory: &parties.here,
            scheme: parties.seller.vat_scheme,
            vat_number: parties.seller.vat_number.as_ref(),
            one_stop_shop: parties.seller.one_stop_shop,
        },
        customer: vat::Customer {
            territory: &parties.there,
            kind: parties.kind,
            vat_number: parties.buyer.vat_number.as_ref(),
        },
        nature,
        from,
        to,
        rate: &vat.rate,
        exemption: exemption.as_ref(),
        on: delivered_on,
    })
    .map_err(|undecided: Undecided| Invalid::new(undecided.code(), undecided.to_string()))
}

fn exemption(reason: &DraftReason) -> Result<Exemption, Invalid> {
    Exemption::new(reason.code.as_deref(), reason.text.as_str())
}

/// What somebody chose replaces the rule, as long as the category, the rate and the reason fit together.
fn chosen(category: Category, vat: &DraftVat) -> Result<Verdict, Invalid> {
    let refused = |message| Err(Invalid::new("vat_does_not_fit", message));
    if (category == Category::Standard) == vat.rate.is_zero() {
        return refused("the category S has a rate above zero, and every other one has 0");
    }
    if category.needs_reason() != vat.reason.is_some() {
        return refused("the categories S and Z have no reason, and every other one needs it");
    }
    Ok(Verdict {
        category,
        rate: (category != Category::NotSubject).then(|| vat.rate.clone()),
        reason: vat.reason.as_ref().map(|reason| Reason {
            code: reason.code.clone(),
            fr: reason.text.to_string(),
            en: reason.text.to_string(),
        }),
        why: "chosen by hand",
    })
}

#[cfg(test)]
mod tests {
    use super::super::draft::tests::{draft, line};
    use super::super::draft::{Correction, DraftAdjustment, InvoiceReason, Period, Source, WantedCredit};
    use super::super::totals::AdjustmentKind;
    use super::*;
    use crate::values::contact::{AddressLine, Country};
    use crate::values::ids::InvoiceId;
    use crate::values::money::UnitPrice;

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
        let content =
            composed(&draft(vec![line("Earl Grey, 250 g", "2", "12.50", "5.5")]), &seller(), &buyer());
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
        let nobody = Seller {
            registration: None,
            vat_number: None,
            legal_form: None,
            trade_register: None,
            ..seller()
        };
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
        let late = Draft {
            due_on: BusinessDate::parse("2027-01-30").ok(),
            ..draft(vec![line("Tea", "1", "1", "20")])
        };
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
        assert_eq!(
            faults(&sold, &seller(), &buyer()),
            expected(&[("/draft/lines/0/vat", "vat_does_not_fit")])
        );
        let text = InvoiceReason::parse("Autoliquidation, article 283, 2 nonies du CGI").expect("valid");
        sold.lines[0].vat.reason = Some(DraftReason { code: Some("VATEX-EU-AE".to_owned()), text });
        let content = composed(&sold, &seller(), &buyer());
        assert_eq!(content.vat[0].vat.category, Category::ReverseCharge);
        let why = compose(&sold, &seller(), &buyer(), today(), &Named::default()).expect("complete").whys;
        assert_eq!(why, ["chosen by hand"]);
        sold.lines[0].vat.rate = VatRate::parse("20").expect("valid");
        assert_eq!(
            faults(&sold, &seller(), &buyer()),
            expected(&[("/draft/lines/0/vat", "vat_does_not_fit")])
        );
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
            let customer =
                Buyer { address: Some(address(country, postal_code)), registration: None, ..buyer() };
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
    fn a_deposit_that_is_taken_off_makes_no_goods_of_services() {
        let mut sold =
            draft(vec![line("Conseil", "1", "100", "20"), line("Acompte déduit", "1", "30", "20")]);
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
        assert_eq!(
            (taken.quantity.to_string(), taken.net.to_string()),
            ("-1".to_owned(), "-30.00".to_owned())
        );
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
        assert_eq!(
            (faults[0].pointer.as_str(), faults[0].code),
            ("/draft/issue_date", "before_the_preceding")
        );
        assert_eq!(composed.whys, ["as on the invoice that it corrects"]);
        let content = composed.numbered("AV-2026-000001");
        assert_eq!(
            (content.kind, content.due_date, content.payment),
            (InvoiceKind::CreditNote, today(), None)
        );
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
}
