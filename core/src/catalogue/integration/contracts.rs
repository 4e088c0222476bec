//! The published contracts: `schema/events/<type>.v<N>.json` holds the JSON Schema of each payload and an example that
//! the code really produces. A difference fails the test. A new event or version is written with
//! `UPDATE_EVENT_CONTRACTS=1 cargo test --workspace --lib contracts`, which never overwrites a published one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};
use uuid::Uuid;

use super::api_keys::{ApiKeyCreatedV1, ApiKeyRevokedV1};
use super::customers::{CustomerCreatedV1, CustomerDeletedV1, CustomerUpdatedV1};
use super::orders::{OrderCancelledV1, OrderConfirmedV1, OrderDeliveredV1, OrderPlacedV1, OrderShippedV1};
use super::products::{ProductArchivedV1, ProductCreatedV1, ProductDeletedV1, ProductUpdatedV1};
use super::sessions::{SessionCreatedV1, SessionEndedV1};
use super::suppliers::{SupplierCreatedV1, SupplierDeletedV1, SupplierUpdatedV1};
use super::tenants::{TenantCreatedV1, TenantUpdatedV1};
use super::users::{
    UserDisabledV1, UserEmailVerifiedV1, UserEnabledV1, UserLoggedInV1, UserLoggedOutV1,
    UserPasswordChangedV1, UserPermissionChangedV1, UserRegisteredV1, UserRoleChangedV1, UserUpdatedV1,
};
use super::{IntegrationEvent, Payload};
use crate::accounts::api_keys::{ApiKey, ApiKeyDetails, ApiKeyName};
use crate::accounts::identity::passwords::HashedPassword;
use crate::accounts::sessions::{Client, EndReason, Lifetimes, Session};
use crate::accounts::tenants::{Registration, ShortName, Tenant, TenantDetails, TenantName, TimeZone};
use crate::accounts::users::{Adjustments, Decider, NewUser, User, UserName};
use crate::application::events::{Event, EventCatalogue};
use crate::application::{Permission, PermissionSet, Role};
use crate::catalogue::Catalogue;
use crate::commerce::addresses::{Address, AddressKind};
use crate::commerce::customers::{Customer, CustomerCode, CustomerDetails, CustomerName};
use crate::commerce::orders::{
    CancellationReason, DraftLine, NewOrder, Order, OrderReference, TrackingNumber,
};
use crate::commerce::products::{Product, ProductDetails, ProductName, Sku};
use crate::commerce::suppliers::{Supplier, SupplierCode, SupplierDetails, SupplierName};
use crate::values::contact::{AddressLine, Country, Email, PostalAddress, VatNumber};
use crate::values::ids::{
    ApiKeyId, CustomerId, OrderId, PrincipalId, ProductId, SessionId, SupplierId, TenantId, UserId,
};
use crate::values::money::{Currency, Quantity, UnitPrice, VatRate};
use crate::values::payment_terms::PaymentTerms;

fn contracts_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema/events")
}

fn file_name(event: &IntegrationEvent) -> String {
    format!("{}.v{}.json", event.event_type, event.schema_version)
}

/// Returns a contract: the facts about the event that a consumer needs.
fn contract<P: Payload + JsonSchema>(event: &IntegrationEvent) -> Value {
    assert_eq!(
        (P::EVENT_TYPE, P::VERSION),
        (event.event_type, event.schema_version),
        "an example of another event"
    );
    let mut schema = schema_for!(P).to_value();
    schema["title"] = json!(format!("{}, version {}", P::EVENT_TYPE, P::VERSION));
    let example: Value = serde_json::from_str(&event.payload).expect("a payload is JSON");
    json!({
        "event_type": P::EVENT_TYPE,
        "schema_version": P::VERSION,
        "aggregate_type": P::AGGREGATE_TYPE,
        "payload": schema,
        "example": example,
    })
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
        code: CustomerCode::parse("C-1042").expect("valid"),
        name: CustomerName::parse("Librairie des Carmes").expect("valid"),
        email: Email::parse("achats@carmes.example").expect("valid"),
        vat_number: Some(VatNumber::parse("FR40303265045").expect("valid")),
        addresses: vec![Address { kind: AddressKind::Billing, postal: address() }],
    };
    let (customer, event) = Customer::create(CustomerId::from_uuid(uuid(1)), details, at(0));
    (customer, happened(event))
}

fn supplier() -> (Supplier, Box<dyn Event>) {
    let details = SupplierDetails {
        code: SupplierCode::parse("S-7").expect("valid"),
        name: SupplierName::parse("Terres de Thé").expect("valid"),
        vat_number: Some(VatNumber::parse("FR40303265045").expect("valid")),
        addresses: vec![Address { kind: AddressKind::Billing, postal: address() }],
        payment_terms: PaymentTerms::new(45, true).ok(),
    };
    let (supplier, event) = Supplier::create(SupplierId::from_uuid(uuid(9)), details, at(0));
    (supplier, happened(event))
}

