//! Sales as the documents say, to the cent: by period, customer or product. Credit notes are taken off; lines of deposits are no sales, neither in the deposit nor in the
//! invoice that takes it off (ADR 33).

use bigdecimal::BigDecimal;
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Numeric, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::period::AccountingPeriod;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue};
use crate::values::ids::{CustomerId, ProductId};
use crate::values::money::Money;

/// By what sales are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SalesBy {
    Day,
    Month,
    Year,
    Customer,
    Product,
}

impl SalesBy {
    pub const ALL: [Self; 5] = [Self::Day, Self::Month, Self::Year, Self::Customer, Self::Product];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
            Self::Customer => "customer",
            Self::Product => "product",
        }
    }
}

/// What was sold on a day, in a month or year, to a customer, or of a product.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InvoicedSales)]
pub struct SalesView {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    id: Uuid,
    /// The first day of the period; null unless it is by day, month or year.
    pub period_begins: Option<NaiveDate>,
    /// Null unless it is by customer.
    #[schema(value_type = Option<Uuid>)]
    pub customer_id: Option<CustomerId>,
    /// Null unless it is by product; null, too, for what is no product: lines without one, and discounts and charges of whole documents.
    #[schema(value_type = Option<Uuid>)]
    pub product_id: Option<ProductId>,
    /// The customer's code, or the product's SKU, as it is now; null if it is by period, or of no product.
    #[schema(example = "C-1")]
    pub code: Option<String>,
    pub name: Option<String>,
    /// How many invoices, deposits and credit notes.
    pub documents: i64,
    /// What was sold, less what credit notes took off; null unless it is by product.
    #[schema(example = "12")]
    pub quantity: Option<String>,
    /// Without VAT and deposits, less credit notes.
    #[schema(value_type = String, example = "120.00")]
    pub net_total: Money,
    /// Deposits without VAT, less what final invoices took off; null by product.
    #[schema(value_type = Option<String>, example = "0.00")]
    pub deposit_total: Option<Money>,
    /// As the documents say, that of deposits too; null by product.
    #[schema(value_type = Option<String>, example = "24.00")]
    pub vat_total: Option<Money>,
    /// All of it together; null by product.
    #[schema(value_type = Option<String>, example = "144.00")]
    pub gross_total: Option<Money>,
}

#[derive(Debug, Queryable)]
struct SalesRow {
    key: String,
    id: Uuid,
    period_begins: Option<NaiveDate>,
    customer_id: Option<Uuid>,
    product_id: Option<Uuid>,
    code: Option<String>,
    name: Option<String>,
    documents: i64,
    quantity: Option<BigDecimal>,
    net: BigDecimal,
    deposits: Option<BigDecimal>,
    vat: Option<BigDecimal>,
}

impl From<SalesRow> for SalesView {
    fn from(row: SalesRow) -> Self {
        let net_total = Money::rounded(&row.net);
        let deposit_total = row.deposits.as_ref().map(Money::rounded);
        let vat_total = row.vat.as_ref().map(Money::rounded);
        let others = deposit_total.as_ref().zip(vat_total.as_ref());
        Self {
            key: row.key,
            id: row.id,
            period_begins: row.period_begins,
            customer_id: row.customer_id.map(CustomerId::from_uuid),
            product_id: row.product_id.map(ProductId::from_uuid),
            code: row.code,
            name: row.name,
            documents: row.documents,
            quantity: row.quantity.map(|quantity| quantity.normalized().to_plain_string()),
            gross_total: others.map(|(deposits, vat)| net_total.plus(deposits).plus(vat)),
            net_total,
            deposit_total,
            vat_total,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SalesSort {
    Key,
}

impl SortKey for SalesSort {
    const NAMES: &'static [(&'static str, Self)] = &[("key", Self::Key)];
    const DEFAULT: &'static str = "key";

    fn is_time(self) -> bool {
        false
    }
}

impl Listed<SalesSort> for SalesView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: SalesSort) -> SortValue {
        self.key.as_str().into()
    }
}

