//! The published contracts of events. `schema/events` has for each type and version a JSON Schema of the payload,
//! `<type>.v<N>.schema.json`, and an example that the code really produces, `<type>.v<N>.example.json`. A difference fails
//! the test. `UPDATE_EVENT_CONTRACTS=1 cargo test --workspace --lib contracts` writes what is new, and never what would
//! break a consumer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};
use uuid::Uuid;

use super::api_keys::{ApiKeyCreatedV1, ApiKeyRevokedV1};
use super::categories::{CategoryCreatedV1, CategoryDeletedV1, CategoryUpdatedV1};
use super::customer_groups::{CustomerGroupCreatedV1, CustomerGroupDeletedV1, CustomerGroupUpdatedV1};
use super::customers::{CustomerAnonymisedV1, CustomerCreatedV1, CustomerDeletedV1, CustomerUpdatedV1};
use super::inventory_counts::{InventoryCountCancelledV1, InventoryCountClosedV1, InventoryCountStartedV1};
use super::invoices::{
    CreditNoteIssuedV1, InvoiceDocumentReadyV1, InvoiceOverdueV1, InvoicePaidV1, InvoiceSentV1,
    InvoiceValidatedV1,
};
use super::locations::{LocationArchivedV1, LocationCreatedV1, LocationUpdatedV1};
use super::orders::{
    OrderAmendedV1, OrderApprovedV1, OrderBackOrderedV1, OrderCancelledV1, OrderConfirmedV1,
    OrderDeliveredV1, OrderPartlyShippedV1, OrderPlacedV1, OrderReservedV1, OrderReturnedV1, OrderShippedV1,
};
use super::payments::{PaymentReceivedV1, PaymentReversedV1};
use super::price_lists::{PriceListChangedV1, PriceListCreatedV1, PriceListDeletedV1};
use super::products::{ProductArchivedV1, ProductCreatedV1, ProductDeletedV1, ProductUpdatedV1};
use super::purchase_orders::{
    PurchaseOrderCancelledV1, PurchaseOrderChangedV1, PurchaseOrderOrderedV1, PurchaseOrderReceivedV1,
};
use super::returns::ReturnReceivedV1;
use super::sessions::{SessionCreatedV1, SessionEndedV1};
use super::shipments::{ShipmentDeliveredV1, ShipmentDispatchedV1};
use super::stock::{StockLevelChangedV1, StockLevelLowV1};
use super::stock_documents::{StockAdjustedV1, StockReceivedV1, StockTransferredV1, StockWrittenOffV1};
use super::suppliers::{SupplierCreatedV1, SupplierDeletedV1, SupplierUpdatedV1};
use super::tenants::{TenantCreatedV1, TenantUpdatedV1};
use super::users::{
    UserDisabledV1, UserEmailVerifiedV1, UserEnabledV1, UserLoggedInV1, UserLoggedOutV1,
    UserPasswordChangedV1, UserPermissionChangedV1, UserRegisteredV1, UserRoleChangedV1, UserUpdatedV1,
};
use super::warehouses::{WarehouseArchivedV1, WarehouseCreatedV1, WarehouseUpdatedV1};
use super::{IntegrationEvent, Payload, asyncapi};
use crate::accounts::api_keys::{ApiKey, ApiKeyDetails, ApiKeyName};
use crate::accounts::identity::passwords::HashedPassword;
use crate::accounts::sessions::{Client, EndReason, Lifetimes, Session};
use crate::accounts::tenants::{
    CreditLimitAction, ShortName, Tenant, TenantDetails, TenantInvoicing, TenantName, TimeZone,
};
use crate::accounts::users::{Adjustments, Decider, NewUser, User, UserName};
use crate::application::aggregate::Aggregate;
use crate::application::events::Event;
use crate::application::{Permission, PermissionSet, Role};
use crate::catalogue::DomainEvent;
use crate::catalogue::integration::translate;
use crate::commerce::addresses::{Address, AddressKind};
use crate::commerce::categories::{Category, CategoryCode, CategoryDetails, CategoryName, Place};
use crate::commerce::customer_groups::{
    CustomerGroup, CustomerGroupCode, CustomerGroupDetails, CustomerGroupName,
};
use crate::commerce::customers::{
    CreditLimit, Customer, CustomerCode, CustomerDetails, CustomerInvoicing, CustomerName,
};
use crate::commerce::documents::{FileFacts, ReadyDocument, digest_of};
use crate::commerce::inventory_counts::{
    CountCancellation, CountReference, Deviation, InventoryCount, NewInventoryCount,
};
use crate::commerce::invoices::content::Preceding;
use crate::commerce::invoices::draft::{Correction, Draft, WantedCredit};
use crate::commerce::invoices::{self, Invoice, InvoiceEvent, InvoiceKind};
use crate::commerce::locations::{Location, LocationCode, LocationDetails, LocationName};
use crate::commerce::orders::{
    AmendedLine, CancellationReason, DraftLine, LinePart, NewOrder, Order, OrderAmendment, OrderEvent,
    OrderReference, OrderStatus, ReturnedPart, TrackingNumber,
};
use crate::commerce::payments::PaymentReason;
use crate::commerce::payments::tests::payment as payment_of;
use crate::commerce::prices::{
    PriceBook, PriceList, PriceListCode, PriceListDetails, PriceListEvent, PriceListName, PriceTarget,
    ValidPeriod,
};
use crate::commerce::products::{Barcodes, Product, ProductDetails, ProductName, Sku};
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
use crate::commerce::suppliers::{Supplier, SupplierCode, SupplierDetails, SupplierName};
use crate::commerce::vat::Nature;
use crate::commerce::warehouses::{Warehouse, WarehouseCode, WarehouseDetails, WarehouseName};
use crate::values::business_date::BusinessDate;
use crate::values::channel::Channel;
use crate::values::contact::{AddressLine, Country, Email, PostalAddress, VatNumber};
use crate::values::external_id::ExternalId;
use crate::values::goods::Units;
use crate::values::gtin::Gtin;
use crate::values::ids::{
    ApiKeyId, CategoryId, CustomerGroupId, CustomerId, InventoryCountId, InvoiceId, LocationId, OrderId,
    PaymentId, PriceListId, PrincipalId, ProductId, PurchaseOrderId, ReturnId, SessionId, ShipmentId,
    StockDocumentId, StockId, SupplierId, TenantId, UserId, WarehouseId,
};
use crate::values::language::Language;
use crate::values::money::{Currency, Money, Quantity, UnitPrice, VatRate};
use crate::values::party::{CustomerKind, ElectronicAddress, LegalForm, TradeRegister};
use crate::values::payment_terms::PaymentTerms;
use crate::values::registration::Registration;
use crate::values::series::SeriesCode;
use crate::values::unit::Unit;

