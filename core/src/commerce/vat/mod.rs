//! Value-added tax: which rates there were when, which places share it, and which category a supply has (docs/invoices.md, "Which VAT").
//! Pure: no database, no clock.

mod category;
pub mod rates;
mod rule;
mod territories;

pub use category::{Category, Exemption, Reason};
pub(crate) use rule::one_stop_shop_why;
pub use rule::{Customer, Nature, Seller, Supply, Undecided, Verdict, decide};
pub use territories::Territory;
