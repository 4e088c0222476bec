//! Customers in the database, as commands read and write them.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Date, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{CreditLimit, Customer, CustomerCode, CustomerDetails, CustomerError, CustomerName};
use super::anonymising::Trade;
use super::events::CustomerEvent;
use super::invoicing::CustomerInvoicing;
use super::queries::CustomerView;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, Deletable, LockMode, find};
use crate::application::error::{Error, unless_held, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::addresses;
use crate::platform::schema::{customers, invoices, orders};
use crate::values::channel::Channel;
use crate::values::contact::{Email, VatNumber};
use crate::values::external_id::ExternalId;
use crate::values::ids::{CustomerGroupId, CustomerId, TenantId};
use crate::values::language::Language;
use crate::values::money::Money;
use crate::values::party::{CustomerKind, ElectronicAddress, LegalForm};
use crate::values::payment_terms::PaymentTerms;
use crate::values::registration::Registration;

/// The constraints that make codes and external ids unique.
const CODE_KEY: &str = "customers_code_key";
const EXTERNAL_ID_KEY: &str = "customers_external_id_key";
/// What refers to groups, and what of price lists refers to customers.
const GROUP_KEY: &str = "customers_group_fkey";
const PRICE_LISTS_KEY: &str = "price_lists_customer_fkey";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = customers, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct CustomerRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) code: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) vat_number: Option<String>,
    pub(super) addresses: Value,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) external_id: Option<String>,
    pub(super) credit_limit: Option<BigDecimal>,
    pub(super) kind: Option<String>,
    pub(super) legal_form: Option<String>,
    pub(super) registration_scheme: Option<String>,
    pub(super) registration_number: Option<String>,
    pub(super) electronic_scheme: Option<String>,
    pub(super) electronic_address: Option<String>,
    pub(super) language: Option<String>,
    pub(super) payment_days: Option<i16>,
    pub(super) payment_end_of_month: Option<bool>,
    pub(super) group_id: Option<Uuid>,
    pub(super) invoice_channel: Option<String>,
    pub(super) reminders: bool,
    pub(super) anonymised_at: Option<DateTime<Utc>>,
}

impl CustomerRow {
    fn of(tenant: TenantId, customer: &Customer) -> Result<Self, Error> {
        let details = &customer.details;
        let invoicing = &details.invoicing;
        let (registration, electronic) = (&invoicing.registration, &invoicing.electronic_address);
        Ok(Self {
            tenant_id: tenant.uuid(),
            id: customer.id.uuid(),
            version: customer.version,
            code: details.code.as_str().to_owned(),
            name: details.name.as_str().to_owned(),
            email: details.email.as_str().to_owned(),
            vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
            addresses: addresses::to_json(&details.addresses)?,
            created_at: customer.created_at,
            updated_at: customer.updated_at,
            external_id: details.external_id.as_ref().map(|id| id.as_str().to_owned()),
            credit_limit: details.credit_limit.as_ref().map(|limit| limit.amount().value().clone()),
            kind: invoicing.kind.map(|kind| kind.name().to_owned()),
            legal_form: invoicing.legal_form.as_ref().map(|form| form.as_str().to_owned()),
            registration_scheme: registration.as_ref().map(|known| known.scheme().to_owned()),
            registration_number: registration.as_ref().map(|known| known.number().to_owned()),
            electronic_scheme: electronic.as_ref().map(|address| address.scheme().to_owned()),
            electronic_address: electronic.as_ref().map(|address| address.identifier().to_owned()),
            language: invoicing.language.map(|language| language.code().to_owned()),
            payment_days: invoicing.payment_terms.map(PaymentTerms::days),
            payment_end_of_month: invoicing.payment_terms.map(PaymentTerms::is_end_of_month),
            group_id: details.group_id.map(CustomerGroupId::uuid),
            invoice_channel: invoicing.channel.map(|channel| channel.name().to_owned()),
            reminders: invoicing.reminders,
            anonymised_at: customer.anonymised_at,
        })
    }