fn external_id(id: &str) -> Option<ExternalId> {
    Some(ExternalId::parse(id).expect("valid"))
}

fn contracts_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema/events")
}

fn name(event: &IntegrationEvent) -> String {
    format!("{}.v{}", event.event_type, event.schema_version)
}

/// What a consumer needs to know of an event.
pub(super) struct Contract {
    pub(super) event_type: &'static str,
    pub(super) aggregate_type: &'static str,
    pub(super) version: i16,
    pub(super) aggregate_id: String,
    pub(super) aggregate_version: i64,
    pub(super) schema: Value,
    pub(super) example: Value,
}

fn contract<P: Payload + JsonSchema>(event: &IntegrationEvent) -> Contract {
    let (event_type, version) = (P::EVENT_TYPE, P::VERSION);
    assert_eq!(
        (event_type, version),
        (event.event_type, event.schema_version),
        "an example of another event"
    );
    let mut schema = schema_for!(P).to_value();
    schema["$id"] = json!(format!("urn:comptoir:event:{event_type}:v{version}"));
    schema["title"] = json!(format!("{event_type}, version {version}"));
    refine(&mut schema);
    let example = serde_json::from_str(&event.payload).expect("a payload is JSON");
    Contract {
        event_type,
        aggregate_type: P::AGGREGATE_TYPE,
        version,
        aggregate_id: event.aggregate_id.clone(),
        aggregate_version: event.aggregate_version,
        schema,
        example,
    }
}

const DECIMALS: &[&str] = &[
    "amount",
    "available",
    "base",
    "cancelled",
    "change",
    "counted",
    "credit_limit",
    "difference",
    "expected",
    "gross_total",
    "net_amount",
    "net_total",
    "on_hand",
    "quantity",
    "rate",
    "received",
    "reorder_point",
    "reorder_quantity",
    "reserved",
    "returned",
    "shipped",
    "unit_price",
    "vat_rate",
    "vat_total",
    "waiting",
    "weight_kg",
];

/// Says of each member what its name implies, and that it is always there: the payloads are structs of texts, and leave
/// nothing out.
fn refine(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut) {
                let names: Vec<_> = properties.keys().cloned().collect();
                properties.iter_mut().for_each(|(name, property)| refine_member(name, property, &names));
                members.insert("required".to_owned(), names.into());
            }
            members.values_mut().for_each(refine);
        }
        Value::Array(items) => items.iter_mut().for_each(refine),
        _ => {}
    }
}