#[derive(Debug, Clone, Copy)]
pub struct SalesFilter {
    pub by: SalesBy,
    pub period: AccountingPeriod,
}

/// The documents `d` of the period, with their sign.
macro_rules! documents {
    () => {
        "documents AS (
            SELECT i.tenant_id, i.id, i.customer_id, c.issue_date, CASE i.kind WHEN 'credit_note' THEN -1 ELSE 1 END AS sign
            FROM asked JOIN invoice_contents AS c ON c.tenant_id = asked.tenant_id AND c.issue_date BETWEEN asked.first AND asked.last
            JOIN invoices AS i ON i.tenant_id = c.tenant_id AND i.id = c.invoice_id
        )"
    };
}

/// What each document `a` comes to.
macro_rules! amounts {
    () => {
        concat!(
            documents!(),
            ", amounts AS (
            SELECT d.id, d.customer_id, d.issue_date, d.sign * v.base - d.sign * l.deposits AS net, d.sign * l.deposits AS deposits, d.sign * v.tax AS vat
            FROM documents AS d
            CROSS JOIN LATERAL (
                SELECT COALESCE(sum(one.base), 0::numeric) AS base, COALESCE(sum(one.tax), 0::numeric) AS tax FROM invoice_vat AS one
                WHERE one.tenant_id = d.tenant_id AND one.invoice_id = d.id
            ) AS v
            CROSS JOIN LATERAL (
                SELECT COALESCE(sum(one.net) FILTER (WHERE one.deposit), 0::numeric) AS deposits FROM invoice_lines AS one
                WHERE one.tenant_id = d.tenant_id AND one.invoice_id = d.id
            ) AS l
        )"
        )
    };
}

/// The statements that add sales up: the same in both directions. `$of` has the rows of all groups; a page is a part of them.
macro_rules! sums {
    ($($name:ident($direction:literal, $operator:literal) $of:ident;)+) => {
        $(crate::statement! {
            struct $name<'a> {
                tenant: Uuid => SqlUuid, first: NaiveDate => Date, last: NaiveDate => Date, unit: &'a str => Text,
                after_key: Option<&'a str> => Nullable<Text>, after_id: Option<Uuid> => Nullable<SqlUuid>, most: i64 => BigInt,
            } -> (
                Text, SqlUuid, Nullable<Date>, Nullable<SqlUuid>, Nullable<SqlUuid>, Nullable<Text>, Nullable<Text>, BigInt, Nullable<Numeric>, Numeric,
                Nullable<Numeric>, Nullable<Numeric>,
            )
            = concat!("WITH asked AS (SELECT $1 AS tenant_id, $2 AS first, $3 AS last, $4 AS unit, $5 AS after_key, $6 AS after_id), ", $of!(),
                " SELECT g.key, g.id, g.period_begins, g.customer_id, g.product_id, g.code, g.name, g.documents, g.quantity, g.net, g.deposits, g.vat
                FROM (SELECT s.*, s.sorted COLLATE \"C\" AS key FROM sums AS s) AS g JOIN asked ON true
                WHERE asked.after_key IS NULL OR (g.key, g.id) ", $operator, " (asked.after_key, asked.after_id)
                ORDER BY g.key ", $direction, ", g.id ", $direction, " LIMIT $7")
        })+
    };
}

macro_rules! by_period {
    () => {
        concat!(
            amounts!(),
            ", periods AS (
            SELECT date_trunc(asked.unit, a.issue_date::timestamp)::date AS begins, a.* FROM asked JOIN amounts AS a ON true
        ), sums AS (
            SELECT to_char(p.begins, 'YYYY-MM-DD') AS sorted, '00000000-0000-0000-0000-000000000000'::uuid AS id, p.begins AS period_begins,
                NULL::uuid AS customer_id, NULL::uuid AS product_id, NULL::text AS code, NULL::text AS name, count(*) AS documents,
                NULL::numeric AS quantity, sum(p.net) AS net, sum(p.deposits) AS deposits, sum(p.vat) AS vat
            FROM periods AS p GROUP BY p.begins
        )"
        )
    };
}

