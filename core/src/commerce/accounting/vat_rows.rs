//! The documents of which VAT is due in a period: read in one snapshot, and added up while they come.

use bigdecimal::BigDecimal;
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Date, Nullable, Numeric, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::TryStreamExt;
use uuid::Uuid;

use super::group::{Group, Taxed};
use super::period::AccountingPeriod;
use super::repository::{country_of_group, group_of, lines_of_group, settlements};
use super::vat_due::{Dated, Due, Standing, VatDueCause, VatDueView};
use crate::accounts::tenants;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::values::money::Money;

crate::statement! {
    /// What was delivered or issued in the period, but for deposits and what corrects them. A credit note follows the invoice that it corrects.
    struct DatedRows<'a> { tenant: Uuid => SqlUuid, first: NaiveDate => Date, last: NaiveDate => Date }
        -> (Bool, Bool, Date, Date, Bool, Text, Nullable<Numeric>, Numeric, Numeric, Numeric, Numeric, Numeric, Numeric, Nullable<Text>)
    = concat!("WITH asked AS (SELECT $1 AS tenant_id, $2 AS first, $3 AS last),
        documents AS (
            SELECT c.tenant_id, c.invoice_id, i.kind = 'credit_note' AS is_credit_note,
                COALESCE(corrected.content, c.content)::jsonb ->> 'vat_due' IS NOT DISTINCT FROM 'on_invoice' AS on_debits,
                c.tax_point, c.issue_date,
                c.content::jsonb ->> 'operations' IS NOT DISTINCT FROM 'services' AS only_services
            FROM asked
            JOIN invoice_contents AS c ON c.tenant_id = asked.tenant_id
                AND (c.issue_date BETWEEN asked.first AND asked.last OR c.tax_point BETWEEN asked.first AND asked.last)
            JOIN invoices AS i ON i.tenant_id = c.tenant_id AND i.id = c.invoice_id
            LEFT JOIN invoices AS o ON o.tenant_id = i.tenant_id AND o.id = i.corrects
            LEFT JOIN invoice_contents AS corrected ON corrected.tenant_id = i.tenant_id AND corrected.invoice_id = i.corrects
            WHERE COALESCE(o.kind, i.kind) <> 'prepayment'
        )
        SELECT d.is_credit_note, d.on_debits, d.tax_point, d.issue_date, d.only_services, v.category, v.rate, v.base, v.tax,
            l.goods, l.services, l.goods_deposits, l.service_deposits, t.country
        FROM documents AS d JOIN invoice_vat AS v ON v.tenant_id = d.tenant_id AND v.invoice_id = d.invoice_id ", lines_of_group!(), " ",
        country_of_group!())
}

#[derive(Debug, Queryable)]
struct DatedRow {
    is_credit_note: bool,
    on_debits: bool,
    tax_point: NaiveDate,
    issue_date: NaiveDate,
    only_services: bool,
    category: String,
    rate: Option<BigDecimal>,
    base: BigDecimal,
    tax: BigDecimal,
    goods: BigDecimal,
    services: BigDecimal,
    goods_deposits: BigDecimal,
    service_deposits: BigDecimal,
    country: Option<String>,
}

impl From<DatedRow> for Dated {
    fn from(row: DatedRow) -> Self {
        Self {
            is_credit_note: row.is_credit_note,
            on_debits: row.on_debits,
            tax_point: row.tax_point,
            issue_date: row.issue_date,
            group: Group { country: row.country, ..group_of!(row) },
        }
    }
}