/// `beside` are the names of all members of its object.
fn refine_member(name: &str, property: &mut Value, beside: &[String]) {
    let mut describe = |text: &str| {
        if property["description"].is_null() {
            property["description"] = json!(text);
        }
    };
    if name == "external_id" {
        describe("What the client's own system calls it; null if it was not given.");
    } else if name.ends_with("_id") || name == "created_by" {
        describe(&format!("The id of the {}.", name.trim_end_matches("_id").replace('_', " ")));
        property["format"] = json!("uuid");
    } else if name.ends_with("_at") {
        describe("RFC 3339, UTC.");
        property["format"] = json!("date-time");
    } else if DECIMALS.contains(&name) {
        describe("A decimal string, every digit of which counts.");
        property["pattern"] = json!(r"^-?[0-9]+(\.[0-9]+)?$");
    } else if property["description"].is_null() {
        property["description"] = json!(match name {
            "address" | "addresses" => "Postal addresses, with ISO 3166-1 alpha-2 codes of the countries.",
            "bytes" => "How many bytes it has.",
            "category" => "The category of VAT, of the code list UNTDID 5305: S, Z, E, AE, K, G or O.",
            "city" => "The city.",
            "code" => "The number in the company's own books.",
            "corrected_number" => "The number of the invoice that it corrects.",
            "electronic_address" => "Where electronic invoices are sent; null if it is not known.",
            "email" => "An e-mail address.",
            "granted" | "permissions" | "revoked" => {
                "Names of permissions, such as orders:write; there can be new ones."
            }
            "identifier" => "The address, as its scheme writes it.",
            "invoicing" => "What invoices say of it, and how it is invoiced.",
            "legal_form" => "The legal form; null if it is not known.",
            "line1" | "line2" => "A line of the address.",
            "lines" => "What was ordered, in the order's own sequence.",
            "name" => "The name.",
            "number" => "The number in the register.",
            "postal_code" => "The postal code, as the country writes it.",
            "prefix" => "The beginning of the key, by which people recognise it; no secret.",
            "reason" => "Why, in the words of whoever did it.",
            "reference" => "The client's own number; null if there is none.",
            "registration" => "The number in the register of companies.",
            "role" => "The role.",
            "sku" => "The product's number in the company's own books.",
            "tax" => "The VAT on the base.",
            "tracking_number" => "The carrier's number of the shipment.",
            "trade_register" => "The trade register, with the number in it; null if it is not known.",
            "vat" => "The VAT, by category and rate.",
            "vat_number" => "The VAT number; null if it is not known.",
            _ => panic!("{name} has no description"),
        });
    }
    let is_beside = |other: &str| beside.iter().any(|name| name == other);
    let values: Vec<&str> = match name {
        "role" | "previous_role" => Role::ALL.iter().map(|role| role.name()).collect(),
        "nature" => Nature::ALL.iter().map(|nature| nature.name()).collect(),
        "kind" if is_beside("postal_code") => AddressKind::ALL.iter().map(|kind| kind.name()).collect(),
        "scheme" if is_beside("number") => vec!["siren", "siret", "foreign"],
        "previous_status" => vec![OrderStatus::Pending.as_str(), OrderStatus::Confirmed.as_str()],
        _ => return,
    };
    property["enum"] = values.into();
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + second, 123_456_000).expect("a valid time")
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x019b_7600_0000_7000_8000_0000_0000_0000 + number)
}

fn address() -> PostalAddress {
    PostalAddress {
        line1: AddressLine::parse("12 rue des Carmes").expect("valid"),
        line2: None,
        postal_code: Some(AddressLine::parse("44000").expect("valid")),
        city: AddressLine::parse("Nantes").expect("valid"),
        country: Country::parse("FR").expect("valid"),
    }
}

fn happened(event: impl Event) -> Box<dyn Event> {
    Box::new(event)
}

fn customer() -> (Customer, Box<dyn Event>) {
    let details = CustomerDetails {
        external_id: external_id("ERP-70412"),
        code: CustomerCode::parse("C-1042").expect("valid"),
        name: CustomerName::parse("Librairie des Carmes").expect("valid"),
        email: Email::parse("achats@carmes.example").expect("valid"),
        vat_number: Some(VatNumber::parse("FR40303265045").expect("valid")),
        addresses: vec![Address { kind: AddressKind::Billing, postal: address() }],
        credit_limit: CreditLimit::parse("5000").ok(),
        invoicing: CustomerInvoicing {
            kind: Some(CustomerKind::Business),
            legal_form: LegalForm::parse("SARL").ok(),
            registration: Registration::parse("siren", "303265045").ok(),
            electronic_address: ElectronicAddress::new("0225", "303265045").ok(),
            language: Some(Language::Fr),
            payment_terms: PaymentTerms::new(30, false).ok(),
            ..CustomerInvoicing::default()
        },
        group_id: Some(CustomerGroupId::from_uuid(uuid(31))),
    };
    let (customer, event) = Customer::create(CustomerId::from_uuid(uuid(1)), details, at(0));
    (customer, happened(event))
}

fn customer_group() -> (CustomerGroup, Box<dyn Event>) {
    let details = CustomerGroupDetails {
        code: CustomerGroupCode::parse("RESELLERS").expect("valid"),
        name: CustomerGroupName::parse("Revendeurs").expect("valid"),
    };
    let (group, event) = CustomerGroup::create(CustomerGroupId::from_uuid(uuid(31)), details, at(0));
    (group, happened(event))
}

fn price_list() -> (PriceList, Box<dyn Event>) {
    let details = PriceListDetails {
        code: PriceListCode::parse("SPRING-2026").expect("valid"),
        name: PriceListName::parse("Printemps 2026").expect("valid"),
        period: ValidPeriod {
            from: Some(BusinessDate::of(at(0))),
            to: Some(BusinessDate::of(at(7_776_000))),
        },
    };
    let target = PriceTarget::Group(CustomerGroupId::from_uuid(uuid(31)));
    let (list, event) = PriceList::create(PriceListId::from_uuid(uuid(32)), details, target, at(0));
    (list, happened(event))
}

fn supplier() -> (Supplier, Box<dyn Event>) {
    let details = SupplierDetails {
        external_id: external_id("ERP-311"),
        code: SupplierCode::parse("S-7").expect("valid"),
        name: SupplierName::parse("Terres de Thé").expect("valid"),
        vat_number: Some(VatNumber::parse("FR40303265045").expect("valid")),
        addresses: vec![Address { kind: AddressKind::Billing, postal: address() }],
        payment_terms: PaymentTerms::new(45, true).ok(),
    };
    let (supplier, event) = Supplier::create(SupplierId::from_uuid(uuid(9)), details, at(0));
    (supplier, happened(event))
}

