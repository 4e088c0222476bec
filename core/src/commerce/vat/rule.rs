//! Which VAT a supply bears: the rule of docs/invoices.md, "Which VAT". It never guesses. Where it cannot tell, it says what is missing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::category::{Category, Exemption, Reason};
use super::rates;
use super::territories::{Territory, gives_numbers_for_goods, gives_numbers_for_services};
use crate::values::business_date::BusinessDate;
use crate::values::contact::VatNumber;
use crate::values::money::VatRate;
use crate::values::party::{CustomerKind, VatScheme};

/// Why a distance sale has the rate of the destination. Kept with the lines, where the reports of VAT look for it: lines that were stored have this text.
macro_rules! one_stop_shop_why {
    () => {
        "goods to a customer without a VAT number in another member state, declared in the one-stop shop: the rate of the destination"
    };
}
pub(crate) use one_stop_shop_why;

/// What is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    #[default]
    Goods,
    Service,
}

impl Nature {
    pub const ALL: [Self; 2] = [Self::Goods, Self::Service];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Goods => "goods",
            Self::Service => "service",
        }
    }

    pub(crate) fn stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|nature| nature.name() == name)
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Seller<'a> {
    /// Where it is established.
    pub territory: &'a Territory,
    pub scheme: VatScheme,
    pub vat_number: Option<&'a VatNumber>,
    /// Whether it declares VAT of other member states in the one-stop shop (directive 2006/112/EC, articles 369a to 369k).
    pub one_stop_shop: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Customer<'a> {
    /// Where it is established.
    pub territory: &'a Territory,
    pub kind: CustomerKind,
    pub vat_number: Option<&'a VatNumber>,
}

/// One line, as far as VAT asks.
#[derive(Debug, Clone, Copy)]
pub struct Supply<'a> {
    pub seller: Seller<'a>,
    pub customer: Customer<'a>,
    pub nature: Nature,
    /// Where goods leave from, and where they go; nobody asks for them with services.
    pub from: &'a Territory,
    pub to: &'a Territory,
    /// The rate that it has at home.
    pub rate: &'a VatRate,
    /// Why it is exempt at home, if it is.
    pub exemption: Option<&'a Exemption>,
    /// When it is supplied.
    pub on: BusinessDate,
}

/// What the rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub category: Category,
    /// `None` if and only if the category is `NotSubject` (EN 16931, BR-O-5).
    pub rate: Option<VatRate>,
    /// Given if the category needs one.
    pub reason: Option<Reason>,
    /// Why it is so, for people.
    pub why: &'static str,
}

/// What is missing, or is in contradiction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    #[error("its rate is 0 %, and this country has no such rate: name the exemption, with its article")]
    ExemptionMissing,
    #[error("{rate} % was no rate there on {on}: the rates were {known}")]
    NotARate { rate: String, on: BusinessDate, known: String },
    #[error("the seller's VAT number is missing, and the invoice must have it")]
    SellerNumberMissing,
    #[error("{0}")]
    WrongNumber(String),
    #[error(
        "the customer's VAT number is of the seller's own country, and the customer is elsewhere: which establishment buys?"
    )]
    NumberOfSellersCountry,
    #[error("the goods leave from {0}, where the seller would have to be registered: choose the VAT by hand")]
    LeavesFromElsewhere(String),
    #[error(
        "the standard rate at home is not this one, so the rate at the destination ({0}) is not known: choose it by hand"
    )]
    RateAtDestination(String),
    #[error("services for customers in {0} follow rules of their own: choose the VAT by hand")]
    ServiceToSpecialTerritory(String),
}

impl Undecided {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ExemptionMissing => "exemption_missing",
            Self::NotARate { .. } => "not_a_rate",
            Self::SellerNumberMissing => "seller_vat_number_missing",
            Self::WrongNumber(_) => "wrong_vat_number",
            Self::NumberOfSellersCountry => "vat_number_of_sellers_country",
            Self::LeavesFromElsewhere(_) => "leaves_from_elsewhere",
            Self::RateAtDestination(_) => "rate_at_destination",
            Self::ServiceToSpecialTerritory(_) => "service_to_special_territory",
        }
    }
}

/// Decides which VAT a supply bears.
///
/// # Errors
/// Fails with what is missing if that does not follow from what is known.
pub fn decide(supply: &Supply<'_>) -> Result<Verdict, Undecided> {
    if supply.seller.scheme == VatScheme::NotSubject {
        return Ok(not_subject(supply, "nothing that the seller sells is subject to VAT"));
    }
    match supply.nature {
        Nature::Goods => goods(supply),
        Nature::Service => service(supply),
    }
}

