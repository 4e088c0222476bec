//! Invoices, credit notes and deposits (docs/invoices.md). So far what is pure: drafts, what becomes of them, totals, terms of payment, mentions.

pub mod compose;
pub mod content;
pub mod draft;
pub mod mentions;
pub mod terms;
pub mod totals;
