//! Products in the database, as commands read and write them.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::aggregate::{Barcodes, Product, ProductDetails, ProductError, ProductName, Sku};
use super::events::ProductEvent;
use super::queries::ProductView;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_held, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::vat::Nature;
use crate::platform::schema::{product_barcodes, products};
use crate::values::external_id::ExternalId;
use crate::values::gtin::Gtin;
use crate::values::ids::{CategoryId, ProductId, TenantId};
use crate::values::money::{QuantityDecimals, UnitPrice, VatRate};
use crate::values::unit::Unit;

/// The constraints that make SKUs and external ids unique.
const SKU_KEY: &str = "products_sku_key";
const EXTERNAL_ID_KEY: &str = "products_external_id_key";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = products, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct ProductRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) unit_price: BigDecimal,
    pub(super) vat_rate: BigDecimal,
    pub(super) ordered: bool,
    pub(super) archived_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) external_id: Option<String>,
    pub(super) unit: String,
    pub(super) quantity_decimals: i16,
    pub(super) stocked: bool,
    pub(super) category_id: Option<Uuid>,
    pub(super) barcodes: Vec<Option<String>>,
    pub(super) nature: String,
}

impl ProductRow {
    fn of(tenant: TenantId, product: &Product) -> Self {
        let details = &product.details;
        Self {
            tenant_id: tenant.uuid(),
            id: product.id.uuid(),
            version: product.version,
            sku: details.sku.as_str().to_owned(),
            name: details.name.as_str().to_owned(),
            unit_price: details.unit_price.value().clone(),
            vat_rate: details.vat_rate.value().clone(),
            ordered: product.ordered,
            archived_at: product.archived_at,
            created_at: product.created_at,
            updated_at: product.updated_at,
            external_id: details.external_id.as_ref().map(|id| id.as_str().to_owned()),
            unit: details.unit.code().to_owned(),
            quantity_decimals: details.quantity_decimals.value(),
            stocked: details.stocked,
            category_id: details.category_id.map(CategoryId::uuid),
            barcodes: details.barcodes.as_slice().iter().map(|one| Some(one.as_str().to_owned())).collect(),
            nature: details.nature.name().to_owned(),
        }
    }

