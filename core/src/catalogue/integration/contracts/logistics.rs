//! Examples of the events of orders, stock, counts, shipments, returns and purchase orders: they are about the same goods.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::super::inventory_counts::{
    InventoryCountCancelledV1, InventoryCountClosedV1, InventoryCountStartedV1,
};
use super::super::orders::{
    OrderAmendedV1, OrderApprovedV1, OrderBackOrderedV1, OrderCancelledV1, OrderConfirmedV1,
    OrderDeliveredV1, OrderPartlyShippedV1, OrderPlacedV1, OrderReservedV1, OrderReturnedV1, OrderShippedV1,
};
use super::super::purchase_orders::{
    PurchaseOrderCancelledV1, PurchaseOrderChangedV1, PurchaseOrderOrderedV1, PurchaseOrderReceivedV1,
};
use super::super::returns::ReturnReceivedV1;
use super::super::shipments::{ShipmentDeliveredV1, ShipmentDispatchedV1};
use super::super::stock::{StockLevelChangedV1, StockLevelLowV1};
use super::super::stock_documents::{
    StockAdjustedV1, StockReceivedV1, StockTransferredV1, StockWrittenOffV1,
};
use super::examples::{Contracts, address, at, external_id, happened, uuid};
use super::master_data::product;
use super::schema::contract;
use crate::application::aggregate::Aggregate;
use crate::application::events::Event;
use crate::commerce::inventory_counts::{
    CountCancellation, CountReference, Deviation, InventoryCount, NewInventoryCount,
};
use crate::commerce::orders::{
    AmendedLine, CancellationReason, DraftLine, LinePart, NewOrder, Order, OrderAmendment, OrderEvent,
    OrderReference, ReturnedPart, TrackingNumber,
};
use crate::commerce::prices::PriceBook;
use crate::commerce::products::Product;
use crate::commerce::purchase_orders::{
    NewPurchaseLine, NewPurchaseOrder, PurchaseOrder, PurchaseOrderReference,
};
use crate::commerce::returns::{NewReturn, Return, ReturnReason, ReturnReference};
use crate::commerce::shipments::{Dispatch, Parcel, Shipment};
use crate::commerce::stock::{
    DocumentRef, DocumentType, Levels, MovementKind, ReorderRule, StockEvent, StockLevel, StockReason,
};
use crate::commerce::stock_documents::{
    DocumentReference, DraftMovement, NewStockDocument, StockDocument, StockDocumentKind,
};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{
    CustomerId, InventoryCountId, OrderId, ProductId, PurchaseOrderId, ReturnId, ShipmentId, StockDocumentId,
    StockId, SupplierId, WarehouseId,
};
use crate::values::money::{Currency, Quantity, UnitPrice};

