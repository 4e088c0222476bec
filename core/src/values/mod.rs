//! Values and their rules: what is true of an amount, a text or an address wherever it occurs. No I/O.

pub mod contact;
pub mod ids;
pub mod invalid;
pub mod money;
pub mod printable;
pub mod text;
