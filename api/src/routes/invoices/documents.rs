//! The files of an invoice's document.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::commerce::documents::{self, DocumentError, Face};
use comptoir_core::values::ids::InvoiceId;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::extract::{Context, Id};
use crate::files::{self, RangeHeader, Wanted};
use crate::openapi::IdParam;

/// The seconds after which a document may be there that is not yet.
const RETRY_AFTER_SECONDS: &str = "1";

/// PDF/A-3 with the XML in it.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct InvoicePdf(Vec<u8>);

/// UN/CEFACT CII D16B, in UTF-8.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct InvoiceXml(Vec<u8>);

/// The document of an invoice
///
/// A PDF/A-3 with the Factur-X XML (profile EN 16931) in it: made once, some moments after the validation, and never changed. Until then 409 `document_not_ready`; the event
/// `invoice.document_ready` says when it is there.
#[utoipa::path(get, path = "/api/v1/invoices/{id}/pdf", tag = "invoices", operation_id = "getInvoicePdf", params(IdParam, RangeHeader),
    responses(
        (status = 200, content_type = "application/pdf", body = InvoicePdf, headers(("ETag" = String), ("Cache-Control" = String))),
        (status = 206, description = "The part that Range asks for", content_type = "application/pdf", body = InvoicePdf, headers(("ETag" = String), ("Cache-Control" = String))),
        (status = 304)))]
pub(crate) async fn pdf(
    request: HttpRequest,
    context: Context,
    id: Id<InvoiceId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    serve(&request, &context.0, &database, id.0, Face::Pdf).await
}

/// The XML of an invoice
///
/// The same that is in its PDF.
#[utoipa::path(get, path = "/api/v1/invoices/{id}/xml", tag = "invoices", operation_id = "getInvoiceXml", params(IdParam, RangeHeader),
    responses(
        (status = 200, content_type = "application/xml", body = InvoiceXml, headers(("ETag" = String), ("Cache-Control" = String))),
        (status = 206, description = "The part that Range asks for", content_type = "application/xml", body = InvoiceXml, headers(("ETag" = String), ("Cache-Control" = String))),
        (status = 304)))]
pub(crate) async fn xml(
    request: HttpRequest,
    context: Context,
    id: Id<InvoiceId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    serve(&request, &context.0, &database, id.0, Face::Xml).await
}

async fn serve(
    request: &HttpRequest,
    context: &RequestContext,
    database: &TenantDatabase,
    id: InvoiceId,
    face: Face,
) -> Result<HttpResponse, ApiError> {
    let facts = documents::facts(database, context, id, face).await.map_err(refused)?;
    let etag = files::etag(&facts.digest);
    let wanted = match files::wanted(request, &etag, facts.bytes)? {
        Wanted::Nothing(answer) => return Ok(answer),
        wanted => wanted,
    };
    // It never changes: it is the file of which the facts were told.
    let content = documents::file(database, context, id, face).await.map_err(refused)?;
    let name = format!("{}.{}", facts.number, face.extension());
    Ok(files::answer(wanted, (etag.as_str(), face.media_type(), name.as_str()), content))
}

fn refused(error: Error) -> ApiError {
    let is_near = matches!(error.refusal::<DocumentError>(), Some(DocumentError::NotReady(_)));
    let refused = ApiError::from(error);
    if is_near {
        refused.with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS))
    } else {
        refused
    }
}
