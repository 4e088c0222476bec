//! Inventory counts: what lies in a warehouse, or in some of its locations, as somebody counted it, and what follows where the books say otherwise.

mod aggregate;
mod commands;
mod deviations;
mod entry_queries;
mod entry_rows;
mod error;
mod events;
mod line_queries;
mod line_rows;
mod opening_rows;
mod queries;
pub(crate) mod repository;

pub use aggregate::{
    CountCancellation, CountReference, CountStatus, CountTotals, InventoryCount, LineState, MAX_CATEGORIES,
    MAX_DEVIATIONS, MAX_ENTRIES, MAX_LINES, MAX_LOCATIONS, NewInventoryCount, Uncounted,
};
pub use commands::{
    AskRecount, CancelCount, CloseCount, CountEntry, CreateCount, RecordCounts, SendToReview, StartCount,
};
pub use deviations::Deviation;
pub use entry_queries::{CountEntryView, EntryFilter, EntrySort, entries};
pub use error::InventoryCountError;
pub use events::InventoryCountEvent;
pub use line_queries::{CountLineView, LineFilter, LineSort, lines};
pub use queries::{CountFilter, CountProgress, CountSort, InventoryCountView, get, list, progress};
