//! Documents of every kind: their rules, their bytes, and what others say of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod cases;
mod look;
mod proof;
mod rendering;
mod rules;
mod statement;
