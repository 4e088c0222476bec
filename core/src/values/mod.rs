//! Values and their rules, which hold for an amount, a text or an address wherever it occurs. No I/O.

pub mod business_date;
pub mod channel;
pub mod contact;
pub mod external_id;
pub mod goods;
pub mod gtin;
pub mod iban;
pub mod ids;
pub mod invalid;
pub mod language;
pub mod late_interest;
pub mod money;
pub mod party;
pub mod payment_terms;
pub mod printable;
pub mod registration;
pub mod series;
pub mod text;
pub mod unit;
