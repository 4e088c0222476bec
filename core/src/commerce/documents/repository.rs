//! Documents in the database, as commands and the service write them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::port::Rendered;
use super::style::{AccentColour, DocumentFooter, Style};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::database::Database;
use crate::platform::schema::{
    document_styles, invoice_contents, invoice_document_queue, invoice_documents, invoices,
};
use crate::values::ids::{CustomerId, InvoiceId, TenantId};
use crate::values::series::SeriesCode;

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 1_000;

/// Has a document made of an invoice that has just got its number.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn queue(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<(), Error> {
    let tenant = work.tenant().uuid();
    diesel::insert_into(invoice_document_queue::table)
        .values((
            invoice_document_queue::tenant_id.eq(tenant),
            invoice_document_queue::invoice_id.eq(id.uuid()),
        ))
        .execute(work.connection())
        .await?;
    Ok(())
}

/// What a document is made from.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) about: About,
    /// The frozen text.
    pub(super) content: String,
    pub(super) style: Style,
}

#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) number: String,
    pub(super) series: SeriesCode,
    pub(super) customer_id: CustomerId,
}

type StyleRow = (Option<String>, Option<String>, Option<Vec<u8>>);

/// Reads what the document of an invoice is made from; `None` if it was made.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn input(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<Option<Input>, Error> {
    let key = (work.tenant().uuid(), id.uuid());
    let made = invoice_documents::table.find(key).select(invoice_documents::pages);
    let made: Option<i32> = made.first(work.connection()).await.optional()?;
    if made.is_some() {
        return Ok(None);
    }
    let facts = invoices::table.find(key).select((invoices::number, invoices::series, invoices::customer_id));
    let facts: Option<(Option<String>, Option<String>, Uuid)> =
        facts.first(work.connection()).await.optional()?;
    let content = invoice_contents::table.find(key).select(invoice_contents::content);
    let content: Option<String> = content.first(work.connection()).await.optional()?;
    let style = style(work).await?;
    let (Some((Some(number), Some(series), customer)), Some(content)) = (facts, content) else {
        return Ok(None);
    };
    Ok(Some(Input {
        about: About {
            number,
            series: SeriesCode::stored(series),
            customer_id: CustomerId::from_uuid(customer),
        },
        content,
        style,
    }))
}

/// Keeps a document. Returns `false` if there is one: then that stays as it is.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn insert(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    rendered: &Rendered,
    (pdf_digest, xml_digest): (&[u8], &[u8]),
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let tenant = work.tenant().uuid();
    let inserted = diesel::insert_into(invoice_documents::table)
        .values((
            invoice_documents::tenant_id.eq(tenant),
            invoice_documents::invoice_id.eq(id.uuid()),
            invoice_documents::pages.eq(rendered.pages),
            invoice_documents::pdf.eq(rendered.pdf.as_slice()),
            invoice_documents::pdf_digest.eq(pdf_digest),
            invoice_documents::xml.eq(rendered.xml.as_slice()),
            invoice_documents::xml_digest.eq(xml_digest),
            invoice_documents::rendered_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(work.connection())
        .await?;
    Ok(inserted > 0)
}

/// Takes an invoice whose document is there off the queue. Whoever takes from the queue passes over rows that somebody holds, and waits for nobody: its rows have
/// no place in the order of locks.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn unqueue(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<(), Error> {
    let key = (work.tenant().uuid(), id.uuid());
    diesel::delete(invoice_document_queue::table.find(key)).execute(work.connection()).await?;
    Ok(())
}

crate::statement! {
    struct PutOff<'a> {
        is_dead: bool => Bool,
        reason: &'a str => Text,
        retry_ms: i64 => BigInt,
        tenant: Uuid => SqlUuid,
        invoice: Uuid => SqlUuid,
        attempt: i32 => Integer,
    }
    = "UPDATE invoice_document_queue SET state = CASE WHEN $1 THEN 'dead' ELSE 'waiting' END, last_error = $2,
        due_at = now() + make_interval(secs => $3 / 1000.0)
     WHERE tenant_id = $4 AND invoice_id = $5 AND attempts = $6 AND state = 'waiting'"
}

