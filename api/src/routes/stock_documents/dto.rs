//! Stock documents as JSON.

use comptoir_core::commerce::stock::StockReason;
use comptoir_core::commerce::stock_documents::{
    DocumentReference, MoveGoods, MoveGoodsLine, StockDocumentFilter, StockDocumentKind, StockDocumentSummary,
};
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::{LocationId, ProductId, PurchaseOrderId, SupplierId, WarehouseId};
use comptoir_core::values::invalid::Invalid;
use comptoir_core::values::money::{Quantity, UnitPrice};
use deserr::Deserr;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Faults, Text, one_of, read_from_text};

read_from_text!(DocumentReference, StockReason);
read_from_text!(StockDocumentKind => |text| one_of(text, &StockDocumentKind::ALL, StockDocumentKind::as_str));

/// Goods that came.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReceiveGoodsRequest {
    /// Where they came. If it is left out: where the purchase order wants them, or else your default warehouse.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Who sold them to you; that of the purchase order if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    supplier_id: Option<SupplierId>,
    /// By which they were ordered. What comes goes to its lines, by the product, the first line first. More than was ordered may come,
    /// and what was not ordered.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    purchase_order_id: Option<PurchaseOrderId>,
    /// Your number or the supplier's; unique among your receipts.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "BL-2026-0412", min_length = 1, max_length = 100)]
    reference: Option<DocumentReference>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "the first delivery of the season", min_length = 1, max_length = 500)]
    reason: Option<StockReason>,
    /// When they came; today (UTC) if it is left out. At most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    business_date: Option<BusinessDate>,
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<ReceiveGoodsLineRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReceiveGoodsLineRequest {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// More than zero; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "24", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
    /// Net cost of one unit, which goes into the average cost. If it is left out: that of the purchase order, or else the average of
    /// what is there.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "7.25", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_cost: Option<UnitPrice>,
    /// The location in which they are put, of this warehouse and in use. None if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
}

/// A correction: there is more than the books say, or less.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct AdjustStockRequest {
    /// Your default warehouse if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Your own number; unique among your adjustments.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "INV-2026-03", min_length = 1, max_length = 100)]
    reference: Option<DocumentReference>,
    #[schema(value_type = String, example = "counted again", min_length = 1, max_length = 500)]
    reason: StockReason,
    /// When it was; today (UTC) if it is left out. At most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    business_date: Option<BusinessDate>,
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<AdjustStockLineRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct AdjustStockLineRequest {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// How much more there is, or with `-` in front how much less; not zero. At most nine digits before and six after the point.
    #[schema(value_type = String, example = "3", pattern = r"^-?\d{1,9}(\.\d{1,6})?$")]
    change: Change,
    /// Net cost of one unit. Of what is there besides, it goes into the average cost; of what is missing, it goes out of it, which takes
    /// back what came at a wrong cost, and needs `stock:costs`. The average of what is there if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "7.25", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_cost: Option<UnitPrice>,
    /// The location in which there is more or less, of this warehouse and in use. If it is left out: what is there besides lies in none,
    /// and what is missing is taken from none first, then from the locations by code.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
}

/// How much more there is, or how much less.
#[derive(Debug)]
struct Change {
    units: Units,
    adds: bool,
}

read_from_text!(Change);

impl Change {
    fn parse(text: &str) -> Result<Self, Invalid> {
        let less = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        match Quantity::parse(less.unwrap_or(text)) {
            Ok(quantity) => Ok(Self { units: Units::from(&quantity), adds: less.is_none() }),
            Err(refused) if refused.code == "not_positive" => {
                Err(Invalid::new("zero", "a change is more than zero or less, such as \"3\" or \"-2.5\""))
            }
            Err(refused) => Err(refused),
        }
    }
}

/// Goods that are lost: broken, stolen, spoilt.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct WriteOffStockRequest {
    /// Where they were; your default warehouse if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Your own number; unique among your write-offs.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "CASSE-2026-07", min_length = 1, max_length = 100)]
    reference: Option<DocumentReference>,
    #[schema(value_type = String, example = "the roof leaked", min_length = 1, max_length = 500)]
    reason: StockReason,
    /// When it was; today (UTC) if it is left out. At most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    business_date: Option<BusinessDate>,
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<WrittenOffLineRequest>,
}

