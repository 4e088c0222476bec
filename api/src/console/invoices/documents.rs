//! The document, shown beside the data. It is the API's own answer; only a browser is told to show it in place.

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::values::ids::InvoiceId;

use crate::error::ApiError;
use crate::extract::{Context, Id};
use crate::routes::invoices as api;

pub(super) async fn pdf(
    request: HttpRequest,
    context: Context,
    id: Id<InvoiceId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let mut answer = api::pdf(request, context, id, database).await?;
    // The API's `attachment` would be saved in place of shown, also in a frame.
    if let Some(disposition) = answer.headers_mut().get_mut(CONTENT_DISPOSITION) {
        *disposition = in_place(disposition);
    }
    Ok(answer)
}

/// The same name of the file, without the wish that it is saved.
fn in_place(disposition: &HeaderValue) -> HeaderValue {
    let name = disposition.to_str().ok().and_then(|text| text.strip_prefix("attachment"));
    let inline = name.and_then(|name| HeaderValue::from_str(&format!("inline{name}")).ok());
    inline.unwrap_or(HeaderValue::from_static("inline"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_shown_in_place_and_keeps_its_name() {
        let shown = in_place(&HeaderValue::from_static("attachment; filename=\"FA-1.pdf\""));
        assert_eq!(shown, "inline; filename=\"FA-1.pdf\"");
    }
}
