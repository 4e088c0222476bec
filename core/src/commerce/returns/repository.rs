//! Returns in the database, as the command writes them.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Numeric, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{Return, ReturnError};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::returns;

/// The constraint that makes references unique.
const REFERENCE_KEY: &str = "returns_reference_key";

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = returns, treat_none_as_default_value = false)]
pub(crate) struct ReturnRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) order_id: Uuid,
    pub(super) reference: Option<String>,
    pub(super) reason: String,
    pub(super) received_on: NaiveDate,
    pub(super) created_by: String,
    pub(super) created_at: DateTime<Utc>,
}

crate::statement! {
    struct InsertLines<'a> {
        tenant: Uuid => SqlUuid,
        id: Uuid => SqlUuid,
        numbers: &'a [i16] => Array<SmallInt>,
        positions: &'a [i16] => Array<SmallInt>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>,
        restocked: &'a [bool] => Array<Bool>,
        reasons: &'a [Option<&'a str>] => Array<Nullable<Text>>,
        locations: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
    }
    = "INSERT INTO return_lines (tenant_id, return_id, number, position, quantity, restocked, reason, location_id)
     SELECT $1, $2, line.* FROM unnest($3, $4, $5, $6, $7, $8) AS line"
}

/// Inserts a return of an order that is locked, with its lines, in one round trip.
///
/// # Errors
/// `ReferenceTaken` if another return has its reference. Fails if the database cannot be reached.
pub(super) async fn insert(work: &UnitOfWork<'_>, received: &Return) -> Result<(), Error> {
    futures::try_join!(insert_row(work, received), insert_lines(work, received))?;
    Ok(())
}

async fn insert_row(work: &UnitOfWork<'_>, received: &Return) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let reference = received.reference.as_ref().map(|reference| reference.as_str().to_owned());
    let row = ReturnRow {
        tenant_id: work.tenant().uuid(),
        id: received.id.uuid(),
        order_id: received.order_id.uuid(),
        reference: reference.clone(),
        reason: received.reason.as_str().to_owned(),
        received_on: received.received_on.date(),
        created_by: received.created_by.clone(),
        created_at: received.created_at,
    };
    let inserted = diesel::insert_into(returns::table).values(&row).execute(&mut connection).await;
    unless_taken(inserted, |constraint| {
        (constraint == REFERENCE_KEY).then_some(reference).flatten().map(ReturnError::ReferenceTaken)
    })
}

async fn insert_lines(work: &UnitOfWork<'_>, received: &Return) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let lines = &received.lines;
    // `check_line_count` refuses more lines than an i16 counts.
    let numbers: Vec<_> = (1..).take(lines.len()).collect();
    let positions: Vec<_> = lines.iter().map(|line| line.position).collect();
    let quantities: Vec<_> = lines.iter().map(|line| line.quantity.value()).collect();
    let restocked: Vec<_> = lines.iter().map(|line| line.restocked).collect();
    let reasons: Vec<_> =
        lines.iter().map(|line| line.reason.as_ref().map(|reason| reason.as_str())).collect();
    let locations: Vec<_> =
        lines.iter().map(|line| line.location.as_ref().map(|location| location.id.uuid())).collect();
    let (tenant, id) = (work.tenant().uuid(), received.id.uuid());
    InsertLines::new(tenant, id, &numbers, &positions, &quantities, &restocked, &reasons, &locations)
        .execute(&mut connection)
        .await?;
    Ok(())
}
