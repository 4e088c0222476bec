//! Compares the documents of invoices with their links: both files as they are stored, byte for byte, with what was chained when they were made.

use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures::TryStreamExt;
use uuid::Uuid;

use super::chain::digest;
use super::follower::Rule;
use super::verify::Broken;
use crate::commerce::documents::{digest_of, linked};
use crate::values::ids::TenantId;

/// How many are told.
const MOST: usize = 100;

crate::statement! {
    /// Every document with its link, and every link of a document, whether or not there is the other. Files are sent one after the other.
    struct Documents<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> }
        -> (SqlUuid, SqlUuid, Nullable<Binary>, Nullable<Binary>, Nullable<Binary>, Nullable<Binary>, Nullable<Binary>, Nullable<BigInt>, Bool)
    = "SELECT COALESCE(d.tenant_id, l.tenant_id), COALESCE(d.invoice_id, l.subject_id), d.pdf, d.pdf_digest, d.xml, d.xml_digest, l.digest, l.links,
        l.series IS NOT DISTINCT FROM c.series
    FROM (
        SELECT k.tenant_id, k.subject_id, count(*) AS links, min(k.series) AS series, (array_agg(k.digest))[1] AS digest FROM invoice_chain AS k
        WHERE k.kind = 'document' AND ($1 IS NULL OR k.tenant_id = $1) GROUP BY k.tenant_id, k.subject_id
    ) AS l
    FULL JOIN (SELECT * FROM invoice_documents AS o WHERE $1 IS NULL OR o.tenant_id = $1) AS d
        ON d.tenant_id = l.tenant_id AND d.invoice_id = l.subject_id
    LEFT JOIN invoice_contents AS c
        ON c.tenant_id = COALESCE(d.tenant_id, l.tenant_id) AND c.invoice_id = COALESCE(d.invoice_id, l.subject_id)"
}

type Bytes = Option<Vec<u8>>;
type Row = (Uuid, Uuid, Bytes, Bytes, Bytes, Bytes, Bytes, Option<i64>, bool);

/// Returns the documents that are not what was chained, at most 100.
pub(super) async fn broken(
    connection: &mut AsyncPgConnection,
    tenant: Option<Uuid>,
) -> Result<Vec<Broken>, diesel::result::Error> {
    let mut broken = Vec::new();
    let mut stream = Documents::new(tenant).load_stream::<Row>(connection).await?;
    while let Some((tenant, invoice, pdf, pdf_digest, xml, xml_digest, link, links, is_of_series)) =
        stream.try_next().await?
    {
        let file = |bytes: Bytes, stored: Bytes| {
            let calculated = digest_of(&bytes?);
            (stored? == calculated).then_some(calculated)
        };
        let both = file(pdf, pdf_digest).zip(file(xml, xml_digest));
        let is_linked = both.zip(link).is_some_and(|((pdf, xml), link)| link == digest(&linked(&pdf, &xml)));
        if is_linked && links == Some(1) && is_of_series {
            continue;
        }
        broken.push(Broken {
            tenant_id: TenantId::from_uuid(tenant),
            series: None,
            position: None,
            subject_id: Some(invoice),
            rule: Rule::Document,
        });
        if broken.len() == MOST {
            break;
        }
    }
    Ok(broken)
}