    /// # Errors
    /// Fails if a newer version wrote a nature that this version does not know.
    pub(super) fn into_product(self) -> Result<Product, Error> {
        let nature = nature(self.nature)?;
        Ok(Product {
            id: ProductId::from_uuid(self.id),
            version: self.version,
            details: ProductDetails {
                external_id: self.external_id.map(ExternalId::stored),
                sku: Sku::stored(self.sku),
                name: ProductName::stored(self.name),
                unit_price: UnitPrice::stored(self.unit_price),
                vat_rate: VatRate::stored(self.vat_rate),
                unit: Unit::stored(self.unit),
                quantity_decimals: QuantityDecimals::stored(self.quantity_decimals),
                stocked: self.stocked,
                category_id: self.category_id.map(CategoryId::from_uuid),
                barcodes: Barcodes::stored(self.barcodes.into_iter().flatten().map(Gtin::stored).collect()),
                nature,
            },
            ordered: self.ordered,
            archived_at: self.archived_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Reads a stored nature.
///
/// # Errors
/// Fails if a newer version wrote one that this version does not know.
fn nature(name: String) -> Result<Nature, Error> {
    Nature::stored(&name).ok_or(Error::Stored { what: "the nature of a product", value: name })
}

/// Loads a product and locks it. Orders that are being placed with it hold a key-share lock on it (`load_for_order`),
/// for which [`LockMode::Withdraw`] waits.
///
/// # Errors
/// `NotFound` if the tenant has no such product. Fails if the database cannot be reached.
pub(super) async fn load(work: &mut UnitOfWork<'_>, id: ProductId, lock: LockMode) -> Result<Product, Error> {
    let query = products::table.find((work.tenant().uuid(), id.uuid())).select(ProductRow::as_select());
    let row: Option<ProductRow> = find(work, Locked::Product, lock, query).await?;
    row.ok_or(ProductError::NotFound(id))?.into_product()
}

/// Reads a product without a lock: it can change at any time.
///
/// # Errors
/// `NotFound` if the tenant has no such product. Fails if the database cannot be reached.
pub(super) async fn look_at(work: &mut UnitOfWork<'_>, id: ProductId) -> Result<Product, Error> {
    let query = products::table.find((work.tenant().uuid(), id.uuid())).select(ProductRow::as_select());
    let row: Option<ProductRow> = query.first(work.connection()).await.optional()?;
    row.ok_or(ProductError::NotFound(id))?.into_product()
}

/// Loads the products that exist among `ids`, with a key-share lock on each, as a foreign key would take it. Until the
/// unit of work ends, other orders can be placed with these products, but no command can archive or delete them, or end that they are kept
/// in stock. Everything else of them may change meanwhile. An id may be named more than once, and none costs no statement.
pub(crate) async fn load_for_order(
    work: &mut UnitOfWork<'_>,
    ids: Vec<ProductId>,
) -> Result<HashMap<ProductId, Product>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    work.locks(Locked::Product);
    let tenant = work.tenant();
    lock_for_order(work.connection(), tenant, ids).await
}

/// What [`load_for_order`] asks, on a connection that is asked something else in the same round trip. The caller says what is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_for_order(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    ids: Vec<ProductId>,
) -> Result<HashMap<ProductId, Product>, Error> {
    let mut ids: Vec<Uuid> = ids.into_iter().map(ProductId::uuid).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<ProductRow> = products::table
        .filter(products::tenant_id.eq(tenant.uuid()).and(products::id.eq_any(ids)))
        .select(ProductRow::as_select())
        .order(products::id)
        .for_key_share()
        .load(&mut connection)
        .await?;
    by_id(rows)
}

fn by_id(rows: Vec<ProductRow>) -> Result<HashMap<ProductId, Product>, Error> {
    let pair = |row: ProductRow| row.into_product().map(|product| (product.id(), product));
    rows.into_iter().map(pair).collect()
}

/// What invoices want to know of products that orders keep nothing of: their units, and whether they are goods or services, as they are now.
/// Nothing is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn units_and_natures(
    work: &mut UnitOfWork<'_>,
    ids: &[ProductId],
) -> Result<HashMap<ProductId, (Unit, Nature)>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<(Uuid, String, String)> = products::table
        .filter(products::tenant_id.eq(work.tenant().uuid()).and(products::id.eq_any(ids)))
        .select((products::id, products::unit, products::nature))
        .load(work.connection())
        .await?;
    let pair = |(id, unit, name): (Uuid, String, String)| -> Result<_, Error> {
        Ok((ProductId::from_uuid(id), (Unit::stored(unit), nature(name)?)))
    };
    rows.into_iter().map(pair).collect()
}

/// Finds the product with this SKU, without a lock.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn with_sku(work: &mut UnitOfWork<'_>, sku: &Sku) -> Result<Option<ProductId>, Error> {
    let with_sku =
        products::tenant_id.eq(work.tenant().uuid()).and(products::sku.eq(sku.as_str().to_owned()));
    let query = products::table.filter(with_sku).select(products::id);
    let found: Option<Uuid> = query.first(work.connection()).await.optional()?;
    Ok(found.map(ProductId::from_uuid))
}

/// Loads the products that exist among `ids`, to price them in a list: until the unit of work ends, no other list prices them, and nobody
/// changes them; orders can be placed with them. Two lists that price one product at once would find each other only by a constraint, which
/// waits for both sides and ends one of them after a second. An id may be named more than once, and none costs no statement.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn load_to_price(
    work: &mut UnitOfWork<'_>,
    ids: &[ProductId],
) -> Result<HashMap<ProductId, Product>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    work.locks(Locked::Product);
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<ProductRow> = products::table
        .filter(products::tenant_id.eq(work.tenant().uuid()).and(products::id.eq_any(ids)))
        .select(ProductRow::as_select())
        .order(products::id)
        .for_no_key_update()
        .load(work.connection())
        .await?;
    by_id(rows)
}