pub(super) fn add_to(contracts: &mut Contracts) {
    let mut levels = shelves();
    let (mut an_order, placed) = order(&mut levels);
    let mut unwanted = an_order.clone();
    contracts.add(placed, contract::<OrderPlacedV1>);
    contracts.add(amended(an_order.clone(), levels.clone()), contract::<OrderAmendedV1>);
    let mut dear = an_order.clone();
    dear.hold();
    contracts
        .add(happened(dear.approve(at(90)).expect("it waits for approval")), contract::<OrderApprovedV1>);
    contracts.add(
        stock_document(StockDocumentKind::Receipt, "24", true, &mut levels),
        contract::<StockReceivedV1>,
    );
    let its_goods: BTreeSet<ProductId> = an_order.places().into_iter().map(|(_, product)| product).collect();
    let got = an_order.serve(&its_goods, &mut levels, at(100)).expect("there is some");
    contracts.add(happened(got), contract::<OrderReservedV1>);
    contracts.add(
        stock_document(StockDocumentKind::Adjustment, "2", true, &mut levels),
        contract::<StockAdjustedV1>,
    );
    contracts.add(
        stock_document(StockDocumentKind::Transfer, "10", false, &mut levels),
        contract::<StockTransferredV1>,
    );
    contracts.add(
        stock_document(StockDocumentKind::WriteOff, "1", false, &mut levels),
        contract::<StockWrittenOffV1>,
    );
    let (tea, two) = (ProductId::from_uuid(uuid(2)), Units::parse("2").expect("valid"));
    let mut robbed = an_order.clone();
    let mut missing = BTreeMap::from([(tea, two)]);
    let gone = robbed.give_back(&its_goods, &mut missing, &mut levels.clone(), at(110));
    contracts.add(happened(gone.expect("some was reserved")), contract::<OrderBackOrderedV1>);
    let level = levels.get_mut(WarehouseId::from_uuid(uuid(9)), tea).expect("there");
    for event in level.close(at(110)) {
        match event {
            StockEvent::LevelChanged(_) => contracts.add(happened(event), contract::<StockLevelChangedV1>),
            StockEvent::LevelLow(_) => contracts.add(happened(event), contract::<StockLevelLowV1>),
        }
    }
    let [started, closed, cancelled] = counted(&mut levels);
    contracts.add(started, contract::<InventoryCountStartedV1>);
    contracts.add(closed, contract::<InventoryCountClosedV1>);
    contracts.add(cancelled, contract::<InventoryCountCancelledV1>);
    contracts.add(happened(an_order.confirm(at(120)).expect("allowed")), contract::<OrderConfirmedV1>);
    let (mut shipment, dispatched, left) = shipped(&mut an_order, &mut levels, &["1", "1"], 16, at(170));
    contracts.add(dispatched, contract::<ShipmentDispatchedV1>);
    contracts.add(left, contract::<OrderPartlyShippedV1>);
    let mut abandoned = an_order.clone();
    let reason = CancellationReason::parse("the tea is no longer made").expect("valid");
    let left = abandoned.cancel_rest(reason, &mut levels.clone(), at(180)).expect("allowed");
    contracts.add(happened(left), contract::<OrderShippedV1>);
    contracts
        .add(happened(shipment.deliver(None, at(200)).expect("allowed")), contract::<ShipmentDeliveredV1>);
    let rest: Vec<LinePart> = an_order.ready();
    let on = BusinessDate::of(at(190));
    let id = ShipmentId::from_uuid(uuid(17));
    let left = an_order.dispatch(&rest, id, None, on, &mut levels, at(190)).expect("it is there");
    assert!(matches!(left, OrderEvent::Shipped(_)), "all of it has left");
    contracts.add(happened(an_order.deliver(at(240)).expect("allowed")), contract::<OrderDeliveredV1>);
    let (received, returned) = taken_back(&mut an_order, &mut levels, at(300));
    contracts.add(received, contract::<ReturnReceivedV1>);
    contracts.add(returned, contract::<OrderReturnedV1>);
    let reason = CancellationReason::parse("the customer changed their mind").expect("valid");
    contracts.add(
        happened(unwanted.cancel(reason, &mut Levels::default(), at(120)).expect("allowed")),
        contract::<OrderCancelledV1>,
    );

    let (tea, _) = product(2, "TEA-EG-250", "Earl Grey, 250 g", "12.50", "5.5");
    let id = PurchaseOrderId::from_uuid(uuid(17));
    let (mut a_purchase, ordered) = PurchaseOrder::order(id, purchase(&tea, "24"), at(0)).expect("valid");
    contracts.add(happened(ordered), contract::<PurchaseOrderOrderedV1>);
    let more = a_purchase.change(purchase(&tea, "48"), at(60)).expect("allowed").expect("a change");
    contracts.add(happened(more), contract::<PurchaseOrderChangedV1>);
    a_purchase.allot(tea.id(), &Units::parse("24").expect("valid"));
    let came = a_purchase.receive(StockDocumentId::from_uuid(uuid(15)), at(90));
    contracts.add(happened(came), contract::<PurchaseOrderReceivedV1>);
    contracts.add(
        happened(a_purchase.cancel(at(120)).expect("some is lacking")),
        contract::<PurchaseOrderCancelledV1>,
    );
}

