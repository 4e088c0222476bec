//! What the law says of a whole invoice, beside its terms (`terms.rs`) and its mentions (`mentions.rs`). Pure.

use super::content::InvoiceKind;
use super::totals::VatGroup;
use crate::commerce::vat::Category;
use crate::values::invalid::Invalid;
use crate::values::money::Currency;

/// Checks the currency of a seller in France. Its invoices say their VAT in euros (BT-111), and no rates of exchange are kept here.
///
/// # Errors
/// `vat_in_euros_missing` if it is not the euro.
pub(super) fn check_currency(currency: &Currency) -> Result<(), Invalid> {
    if *currency == Currency::euro() {
        return Ok(());
    }
    let message = format!(
        "an invoice in {} of a company in France also says its VAT in euros (CGI, article 289, IV; directive 2006/112/EC, article 230; BR-FR-CO-12), and there are no rates of exchange here: invoice from a company whose currency is the euro",
        currency.code()
    );
    Err(Invalid::new("vat_in_euros_missing", message))
}

/// Checks the VAT of a deposit.
///
/// # Errors
/// `intra_community_deposit` if a part of it is of goods that go to another member state without VAT: no law wants an invoice of it, and EN 16931 wants the day of their
/// delivery.
pub(super) fn check_deposit(kind: InvoiceKind, groups: &[VatGroup]) -> Result<(), Invalid> {
    let is_free = |group: &VatGroup| group.vat.category == Category::IntraCommunity;
    if kind != InvoiceKind::Prepayment || !groups.iter().any(is_free) {
        return Ok(());
    }
    let message = "a deposit is not invoiced for goods that go to another member state without VAT (CGI, article 289, I, 1, c, which leaves out what article 262 ter, I exempts; directive 2006/112/EC, article 220, 1, 4; EN 16931, BR-IC-11): record the payment without an invoice, and let it pay the invoice of the goods";
    Err(Invalid::new("intra_community_deposit", message))
}

#[cfg(test)]
mod tests {
    use super::super::totals::LineVat;
    use super::*;
    use crate::values::money::{Money, VatRate};

    fn group(category: Category, rate: &str) -> VatGroup {
        let vat = LineVat { category, rate: VatRate::parse(rate).ok() };
        VatGroup { vat, base: Money::zero(), amount: Money::zero() }
    }

    #[test]
    fn a_seller_in_france_invoices_in_euros() {
        assert_eq!(check_currency(&Currency::euro()), Ok(()));
        let francs = Currency::parse("CHF").expect("a currency");
        let refused = check_currency(&francs).expect_err("refused");
        assert_eq!(refused.code, "vat_in_euros_missing");
        assert!(
            refused.message.contains("CHF") && refused.message.contains("289, IV"),
            "{}",
            refused.message
        );
    }

    #[test]
    fn a_deposit_is_not_of_goods_without_vat_to_another_member_state() {
        let taxed = group(Category::Standard, "20");
        let free = group(Category::IntraCommunity, "0");
        let found = |kind, groups: &[VatGroup]| check_deposit(kind, groups).map_err(|refused| refused.code);
        assert_eq!(found(InvoiceKind::Prepayment, std::slice::from_ref(&taxed)), Ok(()));
        let both = [taxed, free];
        assert_eq!(found(InvoiceKind::Prepayment, &both), Err("intra_community_deposit"));
        assert_eq!(found(InvoiceKind::Invoice, &both), Ok(()));
        assert_eq!(found(InvoiceKind::CreditNote, &both), Ok(()));
        let refused = check_deposit(InvoiceKind::Prepayment, &both).expect_err("refused");
        for part in ["289, I, 1, c", "262 ter, I", "BR-IC-11"] {
            assert!(refused.message.contains(part), "{part}: {}", refused.message);
        }
    }
}
