//! The proof that every level is what the ledger says, that what lies in locations is what theirs says, and that nothing is reserved without
//! an open order.

use bigdecimal::BigDecimal;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Numeric, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::values::goods::UnitsChange;

/// The maximum number of differences that a proof names.
const MAX_DIFFERENCES: i64 = 100;

/// What was compared, in one snapshot, and where it differs.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockProof)]
pub struct Proof {
    /// Whether everything agrees.
    pub holds: bool,
    /// The number of levels: products in warehouses.
    pub levels: i64,
    /// The number of movements that were summed.
    pub movements: i64,
    /// The number of places: products in locations.
    pub places: i64,
    /// Where it does not agree; at most 100.
    pub differences: Vec<Difference>,
}

/// A level that is not what the ledger or the open orders say.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockDifference)]
pub struct Difference {
    pub warehouse_id: Uuid,
    pub product_id: Uuid,
    /// What the level says.
    #[schema(value_type = String, example = "120")]
    pub on_hand: UnitsChange,
    /// The sum of the movements.
    #[schema(value_type = String, example = "118")]
    pub on_hand_moved: UnitsChange,
    #[schema(value_type = String, example = "20")]
    pub reserved: UnitsChange,
    #[schema(value_type = String, example = "20")]
    pub reserved_moved: UnitsChange,
    /// The sum of what the lines of open orders have.
    #[schema(value_type = String, example = "20")]
    pub reserved_of_orders: UnitsChange,
    #[schema(value_type = String, example = "0")]
    pub waiting: UnitsChange,
    #[schema(value_type = String, example = "0")]
    pub waiting_of_orders: UnitsChange,
    /// What of on hand lies in locations, as the level says.
    #[schema(value_type = String, example = "80")]
    pub located: UnitsChange,
    /// The sum of what its locations say. Where one of them is not what its own movements say, it may agree here.
    #[schema(value_type = String, example = "80")]
    pub located_in_places: UnitsChange,
    /// The sum of the movements of its locations.
    #[schema(value_type = String, example = "80")]
    pub located_moved: UnitsChange,
}

crate::statement! {
    /// How many levels, movements and places there are, beside each level that differs, the worst kind of which is that one of both is
    /// missing. If none differs, it is one row without a level.
    struct Compare<'a> { tenant: Uuid => SqlUuid, most: i64 => BigInt }
        -> (BigInt, BigInt, BigInt, Nullable<SqlUuid>, Nullable<SqlUuid>, Nullable<Numeric>, Nullable<Numeric>, Nullable<Numeric>,
            Nullable<Numeric>, Nullable<Numeric>, Nullable<Numeric>, Nullable<Numeric>, Nullable<Numeric>, Nullable<Numeric>,
            Nullable<Numeric>)
    = "WITH tenant AS MATERIALIZED (SELECT $1 AS id),
    levels AS (
        SELECT s.warehouse_id, s.product_id, s.on_hand, s.reserved, s.waiting, s.movements, s.located
        FROM tenant JOIN stock_levels AS s ON s.tenant_id = tenant.id
    ),
    moved AS (
        SELECT m.warehouse_id, m.product_id, sum(m.on_hand_change) AS on_hand, sum(m.reserved_change) AS reserved, count(*) AS movements
        FROM tenant JOIN stock_movements AS m ON m.tenant_id = tenant.id GROUP BY m.warehouse_id, m.product_id
    ),
    promised AS (
        SELECT r.warehouse_id, r.product_id, sum(r.reserved) FILTER (WHERE o.status IN ('pending', 'confirmed')) AS reserved,
            sum(r.waiting) FILTER (WHERE o.status IN ('pending', 'confirmed')) AS waiting,
            count(*) FILTER (WHERE o.status IS NULL OR o.status NOT IN ('pending', 'confirmed')) AS closed
        FROM tenant JOIN stock_reservations AS r ON r.tenant_id = tenant.id
            LEFT JOIN orders AS o ON o.tenant_id = r.tenant_id AND o.id = r.order_id
        GROUP BY r.warehouse_id, r.product_id
    ),
    shelved AS (
        SELECT p.warehouse_id, p.product_id, p.location_id, p.on_hand FROM tenant JOIN stock_places AS p ON p.tenant_id = tenant.id
    ),
    relocated AS (
        SELECT m.warehouse_id, m.product_id, m.location_id, sum(m.change) AS moved
        FROM tenant JOIN stock_location_movements AS m ON m.tenant_id = tenant.id GROUP BY m.warehouse_id, m.product_id, m.location_id
    ),
    placed AS (
        SELECT warehouse_id, product_id, sum(COALESCE(s.on_hand, 0)) AS on_hand, sum(COALESCE(r.moved, 0)) AS moved,
            bool_or(COALESCE(s.on_hand, 0) <> COALESCE(r.moved, 0)) AS differs, count(s.location_id) AS places
        FROM shelved AS s FULL JOIN relocated AS r USING (warehouse_id, product_id, location_id)
        GROUP BY warehouse_id, product_id
    ),
    compared AS (
        SELECT warehouse_id, product_id, COALESCE(l.on_hand, 0) AS on_hand, COALESCE(m.on_hand, 0) AS on_hand_moved,
            COALESCE(l.reserved, 0) AS reserved, COALESCE(m.reserved, 0) AS reserved_moved, COALESCE(p.reserved, 0) AS reserved_of_orders,
            COALESCE(l.waiting, 0) AS waiting, COALESCE(p.waiting, 0) AS waiting_of_orders,
            COALESCE(l.located, 0) AS located, COALESCE(s.on_hand, 0) AS located_in_places, COALESCE(s.moved, 0) AS located_moved,
            l.product_id IS NOT NULL AS is_level, COALESCE(m.movements, 0) AS movements, COALESCE(s.places, 0) AS places,
            l.product_id IS NULL OR COALESCE(l.movements, 0) <> COALESCE(m.movements, 0) OR COALESCE(p.closed, 0) > 0
                OR COALESCE(s.differs, false) AS is_broken
        FROM levels AS l FULL JOIN moved AS m USING (warehouse_id, product_id) FULL JOIN promised AS p USING (warehouse_id, product_id)
            FULL JOIN placed AS s USING (warehouse_id, product_id)
    ),
    numbers AS (
        SELECT count(*) FILTER (WHERE is_level) AS levels, COALESCE(sum(movements), 0)::bigint AS movements,
            COALESCE(sum(places), 0)::bigint AS places
        FROM compared
    ),
    differences AS (
        SELECT * FROM compared
        WHERE is_broken OR on_hand <> on_hand_moved OR reserved <> reserved_moved OR reserved <> reserved_of_orders
            OR waiting <> waiting_of_orders OR on_hand < 0 OR reserved < 0 OR located <> located_in_places OR located > on_hand
        ORDER BY warehouse_id, product_id LIMIT $2
    )
    SELECT n.levels, n.movements, n.places, d.warehouse_id, d.product_id, d.on_hand, d.on_hand_moved, d.reserved, d.reserved_moved,
        d.reserved_of_orders, d.waiting, d.waiting_of_orders, d.located, d.located_in_places, d.located_moved
    FROM numbers AS n LEFT JOIN differences AS d ON true
    ORDER BY d.warehouse_id, d.product_id"
}

