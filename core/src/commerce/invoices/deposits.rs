//! Deposits: invoices of a part of the price of an order, with VAT, before the goods leave (ADR 33).

use std::collections::HashMap;

use bigdecimal::BigDecimal;

use super::aggregate::{InvoiceError, InvoiceState};
use super::commands::created;
use super::deposit_rows::{self, DepositRow};
use super::draft::{
    Draft, DraftLine, DraftReason, DraftVat, InvoiceNote, LineName, LineRole, OrderReference,
};
use super::queries::InvoiceView;
use super::totals::share;
use crate::accounts::tenants;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::customers;
use crate::commerce::orders::{self, Order};
use crate::commerce::products;
use crate::commerce::vat::{Exemption, Nature};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{InvoiceId, OrderId, ProductId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::language::Language;
use crate::values::money::{Money, Quantity, UnitPrice, VatRate};
use crate::values::unit::Unit;

/// How much of an order a deposit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepositShare {
    /// Of what the order comes to without VAT.
    Percent(VatRate),
    /// Without VAT.
    Amount(Money),
}

/// Drafts a deposit of an order.
#[derive(Debug)]
pub struct DraftDeposit {
    pub order_id: OrderId,
    pub share: DepositShare,
    pub issue_date: Option<BusinessDate>,
    /// `None` is the day of the invoice.
    pub due_on: Option<BusinessDate>,
    pub note: Option<InvoiceNote>,
    /// Why what has the rate 0 is exempt. A draft of a deposit is not changed, so it is said here; `None` where nothing is exempt at home.
    pub exemption: Option<DraftReason>,
}

impl Command for DraftDeposit {
    type Outcome = InvoiceView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceView, Error> {
        self.check_exemption()?;
        // Whose it is never changes.
        let customer_id = orders::repository::look(work, self.order_id).await?.customer_id();
        if !customers::repository::hold(work, customer_id).await? {
            return Err(InvoiceError::CustomerUnknown(customer_id).into());
        }
        let order = orders::repository::load(work, self.order_id).await?;
        let products: Vec<ProductId> = order.lines().iter().map(|line| line.product_id).collect();
        let bases = bases(&order, &products::repository::units_and_natures(work, &products).await?);
        if self.exemption.is_some() && !bases.iter().any(|base| base.rate.is_zero()) {
            let message = "nothing of the order has the rate 0, so nothing of it is exempt";
            let refused = Invalid::new("nothing_exempt", message).at("/exemption");
            return Err(InvoiceError::Lines(vec![refused]).into());
        }
        let known = deposit_rows::find(work, &[], &[self.order_id]).await?;
        let amount = amount(&self.share, &bases, &known);
        let amount = amount
            .map_err(|available| InvoiceError::DepositExceedsOrder { order: self.order_id, available })?;
        let customer = customers::repository::look_at(work, customer_id).await?;
        let tenant = tenants::repository::look_at(work).await?;
        let language = customer.details().invoicing.language.unwrap_or(tenant.details().language);
        let name = self.name(&order, language);
        let draft = Draft {
            customer_id,
            issue_date: self.issue_date,
            due_on: self.due_on,
            delivered_on: None,
            language: Some(language),
            reference: order
                .reference()
                .map(|reference| OrderReference::stored(reference.as_str().to_owned())),
            note: self.note.clone(),
            delivery_address: order.delivery_address().cloned(),
            period: None,
            lines: lines(&amount, &bases, &name, self.exemption.as_ref()),
            adjustments: Vec::new(),
            unshipped: false,
            deposits: Vec::new(),
            correction: None,
            deposit_of: Some(self.order_id),
        };
        let id = InvoiceId::generate();
        let view = created(work, id, draft, &[]).await?;
        deposit_rows::insert(work, id, self.order_id, &amount).await?;
        Ok(view)
    }
}

impl DraftDeposit {
    fn check_exemption(&self) -> Result<(), InvoiceError> {
        let Some(DraftReason { code, text }) = &self.exemption else { return Ok(()) };
        let checked = Exemption::new(code.as_deref(), text.as_str());
        checked.map(drop).map_err(|invalid| InvoiceError::Lines(vec![invalid.at("/exemption/reason_code")]))
    }

    /// What its lines are called.
    fn name(&self, order: &Order, language: Language) -> String {
        let id = self.order_id.to_string();
        let of = order.reference().map_or(id.as_str(), |reference| reference.as_str());
        match (&self.share, language) {
            (DepositShare::Percent(percent), Language::Fr) => {
                let percent = percent.to_string().replace('.', ",");
                format!("Acompte de {percent}\u{202f}% sur la commande {of}")
            }
            (DepositShare::Amount(_), Language::Fr) => format!("Acompte sur la commande {of}"),
            (DepositShare::Percent(percent), Language::En) => format!("Deposit of {percent}% on order {of}"),
            (DepositShare::Amount(_), Language::En) => format!("Deposit on order {of}"),
        }
    }
}