fn goods(supply: &Supply<'_>) -> Result<Verdict, Undecided> {
    let Supply { seller, customer, from, to, .. } = supply;
    if seller.scheme == VatScheme::SmallEnterprise {
        return Ok(small_enterprise(supply));
    }
    if from != &seller.territory {
        return Err(Undecided::LeavesFromElsewhere(from.area().to_owned()));
    }
    if from == to {
        return at_home(supply, "the goods stay in the seller's VAT territory");
    }
    if !from.is_in_union_for_goods() {
        return Ok(export(supply, "the goods leave the seller's VAT territory"));
    }
    if !to.is_in_union_for_goods() {
        return Ok(export(supply, "the goods leave the VAT territory of the Union"));
    }
    let trades = customer.kind != CustomerKind::Consumer;
    match customer.vat_number.filter(|number| trades && gives_numbers_for_goods(number.country())) {
        // It must be of another state than the one that the goods leave from (directive 2006/112/EC, article 138, 1, b).
        Some(number) if number.country() != from.area() => {
            number.check().map_err(|invalid| Undecided::WrongNumber(invalid.message))?;
            if seller.vat_number.is_none() {
                return Err(Undecided::SellerNumberMissing);
            }
            Ok(Verdict {
                category: Category::IntraCommunity,
                rate: Some(VatRate::hundredths(0)),
                reason: Some(intra_community(from)),
                why: "goods to another member state, for a customer with a VAT number of another member state",
            })
        }
        Some(_) => at_home(
            supply,
            "goods to another member state, for a customer whose VAT number is of the state that they leave from",
        ),
        None if seller.one_stop_shop => at_destination(supply),
        None => at_home(
            supply,
            "goods to another member state, for a customer without a VAT number, and the seller is not in the one-stop shop",
        ),
    }
}

fn service(supply: &Supply<'_>) -> Result<Verdict, Undecided> {
    let Supply { seller, customer, .. } = supply;
    let (here, there) = (seller.territory, customer.territory);
    let home = |why| match seller.scheme {
        VatScheme::SmallEnterprise => Ok(small_enterprise(supply)),
        VatScheme::Normal | VatScheme::NotSubject => at_home(supply, why),
    };
    if here == there {
        return home("a service for a customer in the seller's VAT territory");
    }
    // Parts of one country, or a part of a member state that is outside of its VAT: the place of a service is decided country by country.
    if here.is_special() || there.is_special() {
        return Err(Undecided::ServiceToSpecialTerritory(there.area().to_owned()));
    }
    let trades = customer.kind != CustomerKind::Consumer;
    if here.is_in_union_for_services() && there.is_in_union_for_services() {
        let number =
            customer.vat_number.filter(|number| trades && gives_numbers_for_services(number.country()));
        let Some(number) = number else {
            return home("a service for a customer in another member state who has no VAT number");
        };
        if number.country() == here.country() {
            return Err(Undecided::NumberOfSellersCountry);
        }
        number.check().map_err(|invalid| Undecided::WrongNumber(invalid.message))?;
        if seller.vat_number.is_none() {
            return Err(Undecided::SellerNumberMissing);
        }
        return Ok(Verdict {
            category: Category::ReverseCharge,
            rate: Some(VatRate::hundredths(0)),
            reason: Some(reverse_charge(here)),
            why: "a service for a customer with a VAT number of another member state, who owes the VAT there",
        });
    }
    if customer.kind == CustomerKind::Business {
        return Ok(not_subject(supply, "a service for a business outside of the seller's VAT territory"));
    }
    home("a service for a customer abroad who is no business")
}

/// Taxed, zero-rated or exempt where the seller is.
fn at_home(supply: &Supply<'_>, why: &'static str) -> Result<Verdict, Undecided> {
    let Supply { seller, rate, exemption, on, .. } = supply;
    let taxed = |category, reason| {
        Ok(Verdict { category, rate: Some(VatRate::stored(rate.value().clone())), reason, why })
    };
    if let Some(exemption) = exemption {
        return Ok(Verdict {
            category: Category::Exempt,
            rate: Some(VatRate::hundredths(0)),
            reason: Some(Reason::from(*exemption)),
            why: "exempt at home",
        });
    }
    let known = rates::all(seller.territory, *on);
    if rate.is_zero() {
        // Where all rates are known, zero is none of them.
        return if known.is_some() {
            Err(Undecided::ExemptionMissing)
        } else {
            taxed(Category::ZeroRated, None)
        };
    }
    if let Some(known) = known.filter(|known| !known.contains(rate)) {
        let known: Vec<String> = known.iter().map(|rate| format!("{rate} %")).collect();
        return Err(Undecided::NotARate { rate: rate.to_string(), on: *on, known: known.join(", ") });
    }
    taxed(Category::Standard, None)
}

