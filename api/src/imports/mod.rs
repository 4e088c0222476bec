//! Imports: files of customers, suppliers, products or opening stock. `read.rs` reads a file while it arrives, `stage.rs` keeps its rows,
//! `work.rs` works them off, each by the command that a client would have sent.

mod kinds;
mod opening;
mod read;
mod stage;
mod work;

pub(crate) use read::Format;
pub(crate) use stage::{NewImport, NotStaged, stage};
pub(crate) use work::{As, Imports, Worker, work_off};
