//! What a credit limit permits.

use crate::accounts::tenants::CreditLimitAction;
use crate::application::error::{Category, DomainError};
use crate::commerce::customers::CreditLimit;
use crate::values::ids::CustomerId;
use crate::values::invalid::{CreditFigures, FieldError, Invalid};
use crate::values::money::{Currency, Money};

/// Whether an order may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Granted,
    /// It passes the limit, and waits for approval.
    Held,
}

/// What a customer owes and will owe, and how many of the open orders wait for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exposure {
    pub(super) amount: Money,
    pub(super) held_orders: i64,
}

/// What is left of a limit; less than zero if it is passed already.
pub(super) fn available(limit: &CreditLimit, exposure: &Money) -> Money {
    limit.amount().minus(exposure)
}

/// An order that is to be placed, or that is to come to another amount.
#[derive(Debug)]
pub(super) struct Applicant<'a> {
    pub(super) customer: CustomerId,
    pub(super) limit: &'a CreditLimit,
    /// What the customer owes and will owe without it.
    pub(super) exposure: Money,
    /// What it comes to.
    pub(super) total: &'a Money,
    pub(super) currency: &'a Currency,
}

impl Applicant<'_> {
    pub(super) fn fits(&self) -> bool {
        self.total.value() <= available(self.limit, &self.exposure).value()
    }

    /// Decides about an order that does not fit.
    ///
    /// # Errors
    /// `LimitExceeded` if the company refuses such orders.
    pub(super) fn beyond(self, action: CreditLimitAction) -> Result<Admission, CreditError> {
        match action {
            CreditLimitAction::Hold => Ok(Admission::Held),
            CreditLimitAction::Refuse => Err(CreditError::LimitExceeded(Box::new(Overrun {
                customer: self.customer,
                available: available(self.limit, &self.exposure).to_string(),
                figures: CreditFigures {
                    limit: self.limit.to_string(),
                    exposure: self.exposure.to_string(),
                    total: self.total.to_string(),
                },
                currency: self.currency.code().to_owned(),
            }))),
        }
    }
}

/// By what a limit would be passed: decimal strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overrun {
    customer: CustomerId,
    available: String,
    figures: CreditFigures,
    currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditError {
    #[error(
        "the credit limit of customer {} is {} {}, other orders and open invoices come to {} and this one to {}: {} are available",
        .0.customer, .0.figures.limit, .0.currency, .0.figures.exposure, .0.figures.total, .0.available
    )]
    LimitExceeded(Box<Overrun>),
    /// The same, as it is told to whoever may not see amounts.
    #[error("the order would pass the credit limit of customer {0}; by how much, orders:prices shows")]
    LimitPassed(CustomerId),
}

impl CreditError {
    /// The refusal without its amounts.
    pub(super) fn without_amounts(self) -> Self {
        match self {
            Self::LimitExceeded(overrun) => Self::LimitPassed(overrun.customer),
            Self::LimitPassed(customer) => Self::LimitPassed(customer),
        }
    }
}

impl DomainError for CreditError {
    fn category(&self) -> Category {
        match self {
            Self::LimitExceeded(_) | Self::LimitPassed(_) => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::LimitExceeded(_) | Self::LimitPassed(_) => "credit_limit_exceeded",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = Invalid::new(self.code(), self.to_string()).at("/lines");
        let Self::LimitExceeded(overrun) = self else { return vec![field] };
        vec![FieldError {
            available: Some(overrun.available.as_str().into()),
            credit: Some(Box::new(overrun.figures.clone())),
            ..field
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).expect("valid")
    }

    #[test]
    fn an_order_fits_up_to_the_last_cent() {
        let limit = CreditLimit::parse("100").expect("valid");
        for (exposure, total, fits) in [
            ("0", "100", true),
            ("0", "100.01", false),
            ("76", "24", true),
            ("76.01", "24", false),
            // The limit was lowered.
            ("120", "0.01", false),
        ] {
            let (customer, currency) = (CustomerId::generate(), Currency::euro());
            let (exposure, total) = (money(exposure), money(total));
            let applicant =
                Applicant { customer, limit: &limit, exposure, total: &total, currency: &currency };
            assert_eq!(applicant.fits(), fits, "{applicant:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_figures_or_held() {
        let (customer, currency) = (CustomerId::generate(), Currency::euro());
        let (limit, total) = (CreditLimit::parse("100").expect("valid"), money("50"));
        let applicant = || Applicant {
            customer,
            limit: &limit,
            exposure: money("80"),
            total: &total,
            currency: &currency,
        };
        assert_eq!(applicant().beyond(CreditLimitAction::Hold), Ok(Admission::Held));
        let refused = applicant().beyond(CreditLimitAction::Refuse).expect_err("refused");
        assert_eq!((refused.code(), refused.category()), ("credit_limit_exceeded", Category::Conflict));
        let fields = refused.fields();
        assert_eq!((fields[0].pointer.as_str(), fields[0].available.as_deref()), ("/lines", Some("20.00")));
        let figures = fields[0].credit.as_deref().expect("figures");
        assert_eq!((figures.limit.as_str(), figures.exposure.as_str()), ("100.00", "80.00"));
        assert_eq!(figures.total, "50.00");
        assert!(refused.to_string().contains("100.00 EUR"), "{refused}");

        let bare = refused.without_amounts();
        assert_eq!((bare.code(), bare.category()), ("credit_limit_exceeded", Category::Conflict));
        let fields = bare.fields();
        assert_eq!(
            (fields[0].pointer.as_str(), &fields[0].available, &fields[0].credit),
            ("/lines", &None, &None)
        );
        assert!(
            bare.to_string().contains(&customer.to_string()) && !bare.to_string().contains("0.00"),
            "{bare}"
        );
    }
}
