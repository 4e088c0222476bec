//! The JSON Schema of a payload: made from its struct, with what the names of its members imply.

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use super::Contract;
use crate::application::Role;
use crate::catalogue::integration::{IntegrationEvent, Payload};
use crate::commerce::addresses::AddressKind;
use crate::commerce::orders::OrderStatus;
use crate::commerce::vat::Nature;

pub(super) fn contract<P: Payload + JsonSchema>(event: &IntegrationEvent) -> Contract {
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
