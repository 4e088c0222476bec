//! The statement of a customer as a PDF: what `core` knows of it as the input of `comptoir-documents`.

use comptoir_core::accounts::tenants::{RegistrationView, TenantView};
use comptoir_core::commerce::addresses::AddressKind;
use comptoir_core::commerce::customers::CustomerView;
use comptoir_core::commerce::documents::Style;
use comptoir_core::commerce::invoices::content;
use comptoir_core::commerce::receivables::{EntryKind, StatementEntry, StatementView};
use comptoir_core::values::contact::PostalAddress;
use comptoir_core::values::language::Language;
use comptoir_documents::{
    Account, Address, Capital, Entry, Identifier, Party, RenderError, Statement, render_statement,
};

use super::look;

/// The scheme of a French SIREN, and how many of the digits of a SIRET are one.
const SIREN: &str = "0002";
const SIREN_DIGITS: usize = 9;

/// Makes the PDF. It takes a processor for some milliseconds to seconds: give it a thread of its own.
///
/// # Errors
/// Fails if a name or an address cannot be printed; anything else is a defect.
pub(crate) fn statement_pdf(
    view: StatementView,
    seller: &TenantView,
    buyer: &CustomerView,
    style: &Style,
) -> Result<Vec<u8>, RenderError> {
    render_statement(&statement(view, seller, buyer, style))
}

fn statement(view: StatementView, seller: &TenantView, buyer: &CustomerView, style: &Style) -> Statement {
    let StatementView { currency, from, to, opening, entries, .. } = view;
    let own = seller.address.as_ref().map(address).unwrap_or_default();
    let of_kind = |kind| buyer.addresses.iter().find(move |address| address.kind == kind);
    let theirs = of_kind(AddressKind::Billing).or_else(|| of_kind(AddressKind::Shipping));
    // Without an address, no country is printed either.
    let theirs = theirs.map_or_else(
        || Address { country: own.country.clone(), ..Address::default() },
        |known| address(&known.postal),
    );
    let invoicing = &seller.invoicing;
    let account =
        |iban: &String| Account { iban: iban.clone(), bic: invoicing.bic.clone(), holder: None, bank: None };
    Statement {
        language: match buyer.invoicing.language.unwrap_or(seller.language) {
            Language::Fr => comptoir_documents::Language::Fr,
            Language::En => comptoir_documents::Language::En,
        },
        seller: Party {
            name: seller.name.clone(),
            legal_form: invoicing.legal_form.clone(),
            capital: invoicing
                .share_capital
                .as_ref()
                .map(|amount| Capital { amount: amount.value().clone(), currency: seller.currency.clone() }),
            register: invoicing.trade_register.clone(),
            legal_id: seller.registration.as_ref().map(legal_id),
            vat_number: seller.vat_number.clone(),
            address: own,
            ..Party::default()
        },
        buyer: Party {
            name: buyer.name.clone(),
            legal_form: buyer.invoicing.legal_form.clone(),
            legal_id: buyer.invoicing.registration.as_ref().map(legal_id),
            vat_number: buyer.vat_number.clone(),
            address: theirs,
            ..Party::default()
        },
        from: from.date(),
        to: to.date(),
        currency,
        opening: opening.value().clone(),
        entries: entries.into_iter().map(entry).collect(),
        // `GET /invoices/aged-balance` says it of all customers.
        aged: Vec::new(),
        accounts: invoicing.iban.iter().map(account).collect(),
        style: look(style),
    }
}

fn entry(of: StatementEntry) -> Entry {
    let amount = of.debit.or(of.credit).map(|amount| amount.value().clone());
    Entry {
        date: of.date.date(),
        kind: match of.kind {
            EntryKind::Invoice => comptoir_documents::EntryKind::Invoice,
            EntryKind::Prepayment => comptoir_documents::EntryKind::Prepayment,
            EntryKind::CreditNote => comptoir_documents::EntryKind::CreditNote,
            EntryKind::Payment => comptoir_documents::EntryKind::Payment,
            EntryKind::Reversal => comptoir_documents::EntryKind::Reversal,
        },
        reference: of.reference.unwrap_or_default(),
        due_date: of.due_on.map(|date| date.date()),
        amount: amount.unwrap_or_default(),
    }
}

fn address(known: &PostalAddress) -> Address {
    let content::Address { line1, line2, post_code, city, country } = content::Address::from(known);
    Address { line1, line2, line3: None, post_code, city, subdivision: None, country }
}

/// The number in the register: of a French establishment (SIRET) that of its company.
fn legal_id(known: &RegistrationView) -> Identifier {
    let siren = match known.scheme {
        "siren" => Some(known.number.as_str()),
        "siret" => known.number.get(..SIREN_DIGITS),
        _ => None,
    };
    match siren {
        Some(siren) => Identifier { scheme: Some(SIREN.to_owned()), value: siren.to_owned() },
        None => Identifier { scheme: None, value: known.number.clone() },
    }
}
