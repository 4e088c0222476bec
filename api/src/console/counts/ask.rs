//! What asks for more before it is done: to end the counting, to close a count, to cancel it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::inventory_counts::{self, CancelCount, CloseCount, SendToReview};
use comptoir_core::values::ids::InventoryCountId;
use deserr::Deserr;
use serde_json::{Map, Value, json};

use super::actions::{leads_to, refused};
use super::list::name;
use crate::console::answers::follow;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Counts, counts as said};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::inventory_counts::{
    CancelInventoryCountRequest, CloseInventoryCountRequest, ReviewInventoryCountRequest,
};

const FIELDS: &[&str] = &["uncounted", "business_date", "reason"];

#[derive(Template)]
#[template(path = "console/counts/ask.html")]
struct AskPage {
    page: Page,
    w: &'static Counts,
    faults: FormFaults,
    id: String,
    number: String,
    version: i64,
    key: String,
    action: &'static str,
    hint: Word,
    facts: Option<String>,
    submit: Word,
    is_danger: bool,
    what: What,
    /// Whether lines are left that nobody has counted.
    is_incomplete: bool,
    uncounted: String,
    business_date: String,
    reason: String,
}

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Review,
    Close,
    Cancel,
}

impl What {
    fn is(self, other: &str) -> bool {
        self.action() == other
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Close => "close",
            Self::Cancel => "cancel",
        }
    }
}

async fn ask(
    what: What,
    id: InventoryCountId,
    visitor: &Visitor,
    database: &TenantDatabase,
    again: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Counts::of(visitor.language);
    let count = inventory_counts::get(database, &visitor.context, id).await?;
    let progress = inventory_counts::progress(database, &visitor.context, id).await?;
    let (title, hint, submit) = match what {
        What::Review => (w.review, w.review_hint, w.review_do),
        What::Close => (w.close, w.close_hint, w.close_do),
        What::Cancel => (w.cancel, w.cancel_hint, w.cancel_do),
    };
    let shown = |number: i64| visitor.format.whole(number);
    let facts = match what {
        What::Review if progress.to_count > 0 => {
            Some(said::left(&shown(progress.to_count), progress.to_count, visitor.language))
        }
        What::Close => {
            progress.differing.map(|number| said::differ(&shown(number), number, visitor.language))
        }
        _ => None,
    };
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = again.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let text = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    let page = AskPage {
        page: visitor.page(title),
        w,
        faults,
        id: id.to_string(),
        number: name(&count, visitor),
        version: count.version,
        key: form.map_or_else(new_key, Form::key_text),
        action: what.action(),
        hint,
        facts,
        submit,
        is_danger: what == What::Cancel,
        what,
        is_incomplete: progress.to_count > 0,
        uncounted: text("uncounted"),
        business_date: text("business_date"),
        reason: text("reason"),
    };
    layout::show(status, &page)
}

/// Reads what was typed as the API does. Empty fields are left out.
fn read<T: Deserr<Faults>>(form: &Form, name: &str) -> Result<T, ApiError> {
    let mut body = Map::new();
    if let Some(typed) = form.get(name) {
        body.insert(name.to_owned(), json!(typed));
    }
    let read: Result<T, Faults> = deserr::deserialize(Value::Object(body));
    read.map_err(ApiError::from)
}

/// The two handlers of one of them: `$field` is the field of the form, which `$request` reads.
macro_rules! asking {
    ($what:ident, $show:ident, $do:ident, $request:ident { $field:ident }, $command:ident, $done:literal) => {
        pub(super) async fn $show(
            request: HttpRequest,
            visitor: Visitor,
            database: Data<TenantDatabase>,
        ) -> Result<HttpResponse, ApiError> {
            ask(What::$what, part(&request, "id")?, &visitor, &database, None).await
        }

        pub(super) async fn $do(
            request: HttpRequest,
            visitor: Visitor,
            form: Form,
            executor: Data<Executor>,
            database: Data<TenantDatabase>,
        ) -> Result<HttpResponse, ApiError> {
            let id: InventoryCountId = part(&request, "id")?;
            let $request { $field } = match read(&form, stringify!($field)) {
                Ok(read) => read,
                Err(error) => {
                    let faults = FormFaults::of(error, FIELDS, visitor.language)?;
                    return ask(What::$what, id, &visitor, &database, Some((&form, faults))).await;
                }
            };
            let command = $command { id, expected_version: Some(form.version()?), $field };
            let answer =
                executor.execute(visitor.context.clone(), form.key()?, command, leads_to($done)).await;
            let error = match answer {
                Ok(answer) => return Ok(follow(answer, "/console/counts")),
                Err(error) => ApiError::from(error),
            };
            // What another input would mend is asked again; otherwise the count has changed.
            if error.status() == StatusCode::UNPROCESSABLE_ENTITY
                || error.code() == "inventory_count_incomplete"
            {
                let faults = FormFaults::of(error, FIELDS, visitor.language)?;
                return ask(What::$what, id, &visitor, &database, Some((&form, faults))).await;
            }
            refused(error, &request, &visitor, &database, id).await
        }
    };
}

asking!(Review, show_review, review, ReviewInventoryCountRequest { uncounted }, SendToReview, "review");
asking!(Close, show_close, close, CloseInventoryCountRequest { business_date }, CloseCount, "closed");
asking!(Cancel, show_cancel, cancel, CancelInventoryCountRequest { reason }, CancelCount, "cancelled");