fn order(levels: &mut Levels) -> (Order, Box<dyn Event>) {
    let (tea, _) = product(2, "TEA-EG-250", "Earl Grey, 250 g", "12.50", "5.5");
    let (pot, _) = product(3, "POT-CI-1", "Cast iron teapot, 1 l", "48.90", "20");
    let line = |product, quantity: &str, unit_price: Option<&str>| DraftLine {
        product,
        quantity: Quantity::parse(quantity).expect("valid"),
        unit_price: unit_price.map(|price| UnitPrice::parse(price).expect("valid")),
        listed: None,
    };
    let new = NewOrder {
        external_id: external_id("ERP-2026-88"),
        reference: Some(OrderReference::parse("WEB-2026-00017").expect("valid")),
        customer_id: CustomerId::from_uuid(uuid(1)),
        currency: Currency::euro(),
        warehouse_id: Some(WarehouseId::from_uuid(uuid(9))),
        back_order: true,
        ordered_on: BusinessDate::of(at(60)),
        delivery_address: None,
        promised_on: Some(BusinessDate::of(at(604_800))),
        lines: vec![line(&tea, "3", None), line(&pot, "1", Some("44.01"))],
    };
    let mut order = Order::place(OrderId::from_uuid(uuid(4)), new, at(60)).expect("valid");
    order.promise(levels).expect("a back order");
    let event = OrderEvent::Placed(Box::new(order.clone()));
    (order, happened(event))
}

/// More of the first line, to another address; the second line goes.
fn amended(mut order: Order, mut levels: Levels) -> Box<dyn Event> {
    let quantity = Quantity::parse("5").ok();
    let amendment = OrderAmendment {
        reference: order.reference().cloned(),
        delivery_address: Some(address()),
        promised_on: order.promised_on(),
        lines: vec![AmendedLine { position: Some(1), product_id: None, quantity, unit_price: None }],
    };
    let plan = order.plan(&amendment, &HashMap::new(), &PriceBook::default()).expect("allowed");
    let amended = order.amend(plan, None, &mut levels, at(90)).expect("a back order").expect("a change");
    happened(amended.0)
}

/// The empty shelves of two products.
fn shelves() -> Levels {
    let shelf = |warehouse, number, product, sku: &str, name: &str| {
        let (id, product) = (StockId::from_uuid(uuid(number)), ProductId::from_uuid(uuid(product)));
        let warehouse = WarehouseId::from_uuid(uuid(warehouse));
        StockLevel::open(id, warehouse, product, (sku.to_owned(), name.to_owned()), at(0))
    };
    let mut tea = shelf(9, 10, 2, "TEA-EG-250", "Earl Grey, 250 g");
    let units = |text: &str| Units::parse(text).expect("valid");
    tea.set_reorder(Some(ReorderRule { point: units("30"), quantity: units("100") }));
    let mut pot = shelf(9, 11, 3, "POT-CI-1", "Cast iron teapot, 1 l");
    let document = DocumentRef {
        kind: DocumentType::Receipt,
        id: uuid(16),
        line: Some(1),
        reason: None,
        business_date: BusinessDate::of(at(0)),
    };
    pot.receive(MovementKind::Receipt, &units("5"), None, &document).expect("countable");
    Levels::of_levels([tea, pot, shelf(13, 12, 2, "TEA-EG-250", "Earl Grey, 250 g")])
}

fn stock_document(kind: StockDocumentKind, units: &str, adds: bool, levels: &mut Levels) -> Box<dyn Event> {
    let (tea, _) = product(2, "TEA-EG-250", "Earl Grey, 250 g", "12.50", "5.5");
    let new = NewStockDocument {
        kind,
        warehouse_id: WarehouseId::from_uuid(uuid(9)),
        to_warehouse_id: (kind == StockDocumentKind::Transfer).then(|| WarehouseId::from_uuid(uuid(13))),
        supplier_id: (kind == StockDocumentKind::Receipt).then(|| SupplierId::from_uuid(uuid(14))),
        purchase_order_id: None,
        reference: Some(DocumentReference::parse("BL-2026-311").expect("valid")),
        reason: Some(StockReason::parse("found behind the shelf").expect("valid")),
        business_date: BusinessDate::of(at(0)),
        created_by: "bob@docks.example".to_owned(),
        lines: vec![DraftMovement {
            product: &tea,
            units: Units::parse(units).expect("valid"),
            adds,
            unit_cost: adds.then(|| UnitPrice::parse("7.25").expect("valid")),
            location: None,
            to_location: None,
        }],
    };
    let posted = StockDocument::post(StockDocumentId::from_uuid(uuid(15)), new, levels, at(90));
    happened(posted.expect("enough").1)
}