/// Goods that are taken from one warehouse to another.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct TransferStockRequest {
    /// Where they are; your default warehouse if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Where they go.
    #[schema(value_type = Uuid)]
    to_warehouse_id: WarehouseId,
    /// Your own number; unique among your transfers.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "TR-2026-19", min_length = 1, max_length = 100)]
    reference: Option<DocumentReference>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "for the Christmas market", min_length = 1, max_length = 500)]
    reason: Option<StockReason>,
    /// When it was; today (UTC) if it is left out. At most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    business_date: Option<BusinessDate>,
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<TransferredLineRequest>,
}

/// Goods that are put into a location, or from one into another.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct RelocateStockRequest {
    /// Where they are, and stay; your default warehouse if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Your own number; unique among your relocations.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "RANG-2026-31", min_length = 1, max_length = 100)]
    reference: Option<DocumentReference>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "the pallet of this morning", min_length = 1, max_length = 500)]
    reason: Option<StockReason>,
    /// When it was; today (UTC) if it is left out. At most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    business_date: Option<BusinessDate>,
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<RelocatedLineRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct RelocatedLineRequest {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// More than zero; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "24", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
    /// Where they lie, in use; if it is null or left out, in no location.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    from_location_id: Option<LocationId>,
    /// Where they are put, in use and not where they lie; if it is null or left out, in no location.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    to_location_id: Option<LocationId>,
}

/// Goods that are lost.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct WrittenOffLineRequest {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// More than zero; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "2.5", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
    /// The location from which they are gone, of this warehouse and in use. If it is left out, they are taken from no location first, then
    /// from the locations by code.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
}

/// Goods that leave a warehouse.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct TransferredLineRequest {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// More than zero; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "2.5", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
    /// The location that they are taken from, of the warehouse where they are, and in use. If it is left out, they are taken from no location
    /// first, then from the locations by code.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
    /// The location in which they are put, of the warehouse where they go, and in use. None if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    to_location_id: Option<LocationId>,
}

impl From<ReceiveGoodsRequest> for MoveGoods {
    fn from(request: ReceiveGoodsRequest) -> Self {
        let ReceiveGoodsRequest {
            warehouse_id,
            supplier_id,
            purchase_order_id,
            reference,
            reason,
            business_date,
            lines,
        } = request;
        Self {
            kind: StockDocumentKind::Receipt,
            warehouse_id,
            to_warehouse_id: None,
            supplier_id,
            purchase_order_id,
            reference,
            reason,
            business_date,
            lines: lines.into_iter().map(MoveGoodsLine::from).collect(),
        }
    }
}

impl From<AdjustStockRequest> for MoveGoods {
    fn from(request: AdjustStockRequest) -> Self {
        let AdjustStockRequest { warehouse_id, reference, reason, business_date, lines } = request;
        Self {
            kind: StockDocumentKind::Adjustment,
            warehouse_id,
            to_warehouse_id: None,
            supplier_id: None,
            purchase_order_id: None,
            reference,
            reason: Some(reason),
            business_date,
            lines: lines.into_iter().map(MoveGoodsLine::from).collect(),
        }
    }
}

impl From<WriteOffStockRequest> for MoveGoods {
    fn from(request: WriteOffStockRequest) -> Self {
        let WriteOffStockRequest { warehouse_id, reference, reason, business_date, lines } = request;
        Self {
            kind: StockDocumentKind::WriteOff,
            warehouse_id,
            to_warehouse_id: None,
            supplier_id: None,
            purchase_order_id: None,
            reference,
            reason: Some(reason),
            business_date,
            lines: lines.into_iter().map(MoveGoodsLine::from).collect(),
        }
    }
}

impl From<TransferStockRequest> for MoveGoods {
    fn from(request: TransferStockRequest) -> Self {
        let TransferStockRequest { warehouse_id, to_warehouse_id, reference, reason, business_date, lines } =
            request;
        Self {
            kind: StockDocumentKind::Transfer,
            warehouse_id,
            to_warehouse_id: Some(to_warehouse_id),
            supplier_id: None,
            purchase_order_id: None,
            reference,
            reason,
            business_date,
            lines: lines.into_iter().map(MoveGoodsLine::from).collect(),
        }
    }
}

impl From<RelocateStockRequest> for MoveGoods {
    fn from(request: RelocateStockRequest) -> Self {
        let RelocateStockRequest { warehouse_id, reference, reason, business_date, lines } = request;
        Self {
            kind: StockDocumentKind::Relocation,
            warehouse_id,
            to_warehouse_id: None,
            supplier_id: None,
            purchase_order_id: None,
            reference,
            reason,
            business_date,
            lines: lines.into_iter().map(MoveGoodsLine::from).collect(),
        }
    }
}

