//! Price lists, and which price applies (docs/prices.md).

mod aggregate;
mod commands;
mod entries;
mod events;
mod queries;
mod quotes;
pub(crate) mod repository;
mod resolver;
mod row;

pub use aggregate::{
    MAX_ENTRIES, Overlap, PriceList, PriceListCode, PriceListDetails, PriceListError, PriceListName,
    PriceTarget,
};
pub use commands::{CreatePriceList, DeletePriceList, MAX_BATCH, NewEntry, SetPrices, UpdatePriceList};
pub use entries::{MAX_BREAKS, PriceBreak, PriceEntry};
pub use events::PriceListEvent;
pub use queries::{
    EntrySort, PriceBreakView, PriceEntryView, PriceListFilter, PriceListSort, PriceListView, entries, get,
    list,
};
pub use quotes::{Quote, QuoteView, QuotedList, quote};
pub use resolver::{
    AppliedPrice, ListedPrice, PriceBook, PriceOrigin, PriceQuestion, PriceScope, PriceSource, ValidPeriod,
};
pub use row::{PriceSet, SetPrice};