/// Has so much of each line of an order leave.
fn shipped(
    order: &mut Order,
    levels: &mut Levels,
    quantities: &[&str],
    number: u128,
    now: DateTime<Utc>,
) -> (Shipment, Box<dyn Event>, Box<dyn Event>) {
    let part = |(position, quantity): (i16, &&str)| LinePart {
        position,
        units: Units::parse(quantity).expect("valid"),
    };
    let parts: Vec<LinePart> = (1..).zip(quantities).map(part).collect();
    let (id, on) = (ShipmentId::from_uuid(uuid(number)), BusinessDate::of(now));
    let tracking_number = TrackingNumber::parse("1Z999AA10123456784").ok();
    let left = order.dispatch(&parts, id, tracking_number.clone(), on, levels, now).expect("it is there");
    let new = Dispatch {
        number: 1,
        tracking_number: tracking_number.clone(),
        parcels: vec![Parcel { tracking_number, weight_kg: Quantity::parse("2.4").ok() }],
        shipped_on: on,
        created_by: "bob@docks.example".to_owned(),
    };
    let (shipment, dispatched) = Shipment::dispatch(id, order, &parts, new, now);
    (shipment, happened(dispatched), happened(left))
}

/// Takes one unit of the first line back.
fn taken_back(
    order: &mut Order,
    levels: &mut Levels,
    now: DateTime<Utc>,
) -> (Box<dyn Event>, Box<dyn Event>) {
    let part = LinePart { position: 1, units: Units::parse("1").expect("valid") };
    let reason = Some(StockReason::parse("the box is torn").expect("valid"));
    let parts = [ReturnedPart { part, restocked: false, reason }];
    let (id, on) = (ReturnId::from_uuid(uuid(18)), BusinessDate::of(now));
    let returned = order.take_back(&parts, id, on, levels, now).expect("it had left");
    let new = NewReturn {
        reference: Some(ReturnReference::parse("RET-2026-3").expect("valid")),
        reason: ReturnReason::parse("damaged in transit").expect("valid"),
        received_on: on,
        locations: Vec::new(),
        created_by: "bob@docks.example".to_owned(),
    };
    let (_, received) = Return::receive(id, order, &parts, new, now);
    (happened(received), happened(returned))
}

/// A purchase order of 24 packets of tea.
fn purchase<'a>(tea: &'a Product, quantity: &str) -> NewPurchaseOrder<'a> {
    NewPurchaseOrder {
        reference: Some(PurchaseOrderReference::parse("CF-2026-0118").expect("valid")),
        supplier_id: SupplierId::from_uuid(uuid(14)),
        warehouse_id: WarehouseId::from_uuid(uuid(9)),
        ordered_on: BusinessDate::of(at(0)),
        expected_on: Some(BusinessDate::of(at(864_000))),
        lines: vec![NewPurchaseLine {
            product: tea,
            quantity: Quantity::parse(quantity).expect("valid"),
            unit_cost: UnitPrice::parse("7.25").ok(),
            expected_on: None,
        }],
    }
}

/// The events of a count that finds two of the tea missing.
fn counted(levels: &mut Levels) -> [Box<dyn Event>; 3] {
    let (warehouse, tea) = (WarehouseId::from_uuid(uuid(9)), ProductId::from_uuid(uuid(2)));
    let new = NewInventoryCount {
        reference: Some(CountReference::parse("INV-2026-01").expect("valid")),
        warehouse_id: warehouse,
        categories: None,
        locations: None,
        blind: true,
        created_by: "bob@docks.example".to_owned(),
    };
    let (mut count, _) =
        InventoryCount::create(InventoryCountId::from_uuid(uuid(23)), new, at(120)).expect("valid");
    let started = count.start(None, 2, at(130)).expect("allowed");
    let mut unwanted = count.clone();
    let reason = CountCancellation::parse("a delivery came too early").expect("valid");
    let cancelled = unwanted.cancel(reason, at(140)).expect("allowed");
    count.send_to_review(0, None, at(140)).expect("allowed");
    let expected = levels.get(warehouse, tea).expect("there").on_hand().clone();
    let deviation = Deviation {
        product_id: tea,
        location: None,
        sku: "TEA-EG-250".to_owned(),
        name: "Earl Grey, 250 g".to_owned(),
        counted: expected.less(&Units::parse("2").expect("valid")),
        expected,
        average_cost: UnitPrice::zero(),
    };
    let closed = count.close(vec![deviation], levels, BusinessDate::of(at(150)), at(150)).expect("allowed");
    [happened(started), happened(closed), happened(cancelled)]
}