/// Loads products again, and keeps them from being changed until the unit of work ends: what [`load_for_order`] read, which has locked
/// them, may have changed since. Who makes a level of stock needs this, which has their names: whoever renames a product gives its new
/// name to the levels that are there.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn hold_unchanged(
    work: &mut UnitOfWork<'_>,
    ids: &[ProductId],
) -> Result<HashMap<ProductId, Product>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    work.strengthens_locks(Locked::Product);
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<ProductRow> = products::table
        .filter(products::tenant_id.eq(work.tenant().uuid()).and(products::id.eq_any(ids)))
        .select(ProductRow::as_select())
        .order(products::id)
        .for_share()
        .load(work.connection())
        .await?;
    by_id(rows)
}

/// Whether a product is kept in stock and not archived. It is not locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn is_kept(work: &mut UnitOfWork<'_>, id: ProductId) -> Result<bool, Error> {
    let kept = products::table
        .filter(products::tenant_id.eq(work.tenant().uuid()).and(products::id.eq(id.uuid())))
        .filter(products::stocked.and(products::archived_at.is_null()));
    Ok(diesel::select(exists(kept)).get_result(work.connection()).await?)
}

/// Reads how many decimals a quantity of these products may have, and in which unit, without locking them.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn measures(
    work: &mut UnitOfWork<'_>,
    ids: &[ProductId],
) -> Result<HashMap<ProductId, (QuantityDecimals, Unit)>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<(Uuid, i16, String)> = products::table
        .filter(products::tenant_id.eq(work.tenant().uuid()).and(products::id.eq_any(ids)))
        .select((products::id, products::quantity_decimals, products::unit))
        .load(work.connection())
        .await?;
    let measure = |(id, decimals, unit)| {
        (ProductId::from_uuid(id), (QuantityDecimals::stored(decimals), Unit::stored(unit)))
    };
    Ok(rows.into_iter().map(measure).collect())
}

/// Notes that orders name these products, or that there is stock of them; `load_for_order` has locked them. No event is published
/// about it, so the version stays.
pub(crate) async fn mark_ordered(
    work: &mut UnitOfWork<'_>,
    products: impl IntoIterator<Item = &Product>,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = products
        .into_iter()
        .filter(|product| !product.is_ordered())
        .map(|product| product.id().uuid())
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    work.strengthens_locks(Locked::Product);
    let not_yet = products::table
        .filter(products::tenant_id.eq(work.tenant().uuid()).and(products::id.eq_any(ids)))
        .filter(products::ordered.eq(false));
    // Every unit of work locks them in this order. Otherwise two first orders of the same products could wait for each
    // other.
    let locked: Vec<Uuid> =
        not_yet.select(products::id).order(products::id).for_no_key_update().load(work.connection()).await?;
    let tenant = work.tenant().uuid();
    diesel::update(products::table.filter(products::tenant_id.eq(tenant).and(products::id.eq_any(locked))))
        .set(products::ordered.eq(true))
        .execute(work.connection())
        .await?;
    Ok(())
}

impl Product {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<ProductError> {
        let details = &self.details;
        match constraint {
            SKU_KEY => Some(ProductError::SkuTaken(details.sku.as_str().to_owned())),
            EXTERNAL_ID_KEY => {
                details.external_id.as_ref().map(|id| ProductError::ExternalIdTaken(id.as_str().to_owned()))
            }
            _ => None,
        }
    }