/// Taxed where the goods arrive: a distance sale in the one-stop shop.
fn at_destination(supply: &Supply<'_>) -> Result<Verdict, Undecided> {
    let Supply { seller, to, rate, exemption, on, .. } = supply;
    let unknown = || Undecided::RateAtDestination(to.area().to_owned());
    let is_standard = rates::standard_rate(seller.territory, *on).as_ref() == Some(*rate);
    if !is_standard || exemption.is_some() {
        return Err(unknown());
    }
    Ok(Verdict {
        category: Category::Standard,
        rate: Some(rates::standard_rate(to, *on).ok_or_else(unknown)?),
        reason: None,
        why: one_stop_shop_why!(),
    })
}

fn small_enterprise(supply: &Supply<'_>) -> Verdict {
    let reason = if is_french(supply.seller.territory) {
        Reason::new(
            Some("VATEX-FR-FRANCHISE"),
            "TVA non applicable, article 293 B du CGI",
            "VAT not applicable, article 293 B of the French tax code (CGI)",
        )
    } else {
        Reason::new(
            None,
            "Exonération de TVA des petites entreprises, article 284 de la directive 2006/112/CE",
            "Exempt from VAT as a small enterprise, article 284 of directive 2006/112/EC",
        )
    };
    Verdict {
        category: Category::Exempt,
        rate: Some(VatRate::hundredths(0)),
        reason: Some(reason),
        why: "the seller is exempt as a small enterprise",
    }
}

fn not_subject(supply: &Supply<'_>, why: &'static str) -> Verdict {
    let here = supply.seller.territory;
    let reason = match (is_french(here), supply.seller.scheme) {
        (true, VatScheme::Normal | VatScheme::SmallEnterprise) => Reason::new(
            Some("VATEX-EU-O"),
            "TVA non applicable, article 259, 1° du CGI",
            "Not subject to French VAT, article 259, 1° of the French tax code (CGI)",
        ),
        _ => Reason::new(
            here.is_in_union_for_services().then_some("VATEX-EU-O"),
            "Opération non soumise à la TVA",
            "Not subject to VAT",
        ),
    };
    Verdict { category: Category::NotSubject, rate: None, reason: Some(reason), why }
}

fn export(supply: &Supply<'_>, why: &'static str) -> Verdict {
    let (from, to) = (supply.from, supply.to);
    let reason = if from.area() == "FR" && to.country() == "FR" {
        Reason::new(
            Some("VATEX-EU-G"),
            "Exonération de TVA, articles 262, I et 294, 2 du CGI",
            "Exempt from VAT, articles 262, I and 294, 2 of the French tax code (CGI)",
        )
    } else if is_french(from) {
        Reason::new(
            Some("VATEX-EU-G"),
            "Exonération de TVA, article 262, I du CGI",
            "Export, exempt from VAT, article 262, I of the French tax code (CGI)",
        )
    } else if from.is_in_union_for_goods() {
        Reason::new(
            Some("VATEX-EU-G"),
            "Exportation exonérée de TVA, article 146 de la directive 2006/112/CE",
            "Export, exempt from VAT, article 146 of directive 2006/112/EC",
        )
    } else {
        Reason::new(None, "Exportation, sans TVA", "Export, free of VAT")
    };
    Verdict { category: Category::Export, rate: Some(VatRate::hundredths(0)), reason: Some(reason), why }
}

fn intra_community(from: &Territory) -> Reason {
    let code = Some("VATEX-EU-IC");
    if is_french(from) {
        Reason::new(
            code,
            "Exonération de TVA, article 262 ter, I du CGI",
            "Intra-Community supply, exempt from VAT, article 262 ter, I of the French tax code (CGI)",
        )
    } else {
        Reason::new(
            code,
            "Livraison intracommunautaire exonérée de TVA, article 138 de la directive 2006/112/CE",
            "Intra-Community supply, exempt from VAT, article 138 of directive 2006/112/EC",
        )
    }
}