#[derive(Debug, Queryable)]
struct Compared {
    levels: i64,
    movements: i64,
    places: i64,
    warehouse_id: Option<Uuid>,
    product_id: Option<Uuid>,
    on_hand: Option<BigDecimal>,
    on_hand_moved: Option<BigDecimal>,
    reserved: Option<BigDecimal>,
    reserved_moved: Option<BigDecimal>,
    reserved_of_orders: Option<BigDecimal>,
    waiting: Option<BigDecimal>,
    waiting_of_orders: Option<BigDecimal>,
    located: Option<BigDecimal>,
    located_in_places: Option<BigDecimal>,
    located_moved: Option<BigDecimal>,
}

/// Compares all levels of the tenant with the sums of the ledger, with what lies in locations and with what its open orders have.
///
/// # Errors
/// Fails if the database cannot be reached, or if it takes longer than a request may.
pub async fn prove(db: &TenantDatabase, context: &RequestContext) -> Result<Proof, Error> {
    let tenant = context.tenant_id().uuid();
    let rows = db
        .read(context, async |mut connection| {
            let rows: Vec<Compared> = Compare::new(tenant, MAX_DIFFERENCES).load(&mut connection).await?;
            Ok(rows)
        })
        .await?;
    let (levels, movements, places) =
        rows.iter().next().map_or((0, 0, 0), |row| (row.levels, row.movements, row.places));
    let differences: Vec<Difference> = rows.into_iter().filter_map(Difference::of).collect();
    Ok(Proof { holds: differences.is_empty(), levels, movements, places, differences })
}

impl Difference {
    /// Returns `None` of the row that is there if nothing differs.
    fn of(row: Compared) -> Option<Self> {
        Some(Self {
            warehouse_id: row.warehouse_id?,
            product_id: row.product_id?,
            on_hand: UnitsChange::stored(row.on_hand?),
            on_hand_moved: UnitsChange::stored(row.on_hand_moved?),
            reserved: UnitsChange::stored(row.reserved?),
            reserved_moved: UnitsChange::stored(row.reserved_moved?),
            reserved_of_orders: UnitsChange::stored(row.reserved_of_orders?),
            waiting: UnitsChange::stored(row.waiting?),
            waiting_of_orders: UnitsChange::stored(row.waiting_of_orders?),
            located: UnitsChange::stored(row.located?),
            located_in_places: UnitsChange::stored(row.located_in_places?),
            located_moved: UnitsChange::stored(row.located_moved?),
        })
    }
}
