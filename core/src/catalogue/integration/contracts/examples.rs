//! An example of each event, which the code really produces: every aggregate goes through all that can happen to it. And what the examples share.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Contract, accounts, invoicing, logistics, master_data};
use crate::application::events::Event;
use crate::catalogue::DomainEvent;
use crate::catalogue::integration::{IntegrationEvent, translate};
use crate::values::contact::{AddressLine, Country, PostalAddress};
use crate::values::external_id::ExternalId;

/// Every contract with its name: `order.placed.v1`.
#[derive(Default)]
pub(super) struct Contracts(Vec<(String, Contract)>);

impl Contracts {
    /// Adds the contract of an event, with this event as its example.
    pub(super) fn add(&mut self, event: Box<dyn Event>, contract: fn(&IntegrationEvent) -> Contract) {
        let event = DomainEvent::of(&*event).and_then(translate).expect("serializable").expect("published");
        self.0.push((name(&event), contract(&event)));
    }
}

/// Takes each aggregate through all of its events, and returns every contract with its name.
pub(super) fn contracts() -> Vec<(String, Contract)> {
    let mut contracts = Contracts::default();
    master_data::add_to(&mut contracts);
    logistics::add_to(&mut contracts);
    invoicing::add_to(&mut contracts);
    accounts::add_to(&mut contracts);
    contracts.0
}

fn name(event: &IntegrationEvent) -> String {
    format!("{}.v{}", event.event_type, event.schema_version)
}

pub(super) fn external_id(id: &str) -> Option<ExternalId> {
    Some(ExternalId::parse(id).expect("valid"))
}

pub(super) fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + second, 123_456_000).expect("a valid time")
}

pub(super) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x019b_7600_0000_7000_8000_0000_0000_0000 + number)
}

pub(super) fn address() -> PostalAddress {
    PostalAddress {
        line1: AddressLine::parse("12 rue des Carmes").expect("valid"),
        line2: None,
        postal_code: Some(AddressLine::parse("44000").expect("valid")),
        city: AddressLine::parse("Nantes").expect("valid"),
        country: Country::parse("FR").expect("valid"),
    }
}

pub(super) fn happened(event: impl Event) -> Box<dyn Event> {
    Box::new(event)
}
