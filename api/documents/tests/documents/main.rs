//! Documents of every kind: their rules, their bytes, and what others say of them.

mod cases;
mod look;
mod proof;
mod rendering;
mod rules;
