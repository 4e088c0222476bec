//! The company's accounts in the database, and the pieces of SQL that several reports share.

use bigdecimal::BigDecimal;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::accounts::{Account, AccountLabel, AccountNumber, Accounts, Purpose};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::vat::Category;
use crate::platform::schema::accounting_accounts;
use crate::values::ids::TenantId;
use crate::values::money::VatRate;

/// For a row `v` of `invoice_vat`: the sums `l` of the lines that it is of.
macro_rules! lines_of_group {
    () => {
        "CROSS JOIN LATERAL (
            SELECT COALESCE(sum(one.net) FILTER (WHERE one.nature = 'goods' AND NOT one.deposit), 0::numeric) AS goods,
                COALESCE(sum(one.net) FILTER (WHERE one.nature = 'service' AND NOT one.deposit), 0::numeric) AS services,
                COALESCE(sum(one.net) FILTER (WHERE one.nature = 'goods' AND one.deposit), 0::numeric) AS goods_deposits,
                COALESCE(sum(one.net) FILTER (WHERE one.nature = 'service' AND one.deposit), 0::numeric) AS service_deposits
            FROM invoice_lines AS one
            WHERE one.tenant_id = v.tenant_id AND one.invoice_id = v.invoice_id AND one.category = v.category
                AND one.rate IS NOT DISTINCT FROM v.rate
        ) AS l"
    };
}
pub(super) use lines_of_group;

/// For a row `v` of `invoice_vat`: the country `t` to which the VAT on its goods is owed, if they are distance sales of the one-stop shop. A credit note
/// follows the invoice that it corrects: only that says why.
macro_rules! country_of_group {
    () => {
        concat!(
            "LEFT JOIN LATERAL (
            SELECT sold.content::jsonb #>> '{delivery,address,country}' AS country
            FROM invoices AS document
            JOIN invoice_contents AS sold ON sold.tenant_id = document.tenant_id
                AND sold.invoice_id = COALESCE(document.corrects, document.id)
            WHERE v.category = 'S' AND document.tenant_id = v.tenant_id AND document.id = v.invoice_id AND EXISTS (
                SELECT 1 FROM invoice_lines AS one WHERE one.tenant_id = sold.tenant_id AND one.invoice_id = sold.invoice_id
                    AND one.category = v.category AND one.rate = v.rate AND one.why = '",
            $crate::commerce::vat::one_stop_shop_why!(),
            "')
        ) AS t ON true"
        )
    };
}
pub(super) use country_of_group;

/// What pays invoices, and on which day, for `asked` (tenant_id, zone): payments, and credit notes that pay another invoice than the one that they correct. A payment counts
/// on the day on which it came; what is left of it, when it is used; a reversal, when it is recorded: what was declared before stays as it was.
macro_rules! settlements {
    () => {
        "SELECT a.invoice_id, a.amount, CASE WHEN p.reverses IS NULL AND a.allocated_at = p.created_at THEN p.received_on
                ELSE (a.allocated_at AT TIME ZONE asked.zone)::date END AS settled_on
            FROM asked JOIN payment_allocations AS a ON a.tenant_id = asked.tenant_id
            JOIN payments AS p ON p.tenant_id = a.tenant_id AND p.id = a.payment_id
            UNION ALL
            SELECT a.invoice_id, a.amount, (a.allocated_at AT TIME ZONE asked.zone)::date
            FROM asked JOIN credit_allocations AS a ON a.tenant_id = asked.tenant_id
            JOIN invoices AS n ON n.tenant_id = a.tenant_id AND n.id = a.credit_note_id
            WHERE n.corrects IS DISTINCT FROM a.invoice_id"
    };
}
pub(super) use settlements;

/// The [`Group`](super::group::Group) of a row with the columns of [`lines_of_group`], as if all of its VAT were owed at home.
macro_rules! group_of {
    ($row:expr) => {
        Group {
            category: $row.category,
            rate: $row.rate,
            whole: Taxed { base: Money::rounded(&$row.base), tax: Money::rounded(&$row.tax) },
            goods: Money::rounded(&$row.goods),
            services: Money::rounded(&$row.services),
            goods_deposits: Money::rounded(&$row.goods_deposits),
            service_deposits: Money::rounded(&$row.service_deposits),
            only_services: $row.only_services,
            country: None,
        }
    };
}
pub(super) use group_of;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = accounting_accounts, treat_none_as_default_value = false)]
pub(super) struct AccountRow {
    tenant_id: Uuid,
    position: i16,
    purpose: String,
    category: Option<String>,
    rate: Option<BigDecimal>,
    number: String,
    label: String,
}

impl AccountRow {
    fn of(tenant: TenantId, position: i16, account: &Account) -> Self {
        Self {
            tenant_id: tenant.uuid(),
            position,
            purpose: account.purpose.name().to_owned(),
            category: account.category.map(|category| category.code().to_owned()),
            rate: account.rate.as_ref().map(|rate| rate.value().clone()),
            number: account.number.as_str().to_owned(),
            label: account.label.as_str().to_owned(),
        }
    }

    fn into_account(self) -> Result<Account, Error> {
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.name() == self.purpose);
        let category = self.category.map(|code| {
            Category::stored(&code).ok_or(Error::Stored { what: "a category of VAT", value: code })
        });
        Ok(Account {
            purpose: purpose.ok_or(Error::Stored { what: "a purpose of an account", value: self.purpose })?,
            category: category.transpose()?,
            rate: self.rate.map(VatRate::stored),
            number: AccountNumber::stored(self.number),
            label: AccountLabel::stored(self.label),
        })
    }
}

/// Reads stored accounts, which come in the order of their positions.
///
/// # Errors
/// Fails if a newer version wrote what this version does not know.
pub(super) fn stored(rows: Vec<AccountRow>) -> Result<Accounts, Error> {
    Ok(Accounts::stored(rows.into_iter().map(AccountRow::into_account).collect::<Result<_, _>>()?))
}

/// Reads the company's accounts. The company is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn load(work: &mut UnitOfWork<'_>) -> Result<Accounts, Error> {
    let rows: Vec<AccountRow> = accounting_accounts::table
        .filter(accounting_accounts::tenant_id.eq(work.tenant().uuid()))
        .order(accounting_accounts::position)
        .select(AccountRow::as_select())
        .load(work.connection())
        .await?;
    stored(rows)
}

/// Replaces the company's accounts. The company is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn replace(work: &mut UnitOfWork<'_>, accounts: &Accounts) -> Result<(), Error> {
    let tenant = work.tenant();
    let own = accounting_accounts::table.filter(accounting_accounts::tenant_id.eq(tenant.uuid()));
    diesel::delete(own).execute(work.connection()).await?;
    // `Accounts::new` refuses more than an i16 counts.
    let row = |(position, account): (i16, &Account)| AccountRow::of(tenant, position, account);
    let rows: Vec<AccountRow> = (1..).zip(accounts.all()).map(row).collect();
    if !rows.is_empty() {
        diesel::insert_into(accounting_accounts::table).values(&rows).execute(work.connection()).await?;
    }
    Ok(())
}
