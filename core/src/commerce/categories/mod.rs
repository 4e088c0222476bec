//! Categories: a tree in which products stand.

mod aggregate;
mod commands;
mod events;
mod queries;
pub(crate) mod repository;

#[cfg(test)]
pub(crate) use aggregate::Place;
pub use aggregate::{Category, CategoryCode, CategoryDetails, CategoryError, CategoryName, MAX_LEVELS};
pub use commands::{CreateCategory, DeleteCategory, UpdateCategory};
pub use events::CategoryEvent;
pub(crate) use queries::subtree;
pub use queries::{CategoryFilter, CategorySort, CategoryView, get, list};
