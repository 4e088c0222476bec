//! The domain of Comptoir, the unit of work that commits it together with its events, and the outbox that the relay
//! drains. Knows neither the HTTP framework nor command lines nor the broker; its views describe
//! themselves for the OpenAPI document.
//!
//! The modules are floors, the lowest first: none imports from one above it, and `deploy/check-arrows` proves it
//! (ARCHITECTURE.md).

pub mod values;

pub mod platform;

pub mod outbox;

pub mod services;

pub mod application;

pub mod accounts;

pub mod mail;

pub mod commerce;

pub mod projections;

pub mod catalogue;

pub mod feed;
