//! The document, shown beside the data. It is the API's own answer; only a browser is told to show it in place.

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::values::ids::InvoiceId;

use crate::console::lists::Address;
use crate::error::ApiError;
use crate::extract::{Context, Id};
use crate::routes::invoices as api;

/// With `?save=1` it is a file to keep, as in the API.
pub(super) async fn pdf(
    request: HttpRequest,
    context: Context,
    id: Id<InvoiceId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let saves = Address::of(&request).is("save", "1");
    let mut answer = api::pdf(request, context, id, database).await?;
    if !saves && answer.headers().contains_key(CONTENT_DISPOSITION) {
        answer.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    }
    Ok(answer)
}