/// What of an order has one rate and one nature: its VAT is one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    rate: VatRate,
    nature: Nature,
    /// Without VAT.
    net: Money,
}

fn whole(bases: &[Base]) -> Money {
    bases.iter().map(|base| &base.net).sum()
}

/// What the order comes to without VAT, by rate and nature: without what was cancelled.
fn bases(order: &Order, known: &HashMap<ProductId, (Unit, Nature)>) -> Vec<Base> {
    let mut bases: Vec<Base> = Vec::new();
    for line in order.lines() {
        let left = line.quantity.value() - line.cancelled.value();
        let net = Money::rounded(&(line.unit_price.value() * left));
        let nature = known.get(&line.product_id).map(|(_, nature)| *nature).unwrap_or_default();
        match bases.iter_mut().find(|base| base.rate == line.vat_rate && base.nature == nature) {
            Some(base) => base.net = base.net.plus(&net),
            None => bases.push(Base { rate: line.vat_rate.clone(), nature, net }),
        }
    }
    bases
}

/// The deposit without VAT.
///
/// # Errors
/// Fails with what is left of the order for deposits if that is less, or if the deposit is nothing.
fn amount(wanted: &DepositShare, bases: &[Base], known: &[DepositRow]) -> Result<Money, Money> {
    let whole = whole(bases);
    let others: Money =
        known.iter().filter(|deposit| !deposit.is_given_back).map(|deposit| &deposit.net).sum();
    let left = whole.minus(&others);
    let amount = match wanted {
        DepositShare::Percent(percent) => percent.of(&whole),
        DepositShare::Amount(amount) => amount.clone(),
    };
    let is_something = !amount.is_zero() && !amount.is_negative();
    if is_something && amount.value() <= left.value() { Ok(amount) } else { Err(left) }
}

/// Looks once more, when a deposit is validated, whether its order comes to so much: some of it may have been cancelled, or taken by other deposits. The order is
/// locked after the deposit.
///
/// # Errors
/// `Incomplete` if it does not. Fails if the database cannot be reached.
pub(super) async fn check_order(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    order_id: OrderId,
) -> Result<(), Error> {
    let order = orders::repository::load(work, order_id).await?;
    let known = deposit_rows::find(work, &[], &[order_id]).await?;
    let Some(left) = too_little(id, &whole(&bases(&order, &HashMap::new())), &known) else { return Ok(()) };
    let message = format!(
        "the deposits of an order are at most what it comes to, and {left} without VAT is left of order {order_id}: delete this draft, and make another one"
    );
    let fault = Invalid::new("exceeds_order", message).at("/draft/lines");
    let fault = FieldError { available: Some(left.to_string().into()), ..fault };
    Err(InvoiceError::Incomplete(vec![fault]).into())
}

/// What of an order is left for a deposit beside those that have a number, if that is less than the deposit.
fn too_little(id: InvoiceId, whole: &Money, known: &[DepositRow]) -> Option<Money> {
    let own = known.iter().find(|deposit| deposit.id == id)?;
    let is_other = |one: &&DepositRow| one.id != id && one.state != InvoiceState::Draft && !one.is_given_back;
    let others: Money = known.iter().filter(is_other).map(|deposit| &deposit.net).sum();
    let left = whole.minus(&others);
    let left = if left.is_negative() { Money::zero() } else { left };
    (own.net.value() > left.value()).then_some(left)
}

