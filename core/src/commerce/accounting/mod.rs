//! What accounts need to know of sales (docs/invoices.md, "VAT due", "Accounting export" and "Sales"): reads over what is frozen of invoices and over payments. Nothing is
//! written here but the company's table of accounts.

mod accounts;
mod commands;
mod entries;
mod error;
mod export;
mod fec;
mod fec_rows;
mod group;
mod letters;
mod period;
mod queries;
mod repository;
mod sales;
mod vat_due;
mod vat_rows;

pub use accounts::{Account, AccountLabel, AccountNumber, MAX_ACCOUNTS, Purpose};
pub use commands::SetAccounts;
pub use error::AccountingError;
pub use export::{FecFile, FecPiece, fec_file, write_fec};
pub use period::{AccountingPeriod, MAX_FEC_DAYS, MAX_SALES_DAYS};
pub use queries::{AccountView, AccountsView, accounts};
pub use sales::{SalesBy, SalesFilter, SalesSort, SalesView, sales};
pub use vat_due::{VatDueCause, VatDueLine, VatDueView};
pub use vat_rows::vat_due;