macro_rules! by_customer {
    () => {
        concat!(
            amounts!(),
            ", sums AS (
            SELECT c.code AS sorted, c.id, NULL::date AS period_begins, c.id AS customer_id, NULL::uuid AS product_id, c.code, c.name, a.documents,
                NULL::numeric AS quantity, a.net, a.deposits, a.vat
            FROM asked JOIN (
                SELECT one.customer_id, count(*) AS documents, sum(one.net) AS net, sum(one.deposits) AS deposits, sum(one.vat) AS vat
                FROM amounts AS one GROUP BY one.customer_id
            ) AS a ON true
            JOIN customers AS c ON c.tenant_id = asked.tenant_id AND c.id = a.customer_id
        )"
        )
    };
}

/// What is of no product: of each document what its bases have, and the lines of products and of deposits have not. So lines without a product, and discounts and charges
/// of the whole document. A product that is on an invoice is never deleted.
macro_rules! of_no_product {
    () => {
        concat!(
            documents!(),
            ", others AS (
            SELECT d.sign * (v.base - l.net) AS net
            FROM documents AS d
            CROSS JOIN LATERAL (
                SELECT COALESCE(sum(one.base), 0::numeric) AS base FROM invoice_vat AS one WHERE one.tenant_id = d.tenant_id AND one.invoice_id = d.id
            ) AS v
            CROSS JOIN LATERAL (
                SELECT COALESCE(sum(one.net) FILTER (WHERE one.product_id IS NOT NULL OR one.deposit), 0::numeric) AS net,
                    count(*) FILTER (WHERE one.product_id IS NULL AND NOT one.deposit) AS unnamed
                FROM invoice_lines AS one WHERE one.tenant_id = d.tenant_id AND one.invoice_id = d.id
            ) AS l
            WHERE v.base <> l.net OR l.unnamed > 0
        ), sums AS (
            SELECT ''::text AS sorted, '00000000-0000-0000-0000-000000000000'::uuid AS id, NULL::date AS period_begins, NULL::uuid AS customer_id,
                NULL::uuid AS product_id, NULL::text AS code, NULL::text AS name, count(*) AS documents, NULL::numeric AS quantity, sum(o.net) AS net,
                NULL::numeric AS deposits, NULL::numeric AS vat
            FROM others AS o HAVING count(*) > 0
        )"
        )
    };
}

/// The statements that add up what was sold of products: the same in both directions. They walk the products by their SKUs, as far as the page goes, and read the lines
/// of each: `asked` is a part of the conditions, or the products would be sorted after all lines were read; and an invoice is looked up for each line (`OFFSET 0`), or
/// those of the whole period would be read for each product.
macro_rules! products {
    ($($name:ident($direction:literal, $operator:literal);)+) => {
        $(crate::statement! {
            struct $name<'a> {
                tenant: Uuid => SqlUuid, first: NaiveDate => Date, last: NaiveDate => Date, after: Option<&'a str> => Nullable<Text>, most: i64 => BigInt,
            } -> (
                Text, SqlUuid, Nullable<Date>, Nullable<SqlUuid>, Nullable<SqlUuid>, Nullable<Text>, Nullable<Text>, BigInt, Nullable<Numeric>, Numeric,
                Nullable<Numeric>, Nullable<Numeric>,
            )
            = concat!("WITH asked AS NOT MATERIALIZED (SELECT $1 AS tenant_id, $2 AS first, $3 AS last, $4 AS after)
                SELECT p.sku, p.id, NULL::date, NULL::uuid, p.id, p.sku, p.name, s.documents, s.quantity, s.net, NULL::numeric, NULL::numeric
                FROM asked JOIN products AS p ON p.tenant_id = asked.tenant_id AND (asked.after IS NULL OR p.sku ", $operator, " asked.after)
                CROSS JOIN LATERAL (
                    SELECT count(DISTINCT l.invoice_id) AS documents, sum(d.sign * l.quantity) AS quantity, sum(d.sign * l.net) AS net
                    FROM invoice_lines AS l
                    CROSS JOIN LATERAL (
                        SELECT CASE i.kind WHEN 'credit_note' THEN -1 ELSE 1 END AS sign FROM invoices AS i
                        WHERE i.tenant_id = l.tenant_id AND i.id = l.invoice_id AND i.issue_date BETWEEN asked.first AND asked.last OFFSET 0
                    ) AS d
                    WHERE l.tenant_id = p.tenant_id AND l.product_id = p.id AND NOT l.deposit
                ) AS s
                WHERE s.documents > 0 ORDER BY p.sku ", $direction, " LIMIT $5")
        })+
    };
}

