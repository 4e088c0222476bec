//! `/api/v1/imports`

mod dto;
mod handlers;

use crate::access::Access::Authenticated;
use crate::endpoints::Endpoints;

pub(crate) use handlers::{Sent, check, export, export_refused_rows, take, visible, visible_ones};

/// Which permission is needed depends on what is imported: the handlers ask.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Authenticated, handlers::__path_list, handlers::list)
        .with(Authenticated, handlers::__path_export, handlers::export)
        .with(Authenticated, handlers::__path_begin, handlers::begin)
        .problems(&["forbidden", "too_many_imports"])
        .with(Authenticated, handlers::__path_get, handlers::get)
        .problems(&["forbidden", "import_not_found"])
        .with(Authenticated, handlers::__path_refused_rows, handlers::refused_rows)
        .problems(&["forbidden", "import_not_found"])
        .with(Authenticated, handlers::__path_export_refused_rows, handlers::export_refused_rows)
        .problems(&["forbidden", "import_not_found"])
        .with(Authenticated, handlers::__path_cancel, handlers::cancel)
        .problems(&["forbidden", "import_not_found", "import_state_conflict"])
        .with(Authenticated, handlers::__path_resume, handlers::resume)
        .problems(&["forbidden", "import_not_found", "import_state_conflict"])
}