fn product(number: u128, sku: &str, name: &str, price: &str, vat: &str) -> (Product, Box<dyn Event>) {
    let details = ProductDetails {
        sku: Sku::parse(sku).expect("valid"),
        name: ProductName::parse(name).expect("valid"),
        unit_price: UnitPrice::parse(price).expect("valid"),
        vat_rate: VatRate::parse(vat).expect("valid"),
    };
    let (product, event) = Product::create(ProductId::from_uuid(uuid(number)), details, at(0));
    (product, happened(event))
}

fn order() -> (Order, Box<dyn Event>) {
    let (tea, _) = product(2, "TEA-EG-250", "Earl Grey, 250 g", "12.50", "5.5");
    let (pot, _) = product(3, "POT-CI-1", "Cast iron teapot, 1 l", "48.90", "20");
    let line = |product, quantity: &str, unit_price: Option<&str>| DraftLine {
        product,
        quantity: Quantity::parse(quantity).expect("valid"),
        unit_price: unit_price.map(|price| UnitPrice::parse(price).expect("valid")),
    };
    let new = NewOrder {
        reference: Some(OrderReference::parse("WEB-2026-00017").expect("valid")),
        customer_id: CustomerId::from_uuid(uuid(1)),
        currency: Currency::euro(),
        lines: vec![line(&tea, "3", None), line(&pot, "1", Some("44.01"))],
    };
    let (order, event) = Order::place(OrderId::from_uuid(uuid(4)), new, at(60)).expect("valid");
    (order, happened(event))
}

fn tenant() -> (Tenant, Box<dyn Event>) {
    let details = TenantDetails {
        name: TenantName::parse("Comptoir des Docks").expect("valid"),
        registration: Some(Registration::parse("siret", "73282932000074").expect("valid")),
        vat_number: Some(VatNumber::parse("FR44732829320").expect("valid")),
        address: Some(address()),
        time_zone: TimeZone::parse("Europe/Paris").expect("valid"),
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

/// Takes each aggregate through all of its events, and returns every contract with its file name.
fn contracts() -> Vec<(String, Value)> {
    let mut contracts = Vec::new();
    let mut add = |event: Box<dyn Event>, contract: fn(&IntegrationEvent) -> Value| {
        let event = Catalogue.translate(&*event).expect("serializable").expect("published");
        contracts.push((file_name(&event), contract(&event)));
    };

    let (mut a_customer, created) = customer();
    add(created, contract::<CustomerCreatedV1>);
    let renamed = CustomerDetails {
        name: CustomerName::parse("Librairie et salon de thé des Carmes").expect("valid"),
        ..a_customer.details().clone()
    };
    let updated = a_customer.update(renamed, at(1)).expect("a change");
    add(happened(updated), contract::<CustomerUpdatedV1>);
    add(happened(a_customer.delete(false, at(2)).expect("allowed")), contract::<CustomerDeletedV1>);

    let (mut a_supplier, created) = supplier();
    add(created, contract::<SupplierCreatedV1>);
    let sooner =
        SupplierDetails { payment_terms: PaymentTerms::new(30, false).ok(), ..a_supplier.details().clone() };
    let updated = a_supplier.update(sooner, at(1)).expect("a change");
    add(happened(updated), contract::<SupplierUpdatedV1>);
    add(happened(a_supplier.delete(at(2))), contract::<SupplierDeletedV1>);

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

    let (mut an_order, placed) = order();
    let mut unwanted = an_order.clone();
    add(placed, contract::<OrderPlacedV1>);
    add(happened(an_order.confirm(at(120)).expect("allowed")), contract::<OrderConfirmedV1>);
    let tracking_number = TrackingNumber::parse("1Z999AA10123456784").expect("valid");
    add(
        happened(an_order.ship(Some(tracking_number), at(180)).expect("allowed")),
        contract::<OrderShippedV1>,
    );
    add(happened(an_order.deliver(at(240)).expect("allowed")), contract::<OrderDeliveredV1>);
    let reason = CancellationReason::parse("the customer changed their mind").expect("valid");
    add(happened(unwanted.cancel(reason, at(120)).expect("allowed")), contract::<OrderCancelledV1>);

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

#[test]
fn published_contracts_do_not_change() {
    let update = std::env::var_os("UPDATE_EVENT_CONTRACTS").is_some();
    for (name, contract) in contracts() {
        let path = contracts_folder().join(&name);
        let current = format!("{}\n", serde_json::to_string_pretty(&contract).expect("JSON"));
        match std::fs::read_to_string(&path) {
            Ok(published) => assert_eq!(
                published, current,
                "{name} is published: consumers build on it. Leave it as it was and add a new version beside it"
            ),
            Err(_) if update => std::fs::write(&path, current).expect("written"),
            Err(error) => panic!("{name} has no contract ({error}); see the head of contracts.rs"),
        }
    }
}

#[test]
fn every_contract_belongs_to_an_event() {
    let known: BTreeSet<_> = contracts().into_iter().map(|(name, _)| name).collect();
    let files: BTreeSet<_> = std::fs::read_dir(contracts_folder())
        .expect("the folder of contracts")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, known);
}

#[test]
fn examples_satisfy_their_schemas() {
    for (name, contract) in contracts() {
        let validator = jsonschema::validator_for(&contract["payload"]).expect("a valid schema");
        let errors: Vec<_> =
            validator.iter_errors(&contract["example"]).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}
