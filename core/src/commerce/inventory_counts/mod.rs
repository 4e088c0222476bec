//! Inventory counts: what lies in a warehouse, or in some of its locations, as somebody counted it, and what follows where the books say otherwise.

mod aggregate;
mod commands;
mod deviations;
mod entry_rows;
mod error;
mod events;
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
pub use error::InventoryCountError;
pub use events::InventoryCountEvent;
pub use queries::{
    CountEntryView, CountFilter, CountLineView, CountProgress, CountSort, EntryFilter, EntrySort,
    InventoryCountView, LineFilter, LineSort, entries, get, lines, list, progress,
};
