//! The tenant, a company, and its rules.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::events::TenantEvent;
use super::invoicing::TenantInvoicing;
use super::short_name::ShortName;
use crate::application::error::{Category, DomainError};
use crate::values::business_date::BusinessDate;
use crate::values::contact::{Email, PostalAddress, VatNumber};
use crate::values::ids::TenantId;
use crate::values::invalid::{FieldError, Invalid};
use crate::values::language::Language;
use crate::values::late_interest;
use crate::values::money::Currency;
use crate::values::registration::Registration;
use crate::values::text::text;

text!(
    /// The name of a company.
    TenantName, "a company's name", 200
);

/// A time zone of the IANA database, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(String);

impl TimeZone {
    /// # Errors
    /// `not_a_time_zone` if the database has no such name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text.parse::<Tz>() {
            Ok(zone) => Ok(Self(zone.name().to_owned())),
            Err(_) => Err(Invalid::new(
                "not_a_time_zone",
                "expected a name of the IANA time zone database, such as Europe/Paris",
            )),
        }
    }

    pub(super) fn stored(name: String) -> Self {
        Self(name)
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// The date there at this moment.
    pub fn date_of(&self, moment: DateTime<Utc>) -> NaiveDate {
        let zone: Tz = self.0.parse().unwrap_or(Tz::UTC);
        moment.with_timezone(&zone).date_naive()
    }
}

/// What happens to an order by which a customer's open orders come to more than their credit limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CreditLimitAction {
    /// It is refused.
    #[default]
    Refuse,
    /// It is placed, and waits for approval.
    Hold,
}

impl CreditLimitAction {
    pub const ALL: [Self; 2] = [Self::Refuse, Self::Hold];

    /// Returns the name that is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Hold => "hold",
        }
    }

    /// Reads a stored name. One that only a newer version knows is the stricter of these two.
    pub(super) fn stored(name: &str) -> Self {
        Self::ALL.into_iter().find(|action| action.name() == name).unwrap_or_default()
    }
}

/// The data of a company that can be chosen and updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantDetails {
    pub name: TenantName,
    pub registration: Option<Registration>,
    pub vat_number: Option<VatNumber>,
    pub address: Option<PostalAddress>,
    pub time_zone: TimeZone,
    /// The language of its e-mails.
    pub language: Language,
    /// The address that its e-mails are from; `None` is the installation's own.
    pub email_from: Option<Email>,
    /// Where answers to its e-mails go; `None` is where they are from.
    pub email_reply_to: Option<Email>,
    pub credit_limit_action: CreditLimitAction,
    pub invoicing: TenantInvoicing,
}

impl TenantDetails {
    /// # Errors
    /// `vat_number_mismatch` if the number is of another company than the SIREN.
    pub fn check_vat_number(
        registration: Option<&Registration>,
        vat_number: Option<&VatNumber>,
    ) -> Result<(), Invalid> {
        match (registration, vat_number) {
            (Some(registration), Some(vat_number)) => registration.check_vat_number(vat_number),
            _ => Ok(()),
        }
    }