crate::statement! {
    /// Deposits, and invoices of services on payment, that were paid or corrected in the period, each with its groups and those of its credit notes until the end of the
    /// period, one document after the other.
    ///
    /// What a credit note pays of the invoice that it corrects is no payment: it takes off what there is to pay. A deposit that an invoice takes off counts as delivered
    /// from the day of that invoice's delivery on, but not before the invoice had a number: it is paid by then, so nothing changes that was declared before.
    struct SettledRows<'a> { tenant: Uuid => SqlUuid, first: NaiveDate => Date, last: NaiveDate => Date, zone: &'a str => Text }
        -> (SqlUuid, Bool, Bool, Bool, Nullable<Numeric>, Nullable<Numeric>, SqlUuid, Bool, Bool, Numeric, Bool, Text, Nullable<Numeric>, Numeric, Numeric, Numeric,
            Numeric, Numeric, Numeric, Nullable<Text>)
    = concat!("WITH asked AS (SELECT $1 AS tenant_id, $2 AS first, $3 AS last, $4 AS zone),
        settlements AS (", settlements!(), "),
        notes AS (
            SELECT i.tenant_id, i.id, i.corrects, i.issue_date, i.gross_total FROM asked
            JOIN invoices AS i ON i.tenant_id = asked.tenant_id AND i.kind = 'credit_note' AND i.issue_date <= asked.last
        ),
        taken AS (
            SELECT d.invoice_id AS id, GREATEST(c.tax_point, (c.validated_at AT TIME ZONE asked.zone)::date) AS delivered_on
            FROM asked JOIN order_deposits AS d ON d.tenant_id = asked.tenant_id AND d.taken_by IS NOT NULL
            JOIN invoice_contents AS c ON c.tenant_id = d.tenant_id AND c.invoice_id = d.taken_by
        ),
        touched AS (
            SELECT s.invoice_id AS id FROM asked JOIN settlements AS s ON s.settled_on BETWEEN asked.first AND asked.last
            UNION
            SELECT n.corrects FROM asked JOIN notes AS n ON n.issue_date >= asked.first
            UNION
            SELECT k.id FROM asked JOIN taken AS k ON k.delivered_on BETWEEN asked.first AND asked.last
        ),
        documents AS (
            SELECT i.tenant_id, i.id, i.kind = 'prepayment' AS is_deposit, COALESCE(k.delivered_on < asked.first, false) AS delivered_before,
                COALESCE(k.delivered_on <= asked.last, false) AS delivered_until, i.gross_total
            FROM asked JOIN touched AS t ON true
            JOIN invoices AS i ON i.tenant_id = asked.tenant_id AND i.id = t.id AND i.kind <> 'credit_note'
            JOIN invoice_contents AS c ON c.tenant_id = i.tenant_id AND c.invoice_id = i.id
            LEFT JOIN taken AS k ON k.id = i.id
            WHERE i.kind = 'prepayment' OR c.content::jsonb ->> 'vat_due' = 'on_payment'
        ),
        settled AS (
            SELECT s.invoice_id, sum(s.amount) FILTER (WHERE s.settled_on < asked.first) AS before,
                sum(s.amount) FILTER (WHERE s.settled_on <= asked.last) AS until
            FROM asked JOIN settlements AS s ON true WHERE s.invoice_id IN (SELECT d.id FROM documents AS d) GROUP BY s.invoice_id
        ),
        parts AS (
            SELECT d.tenant_id, d.id, d.is_deposit, d.delivered_before, d.delivered_until, d.id AS invoice_id, false AS is_credit_note, true AS counts_before,
                d.gross_total
            FROM documents AS d
            UNION ALL
            SELECT d.tenant_id, d.id, d.is_deposit, d.delivered_before, d.delivered_until, n.id, true, n.issue_date < asked.first, n.gross_total
            FROM asked JOIN documents AS d ON true JOIN notes AS n ON n.corrects = d.id
        )
        SELECT p.id, p.is_deposit, p.delivered_before, p.delivered_until, s.before, s.until, p.invoice_id, p.is_credit_note, p.counts_before, p.gross_total,
            c.content::jsonb ->> 'operations' IS NOT DISTINCT FROM 'services', v.category, v.rate, v.base, v.tax,
            l.goods, l.services, l.goods_deposits, l.service_deposits, t.country
        FROM parts AS p JOIN invoice_contents AS c ON c.tenant_id = p.tenant_id AND c.invoice_id = p.invoice_id
        LEFT JOIN settled AS s ON s.invoice_id = p.id
        JOIN invoice_vat AS v ON v.tenant_id = p.tenant_id AND v.invoice_id = p.invoice_id ", lines_of_group!(), " ", country_of_group!(), "
        ORDER BY p.id, p.is_credit_note, p.invoice_id, v.position")
}