    /// Refuses a SKU or an external id that another product has: see [`unless_held`].
    async fn refuse_held(&self, work: &mut UnitOfWork<'_>, row: &ProductRow) -> Result<(), Error> {
        let others =
            products::table.filter(products::tenant_id.eq(row.tenant_id).and(products::id.ne(row.id)));
        let sku = exists(others.filter(products::sku.eq(row.sku.as_str())));
        let external_id = exists(others.filter(products::external_id.eq(row.external_id.as_deref())));
        let (sku, external_id): (bool, bool) =
            diesel::select((sku, external_id)).get_result(work.connection()).await?;
        unless_held([(SKU_KEY, sku), (EXTERNAL_ID_KEY, external_id)], |key| self.taken(key))
    }

    /// Notes that these barcodes are the product's, and no others are. They are added in one order: two products that want the
    /// same ones do not wait for each other. Those that another product has are refused before any is written, for the reason of
    /// [`unless_held`].
    async fn save_barcodes(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let (tenant, product) = (work.tenant().uuid(), self.id.uuid());
        let mut barcodes: Vec<(String, &Gtin)> =
            self.details.barcodes.as_slice().iter().map(|one| (one.padded(), one)).collect();
        barcodes.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let numbers: Vec<&str> = barcodes.iter().map(|(number, _)| number.as_str()).collect();
        let own = product_barcodes::table
            .filter(product_barcodes::tenant_id.eq(tenant).and(product_barcodes::product_id.eq(product)));
        if !numbers.is_empty() {
            let held: Vec<String> = product_barcodes::table
                .filter(product_barcodes::tenant_id.eq(tenant).and(product_barcodes::product_id.ne(product)))
                .filter(product_barcodes::gtin.eq_any(&numbers))
                .select(product_barcodes::gtin)
                .load(work.connection())
                .await?;
            if let Some((_, taken)) = barcodes.iter().find(|(number, _)| held.contains(number)) {
                return Err(ProductError::BarcodeTaken(taken.as_str().to_owned()).into());
            }
        }
        diesel::delete(own.filter(product_barcodes::gtin.ne_all(&numbers)))
            .execute(work.connection())
            .await?;
        if numbers.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = numbers
            .iter()
            .map(|number| {
                (
                    product_barcodes::tenant_id.eq(tenant),
                    product_barcodes::gtin.eq(*number),
                    product_barcodes::product_id.eq(product),
                )
            })
            .collect();
        // The foreign key locks the product, which is its own.
        work.locks(Locked::Product);
        diesel::insert_into(product_barcodes::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(work.connection())
            .await?;
        let own: Vec<String> = own.select(product_barcodes::gtin).load(work.connection()).await?;
        match barcodes.iter().find(|(number, _)| !own.contains(number)) {
            Some((_, taken)) => Err(ProductError::BarcodeTaken(taken.as_str().to_owned()).into()),
            None => Ok(()),
        }
    }
}

impl Creatable for Product {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = ProductRow::of(work.tenant(), self);
        let inserted = diesel::insert_into(products::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |constraint| self.taken(constraint))?;
        if self.details.barcodes.as_slice().is_empty() { Ok(()) } else { self.save_barcodes(work).await }
    }
}

impl Aggregate for Product {
    type Id = ProductId;
    type Event = ProductEvent;
    type Audited = ProductView;
    const NAME: &'static str = "product";

    fn id(&self) -> ProductId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> ProductView {
        ProductView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = ProductRow::of(work.tenant(), self);
        self.refuse_held(work, &row).await?;
        let updated = diesel::update(products::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        unless_taken(updated, |constraint| self.taken(constraint))?;
        self.save_barcodes(work).await
    }
}

/// Deletes a product, and its barcodes with it.
pub(super) async fn delete(work: &mut UnitOfWork<'_>, id: ProductId) -> Result<(), Error> {
    let product = products::table.find((work.tenant().uuid(), id.uuid()));
    diesel::delete(product).execute(work.connection()).await?;
    Ok(())
}
