//! Invoices, credit notes and deposits (docs/invoices.md). So far what is pure: totals, terms of payment, mentions.

pub mod mentions;
pub mod terms;
pub mod totals;