    fn is_in_france(&self) -> bool {
        self.address.as_ref().is_some_and(PostalAddress::is_in_france)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    pub(super) id: TenantId,
    pub(super) version: i64,
    /// Users log in with it, so it never changes.
    pub(super) short_name: ShortName,
    pub(super) details: TenantDetails,
    /// All amounts are in it, also past ones, so it never changes.
    pub(super) currency: Currency,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Tenant {
    pub fn create(
        id: TenantId,
        short_name: ShortName,
        details: TenantDetails,
        currency: Currency,
        now: DateTime<Utc>,
    ) -> (Self, TenantEvent) {
        let tenant = Self { id, version: 1, short_name, details, currency, created_at: now, updated_at: now };
        let event = TenantEvent::Created(tenant.clone());
        (tenant, event)
    }

    /// Changes the details; returns `None` if they are the same.
    ///
    /// # Errors
    /// `LateInterest` if the interest on late payments is set, or the company comes to France with it, and it is less than the law asks for there today.
    pub fn update(
        &mut self,
        details: TenantDetails,
        now: DateTime<Utc>,
    ) -> Result<Option<TenantEvent>, TenantError> {
        if self.details == details {
            return Ok(None);
        }
        self.check_late_interest(&details, now)?;
        self.details = details;
        self.version += 1;
        self.updated_at = now;
        Ok(Some(TenantEvent::Updated(self.clone())))
    }

    /// The law may ask for more than it did when the rate was set. That stops no other change: invoices are refused then, and say it.
    fn check_late_interest(&self, details: &TenantDetails, now: DateTime<Utc>) -> Result<(), TenantError> {
        let Some(rate) = details.invoicing.late_interest_rate.as_ref().filter(|_| details.is_in_france())
        else {
            return Ok(());
        };
        if self.details.is_in_france() && self.details.invoicing.late_interest_rate.as_ref() == Some(rate) {
            return Ok(());
        }
        let today = BusinessDate::stored(details.time_zone.date_of(now));
        late_interest::check(rate, today).map_err(TenantError::LateInterest)
    }

    pub fn short_name(&self) -> &ShortName {
        &self.short_name
    }

    pub fn details(&self) -> &TenantDetails {
        &self.details
    }

    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    #[error("there is no tenant {0}")]
    NotFound(TenantId),
    #[error("the short name {0:?} belongs to another company; choose another one")]
    ShortNameTaken(String),
    #[error("{}", .0.message)]
    LateInterest(Invalid),
}

impl DomainError for TenantError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::ShortNameTaken(_) => Category::Conflict,
            Self::LateInterest(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "tenant_not_found",
            Self::ShortNameTaken(_) => "short_name_taken",
            // As for every other value that cannot be accepted.
            Self::LateInterest(_) => "invalid_request",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::NotFound(_) | Self::ShortNameTaken(_) => Vec::new(),
            Self::LateInterest(invalid) => vec![invalid.clone().at("/invoicing/late_interest_rate")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::aggregate::Aggregate;
    use crate::values::contact::{AddressLine, Country};
    use crate::values::money::VatRate;

    fn details(name: &str) -> TenantDetails {
        TenantDetails {
            name: TenantName::parse(name).expect("valid"),
            registration: None,
            vat_number: None,
            address: None,
            time_zone: TimeZone::parse("Europe/Paris").expect("valid"),
            language: Language::Fr,
            email_from: None,
            email_reply_to: None,
            credit_limit_action: CreditLimitAction::default(),
            invoicing: TenantInvoicing::default(),
        }
    }

    fn docks() -> ShortName {
        ShortName::parse("docks").expect("valid")
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    #[test]
    fn creating_a_tenant_announces_it_at_version_one() {
        let (tenant, event) =
            Tenant::create(TenantId::generate(), docks(), details("Maison Dupont"), Currency::euro(), at(0));
        assert_eq!(tenant.version(), 1);
        assert_eq!(event, TenantEvent::Created(tenant));
    }

    #[test]
    fn only_a_change_is_announced() {
        let (mut tenant, _) =
            Tenant::create(TenantId::generate(), docks(), details("Maison Dupont"), Currency::euro(), at(0));
        assert_eq!(tenant.update(details("Maison Dupont"), at(1)), Ok(None));
        let event = tenant.update(details("Dupont & Fils"), at(2));
        assert_eq!((tenant.version(), tenant.updated_at()), (2, at(2)));
        assert_eq!(event, Ok(Some(TenantEvent::Updated(tenant))));
    }

    #[test]
    fn a_company_in_france_sets_no_interest_below_the_law() {
        // 14 November 2023, when the legal rate was 4.22 %; 5.07 % from January on.
        let (then, later) = (at(0), at(60 * 86_400));
        let with = |country: Option<&str>, rate: Option<&str>| TenantDetails {
            address: country.map(|country| PostalAddress {
                line1: AddressLine::parse("1 quai des Docks").expect("valid"),
                line2: None,
                postal_code: None,
                city: AddressLine::parse("Nantes").expect("valid"),
                country: Country::parse(country).expect("a country"),
            }),
            invoicing: TenantInvoicing {
                late_interest_rate: rate.map(|rate| VatRate::parse(rate).expect("a rate")),
                ..TenantInvoicing::default()
            },
            ..details("Maison Dupont")
        };
        let updated = |from: TenantDetails, to: TenantDetails, now| {
            let (mut tenant, _) = Tenant::create(TenantId::generate(), docks(), from, Currency::euro(), then);
            tenant.update(to, now).map(drop).map_err(|refused| refused.fields()[0].pointer.clone())
        };
        let refused = Err("/invoicing/late_interest_rate".to_owned());
        let french = with(Some("FR"), None);
        assert_eq!(updated(french.clone(), with(Some("FR"), Some("12.66")), then), Ok(()));
        assert_eq!(updated(french.clone(), with(Some("FR"), Some("12.65")), then), refused);
        assert_eq!(updated(french.clone(), with(Some("FR"), Some("12.66")), later), refused, "it has risen");
        assert_eq!(updated(french, with(None, Some("1")), then), Ok(()), "nobody knows where it is");
        let belgian = with(Some("BE"), Some("5"));
        assert_eq!(updated(with(Some("BE"), None), belgian.clone(), then), Ok(()));
        assert_eq!(updated(belgian, with(Some("FR"), Some("5")), then), refused, "it comes to France");
        // What was right when it was set stops no other change.
        let set = with(Some("FR"), Some("12.66"));
        let renamed = TenantDetails { name: details("Dupont & Fils").name, ..set.clone() };
        assert_eq!(updated(set, renamed, later), Ok(()));
    }

    #[test]
    fn the_date_is_that_of_the_zone() {
        let late = DateTime::from_timestamp(1_796_166_000, 0).expect("a time");
        let date = |zone: &str| TimeZone::parse(zone).expect("valid").date_of(late).to_string();
        assert_eq!((date("UTC"), date("Europe/Paris")), ("2026-12-01".to_owned(), "2026-12-02".to_owned()));
    }

    #[test]
    fn what_happens_at_a_credit_limit_is_known_by_its_name() {
        for action in CreditLimitAction::ALL {
            assert_eq!(CreditLimitAction::stored(action.name()), action);
        }
        assert_eq!(CreditLimitAction::stored("ask"), CreditLimitAction::Refuse);
    }

    #[test]
    fn a_time_zone_is_one_of_the_iana_database() {
        for name in ["Europe/Paris", "UTC", "America/Argentina/Ushuaia"] {
            assert_eq!(TimeZone::parse(name).expect("valid").name(), name);
        }
        for text in ["", "Paris", "europe/paris", "CEST", "+02:00", "Europe/Paris "] {
            assert_eq!(TimeZone::parse(text).map_err(|error| error.code), Err("not_a_time_zone"), "{text:?}");
        }
    }
}