impl From<ReceiveGoodsLineRequest> for MoveGoodsLine {
    fn from(line: ReceiveGoodsLineRequest) -> Self {
        let ReceiveGoodsLineRequest { product_id, quantity, unit_cost, location_id } = line;
        let units = Units::from(&quantity);
        Self { product_id, units, adds: true, unit_cost, location_id, to_location_id: None }
    }
}

impl From<AdjustStockLineRequest> for MoveGoodsLine {
    fn from(line: AdjustStockLineRequest) -> Self {
        let AdjustStockLineRequest { product_id, change, unit_cost, location_id } = line;
        let Change { units, adds } = change;
        Self { product_id, units, adds, unit_cost, location_id, to_location_id: None }
    }
}

impl From<WrittenOffLineRequest> for MoveGoodsLine {
    fn from(line: WrittenOffLineRequest) -> Self {
        let WrittenOffLineRequest { product_id, quantity, location_id } = line;
        let units = Units::from(&quantity);
        Self { product_id, units, adds: false, unit_cost: None, location_id, to_location_id: None }
    }
}

impl From<TransferredLineRequest> for MoveGoodsLine {
    fn from(line: TransferredLineRequest) -> Self {
        let TransferredLineRequest { product_id, quantity, location_id, to_location_id } = line;
        let units = Units::from(&quantity);
        Self { product_id, units, adds: false, unit_cost: None, location_id, to_location_id }
    }
}

impl From<RelocatedLineRequest> for MoveGoodsLine {
    fn from(line: RelocatedLineRequest) -> Self {
        let RelocatedLineRequest { product_id, quantity, from_location_id, to_location_id } = line;
        let units = Units::from(&quantity);
        Self {
            product_id,
            units,
            adds: false,
            unit_cost: None,
            location_id: from_location_id,
            to_location_id,
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StockDocumentFilters {
    /// Only documents of this kind.
    #[deserr(default)]
    #[param(value_type = Option<StockDocumentKind>)]
    kind: Option<StockDocumentKind>,
    /// Only documents with this reference: at most one of each kind.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    reference: Option<Text>,
}

impl From<StockDocumentFilters> for StockDocumentFilter {
    fn from(StockDocumentFilters { kind, reference }: StockDocumentFilters) -> Self {
        Self { kind, reference: reference.map(Into::into) }
    }
}

impl Exported for StockDocumentSummary {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "kind",
        "warehouse_id",
        "to_warehouse_id",
        "supplier_id",
        "purchase_order_id",
        "reference",
        "reason",
        "business_date",
        "created_by",
        "created_at",
    ];
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_change_is_more_or_less_but_not_nothing() {
        let change = |text: &str| Change::parse(text).map(|change| (change.units.to_string(), change.adds));
        assert_eq!(change("3"), Ok(("3".to_owned(), true)));
        assert_eq!(change("-2.50"), Ok(("2.5".to_owned(), false)));
        for (text, code) in [
            ("0", "zero"),
            ("-0.00", "zero"),
            ("--2", "not_a_decimal"),
            ("+2", "not_a_decimal"),
            ("-", "not_a_decimal"),
            ("", "not_a_decimal"),
            ("-0.0000001", "too_precise"),
            ("1234567890", "too_large"),
        ] {
            assert_eq!(change(text).expect_err("refused").code, code, "{text}");
        }
    }

    fn faults(line: Value) -> Vec<(String, &'static str)> {
        let body = json!({"reason": "counted again", "lines": [line]});
        let read: Result<AdjustStockRequest, Faults> = deserr::deserialize(body);
        let faults = read.err().unwrap_or_default().0;
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn goods_that_come_and_goods_that_go_may_have_a_cost() {
        let product = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        assert_eq!(faults(json!({"product_id": product, "change": "3", "unit_cost": "7.25"})), []);
        assert_eq!(faults(json!({"product_id": product, "change": "-3"})), []);
        assert_eq!(faults(json!({"product_id": product, "change": "-3", "unit_cost": "7.25"})), []);
        assert_eq!(
            faults(json!({"product_id": product, "change": "-3", "unit_cost": "-7.25"})),
            [("/lines/0/unit_cost".to_owned(), "negative")]
        );
    }
}