fn category() -> (Category, Box<dyn Event>) {
    let parent = CategoryId::from_uuid(uuid(11));
    let details = CategoryDetails {
        external_id: external_id("ERP-TEA-2"),
        code: CategoryCode::parse("TEA-BLACK").expect("valid"),
        name: CategoryName::parse("Black teas").expect("valid"),
        parent_id: Some(parent),
    };
    let place = Place { above: vec![parent], below: 0 };
    let created = Category::create(CategoryId::from_uuid(uuid(10)), details, &place, at(0));
    let (category, event) = created.expect("allowed");
    (category, happened(event))
}

fn product(number: u128, sku: &str, name: &str, price: &str, vat: &str) -> (Product, Box<dyn Event>) {
    let details = ProductDetails {
        external_id: external_id("ERP-9001"),
        sku: Sku::parse(sku).expect("valid"),
        name: ProductName::parse(name).expect("valid"),
        unit_price: UnitPrice::parse(price).expect("valid"),
        vat_rate: VatRate::parse(vat).expect("valid"),
        unit: Unit::default(),
        quantity_decimals: Unit::default().decimals(),
        stocked: true,
        category_id: Some(CategoryId::from_uuid(uuid(10))),
        barcodes: Barcodes::parse(vec![Gtin::parse("3017620422003").expect("valid")]).expect("valid"),
        nature: Nature::Goods,
    };
    let (product, event) = Product::create(ProductId::from_uuid(uuid(number)), details, at(0));
    (product, happened(event))
}

fn warehouse() -> (Warehouse, Box<dyn Event>) {
    let details = WarehouseDetails {
        external_id: external_id("ERP-W1"),
        code: WarehouseCode::parse("MAIN").expect("valid"),
        name: WarehouseName::parse("Entrepôt principal").expect("valid"),
        address: Some(address()),
    };
    let (warehouse, event) = Warehouse::create(WarehouseId::from_uuid(uuid(21)), details, false, at(0));
    (warehouse, happened(event))
}

