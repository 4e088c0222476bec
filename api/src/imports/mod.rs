//! Imports: files of customers, suppliers or products. `read.rs` reads a file while it arrives, `stage.rs` keeps its rows,
//! `work.rs` works them off, each by the command that a client would have sent.

mod kinds;
mod read;
mod stage;
mod work;

pub(crate) use read::Format;
pub(crate) use stage::{NewImport, NotStaged, stage};
pub(crate) use work::{As, Imports, Worker, work_off};