products! {
    ProductsUp("ASC", ">");
    ProductsDown("DESC", "<");
}

sums! {
    PeriodsUp("ASC", ">") by_period;
    PeriodsDown("DESC", "<") by_period;
    CustomersUp("ASC", ">") by_customer;
    CustomersDown("DESC", "<") by_customer;
    OthersUp("ASC", ">") of_no_product;
    OthersDown("DESC", "<") of_no_product;
}

/// Sales of a period, a page at a time. By product, a page reads what was sold of its products, of all years; what is of no product is added up on its own page. Each
/// page of the others adds up the whole period.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn sales(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &SalesFilter,
    request: &PageRequest<SalesSort>,
) -> Result<Page<SalesView>, Error> {
    let start = request.texts();
    let descending = start.descending;
    let (_, after) = start.split();
    let (key, id) = (after.as_ref().map(|(key, _)| key.as_str()), after.as_ref().map(|(_, id)| *id));
    let tenant = context.tenant_id().uuid();
    let (first, last, most) = (filter.period.first(), filter.period.last(), request.rows());
    let unit = filter.by.name();
    let rows: Vec<SalesRow> = db
        .read(context, async |mut connection| {
            let connection = &mut connection;
            let rows: QueryResult<Vec<SalesRow>> = match (filter.by, descending) {
                (SalesBy::Day | SalesBy::Month | SalesBy::Year, false) => {
                    PeriodsUp::new(tenant, first, last, unit, key, id, most).load(connection).await
                }
                (SalesBy::Day | SalesBy::Month | SalesBy::Year, true) => {
                    PeriodsDown::new(tenant, first, last, unit, key, id, most).load(connection).await
                }
                (SalesBy::Customer, false) => {
                    CustomersUp::new(tenant, first, last, unit, key, id, most).load(connection).await
                }
                (SalesBy::Customer, true) => {
                    CustomersDown::new(tenant, first, last, unit, key, id, most).load(connection).await
                }
                (SalesBy::Product, false) => {
                    let mut rows: Vec<SalesRow> = Vec::new();
                    if key.is_none_or(str::is_empty) {
                        let others = OthersUp::new(tenant, first, last, unit, key, id, most);
                        rows = others.load(connection).await?;
                    }
                    let wanted = left(most, &rows);
                    if wanted > 0 {
                        let after = key.filter(|key| !key.is_empty());
                        let products: Vec<SalesRow> =
                            ProductsUp::new(tenant, first, last, after, wanted).load(connection).await?;
                        rows.extend(products);
                    }
                    Ok(rows)
                }
                (SalesBy::Product, true) => {
                    let mut rows: Vec<SalesRow> = Vec::new();
                    // What is of no product comes last.
                    if key != Some("") {
                        rows = ProductsDown::new(tenant, first, last, key, most).load(connection).await?;
                    }
                    let wanted = left(most, &rows);
                    if wanted > 0 {
                        let (key, id) = (key.filter(|key| key.is_empty()), id.filter(|_| key == Some("")));
                        let others: Vec<SalesRow> =
                            OthersDown::new(tenant, first, last, unit, key, id, wanted)
                                .load(connection)
                                .await?;
                        rows.extend(others);
                    }
                    Ok(rows)
                }
            };
            Ok(rows?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(SalesView::from).collect()))
}

/// How many rows are wanted beside these.
fn left(most: i64, rows: &[SalesRow]) -> i64 {
    most.saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}
