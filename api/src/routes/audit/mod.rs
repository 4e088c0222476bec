//! `/api/v1/audit-events`

mod dto;
mod handlers;

use comptoir_core::application::Permission::AuditRead;

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{AuditEventResponse, AuditFilters};
pub(crate) use handlers::export_of;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default().with(Needs(AuditRead), handlers::__path_list, handlers::list).with(
        Needs(AuditRead),
        handlers::__path_export,
        handlers::export,
    )
}
