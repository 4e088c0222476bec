//! What invoices, credit notes and payments change: sales by month and customer, and what customers owe.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::plan::Changes;
use super::store::{Place, WriteError};

/// Writes what the messages change together.
pub(super) async fn write(
    connection: &mut AsyncPgConnection,
    place: Place,
    changes: &Changes,
) -> Result<(), WriteError> {
    write_months(connection, place, changes).await?;
    write_receivables(connection, place, changes).await
}

crate::statement! {
    struct AddToMonths<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, months: &'a [DateTime<Utc>] => Array<Timestamptz>,
        customers: &'a [Uuid] => Array<SqlUuid>, currencies: &'a [&'a str] => Array<Text>, documents: &'a [i64] => Array<BigInt>,
        nets: &'a [&'a BigDecimal] => Array<Numeric>, vats: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO sales_by_month AS kept (tenant_id, generation, month, customer_id, currency, documents, net_total, vat_total)
        SELECT $1, $2, added.* FROM unnest($3, $4, $5, $6, $7, $8) AS added
        ON CONFLICT ON CONSTRAINT sales_by_month_pkey DO UPDATE SET documents = kept.documents + EXCLUDED.documents,
            net_total = kept.net_total + EXCLUDED.net_total, vat_total = kept.vat_total + EXCLUDED.vat_total
        WHERE kept.currency = EXCLUDED.currency"
}

async fn write_months(
    connection: &mut AsyncPgConnection,
    place: Place,
    changes: &Changes,
) -> Result<(), WriteError> {
    if changes.months.is_empty() {
        return Ok(());
    }
    let Place { tenant, generation } = place;
    let sums = || changes.months.values();
    let (months, customers): (Vec<DateTime<Utc>>, Vec<Uuid>) = changes.months.keys().copied().unzip();
    let currencies: Vec<_> = sums().map(|sum| sum.currency.as_str()).collect();
    let documents: Vec<_> = sums().map(|sum| sum.documents).collect();
    let nets: Vec<_> = sums().map(|sum| &sum.net_total).collect();
    let vats: Vec<_> = sums().map(|sum| &sum.vat_total).collect();
    let added =
        AddToMonths::new(tenant, generation, &months, &customers, &currencies, &documents, &nets, &vats)
            .execute(connection)
            .await?;
    if added < months.len() { Err(WriteError::Currency) } else { Ok(()) }
}

crate::statement! {
    struct AddToReceivables<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, customers: &'a [Uuid] => Array<SqlUuid>,
        currencies: &'a [Option<&'a str>] => Array<Nullable<Text>>, invoiced: &'a [&'a BigDecimal] => Array<Numeric>,
        credited: &'a [&'a BigDecimal] => Array<Numeric>, paid: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO receivables AS kept (tenant_id, generation, customer_id, currency, invoiced, credited, paid)
        SELECT $1, $2, added.* FROM unnest($3, $4, $5, $6, $7) AS added
        ON CONFLICT ON CONSTRAINT receivables_pkey DO UPDATE SET currency = COALESCE(kept.currency, EXCLUDED.currency),
            invoiced = kept.invoiced + EXCLUDED.invoiced, credited = kept.credited + EXCLUDED.credited, paid = kept.paid + EXCLUDED.paid
        WHERE COALESCE(kept.currency, EXCLUDED.currency) IS NOT DISTINCT FROM COALESCE(EXCLUDED.currency, kept.currency)"
}

async fn write_receivables(
    connection: &mut AsyncPgConnection,
    place: Place,
    changes: &Changes,
) -> Result<(), WriteError> {
    if changes.receivables.is_empty() {
        return Ok(());
    }
    let Place { tenant, generation } = place;
    let sums = || changes.receivables.values();
    let customers: Vec<Uuid> = changes.receivables.keys().copied().collect();
    let currencies: Vec<_> = sums().map(|sum| sum.currency.as_deref()).collect();
    let invoiced: Vec<_> = sums().map(|sum| &sum.invoiced).collect();
    let credited: Vec<_> = sums().map(|sum| &sum.credited).collect();
    let paid: Vec<_> = sums().map(|sum| &sum.paid).collect();
    let added =
        AddToReceivables::new(tenant, generation, &customers, &currencies, &invoiced, &credited, &paid)
            .execute(connection)
            .await?;
    if added < customers.len() { Err(WriteError::Currency) } else { Ok(()) }
}
