//! Imports: files of customers, suppliers, products, opening stock or prices. The rows are kept as they arrive, and worked off afterwards, one command
//! for each: as if a client had sent them one by one.
//!
//! A row's command marks the row in its own transaction, so it is done once, however often the import is interrupted and taken
//! up again. One process works on an import at a time; another one takes it over when that one has not been heard of for
//! [`LEASE`].

mod aggregate;
mod commands;
mod queries;
mod repository;

pub use aggregate::{
    Import, ImportCredential, ImportError, ImportKind, ImportMode, ImportState, Outcome, Progress,
};
pub use commands::{
    AbandonImport, BeginImport, CancelImport, ClaimImport, Claimed, ImportRow, KeepImport, LeaveImport,
    Leaving, Marked, RefuseRow, ResumeImport, StageRows, SubmitImport, Told,
};
pub use queries::{
    ImportSort, ImportView, RefusedRow, RefusedSort, due, get, list, refused_rows, waiting_rows,
};
pub(crate) use queries::{PRUNE_BATCH, prune};

/// How long a process that works on an import may be silent.
pub const LEASE: std::time::Duration = std::time::Duration::from_secs(30);
/// The maximum number of imports of a company that are under way.
pub const MAX_OPEN: i64 = 20;
/// The maximum number of rows of one import.
pub const MAX_ROWS: usize = 100_000;