fn location() -> (Location, Box<dyn Event>) {
    let details = LocationDetails {
        external_id: external_id("ERP-W1-A013"),
        code: LocationCode::parse("A-01-3").expect("valid"),
        name: Some(LocationName::parse("Aisle A, bay 1, shelf 3").expect("valid")),
    };
    let (id, warehouse) = (LocationId::from_uuid(uuid(22)), WarehouseId::from_uuid(uuid(21)));
    let (location, event) = Location::create(id, warehouse, details, at(0));
    (location, happened(event))
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
        created_by: "bob@docks.example".to_owned(),
        locations: Vec::new(),
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

fn validated_invoice() -> (Invoice, Box<dyn Event>) {
    let lines = vec![invoices::draft::tests::line("Earl Grey, 250 g", "1", "10", "20")];
    let draft = invoices::draft::tests::draft(lines);
    let id = InvoiceId::from_uuid(uuid(19));
    let (mut invoice, _) = Invoice::draft(id, draft, at(0)).expect("valid");
    let content = invoices::content::tests::content("FA-2026-000123");
    let series = SeriesCode::parse("FA").expect("valid");
    let event = invoice.validate(series, &content, at(60)).expect("a draft");
    (invoice, happened(event))
}

fn ready_document(invoice: &Invoice) -> Box<dyn Event> {
    let file = |content: &[u8], bytes| FileFacts { sha256: digest_of(content).to_vec(), bytes };
    happened(InvoiceEvent::DocumentReady(Box::new(ReadyDocument {
        invoice_id: invoice.id(),
        number: "FA-2026-000123".to_owned(),
        customer_id: invoice.customer_id(),
        pages: 1,
        pdf: file(b"%PDF-1.7", 49_152),
        xml: file(b"<xml/>", 8_192),
        rendered_at: at(61),
    })))
}

fn issued_credit_note() -> Box<dyn Event> {
    let lines = vec![invoices::draft::tests::line("Earl Grey, 250 g", "1", "10", "20")];
    let corrected = InvoiceId::from_uuid(uuid(19));
    let correction = Correction { invoice_id: corrected, wanted: WantedCredit::Rest, return_id: None };
    let draft = Draft { correction: Some(correction), ..invoices::draft::tests::draft(lines) };
    let id = InvoiceId::from_uuid(uuid(24));
    let (mut note, _) = Invoice::draft(id, draft, at(0)).expect("valid");
    let mut content = invoices::content::tests::content("AV-2026-000001");
    content.kind = InvoiceKind::CreditNote;
    let preceding = Preceding {
        kind: InvoiceKind::Invoice,
        number: "FA-2026-000123".to_owned(),
        issue_date: content.issue_date,
    };
    content.references.preceding = vec![preceding];
    let series = SeriesCode::parse("AV").expect("valid");
    happened(note.validate(series, &content, at(60)).expect("a draft"))
}

fn payments() -> (Box<dyn Event>, Box<dyn Event>) {
    let (payment, received) = payment_of("12.00", &[(19, "12.00")]);
    let reason = PaymentReason::parse("unpaid cheque").expect("valid");
    let id = PaymentId::from_uuid(uuid(21));
    let reversal = payment.reverse(id, reason, "ada@docks.example".to_owned(), at(120));
    (happened(received), happened(reversal.expect("allowed").1))
}

fn tenant() -> (Tenant, Box<dyn Event>) {
    let details = TenantDetails {
        name: TenantName::parse("Comptoir des Docks").expect("valid"),
        registration: Some(Registration::parse("siret", "73282932000074").expect("valid")),
        vat_number: Some(VatNumber::parse("FR44732829320").expect("valid")),
        address: Some(address()),
        time_zone: TimeZone::parse("Europe/Paris").expect("valid"),
        language: Language::Fr,
        email_from: None,
        email_reply_to: None,
        credit_limit_action: CreditLimitAction::Refuse,
        invoicing: TenantInvoicing {
            legal_form: LegalForm::parse("SAS").ok(),
            share_capital: Money::parse("10000.00").ok(),
            trade_register: TradeRegister::parse("RCS Nantes").ok(),
            electronic_address: ElectronicAddress::new("0225", "732829320").ok(),
            ..TenantInvoicing::default()
        },
    };
    let short_name = ShortName::parse("docks").expect("valid");
    let (tenant, event) =
        Tenant::create(TenantId::from_uuid(uuid(5)), short_name, details, Currency::euro(), at(0));
    (tenant, happened(event))
}

/// Returns a decider who is not the user, and has every permission.
fn decider() -> Decider {
    Decider { by: None, held: PermissionSet::all(), has_other_administrators: true }
}

fn user() -> (User, Box<dyn Event>) {
    let new = NewUser {
        email: Email::parse("ada@docks.example").expect("valid"),
        name: UserName::parse("Ada Martin").expect("valid"),
        role: Role::Warehouse,
        adjustments: Adjustments::default(),
        password: None,
        is_verified: false,
    };
    let (user, event) = User::register(UserId::from_uuid(uuid(6)), new, decider(), at(0)).expect("allowed");
    (user, happened(event))
}

fn begun_session() -> (Session, Box<dyn Event>) {
    let lifetimes = Lifetimes { refresh: TimeDelta::days(30), session: TimeDelta::days(90) };
    let (id, user) = (SessionId::from_uuid(uuid(7)), UserId::from_uuid(uuid(6)));
    let (session, event) = Session::begin(id, user, Client::default(), lifetimes, at(0));
    (session, happened(event))
}

fn api_key() -> (ApiKey, Box<dyn Event>) {
    let permissions = PermissionSet::of(&[Permission::OrdersRead, Permission::OrdersWrite]);
    let details = ApiKeyDetails {
        name: ApiKeyName::parse("Web shop").expect("valid"),
        permissions,
        expires_at: Some(at(31_536_000)),
    };
    let (id, by) = (ApiKeyId::from_uuid(uuid(8)), PrincipalId::from_uuid(uuid(6)));
    let owner = Some(UserId::from_uuid(uuid(6)));
    let made = ApiKey::create(id, details, "ck_k3v9xw2p", Some(by), owner, permissions, at(0));
    let (key, event) = made.expect("allowed");
    (key, happened(event))
}

/// Takes each aggregate through all of its events, and returns every contract with its name: `order.placed.v1`.
fn contracts() -> Vec<(String, Contract)> {
    let mut contracts = Vec::new();
    let mut add = |event: Box<dyn Event>, contract: fn(&IntegrationEvent) -> Contract| {
        let event = DomainEvent::of(&*event).and_then(translate).expect("serializable").expect("published");
        contracts.push((name(&event), contract(&event)));
    };

    let (mut a_customer, created) = customer();
    add(created, contract::<CustomerCreatedV1>);
    let renamed = CustomerDetails {
        external_id: external_id("ERP-70412"),
        name: CustomerName::parse("Librairie et salon de thé des Carmes").expect("valid"),
        ..a_customer.details().clone()
    };
    let updated = a_customer.update(renamed, at(1)).expect("a change");
    add(happened(updated), contract::<CustomerUpdatedV1>);
    add(happened(a_customer.clone().forget(at(2))), contract::<CustomerAnonymisedV1>);
    add(happened(a_customer.delete(false, false, at(2)).expect("allowed")), contract::<CustomerDeletedV1>);

    let (mut a_group, created) = customer_group();
    add(created, contract::<CustomerGroupCreatedV1>);
    let name = CustomerGroupName::parse("Revendeurs et cafés").expect("valid");
    let renamed = CustomerGroupDetails { name, ..a_group.details().clone() };
    add(happened(a_group.update(renamed, at(1)).expect("a change")), contract::<CustomerGroupUpdatedV1>);
    add(happened(a_group.delete(at(2))), contract::<CustomerGroupDeletedV1>);

    let (mut a_list, created) = price_list();
    add(created, contract::<PriceListCreatedV1>);
    let longer = ValidPeriod { to: None, ..a_list.details().period };
    let longer = PriceListDetails { period: longer, ..a_list.details().clone() };
    let Some(PriceListEvent::Changed { list, .. }) = a_list.update(longer, at(1)) else { panic!("a change") };
    let products = vec![ProductId::from_uuid(uuid(2)), ProductId::from_uuid(uuid(3))];
    add(happened(PriceListEvent::Changed { list, products }), contract::<PriceListChangedV1>);
    add(happened(a_list.delete(at(2))), contract::<PriceListDeletedV1>);

    let (mut a_supplier, created) = supplier();
    add(created, contract::<SupplierCreatedV1>);
    let sooner =
        SupplierDetails { payment_terms: PaymentTerms::new(30, false).ok(), ..a_supplier.details().clone() };
    let updated = a_supplier.update(sooner, at(1)).expect("a change");
    add(happened(updated), contract::<SupplierUpdatedV1>);
    add(happened(a_supplier.delete(at(2))), contract::<SupplierDeletedV1>);

    let (mut a_category, created) = category();
    add(created, contract::<CategoryCreatedV1>);
    let at_the_top = CategoryDetails { parent_id: None, ..a_category.details().clone() };
    let moved = a_category.update(at_the_top, &Place::default(), at(1)).expect("allowed");
    add(happened(moved.expect("a change")), contract::<CategoryUpdatedV1>);
    add(happened(a_category.delete(false, at(2)).expect("allowed")), contract::<CategoryDeletedV1>);

    let (mut tea, created) = product(2, "TEA-EG-250", "Earl Grey, 250 g", "12.50", "5.5");
    add(created, contract::<ProductCreatedV1>);
    let dearer =
        ProductDetails { unit_price: UnitPrice::parse("13.20").expect("valid"), ..tea.details().clone() };
    add(
        happened(tea.update(dearer, at(1)).expect("allowed").expect("a change")),
        contract::<ProductUpdatedV1>,
    );
    let mut never_ordered = tea.clone();
    add(happened(tea.archive(at(2)).expect("allowed")), contract::<ProductArchivedV1>);
    add(happened(never_ordered.remove(at(2)).expect("allowed")), contract::<ProductDeletedV1>);

    let (mut a_warehouse, created) = warehouse();
    add(created, contract::<WarehouseCreatedV1>);
    let mut closed = a_warehouse.clone();
    let gained = a_warehouse.make_default(at(1)).expect("allowed").expect("a change");
    add(happened(gained), contract::<WarehouseUpdatedV1>);
    add(happened(closed.archive(false, None, at(2)).expect("allowed")), contract::<WarehouseArchivedV1>);

    let (mut a_location, created) = location();
    add(created, contract::<LocationCreatedV1>);
    let code = LocationCode::parse("A-01-4").expect("valid");
    let renamed = LocationDetails { code, ..a_location.details().clone() };
    let updated = a_location.update(renamed, at(1)).expect("allowed").expect("a change");
    add(happened(updated), contract::<LocationUpdatedV1>);
    add(happened(a_location.archive(false, at(2)).expect("allowed")), contract::<LocationArchivedV1>);

    let mut levels = shelves();
    let (mut an_order, placed) = order(&mut levels);
    let mut unwanted = an_order.clone();
    add(placed, contract::<OrderPlacedV1>);
    add(amended(an_order.clone(), levels.clone()), contract::<OrderAmendedV1>);
    let mut dear = an_order.clone();
    dear.hold();
    add(happened(dear.approve(at(90)).expect("it waits for approval")), contract::<OrderApprovedV1>);
    add(stock_document(StockDocumentKind::Receipt, "24", true, &mut levels), contract::<StockReceivedV1>);
    let its_goods: BTreeSet<ProductId> = an_order.places().into_iter().map(|(_, product)| product).collect();
    let got = an_order.serve(&its_goods, &mut levels, at(100)).expect("there is some");
    add(happened(got), contract::<OrderReservedV1>);
    add(stock_document(StockDocumentKind::Adjustment, "2", true, &mut levels), contract::<StockAdjustedV1>);
    add(
        stock_document(StockDocumentKind::Transfer, "10", false, &mut levels),
        contract::<StockTransferredV1>,
    );
    add(stock_document(StockDocumentKind::WriteOff, "1", false, &mut levels), contract::<StockWrittenOffV1>);
    let (tea, two) = (ProductId::from_uuid(uuid(2)), Units::parse("2").expect("valid"));
    let mut robbed = an_order.clone();
    let mut missing = BTreeMap::from([(tea, two)]);
    let gone = robbed.give_back(&its_goods, &mut missing, &mut levels.clone(), at(110));
    add(happened(gone.expect("some was reserved")), contract::<OrderBackOrderedV1>);
    let level = levels.get_mut(WarehouseId::from_uuid(uuid(9)), tea).expect("there");
    for event in level.close(at(110)) {
        match event {
            StockEvent::LevelChanged(_) => add(happened(event), contract::<StockLevelChangedV1>),
            StockEvent::LevelLow(_) => add(happened(event), contract::<StockLevelLowV1>),
        }
    }
    let [started, closed, cancelled] = counted(&mut levels);
    add(started, contract::<InventoryCountStartedV1>);
    add(closed, contract::<InventoryCountClosedV1>);
    add(cancelled, contract::<InventoryCountCancelledV1>);
    add(happened(an_order.confirm(at(120)).expect("allowed")), contract::<OrderConfirmedV1>);
    let (mut shipment, dispatched, left) = shipped(&mut an_order, &mut levels, &["1", "1"], 16, at(170));
    add(dispatched, contract::<ShipmentDispatchedV1>);
    add(left, contract::<OrderPartlyShippedV1>);
    let mut abandoned = an_order.clone();
    let reason = CancellationReason::parse("the tea is no longer made").expect("valid");
    let left = abandoned.cancel_rest(reason, &mut levels.clone(), at(180)).expect("allowed");
    add(happened(left), contract::<OrderShippedV1>);
    add(happened(shipment.deliver(None, at(200)).expect("allowed")), contract::<ShipmentDeliveredV1>);
    let rest: Vec<LinePart> = an_order.ready();
    let on = BusinessDate::of(at(190));
    let id = ShipmentId::from_uuid(uuid(17));
    let left = an_order.dispatch(&rest, id, None, on, &mut levels, at(190)).expect("it is there");
    assert!(matches!(left, OrderEvent::Shipped(_)), "all of it has left");
    add(happened(an_order.deliver(at(240)).expect("allowed")), contract::<OrderDeliveredV1>);
    let (received, returned) = taken_back(&mut an_order, &mut levels, at(300));
    add(received, contract::<ReturnReceivedV1>);
    add(returned, contract::<OrderReturnedV1>);
    let reason = CancellationReason::parse("the customer changed their mind").expect("valid");
    add(
        happened(unwanted.cancel(reason, &mut Levels::default(), at(120)).expect("allowed")),
        contract::<OrderCancelledV1>,
    );

    let (tea, _) = product(2, "TEA-EG-250", "Earl Grey, 250 g", "12.50", "5.5");
    let id = PurchaseOrderId::from_uuid(uuid(17));
    let (mut a_purchase, ordered) = PurchaseOrder::order(id, purchase(&tea, "24"), at(0)).expect("valid");
    add(happened(ordered), contract::<PurchaseOrderOrderedV1>);
    let more = a_purchase.change(purchase(&tea, "48"), at(60)).expect("allowed").expect("a change");
    add(happened(more), contract::<PurchaseOrderChangedV1>);
    a_purchase.allot(tea.id(), &Units::parse("24").expect("valid"));
    let came = a_purchase.receive(StockDocumentId::from_uuid(uuid(15)), at(90));
    add(happened(came), contract::<PurchaseOrderReceivedV1>);
    add(happened(a_purchase.cancel(at(120)).expect("some is lacking")), contract::<PurchaseOrderCancelledV1>);

    let (mut an_invoice, validated) = validated_invoice();
    add(validated, contract::<InvoiceValidatedV1>);
    add(ready_document(&an_invoice), contract::<InvoiceDocumentReadyV1>);
    add(happened(an_invoice.hand_over(Channel::Email, at(70)).expect("a number")), contract::<InvoiceSentV1>);
    let much_later = BusinessDate::parse("2030-01-01").expect("a date");
    let overdue = an_invoice.become_overdue(much_later, at(80)).expect("due and open");
    add(happened(overdue), contract::<InvoiceOverdueV1>);
    let whole = an_invoice.open();
    add(happened(an_invoice.pay(&whole, at(90)).expect("open")), contract::<InvoicePaidV1>);

    add(issued_credit_note(), contract::<CreditNoteIssuedV1>);

    let (received, reversed) = payments();
    add(received, contract::<PaymentReceivedV1>);
    add(reversed, contract::<PaymentReversedV1>);

    let (mut company, created) = tenant();
    add(created, contract::<TenantCreatedV1>);
    let renamed =
        TenantDetails { name: TenantName::parse("Les Docks").expect("valid"), ..company.details().clone() };
    add(happened(company.update(renamed, at(1)).expect("a change")), contract::<TenantUpdatedV1>);

    let (mut ada, registered) = user();
    add(registered, contract::<UserRegisteredV1>);
    let verified = ada.verify_email(at(1)).expect("not disabled");
    add(happened(verified.expect("a change")), contract::<UserEmailVerifiedV1>);
    let password = HashedPassword::stored("$argon2id$…".to_owned());
    let changed = ada.change_password(password, at(2)).expect("not disabled");
    add(happened(changed), contract::<UserPasswordChangedV1>);
    let session = SessionId::from_uuid(uuid(7));
    add(happened(ada.log_in(session, at(3)).expect("active")), contract::<UserLoggedInV1>);
    let name = UserName::parse("Ada Martin-Leroy").expect("valid");
    let renamed = ada.rename(name, decider(), at(4)).expect("allowed");
    add(happened(renamed.expect("a change")), contract::<UserUpdatedV1>);
    let promoted = ada.change_role(Role::Sales, decider(), at(5)).expect("allowed");
    add(happened(promoted.expect("a change")), contract::<UserRoleChangedV1>);
    let shipping = PermissionSet::of(&[Permission::OrdersShip]);
    let adjustments = Adjustments::new(shipping, PermissionSet::EMPTY).expect("valid");
    let adjusted = ada.change_permissions(adjustments, decider(), at(6)).expect("allowed");
    add(happened(adjusted.expect("a change")), contract::<UserPermissionChangedV1>);
    add(happened(ada.log_out(session, at(7))), contract::<UserLoggedOutV1>);
    add(happened(ada.disable(decider(), at(8)).expect("allowed")), contract::<UserDisabledV1>);
    add(happened(ada.enable(decider(), at(9)).expect("allowed")), contract::<UserEnabledV1>);
    let (mut a_session, begun) = begun_session();
    add(begun, contract::<SessionCreatedV1>);
    add(happened(a_session.end(EndReason::LoggedOut, at(300)).expect("open")), contract::<SessionEndedV1>);

    let (mut a_key, created) = api_key();
    add(created, contract::<ApiKeyCreatedV1>);
    add(happened(a_key.revoke(at(300)).expect("not revoked")), contract::<ApiKeyRevokedV1>);
    contracts
}

fn file(name: &str, kind: &str) -> PathBuf {
    contracts_folder().join(format!("{name}.{kind}.json"))
}

/// Says what is wrong with a schema beside the published one; `None` if it may be written.
fn refusal(name: &str, published: &Value, schema: &Value) -> Option<String> {
    let breaks = comptoir_compatibility::sent(published, schema);
    (!breaks.is_empty()).then(|| {
        format!(
            "{name} is published, and its consumers would break: {}. Members may be added; for anything else, leave this \
            version as it was and make the next one (docs/how-to-add-an-event.md)",
            breaks.join("; ")
        )
    })
}

#[test]
fn published_contracts_change_by_additions_only() {
    let update = std::env::var_os("UPDATE_EVENT_CONTRACTS").is_some();
    let mut problems = Vec::new();
    for (name, Contract { schema, example, .. }) in contracts() {
        let published = std::fs::read_to_string(file(&name, "schema")).ok();
        let published = published.map(|text| serde_json::from_str(&text).expect("JSON"));
        problems.extend(published.and_then(|published| refusal(&name, &published, &schema)));
        for (kind, current) in [("schema", &schema), ("example", &example)] {
            let path = file(&name, kind);
            let current = format!("{}\n", serde_json::to_string_pretty(current).expect("JSON"));
            if std::fs::read_to_string(&path).is_ok_and(|text| text == current) {
                continue;
            }
            if update && problems.is_empty() {
                std::fs::write(&path, current).expect("written");
            } else if problems.is_empty() {
                problems.push(format!(
                    "{name}.{kind}.json is not as the code has it; see the head of contracts.rs"
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_member_may_be_added_to_a_contract_and_everything_else_is_refused_with_what_to_do() {
    let (name, Contract { schema, .. }) = contracts().swap_remove(0);
    let changed = |change: fn(&mut serde_json::Map<String, Value>)| {
        let mut new = schema.clone();
        change(new["properties"].as_object_mut().expect("members"));
        refusal(&name, &schema, &new)
    };
    assert_eq!(changed(|members| drop(members.insert("more".to_owned(), json!({"type": "string"})))), None);
    type Change = fn(&mut serde_json::Map<String, Value>);
    let breaks: [(Change, &str); 3] = [
        (|members| drop(members.remove("email")), "/email is gone"),
        (
            |members| {
                let email = members.remove("email").expect("there");
                members.insert("mail".to_owned(), email);
            },
            "/email is gone",
        ),
        (|members| members["email"]["type"] = json!("integer"), "/email was string, and is integer"),
    ];
    for (change, what) in breaks {
        let said = changed(change).expect("refused");
        assert!(said.contains(what) && said.contains("make the next one"), "{said}");
    }
}

/// Compares a file that is made of the contracts with what they say now, or writes it.
fn made(path: &str, make: impl FnOnce(&str) -> String) {
    let path = contracts_folder().join("../..").join(path);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let made = make(&found);
    if std::env::var_os("UPDATE_EVENT_CONTRACTS").is_some() {
        std::fs::write(path, made).expect("written");
    } else {
        assert!(
            found == made,
            "{} is not as the contracts are; see the head of contracts.rs",
            path.display()
        );
    }
}

#[test]
fn the_asyncapi_document_and_the_list_of_events_are_made_of_the_contracts() {
    let contracts = contracts();
    for (name, Contract { schema, .. }) in &contracts {
        let published = std::fs::read_to_string(file(name, "schema")).ok();
        let published = published.map(|text| serde_json::from_str(&text).expect("JSON"));
        if let Some(refused) = published.and_then(|published| refusal(name, &published, schema)) {
            panic!("{refused}");
        }
    }
    made("schema/asyncapi.json", |_| {
        format!("{}\n", serde_json::to_string_pretty(&asyncapi::asyncapi(&contracts)).expect("JSON"))
    });
    made("docs/events.md", |found| {
        let (head, _) = found.split_once("<!-- events -->").expect("where the list begins");
        format!("{head}<!-- events -->\n{}", asyncapi::markdown(&contracts))
    });
}

#[test]
fn every_contract_belongs_to_an_event() {
    let names = contracts().into_iter().map(|(name, _)| name);
    let known: BTreeSet<_> =
        names.flat_map(|name| ["schema", "example"].map(|kind| format!("{name}.{kind}.json"))).collect();
    let files: BTreeSet<_> = std::fs::read_dir(contracts_folder())
        .expect("the folder of contracts")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let unknown: Vec<_> = files.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "{unknown:?} are published, and nothing produces them any more: publish the event again, or, once no consumer uses it, delete \
        its files and say so in CHANGELOG.md"
    );
    assert!(known.is_subset(&files), "see the head of contracts.rs: {:?}", known.difference(&files));
}

#[test]
fn examples_satisfy_their_schemas() {
    for (name, Contract { schema, example, .. }) in contracts() {
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = options.build(&schema).expect("a valid schema");
        let errors: Vec<_> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}