#[derive(Debug, Queryable)]
struct SettledRow {
    document_id: Uuid,
    is_deposit: bool,
    /// Whether an invoice takes it off that was delivered before the period, or until its end.
    delivered_before: bool,
    delivered_until: bool,
    before: Option<BigDecimal>,
    until: Option<BigDecimal>,
    /// The document itself, or a credit note of it.
    invoice_id: Uuid,
    is_credit_note: bool,
    /// Whether it was there before the period.
    counts_before: bool,
    gross_total: BigDecimal,
    only_services: bool,
    category: String,
    rate: Option<BigDecimal>,
    base: BigDecimal,
    tax: BigDecimal,
    goods: BigDecimal,
    services: BigDecimal,
    goods_deposits: BigDecimal,
    service_deposits: BigDecimal,
    country: Option<String>,
}

/// One document, while its rows come.
struct Settling {
    document_id: Uuid,
    /// Of which the total was counted last.
    invoice_id: Option<Uuid>,
    cause: VatDueCause,
    before: Standing,
    until: Standing,
}

impl Settling {
    fn begin(row: &SettledRow) -> Self {
        let paid = |amount: &Option<BigDecimal>| amount.as_ref().map_or_else(Money::zero, Money::rounded);
        Self {
            document_id: row.document_id,
            invoice_id: None,
            cause: if row.is_deposit { VatDueCause::Deposits } else { VatDueCause::Payments },
            before: Standing::new(paid(&row.before)),
            until: Standing::new(paid(&row.until)),
        }
    }

    fn add(&mut self, row: SettledRow) {
        let (is_credit_note, counts_before) = (row.is_credit_note, row.counts_before);
        let (delivered_before, delivered_until) = (row.delivered_before, row.delivered_until);
        let (cause, gross) = (self.cause, Money::rounded(&row.gross_total));
        let is_next = self.invoice_id.replace(row.invoice_id) != Some(row.invoice_id);
        let group = Group { country: row.country, ..group_of!(row) };
        let sign = |taxed: Taxed| if is_credit_note { taxed.negated() } else { taxed };
        let (goods, services) = group.by_nature();
        let (goods, services) = (sign(goods), sign(services));
        let gross = if is_credit_note { gross.negated() } else { gross };
        let until = Some((&mut self.until, delivered_until));
        let before = Some((&mut self.before, delivered_before)).filter(|_| counts_before);
        for (standing, is_delivered) in [until, before].into_iter().flatten() {
            if is_next {
                standing.gross = standing.gross.plus(&gross);
            }
            standing.add(group.key_of_services(), &services);
            // Of a deposit everything is due when it is paid, of an invoice its services. Goods are due at the latest when they are delivered (CGI, article 269, 2, a).
            if cause == VatDueCause::Deposits && is_delivered {
                standing.add_delivered(group.key_of_goods(), &goods);
            } else if cause == VatDueCause::Deposits {
                standing.add(group.key_of_goods(), &goods);
            }
        }
    }

    fn end(self, due: &mut Due) {
        due.settled(self.cause, &self.before, &self.until);
    }
}

/// The VAT that is due in a period, by cause, category and rate.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn vat_due(
    db: &TenantDatabase,
    context: &RequestContext,
    period: AccountingPeriod,
) -> Result<VatDueView, Error> {
    let tenant = tenants::get(db, context).await?;
    let zone = tenant.time_zone.as_str();
    let id = context.tenant_id().uuid();
    let due = db
        .read(context, async |mut connection| {
            let mut due = Due::default();
            {
                let rows = DatedRows::new(id, period.first(), period.last());
                let mut rows = rows.load_stream::<DatedRow>(&mut connection).await?;
                while let Some(row) = rows.try_next().await? {
                    due.dated(period, &row.into());
                }
            }
            let rows = SettledRows::new(id, period.first(), period.last(), zone);
            let mut rows = rows.load_stream::<SettledRow>(&mut connection).await?;
            let mut current: Option<Settling> = None;
            while let Some(row) = rows.try_next().await? {
                if current.as_ref().is_some_and(|current| current.document_id != row.document_id)
                    && let Some(last) = current.take()
                {
                    last.end(&mut due);
                }
                current.get_or_insert_with(|| Settling::begin(&row)).add(row);
            }
            if let Some(last) = current {
                last.end(&mut due);
            }
            Ok(due)
        })
        .await?;
    Ok(due.view(period, tenant.currency))
}