/// Writes down why an attempt came to nothing; `retry` is `None` if it was the last one. What another attempt does is left alone.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn put_off(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    attempt: i32,
    reason: &str,
    retry: Option<Duration>,
) -> Result<(), Error> {
    let reason: String =
        reason.chars().filter(|character| !character.is_control()).take(MAX_REASON).collect();
    let tenant = work.tenant().uuid();
    let put_off = PutOff::new(
        retry.is_none(),
        &reason,
        milliseconds(retry.unwrap_or_default()),
        tenant,
        id.uuid(),
        attempt,
    );
    put_off.execute(work.connection()).await?;
    Ok(())
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Reads a company's style.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn style(work: &mut UnitOfWork<'_>) -> Result<Style, Error> {
    let query = document_styles::table.find(work.tenant().uuid()).select((
        document_styles::accent,
        document_styles::footer,
        document_styles::logo,
    ));
    let row: Option<StyleRow> = query.first(work.connection()).await.optional()?;
    let (accent, footer, logo) = row.unwrap_or_default();
    Ok(Style { accent, footer, logo })
}

crate::statement! {
    /// Sets colour and footer, and leaves the logo as it is.
    struct SetStyle<'a> {
        tenant: Uuid => SqlUuid,
        accent: Option<&'a str> => Nullable<Text>,
        footer: Option<&'a str> => Nullable<Text>,
        updated_at: DateTime<Utc> => Timestamptz,
    }
    = "INSERT INTO document_styles (tenant_id, accent, footer, updated_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id) DO UPDATE SET accent = EXCLUDED.accent, footer = EXCLUDED.footer, updated_at = EXCLUDED.updated_at"
}

crate::statement! {
    /// Sets or removes the logo, and leaves the rest as it is.
    struct SetLogo<'a> {
        tenant: Uuid => SqlUuid,
        logo: Option<&'a [u8]> => Nullable<Binary>,
        digest: Option<&'a [u8]> => Nullable<Binary>,
        updated_at: DateTime<Utc> => Timestamptz,
    }
    = "INSERT INTO document_styles (tenant_id, logo, logo_digest, updated_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id) DO UPDATE SET logo = EXCLUDED.logo, logo_digest = EXCLUDED.logo_digest, updated_at = EXCLUDED.updated_at"
}

/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn set_style(
    work: &mut UnitOfWork<'_>,
    accent: Option<&AccentColour>,
    footer: Option<&DocumentFooter>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (accent, footer) = (accent.map(AccentColour::as_str), footer.map(DocumentFooter::as_str));
    SetStyle::new(work.tenant().uuid(), accent, footer, now).execute(work.connection()).await?;
    Ok(())
}

/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn set_logo(
    work: &mut UnitOfWork<'_>,
    logo: Option<&[u8]>,
    digest: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    SetLogo::new(work.tenant().uuid(), logo, digest, now).execute(work.connection()).await?;
    Ok(())
}

crate::statement! {
    struct Claim<'a> { most: i64 => BigInt, lease_ms: i64 => BigInt } -> (SqlUuid, SqlUuid, Integer)
    = "SELECT tenant_id, invoice_id, attempts FROM claim_invoice_documents($1, $2)"
}

/// A document that this process is to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimed {
    pub(super) tenant: TenantId,
    pub(super) invoice: InvoiceId,
    /// Counts from 1.
    pub(super) attempt: i32,
}

/// Takes documents that are to be made, `most` at most, for as long as the lease.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn claim(services: &Database, most: usize, lease: Duration) -> Result<Vec<Claimed>, Error> {
    let mut connection = services.connection().await?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows: Vec<(Uuid, Uuid, i32)> = Claim::new(most, milliseconds(lease)).load(&mut connection).await?;
    let claimed = |(tenant, invoice, attempt)| Claimed {
        tenant: TenantId::from_uuid(tenant),
        invoice: InvoiceId::from_uuid(invoice),
        attempt,
    };
    Ok(rows.into_iter().map(claimed).collect())
}

crate::statement! {
    struct Overview<'a> {} -> (BigInt, BigInt, Nullable<Timestamptz>)
    = "SELECT waiting, dead, oldest FROM invoice_document_overview()"
}

/// Returns how many documents wait, counted up to 100,000, how many could not be made, and since when the oldest waits.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn overview(services: &Database) -> Result<(i64, i64, Option<DateTime<Utc>>), Error> {
    let mut connection = services.connection().await?;
    Ok(Overview::new().get_result(&mut connection).await?)
}

crate::statement! {
    struct Requeue<'a> { most: i64 => BigInt } -> (BigInt,) = "SELECT requeue_invoice_documents($1)"
}

/// Has documents made that could not be made, `most` at most. Returns how many.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn requeue(services: &Database, most: i64) -> Result<i64, Error> {
    let mut connection = services.connection().await?;
    let (requeued,): (i64,) = Requeue::new(most).get_result(&mut connection).await?;
    Ok(requeued)
}
