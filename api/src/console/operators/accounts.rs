//! The operators' accounts. They are made, disabled and enabled at the command line of the machine alone: whoever takes over an
//! operator's session cannot stay by it (ADR 27). The page says what to run.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::accounts::operators::{self, OperatorView};
use comptoir_core::application::TenantDatabase;

use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::Operators;
use crate::error::ApiError;

/// The maximum number of rows of the list: an installation has a few operators.
const SHOWN: u32 = 500;

#[derive(Template)]
#[template(path = "console/operators/accounts.html")]
struct AccountsPage {
    page: Page,
    w: &'static Operators,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    email: String,
    is_own: bool,
    state: Status,
    last_log_in: Option<Moment>,
    made: Moment,
    /// What to run to disable or to enable it.
    command: String,
}

pub(super) async fn show(
    visitor: OperatorVisitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Operators::of(visitor.language);
    let found = operators::list(&database, &visitor.context, SHOWN).await?;
    let page = AccountsPage {
        page: visitor.page(w.accounts),
        w,
        rows: found.into_iter().map(|operator| row(operator, &visitor)).collect(),
    };
    layout::ok(&page)
}

fn row(operator: OperatorView, visitor: &OperatorVisitor) -> Row {
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    let is_active = operator.status == "active";
    let verb = if is_active { "disable" } else { "enable" };
    Row {
        is_own: visitor.context.principal().name == operator.email,
        state: if is_active { Status::done(w.active) } else { Status::over(w.disabled) },
        last_log_in: operator.last_login_at.map(|at| format.short(at)),
        made: format.short(operator.created_at),
        command: format!("api operators {verb} {}", operator.email),
        name: operator.name,
        email: operator.email,
    }
}
