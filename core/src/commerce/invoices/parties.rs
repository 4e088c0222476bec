//! Who sells to whom: the seller and the customer of an invoice, what the law wants of them, and what follows from who they are: the treatment, the day until
//! which it is to be paid, the mentions. Pure.

use super::content::{Address, Capital, Identifier, InvoiceKind, Note, Party, Treatment};
use super::draft::Draft;
use super::mentions::{Mention, Operations};
use super::terms::{Due, Parties};
use crate::commerce::vat::Territory;
use crate::values::business_date::BusinessDate;
use crate::values::contact::{PostalAddress, VatNumber};
use crate::values::iban::{Bic, Iban};
use crate::values::invalid::Fields;
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

/// The parties, as far as everything else depends on them.
pub(super) struct Known<'a> {
    pub(super) seller: &'a Seller,
    pub(super) buyer: &'a Buyer,
    seller_address: &'a PostalAddress,
    buyer_address: &'a PostalAddress,
    pub(super) kind: CustomerKind,
    /// Where the seller is established.
    pub(super) here: Territory,
    /// Where the customer is.
    pub(super) there: Territory,
}

pub(super) fn territory(address: &PostalAddress) -> Territory {
    Territory::of(&address.country, address.postal_code.as_ref().map(|code| code.as_str()))
}

impl<'a> Known<'a> {
    pub(super) fn of(seller: &'a Seller, buyer: &'a Buyer, faults: &mut Fields) -> Option<Self> {
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

    pub(super) fn is_french_seller(&self) -> bool {
        self.seller_address.is_in_france()
    }

    fn is_french_buyer(&self) -> bool {
        self.buyer_address.is_in_france()
    }

    fn is_french_trade(&self) -> bool {
        self.is_french_seller() && self.is_french_buyer() && self.kind != CustomerKind::Consumer
    }

    /// What the law wants of who they are.
    pub(super) fn identities(&self, faults: &mut Fields) {
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

    pub(super) fn parties(&self) -> Parties<'_> {
        Parties { seller: &self.here, customer: self.kind }
    }

    pub(super) fn due_date(
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

    pub(super) fn delivery(&self, draft: &'a Draft) -> &'a PostalAddress {
        draft.delivery_address.as_ref().or(self.buyer.delivery_address.as_ref()).unwrap_or(self.buyer_address)
    }

    pub(super) fn treatment(&self) -> Option<Treatment> {
        self.is_french_seller().then_some(match (self.kind, self.is_french_buyer()) {
            (CustomerKind::Consumer, true) => Treatment::Consumer,
            (CustomerKind::Consumer, false) => Treatment::ForeignConsumer,
            (CustomerKind::Business | CustomerKind::PublicBody, true) => Treatment::Business,
            (CustomerKind::Business | CustomerKind::PublicBody, false) => Treatment::ForeignBusiness,
        })
    }

    pub(super) fn seller_party(&self) -> Party {
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

    pub(super) fn buyer_party(&self) -> Party {
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

    pub(super) fn mentions(
        &self,
        draft: &Draft,
        operations: Operations,
        due: Due,
        language: Language,
    ) -> Vec<Note> {
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
