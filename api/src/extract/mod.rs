//! The parts of a request that handlers take. A part that is wrong is answered here, before the handler runs.

mod body;
mod context;
mod edit;
mod faults;
mod json;
mod path;
mod precondition;
mod query;
mod search;
mod values;

pub(crate) use body::{Empty, JsonBody, PngBody, Posted, idempotency_key, media_type, parsed, read};
pub(crate) use context::{Anonymous, Context, Operator, origin};
pub(crate) use edit::{Editable, MergePatch, Replacement, merge_patch};
pub(crate) use faults::{Faults, one_of, read_from_text, text};
pub(crate) use path::{Id, SessionOfUser, part};
pub(crate) use precondition::{IfMatch, IfMatchForSome, RequiredIfMatch};
pub(crate) use query::{Flag, ListQuery, NoFilters, NoQuery, Query, Text, Time};
pub(crate) use search::{ExportQuery, SearchFilters, SearchQuery, Several, Words};
pub(crate) use values::AnyId;

use query::refuse_query;