    pub(super) fn into_customer(self) -> Result<Customer, Error> {
        let kind = match self.kind {
            None => None,
            Some(name) => match CustomerKind::stored(&name) {
                None => return Err(Error::Stored { what: "a kind of customer", value: name }),
                known => known,
            },
        };
        let registration = match self.registration_scheme.zip(self.registration_number) {
            None => None,
            Some((scheme, number)) => match Registration::stored(&scheme, number) {
                None => return Err(Error::Stored { what: "a registration scheme", value: scheme }),
                known => known,
            },
        };
        let channel = match self.invoice_channel {
            None => None,
            Some(name) => match Channel::stored(&name) {
                None => return Err(Error::Stored { what: "a channel of invoices", value: name }),
                known => known,
            },
        };
        let electronic_address = self.electronic_scheme.zip(self.electronic_address);
        let payment_terms = self.payment_days.zip(self.payment_end_of_month);
        let invoicing = CustomerInvoicing {
            kind,
            legal_form: self.legal_form.map(LegalForm::stored),
            registration,
            electronic_address: electronic_address
                .map(|(scheme, identifier)| ElectronicAddress::stored(scheme, identifier)),
            language: self.language.as_deref().map(Language::stored),
            payment_terms: payment_terms.map(|(days, end_of_month)| PaymentTerms::stored(days, end_of_month)),
            channel,
            reminders: self.reminders,
        };
        Ok(Customer {
            id: CustomerId::from_uuid(self.id),
            version: self.version,
            details: CustomerDetails {
                external_id: self.external_id.map(ExternalId::stored),
                code: CustomerCode::stored(self.code),
                name: CustomerName::stored(self.name),
                email: Email::stored(self.email),
                vat_number: self.vat_number.map(VatNumber::stored),
                addresses: addresses::from_json(self.addresses)?,
                credit_limit: self.credit_limit.as_ref().map(CreditLimit::stored),
                invoicing,
                group_id: self.group_id.map(CustomerGroupId::from_uuid),
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
            anonymised_at: self.anonymised_at,
        })
    }
}

/// Loads a customer and locks it. Orders that are being placed hold a key-share lock on it, for which
/// [`LockMode::Withdraw`] waits.
///
/// # Errors
/// `NotFound` if the tenant has no such customer. Fails if the database cannot be reached.
pub(crate) async fn load(
    work: &mut UnitOfWork<'_>,
    id: CustomerId,
    lock: LockMode,
) -> Result<Customer, Error> {
    let query = customers::table.find((work.tenant().uuid(), id.uuid())).select(CustomerRow::as_select());
    let row: Option<CustomerRow> = find(work, Locked::Customer, lock, query).await?;
    row.ok_or(CustomerError::NotFound(id))?.into_customer()
}

/// Reads a customer without a lock: it can change at any time.
///
/// # Errors
/// `NotFound` if the tenant has no such customer. Fails if the database cannot be reached.
pub(crate) async fn look_at(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<Customer, Error> {
    let query = customers::table.find((work.tenant().uuid(), id.uuid())).select(CustomerRow::as_select());
    let row: Option<CustomerRow> = query.first(work.connection()).await.optional()?;
    row.ok_or(CustomerError::NotFound(id))?.into_customer()
}

/// Whether there is such a customer, who was not anonymised. If so, it is locked as a foreign key would lock it: until the unit of work ends, it is not
/// deleted.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn hold(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<bool, Error> {
    work.locks(Locked::Customer);
    let found: Option<Uuid> = customers::table
        .find((work.tenant().uuid(), id.uuid()))
        .filter(customers::anonymised_at.is_null())
        .select(customers::id)
        .for_key_share()
        .first(work.connection())
        .await
        .optional()?;
    Ok(found.is_some())
}

/// Also of drafts.
pub(super) async fn has_invoices(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<bool, Error> {
    let of_customer = invoices::table
        .filter(invoices::tenant_id.eq(work.tenant().uuid()).and(invoices::customer_id.eq(id.uuid())));
    Ok(diesel::select(exists(of_customer)).get_result(work.connection()).await?)
}

pub(super) async fn has_orders(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<bool, Error> {
    let of_customer = orders::table
        .filter(orders::tenant_id.eq(work.tenant().uuid()).and(orders::customer_id.eq(id.uuid())));
    Ok(diesel::select(exists(of_customer)).get_result(work.connection()).await?)
}

crate::statement! {
    /// What a customer has open, and the last days of what is kept.
    struct ReadTrade<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid }
        -> (BigInt, Nullable<Date>, BigInt, Nullable<Date>, Numeric, Nullable<Date>)
    = "WITH who AS (SELECT $1::uuid AS tenant, $2::uuid AS customer)
    SELECT
        (SELECT count(*) FROM orders AS o
            WHERE o.tenant_id = who.tenant AND o.customer_id = who.customer AND o.status IN ('pending', 'confirmed', 'shipped')),
        (SELECT max(COALESCE(s.shipped_on, (o.shipped_at AT TIME ZONE 'UTC')::date)) FROM orders AS o
            LEFT JOIN shipments AS s ON s.tenant_id = o.tenant_id AND s.order_id = o.id
            WHERE o.tenant_id = who.tenant AND o.customer_id = who.customer),
        (SELECT count(*) FROM invoices AS i
            WHERE i.tenant_id = who.tenant AND i.customer_id = who.customer AND i.state IN ('validated', 'sent', 'partly_paid')),
        (SELECT max(i.issue_date) FROM invoices AS i WHERE i.tenant_id = who.tenant AND i.customer_id = who.customer),
        (SELECT COALESCE(sum(c.amount), 0::numeric) FROM customer_credits AS c
            WHERE c.tenant_id = who.tenant AND c.customer_id = who.customer),
        (SELECT max(p.received_on) FROM payments AS p WHERE p.tenant_id = who.tenant AND p.customer_id = who.customer)
    FROM who"
}

/// Reads what decides whether a customer may be anonymised. The customer is locked: nothing comes to it meanwhile.
pub(super) async fn trade(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<Trade, Error> {
    type Row = (i64, Option<NaiveDate>, i64, Option<NaiveDate>, BigDecimal, Option<NaiveDate>);
    let read = ReadTrade::new(work.tenant().uuid(), id.uuid());
    let (open_orders, last_shipment, open_invoices, last_invoice, credit, last_payment): Row =
        read.get_result(work.connection()).await?;
    let credit = Money::rounded(&credit);
    Ok(Trade { open_orders, last_shipment, open_invoices, last_invoice, credit, last_payment })
}

crate::statement! {
    /// What drafts say of the customer alone, in the order of their ids. What is numbered stays.
    struct ForgetInDrafts<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid, now: DateTime<Utc> => Timestamptz }
    = "WITH theirs AS MATERIALIZED (
        SELECT tenant_id, id FROM invoices WHERE tenant_id = $1 AND customer_id = $2 AND state = 'draft' ORDER BY id FOR NO KEY UPDATE
    ), emptied AS (
        UPDATE invoice_drafts AS d
        SET content = d.content || '{\"delivery_address\": null, \"note\": null, \"reference\": null}'::jsonb || jsonb_build_object('lines', (
            SELECT COALESCE(jsonb_agg(l.line || '{\"description\": null}'::jsonb ORDER BY l.place), '[]'::jsonb)
            FROM jsonb_array_elements(d.content -> 'lines') WITH ORDINALITY AS l (line, place)))
        FROM theirs WHERE d.tenant_id = theirs.tenant_id AND d.invoice_id = theirs.id
    )
    UPDATE invoices AS i SET reference = NULL, version = i.version + 1, updated_at = GREATEST(i.updated_at, $3)
    FROM theirs WHERE i.tenant_id = theirs.tenant_id AND i.id = theirs.id"
}

/// Empties the drafts of a customer of what says who it is. Returns how many there are.
pub(super) async fn forget_in_drafts(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<usize, Error> {
    work.locks(Locked::Invoice);
    let forget = ForgetInDrafts::new(work.tenant().uuid(), id.uuid(), work.now());
    Ok(forget.execute(work.connection()).await?)
}

/// Whether another customer has this e-mail address, too.
pub(super) async fn is_address_of_another(
    work: &mut UnitOfWork<'_>,
    id: CustomerId,
    address: &Email,
) -> Result<bool, Error> {
    let others = customers::table
        .filter(customers::tenant_id.eq(work.tenant().uuid()).and(customers::email.eq(address.as_str())))
        .filter(customers::id.ne(id.uuid()));
    Ok(diesel::select(exists(others)).get_result(work.connection()).await?)
}

crate::statement! {
    /// Where goods went, and why an order was cancelled, in the order of ids. The version stays: it counts what happened to the order, of which
    /// each is an event.
    struct ForgetInOrders<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid, reason: &'a str => Text }
    = "WITH theirs AS MATERIALIZED (
        SELECT tenant_id, id FROM orders WHERE tenant_id = $1 AND customer_id = $2
            AND (delivery_address IS NOT NULL OR cancellation_reason IS NOT NULL)
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE orders AS o
    SET delivery_address = NULL, cancellation_reason = CASE WHEN o.cancellation_reason IS NOT NULL THEN $3 END
    FROM theirs WHERE o.tenant_id = theirs.tenant_id AND o.id = theirs.id"
}

/// What stands in place of the reason for which an order was cancelled: an order that is cancelled has one.
pub(crate) const NO_REASON: &str = "anonymised";

/// Empties the orders of a customer, none of which is open, of what says who it is. Returns in how many there was something.
pub(super) async fn forget_in_orders(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<usize, Error> {
    work.locks(Locked::Order);
    let forget = ForgetInOrders::new(work.tenant().uuid(), id.uuid(), NO_REASON);
    Ok(forget.execute(work.connection()).await?)
}

impl Customer {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<CustomerError> {
        let details = &self.details;
        match constraint {
            CODE_KEY => Some(CustomerError::CodeTaken(details.code.as_str().to_owned())),
            EXTERNAL_ID_KEY => {
                details.external_id.as_ref().map(|id| CustomerError::ExternalIdTaken(id.as_str().to_owned()))
            }
            _ => None,
        }
    }

    /// Refuses a code or an external id that another customer has: see [`unless_held`].
    async fn refuse_held(&self, work: &mut UnitOfWork<'_>, row: &CustomerRow) -> Result<(), Error> {
        let others =
            customers::table.filter(customers::tenant_id.eq(row.tenant_id).and(customers::id.ne(row.id)));
        let code = exists(others.filter(customers::code.eq(row.code.as_str())));
        let external_id = exists(others.filter(customers::external_id.eq(row.external_id.as_deref())));
        let (code, external_id): (bool, bool) =
            diesel::select((code, external_id)).get_result(work.connection()).await?;
        unless_held([(CODE_KEY, code), (EXTERNAL_ID_KEY, external_id)], |key| self.taken(key))
    }

    /// The foreign key locks its group.
    fn locks_group(&self, work: &mut UnitOfWork<'_>) {
        if self.details.group_id.is_some() {
            work.locks(Locked::CustomerGroup);
        }
    }

    /// # Errors
    /// Fails with the refusal for a violation of a constraint, or with the statement's own error.
    fn written(&self, written: QueryResult<usize>) -> Result<(), Error> {
        let of_group = |error: &DieselError| match error {
            DieselError::DatabaseError(_, info) => info.constraint_name() == Some(GROUP_KEY),
            _ => false,
        };
        match (written, self.details.group_id) {
            (Err(error), Some(group)) if of_group(&error) => Err(CustomerError::GroupUnknown(group).into()),
            (written, _) => unless_taken(written, |constraint| self.taken(constraint)),
        }
    }
}

impl Creatable for Customer {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        self.locks_group(work);
        let row = CustomerRow::of(work.tenant(), self)?;
        let inserted = diesel::insert_into(customers::table).values(&row).execute(work.connection()).await;
        self.written(inserted)
    }
}

impl Aggregate for Customer {
    type Id = CustomerId;
    type Event = CustomerEvent;
    type Audited = CustomerView;
    const NAME: &'static str = "customer";

    fn id(&self) -> CustomerId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> CustomerView {
        CustomerView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        self.locks_group(work);
        let row = CustomerRow::of(work.tenant(), self)?;
        self.refuse_held(work, &row).await?;
        let updated = diesel::update(customers::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        self.written(updated)
    }
}

impl Deletable for Customer {
    async fn delete(id: CustomerId, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let customer = customers::table.find((work.tenant().uuid(), id.uuid()));
        let deleted = diesel::delete(customer).execute(work.connection()).await;
        deleted.map(drop).map_err(|error| match &error {
            DieselError::DatabaseError(_, info) if info.constraint_name() == Some(PRICE_LISTS_KEY) => {
                CustomerError::HasPriceLists(id).into()
            }
            _ => error.into(),
        })
    }
}
