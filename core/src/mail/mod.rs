//! E-mails: queued in the transaction of their cause ([`Policies`]), and sent by the [`Mailer`], outside of any transaction.
//!
//! ```text
//! waiting ──claim──► sending ──accepted──► sent
//!    ▲                  │ └──refused, or its deadline──► dead ◄── deadline ── waiting
//!    └──failed, unknown─┘                                 │
//! discarded ◄── discard, or its cause is over     requeue ┴─► waiting, with another secret
//! ```
//!
//! The server accepts each e-mail once. Only if nobody knows whether it did (its answer was lost, or this process ended before
//! it was written down), the e-mail is sent again, with the same Message-ID.

mod check;
mod commands;
mod config;
mod content;
mod email;
mod letters;
mod mailer;
mod of_all;
mod policies;
mod queries;
mod queue;
mod repository;
mod transport;
mod turns;

pub use check::check;
pub use commands::{DiscardEmail, DiscardMatching, Matched, Matching, RequeueEmail, RequeueMatching};
pub use config::{Links, MailConfig, TransportKind};
pub use content::{InvoiceMail, LowStock, OverdueInvoice, ReminderMail};
pub use email::{EmailError, EmailKind, EmailState};
pub use mailer::{Counts, Filter, Mailer, Overview};
pub use of_all::{DueLane, StateCount, counts_of_all, due_lanes, list_of_all, owners};
pub use policies::{Lifetimes, Policies};
pub use queries::{AttemptView, EmailDetails, EmailFilter, EmailSort, EmailView, get, list};
pub use queue::{PRUNE_BATCH, prune};
pub(crate) use repository::{Fate, fate, forget};
