//! The states of an invoice on the platforms of the French reform, with their codes (AFNOR XP Z12-012).

use serde::Serialize;
use utoipa::ToSchema;

/// What a platform, the customer's platform or the customer says of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LifeCycle {
    /// 200, déposée: the seller's platform has it. Required.
    Deposited,
    /// 201, émise: the seller's platform passed it on.
    Issued,
    /// 202, reçue: the customer's platform has it.
    Received,
    /// 203, mise à disposition: the customer can see it.
    MadeAvailable,
    /// 204, prise en charge: the customer works on it.
    InProcess,
    /// 205, approuvée.
    Approved,
    /// 206, approuvée partiellement.
    PartlyApproved,
    /// 207, en litige: the customer disputes it.
    Disputed,
    /// 208, suspendue: the customer waits for something, such as a paper.
    Suspended,
    /// 209, complétée: the seller gave what was missing.
    Completed,
    /// 210, refusée: the customer does not take it. Required.
    Refused,
    /// 211, paiement transmis: the customer paid.
    PaymentSent,
    /// 212, encaissée: the seller was paid. Required.
    Paid,
    /// 213, rejetée: a platform does not take it. Required.
    Rejected,
}

impl LifeCycle {
    pub const ALL: [Self; 14] = [
        Self::Deposited,
        Self::Issued,
        Self::Received,
        Self::MadeAvailable,
        Self::InProcess,
        Self::Approved,
        Self::PartlyApproved,
        Self::Disputed,
        Self::Suspended,
        Self::Completed,
        Self::Refused,
        Self::PaymentSent,
        Self::Paid,
        Self::Rejected,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Deposited => "deposited",
            Self::Issued => "issued",
            Self::Received => "received",
            Self::MadeAvailable => "made_available",
            Self::InProcess => "in_process",
            Self::Approved => "approved",
            Self::PartlyApproved => "partly_approved",
            Self::Disputed => "disputed",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::PaymentSent => "payment_sent",
            Self::Paid => "paid",
            Self::Rejected => "rejected",
        }
    }

    /// The code that platforms exchange.
    pub const fn code(self) -> i16 {
        match self {
            Self::Deposited => 200,
            Self::Issued => 201,
            Self::Received => 202,
            Self::MadeAvailable => 203,
            Self::InProcess => 204,
            Self::Approved => 205,
            Self::PartlyApproved => 206,
            Self::Disputed => 207,
            Self::Suspended => 208,
            Self::Completed => 209,
            Self::Refused => 210,
            Self::PaymentSent => 211,
            Self::Paid => 212,
            Self::Rejected => 213,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_200_to_213_in_order() {
        let codes: Vec<i16> = LifeCycle::ALL.into_iter().map(LifeCycle::code).collect();
        assert_eq!(codes, (200..=213).collect::<Vec<i16>>());
    }
}
