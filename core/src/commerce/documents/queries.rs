//! The queries on documents, and on how a company's look.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::document::{DocumentError, Face, digest_of};
use super::style::Style;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::schema::{document_styles, invoice_documents};
use crate::values::ids::InvoiceId;

/// A file of a document, without its bytes. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFile {
    /// The invoice's.
    pub number: String,
    /// SHA-256.
    pub digest: Vec<u8>,
    pub bytes: u64,
}

/// How your company's documents look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DocumentStyle)]
pub struct StyleView {
    /// Of headings and of the amount due; darkened where it could not be read on white. Null: a dark blue.
    #[schema(example = "#1f4e79")]
    pub accent: Option<String>,
    /// At the foot of every page, under the legal line.
    #[schema(example = "Service clients : +33 2 40 00 00 01")]
    pub footer: Option<String>,
    /// Null if there is none.
    pub logo: Option<LogoView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DocumentLogo)]
pub struct LogoView {
    /// Of the PNG, in hexadecimal digits.
    #[schema(example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    pub sha256: String,
    #[schema(example = 18_230)]
    pub bytes: u64,
}

impl StyleView {
    pub(super) fn of(style: Style) -> Self {
        Self { accent: style.accent, footer: style.footer, logo: style.logo.as_deref().map(LogoView::of) }
    }
}

impl LogoView {
    pub(super) fn of(png: &[u8]) -> Self {
        // At most 512 KiB.
        Self { sha256: hex::encode(digest_of(png)), bytes: u64::try_from(png.len()).unwrap_or(u64::MAX) }
    }
}

crate::statement! {
    /// What is known of the document of an invoice: its number, both files if it was made, and what stands in the queue if it was not.
    struct Facts<'a> { tenant: Uuid => SqlUuid, invoice: Uuid => SqlUuid }
        -> (Nullable<Text>, Nullable<Binary>, Nullable<Integer>, Nullable<Binary>, Nullable<Integer>, Nullable<Text>, Nullable<Text>)
    = "SELECT i.number, d.pdf_digest, octet_length(d.pdf), d.xml_digest, octet_length(d.xml), q.state, q.last_error
     FROM invoices AS i
     LEFT JOIN invoice_documents AS d ON d.tenant_id = i.tenant_id AND d.invoice_id = i.id
     LEFT JOIN invoice_document_queue AS q ON q.tenant_id = i.tenant_id AND q.invoice_id = i.id
     WHERE i.tenant_id = $1 AND i.id = $2"
}

type FactsRow = (
    Option<String>,
    Option<Vec<u8>>,
    Option<i32>,
    Option<Vec<u8>>,
    Option<i32>,
    Option<String>,
    Option<String>,
);

/// Tells of a file of an invoice's document.
///
/// # Errors
/// `NotFound` if the tenant has no such invoice, `NotValidated` of a draft, `NotReady` until the document is made, `Failed` if that came to nothing. Fails if the
/// database cannot be reached.
pub async fn facts(
    db: &TenantDatabase,
    context: &RequestContext,
    id: InvoiceId,
    face: Face,
) -> Result<DocumentFile, Error> {
    let tenant = context.tenant_id().uuid();
    let row: Option<FactsRow> = db
        .read(context, async |mut connection| {
            Ok(Facts::new(tenant, id.uuid()).get_result(&mut connection).await.optional()?)
        })
        .await?;
    let (number, pdf, pdf_bytes, xml, xml_bytes, state, reason) = row.ok_or(DocumentError::NotFound(id))?;
    let number = number.ok_or(DocumentError::NotValidated(id))?;
    let (digest, bytes) = match face {
        Face::Pdf => (pdf, pdf_bytes),
        Face::Xml => (xml, xml_bytes),
    };
    if let (Some(digest), Some(bytes)) = (digest, bytes) {
        return Ok(DocumentFile { number, digest, bytes: u64::from(bytes.unsigned_abs()) });
    }
    if state.as_deref() == Some("dead") {
        let reason = reason.unwrap_or_default();
        return Err(DocumentError::Failed { id, reason }.into());
    }
    Err(DocumentError::NotReady(id).into())
}

/// Returns the bytes of a file.
///
/// # Errors
/// `NotReady` if there is none. Fails if the database cannot be reached.
pub async fn file(
    db: &TenantDatabase,
    context: &RequestContext,
    id: InvoiceId,
    face: Face,
) -> Result<Vec<u8>, Error> {
    let key = (context.tenant_id().uuid(), id.uuid());
    let bytes: Option<Vec<u8>> = db
        .read(context, async |mut connection| {
            let table = invoice_documents::table.find(key);
            let bytes = match face {
                Face::Pdf => table.select(invoice_documents::pdf).first(&mut connection).await,
                Face::Xml => table.select(invoice_documents::xml).first(&mut connection).await,
            };
            Ok(bytes.optional()?)
        })
        .await?;
    Ok(bytes.ok_or(DocumentError::NotReady(id))?)
}

type StyleRow = (Option<String>, Option<String>, Option<Vec<u8>>);

/// Returns how the company's documents look.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn style(db: &TenantDatabase, context: &RequestContext) -> Result<StyleView, Error> {
    Ok(StyleView::of(look(db, context).await?))
}

/// The same with the bytes of the logo, to draw with.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn look(db: &TenantDatabase, context: &RequestContext) -> Result<Style, Error> {
    let tenant = context.tenant_id().uuid();
    let row: Option<StyleRow> = db
        .read(context, async |mut connection| {
            let columns = (document_styles::accent, document_styles::footer, document_styles::logo);
            let row = document_styles::table.find(tenant).select(columns).first(&mut connection).await;
            Ok(row.optional()?)
        })
        .await?;
    let (accent, footer, logo) = row.unwrap_or_default();
    Ok(Style { accent, footer, logo })
}

/// Returns the company's logo; `None` if it has none.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn logo(db: &TenantDatabase, context: &RequestContext) -> Result<Option<Vec<u8>>, Error> {
    let tenant = context.tenant_id().uuid();
    let logo: Option<Option<Vec<u8>>> = db
        .read(context, async |mut connection| {
            let query = document_styles::table.find(tenant).select(document_styles::logo);
            Ok(query.first(&mut connection).await.optional()?)
        })
        .await?;
    Ok(logo.flatten())
}