/// One line for each rate and nature of the order, in proportion; they add up to the amount.
fn lines(amount: &Money, bases: &[Base], name: &str, exemption: Option<&DraftReason>) -> Vec<DraftLine> {
    let whole = whole(bases);
    let mut before = Money::zero();
    let mut lines = Vec::with_capacity(bases.len());
    for Base { rate, nature, net } in bases {
        let part = share(amount, &whole, &before, net);
        before = before.plus(net);
        if part.is_zero() {
            continue;
        }
        lines.push(DraftLine {
            source: None,
            product_id: None,
            sku: None,
            name: LineName::stored(name.to_owned()),
            description: None,
            nature: *nature,
            quantity: Quantity::stored(BigDecimal::from(1)),
            unit: Unit::default(),
            unit_price: UnitPrice::stored(part.value().clone()),
            adjustments: Vec::new(),
            vat: DraftVat {
                rate: rate.clone(),
                category: None,
                reason: exemption.filter(|_| rate.is_zero()).cloned(),
            },
            price: None,
            role: LineRole::Deposit,
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::draft::InvoiceReason;
    use super::*;
    use crate::values::ids::CustomerId;

    fn money(text: &str) -> Money {
        Money::parse(text).expect("an amount")
    }

    fn base(rate: &str, nature: Nature, net: &str) -> Base {
        Base { rate: VatRate::parse(rate).expect("a rate"), nature, net: money(net) }
    }

    fn order() -> Vec<Base> {
        let goods = |rate, net| base(rate, Nature::Goods, net);
        vec![goods("20", "100.00"), goods("5.5", "33.33"), goods("10", "0.01")]
    }

    fn known(net: &str, credited: &str) -> DepositRow {
        DepositRow {
            id: InvoiceId::generate(),
            order_id: OrderId::generate(),
            customer_id: CustomerId::generate(),
            state: InvoiceState::Paid,
            net: money(net),
            credited: money(credited),
            is_given_back: net == credited,
            taken_by: None,
        }
    }

    #[test]
    fn a_deposit_is_spread_over_the_rates_to_the_cent() {
        let bases = order();
        let percent = DepositShare::Percent(VatRate::parse("30").expect("a percentage"));
        let amount = amount(&percent, &bases, &[]).expect("possible");
        assert_eq!(amount, money("40.00"));
        let lines = lines(&amount, &bases, "Acompte", None);
        let shown: Vec<_> =
            lines.iter().map(|line| (line.vat.rate.to_string(), line.unit_price.to_string())).collect();
        assert_eq!(shown, [("20".to_owned(), "30.00".to_owned()), ("5.5".to_owned(), "10.00".to_owned())]);
        assert!(lines.iter().all(|line| line.role == LineRole::Deposit));
    }

    #[test]
    fn goods_and_services_at_one_rate_have_lines_of_their_own() {
        let bases = [base("20", Nature::Goods, "60.00"), base("20", Nature::Service, "40.00")];
        let lines = lines(&money("50.00"), &bases, "Acompte", None);
        let shown: Vec<_> = lines.iter().map(|line| (line.nature, line.unit_price.to_string())).collect();
        assert_eq!(shown, [(Nature::Goods, "30.00".to_owned()), (Nature::Service, "20.00".to_owned())]);
    }

    #[test]
    fn only_what_has_no_rate_says_why_it_is_exempt() {
        let bases = [base("20", Nature::Goods, "50.00"), base("0", Nature::Service, "50.00")];
        let text = InvoiceReason::parse("Exonération de TVA, article 261, 4, 4° du CGI").expect("valid");
        let exemption = DraftReason { code: Some("VATEX-EU-132-1I".to_owned()), text };
        let lines = lines(&money("50.00"), &bases, "Acompte", Some(&exemption));
        let reasons: Vec<_> = lines.into_iter().map(|line| line.vat.reason).collect();
        assert_eq!(reasons, [None, Some(exemption)]);
    }

    #[test]
    fn deposits_together_are_at_most_the_order() {
        let bases = order();
        let asked = |text: &str, known: &[DepositRow]| {
            let amount = amount(&DepositShare::Amount(money(text)), &bases, known);
            amount.map(|amount| amount.to_string()).map_err(|left| left.to_string())
        };
        assert_eq!(asked("133.34", &[]), Ok("133.34".to_owned()));
        assert_eq!(asked("133.35", &[]), Err("133.34".to_owned()));
        assert_eq!(asked("0", &[]), Err("133.34".to_owned()));
        let others = [known("100.00", "0"), known("30.00", "30.00")];
        assert_eq!(asked("33.34", &others), Ok("33.34".to_owned()));
        assert_eq!(asked("33.35", &others), Err("33.34".to_owned()));
    }

    #[test]
    fn a_deposit_that_no_longer_fits_its_order_is_found() {
        let draft = |net| DepositRow { state: InvoiceState::Draft, ..known(net, "0") };
        let (own, other) = (draft("40.00"), draft("50.00"));
        let left = |whole: &str, known: &[DepositRow]| {
            too_little(own.id, &money(whole), known).map(|left| left.to_string())
        };
        let others = [own.clone(), other, known("60.00", "60.00"), known("20.00", "0")];
        assert_eq!(left("60.00", &others), None, "drafts and what was given back take nothing");
        assert_eq!(left("59.99", &others), Some("39.99".to_owned()));
        assert_eq!(left("10.00", &others), Some("0.00".to_owned()), "the order was cancelled");
        assert_eq!(left("0", &[]), None, "it is no deposit");
    }
}
