//! The proof that every level is what the ledger says, that what lies in locations is what theirs says, and that nothing is reserved without
//! an open order.

use bigdecimal::BigDecimal;
use diesel::sql_types::{BigInt, Numeric, Uuid as SqlUuid};
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
    /// The levels that differ, the worst kind of which is that one of both is missing.
    struct Differences<'a> { tenant: Uuid => SqlUuid, most: i64 => BigInt }
        -> (SqlUuid, SqlUuid, Numeric, Numeric, Numeric, Numeric, Numeric, Numeric, Numeric, Numeric, Numeric, Numeric)
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
            bool_or(COALESCE(s.on_hand, 0) <> COALESCE(r.moved, 0)) AS differs
        FROM shelved AS s FULL JOIN relocated AS r USING (warehouse_id, product_id, location_id)
        GROUP BY warehouse_id, product_id
    ),
    compared AS (
        SELECT warehouse_id, product_id, COALESCE(l.on_hand, 0) AS on_hand, COALESCE(m.on_hand, 0) AS on_hand_moved,
            COALESCE(l.reserved, 0) AS reserved, COALESCE(m.reserved, 0) AS reserved_moved, COALESCE(p.reserved, 0) AS reserved_of_orders,
            COALESCE(l.waiting, 0) AS waiting, COALESCE(p.waiting, 0) AS waiting_of_orders,
            COALESCE(l.located, 0) AS located, COALESCE(s.on_hand, 0) AS located_in_places, COALESCE(s.moved, 0) AS located_moved,
            l.product_id IS NULL OR COALESCE(l.movements, 0) <> COALESCE(m.movements, 0) OR COALESCE(p.closed, 0) > 0
                OR COALESCE(s.differs, false) AS is_broken
        FROM levels AS l FULL JOIN moved AS m USING (warehouse_id, product_id) FULL JOIN promised AS p USING (warehouse_id, product_id)
            FULL JOIN placed AS s USING (warehouse_id, product_id)
    )
    SELECT warehouse_id, product_id, on_hand, on_hand_moved, reserved, reserved_moved, reserved_of_orders, waiting, waiting_of_orders,
        located, located_in_places, located_moved
    FROM compared
    WHERE is_broken OR on_hand <> on_hand_moved OR reserved <> reserved_moved OR reserved <> reserved_of_orders
        OR waiting <> waiting_of_orders OR on_hand < 0 OR reserved < 0 OR located <> located_in_places OR located > on_hand
    ORDER BY warehouse_id, product_id LIMIT $2"
}

crate::statement! {
    struct Numbers<'a> { tenant: Uuid => SqlUuid } -> (BigInt, BigInt, BigInt)
    = "WITH tenant AS MATERIALIZED (SELECT $1 AS id)
    SELECT (SELECT count(*) FROM stock_levels WHERE tenant_id = tenant.id), (SELECT count(*) FROM stock_movements WHERE tenant_id = tenant.id),
        (SELECT count(*) FROM stock_places WHERE tenant_id = tenant.id)
    FROM tenant"
}

type Compared = (
    Uuid,
    Uuid,
    BigDecimal,
    BigDecimal,
    BigDecimal,
    BigDecimal,
    BigDecimal,
    BigDecimal,
    BigDecimal,
    BigDecimal,
    BigDecimal,
    BigDecimal,
);

/// Compares all levels of the tenant with the sums of the ledger, with what lies in locations and with what its open orders have.
///
/// # Errors
/// Fails if the database cannot be reached, or if it takes longer than a request may.
pub async fn prove(db: &TenantDatabase, context: &RequestContext) -> Result<Proof, Error> {
    let tenant = context.tenant_id().uuid();
    let (rows, (levels, movements, places)): (Vec<Compared>, (i64, i64, i64)) = db
        .read(context, async |mut connection| {
            let differences = Differences::new(tenant, MAX_DIFFERENCES).load(&mut connection).await?;
            Ok((differences, Numbers::new(tenant).get_result(&mut connection).await?))
        })
        .await?;
    let differences: Vec<Difference> = rows.into_iter().map(Difference::of).collect();
    Ok(Proof { holds: differences.is_empty(), levels, movements, places, differences })
}

impl Difference {
    fn of(row: Compared) -> Self {
        let (
            warehouse_id,
            product_id,
            on_hand,
            on_hand_moved,
            reserved,
            reserved_moved,
            of_orders,
            waiting,
            waiting_of_orders,
            located,
            located_in_places,
            located_moved,
        ) = row;
        Self {
            warehouse_id,
            product_id,
            on_hand: UnitsChange::stored(on_hand),
            on_hand_moved: UnitsChange::stored(on_hand_moved),
            reserved: UnitsChange::stored(reserved),
            reserved_moved: UnitsChange::stored(reserved_moved),
            reserved_of_orders: UnitsChange::stored(of_orders),
            waiting: UnitsChange::stored(waiting),
            waiting_of_orders: UnitsChange::stored(waiting_of_orders),
            located: UnitsChange::stored(located),
            located_in_places: UnitsChange::stored(located_in_places),
            located_moved: UnitsChange::stored(located_moved),
        }
    }
}