/// The word that the law wants (directive 2006/112/EC, article 226, 11a; CGI, annexe II, 242 nonies A, I, 13°), with the article.
fn reverse_charge(here: &Territory) -> Reason {
    let code = Some("VATEX-EU-AE");
    if is_french(here) {
        Reason::new(
            code,
            "Autoliquidation, article 283, 2 du CGI",
            "Reverse charge, article 283, 2 of the French tax code (CGI)",
        )
    } else {
        Reason::new(
            code,
            "Autoliquidation, article 196 de la directive 2006/112/CE",
            "Reverse charge, article 196 of directive 2006/112/EC",
        )
    }
}

/// Whether the law of France holds there: the mainland, and its departments overseas.
fn is_french(territory: &Territory) -> bool {
    matches!(territory.area(), "FR" | "FR-ANTILLES" | "FR-RE" | "FR-GF" | "FR-YT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::contact::Country;

    /// A place by its country, and a postal code behind a slash: `ES/35001`.
    fn place(text: &str) -> Territory {
        let (country, postal_code) = text.split_once('/').unwrap_or((text, ""));
        Territory::of(&Country::parse(country).expect("a country"), Some(postal_code))
    }

    struct Case {
        seller: &'static str,
        scheme: VatScheme,
        seller_number: Option<&'static str>,
        one_stop_shop: bool,
        kind: CustomerKind,
        customer: &'static str,
        number: Option<&'static str>,
        nature: Nature,
        from: Option<&'static str>,
        to: Option<&'static str>,
        rate: &'static str,
        exemption: Option<Exemption>,
    }

    /// A French company sells goods at 20 % to a business in its country; each test says what is different.
    fn case() -> Case {
        Case {
            seller: "FR/44000",
            scheme: VatScheme::Normal,
            seller_number: Some("FR40303265045"),
            one_stop_shop: false,
            kind: CustomerKind::Business,
            customer: "FR/75001",
            number: None,
            nature: Nature::Goods,
            from: None,
            to: None,
            rate: "20",
            exemption: None,
        }
    }

    fn decided(case: Case) -> Result<Verdict, Undecided> {
        let number = |text: Option<&str>| text.map(|text| VatNumber::parse(text).expect("a number"));
        let (seller, customer) = (place(case.seller), place(case.customer));
        let (from, to) = (place(case.from.unwrap_or(case.seller)), place(case.to.unwrap_or(case.customer)));
        let (seller_number, customer_number) = (number(case.seller_number), number(case.number));
        let rate = VatRate::parse(case.rate).expect("a rate");
        decide(&Supply {
            seller: Seller {
                territory: &seller,
                scheme: case.scheme,
                vat_number: seller_number.as_ref(),
                one_stop_shop: case.one_stop_shop,
            },
            customer: Customer {
                territory: &customer,
                kind: case.kind,
                vat_number: customer_number.as_ref(),
            },
            nature: case.nature,
            from: &from,
            to: &to,
            rate: &rate,
            exemption: case.exemption.as_ref(),
            on: BusinessDate::parse("2026-11-30").expect("a date"),
        })
    }

    /// The category, the rate (`-` for none) and the code of the reason.
    fn found(case: Case) -> (&'static str, String, Option<String>) {
        let verdict = decided(case).expect("decided");
        let has_rate = verdict.rate.as_ref().map_or("-".to_owned(), ToString::to_string);
        assert_eq!(verdict.rate.is_none(), verdict.category == Category::NotSubject);
        assert_eq!(verdict.reason.is_some(), verdict.category.needs_reason());
        (verdict.category.code(), has_rate, verdict.reason.and_then(|reason| reason.code))
    }

    fn verdict(category: &'static str, rate: &str, code: &str) -> (&'static str, String, Option<String>) {
        (category, rate.to_owned(), (!code.is_empty()).then(|| code.to_owned()))
    }

    fn refused(case: Case) -> &'static str {
        decided(case).expect_err("undecided").code()
    }

    const GERMAN: Option<&str> = Some("DE136695976");
    const FRENCH: Option<&str> = Some("FR83404833048");

    #[test]
    fn at_home_the_rate_decides() {
        for nature in [Nature::Goods, Nature::Service] {
            for kind in CustomerKind::ALL {
                let case = Case { nature, kind, rate: "5.5", ..case() };
                assert_eq!(found(case), verdict("S", "5.5", ""));
            }
        }
        // Monaco is France, and a customer of elsewhere may have goods delivered here.
        assert_eq!(found(Case { customer: "MC", ..case() }), verdict("S", "20", ""));
        let delivered_here = Case { customer: "DE", number: GERMAN, to: Some("FR/67000"), ..case() };
        assert_eq!(found(delivered_here), verdict("S", "20", ""));
    }

    #[test]
    fn a_rate_that_never_was_is_refused_where_all_are_known() {
        assert_eq!(refused(Case { rate: "19.6", ..case() }), "not_a_rate");
        let german = Case { seller: "DE", seller_number: GERMAN, customer: "DE", rate: "7", ..case() };
        assert_eq!(found(german), verdict("S", "7", ""));
    }

    #[test]
    fn nothing_at_home_needs_a_reason_unless_the_country_has_a_zero_rate() {
        assert_eq!(refused(Case { rate: "0", ..case() }), "exemption_missing");
        let exemption = Exemption::new(Some("VATEX-EU-132-1I"), "Article 261, 4, 4° du CGI").expect("valid");
        let training = Case { rate: "0", nature: Nature::Service, exemption: Some(exemption), ..case() };
        assert_eq!(found(training), verdict("E", "0", "VATEX-EU-132-1I"));
        let irish = Case { seller: "IE", seller_number: None, customer: "IE", rate: "0", ..case() };
        assert_eq!(found(irish), verdict("Z", "0", ""));
    }

    #[test]
    fn goods_for_a_business_in_another_member_state_bear_no_vat() {
        for kind in [CustomerKind::Business, CustomerKind::PublicBody] {
            let case = Case { kind, customer: "DE/10115", number: GERMAN, ..case() };
            assert_eq!(found(case), verdict("K", "0", "VATEX-EU-IC"));
        }
        // The number may be of a third state, and Northern Ireland is one for goods.
        let to_italy = Case { customer: "IT/20121", number: GERMAN, ..case() };
        assert_eq!(found(to_italy), verdict("K", "0", "VATEX-EU-IC"));
        let to_belfast = Case { customer: "GB/BT1 5GS", number: Some("XI980780684"), ..case() };
        assert_eq!(found(to_belfast), verdict("K", "0", "VATEX-EU-IC"));
        // A triangular sale, or goods that a French business has sent abroad: its number is not of another state.
        let sent_abroad = Case { customer: "FR/75001", number: FRENCH, to: Some("BE/1000"), ..case() };
        assert_eq!(found(sent_abroad), verdict("S", "20", ""));
    }

    #[test]
    fn what_a_number_decides_it_must_prove() {
        let wrong = Case { customer: "DE", number: Some("DE136695978"), ..case() };
        assert_eq!(refused(wrong), "wrong_vat_number");
        let no_own = Case { customer: "DE", number: GERMAN, seller_number: None, ..case() };
        assert_eq!(refused(no_own), "seller_vat_number_missing");
        let service =
            Case { nature: Nature::Service, customer: "DE", number: GERMAN, seller_number: None, ..case() };
        assert_eq!(refused(service), "seller_vat_number_missing");
    }

    #[test]
    fn goods_for_others_in_another_member_state_bear_the_vat_of_here_or_there() {
        for (kind, number) in [
            (CustomerKind::Consumer, None),
            // A consumer's number decides nothing.
            (CustomerKind::Consumer, GERMAN),
            (CustomerKind::Business, None),
            (CustomerKind::PublicBody, None),
            // Swiss numbers are not of the Union.
            (CustomerKind::Business, Some("CHE100155212")),
        ] {
            let to_germany =
                |one_stop_shop, rate| Case { kind, customer: "DE", number, one_stop_shop, rate, ..case() };
            assert_eq!(found(to_germany(false, "20")), verdict("S", "20", ""));
            assert_eq!(found(to_germany(true, "20")), verdict("S", "19", ""));
            assert_eq!(refused(to_germany(true, "5.5")), "rate_at_destination");
        }
    }

    #[test]
    fn goods_that_leave_the_union_bear_no_vat() {
        for kind in CustomerKind::ALL {
            for customer in ["CH/1201", "US", "GB/SW1A 1AA", "FR/97110", "RE", "ES/35001", "AX", "DE/78266"] {
                let case = Case { kind, customer, ..case() };
                assert_eq!(found(case), verdict("G", "0", "VATEX-EU-G"), "{customer}");
            }
        }
        let overseas = decided(Case { customer: "FR/97110", ..case() }).expect("decided");
        assert!(overseas.reason.is_some_and(|reason| reason.fr.contains("294")));
    }

    #[test]
    fn goods_from_elsewhere_are_not_decided() {
        assert_eq!(refused(Case { from: Some("DE"), customer: "DE", ..case() }), "leaves_from_elsewhere");
    }

    #[test]
    fn services_for_businesses_of_the_union_are_taxed_there() {
        let service =
            |kind, customer, number| Case { nature: Nature::Service, kind, customer, number, ..case() };
        for kind in [CustomerKind::Business, CustomerKind::PublicBody] {
            assert_eq!(found(service(kind, "DE", GERMAN)), verdict("AE", "0", "VATEX-EU-AE"));
            assert_eq!(found(service(kind, "DE", None)), verdict("S", "20", ""));
        }
        assert_eq!(found(service(CustomerKind::Consumer, "DE", GERMAN)), verdict("S", "20", ""));
        assert_eq!(refused(service(CustomerKind::Business, "DE", FRENCH)), "vat_number_of_sellers_country");
        let mention = decided(service(CustomerKind::Business, "DE", GERMAN)).expect("decided").reason;
        assert!(mention.is_some_and(|reason| reason.fr.starts_with("Autoliquidation")));
    }

    #[test]
    fn services_for_businesses_outside_the_union_are_not_subject() {
        let service = |kind, customer| Case { nature: Nature::Service, kind, customer, ..case() };
        for customer in ["CH", "US", "GB/BT1 5GS"] {
            assert_eq!(found(service(CustomerKind::Business, customer)), verdict("O", "-", "VATEX-EU-O"));
            assert_eq!(found(service(CustomerKind::Consumer, customer)), verdict("S", "20", ""));
        }
        for customer in ["FR/97110", "ES/35001"] {
            assert_eq!(refused(service(CustomerKind::Business, customer)), "service_to_special_territory");
        }
    }

    #[test]
    fn small_enterprises_are_exempt_but_for_services_to_businesses_of_the_union() {
        let small = |nature, customer, number| Case {
            scheme: VatScheme::SmallEnterprise,
            nature,
            customer,
            number,
            ..case()
        };
        let exempt = verdict("E", "0", "VATEX-FR-FRANCHISE");
        assert_eq!(found(small(Nature::Goods, "FR", None)), exempt);
        assert_eq!(found(small(Nature::Goods, "DE", GERMAN)), exempt);
        assert_eq!(found(small(Nature::Service, "FR", None)), exempt);
        assert_eq!(found(small(Nature::Service, "DE", None)), exempt);
        assert_eq!(found(small(Nature::Service, "DE", GERMAN)), verdict("AE", "0", "VATEX-EU-AE"));
        let german = Case { seller: "DE", customer: "DE", ..small(Nature::Goods, "DE", None) };
        assert_eq!(found(german), verdict("E", "0", ""));
    }

    #[test]
    fn who_is_not_subject_invoices_no_vat() {
        for customer in ["FR", "DE", "US"] {
            let case = Case { scheme: VatScheme::NotSubject, seller_number: None, customer, ..case() };
            assert_eq!(found(case), verdict("O", "-", "VATEX-EU-O"));
        }
    }

    #[test]
    fn nothing_french_is_said_of_sellers_elsewhere() {
        let swiss = |nature, customer| Case {
            seller: "CH",
            seller_number: None,
            nature,
            customer,
            rate: "8.1",
            ..case()
        };
        assert_eq!(found(swiss(Nature::Goods, "CH")), verdict("S", "8.1", ""));
        assert_eq!(found(swiss(Nature::Goods, "FR")), verdict("G", "0", ""));
        assert_eq!(found(swiss(Nature::Service, "FR")), verdict("O", "-", ""));
        for case in [
            Case { seller: "BE", customer: "DE", number: GERMAN, ..case() },
            Case { seller: "BE", customer: "US", ..case() },
            Case { seller: "BE", customer: "DE", number: GERMAN, nature: Nature::Service, ..case() },
            Case { seller: "BE", customer: "US", nature: Nature::Service, ..case() },
            Case { seller: "BE", customer: "BE", scheme: VatScheme::SmallEnterprise, ..case() },
            swiss(Nature::Goods, "FR"),
            swiss(Nature::Service, "FR"),
        ] {
            let reason = decided(case).expect("decided").reason.expect("a reason");
            assert!(!format!("{} {}", reason.fr, reason.en).contains("CGI"), "{reason:?}");
        }
    }
}
