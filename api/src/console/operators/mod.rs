//! For those who run the installation, with operator accounts. Nothing here is for a company's role, and nothing of a
//! company's console is for an operator: the sessions are others (ADR 27).
//!
//! Pages read with the services' log-in ([`OfAll`]). What is decided is asked of a service by a command that stands in the
//! operators' trail first ([`actions`]): the API's own log-in may change neither the outbox nor a company's rows.

mod account;
mod accounts;
mod actions;
mod audit;
mod chart;
mod commands;
mod dead_letters;
mod decide;
mod emails;
mod event;
mod health;
mod of_all;
mod outbox;
mod overview;
mod projections;
mod replay;
mod schema;
mod services;
mod sign_in;
mod tail;

pub(crate) use of_all::OfAll;

use super::pages::Pages;
use crate::access::Access::{Operator, Public};

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Public, "/console/operators/sign-in", sign_in::show)
        .post(Public, "/console/operators/sign-in", sign_in::log_in)
        .post(Operator, "/console/operators/log-out", sign_in::log_out)
        .get(Operator, "/console/operators", overview::to_overview)
        .get(Operator, "/console/operators/overview", overview::show)
        .get(Operator, "/console/operators/health", health::show)
        .get(Operator, "/console/operators/outbox", outbox::show)
        .get(Operator, "/console/operators/outbox.csv", outbox::export)
        .get(Operator, "/console/operators/outbox/find", event::find)
        .get(Operator, "/console/operators/outbox/tail", tail::show)
        .get(Operator, "/console/operators/outbox/{id}", event::show)
        .get(Operator, "/console/operators/dead-letters", dead_letters::show)
        .get(Operator, "/console/operators/dead-letters.csv", dead_letters::export)
        .get(Operator, "/console/operators/dead-letters/decide", decide::ask)
        .post(Operator, "/console/operators/dead-letters/decide", decide::decide)
        .get(Operator, "/console/operators/replay", replay::show)
        .post(Operator, "/console/operators/replay", replay::begin)
        .get(Operator, "/console/operators/services", services::show)
        .get(Operator, "/console/operators/services/{name}", services::one)
        .get(Operator, "/console/operators/services/{name}/actions/{action}", actions::show)
        .post(Operator, "/console/operators/services/{name}/actions/{action}", actions::act)
        .get(Operator, "/console/operators/commands.csv", commands::export)
        .get(Operator, "/console/operators/commands/{id}", commands::show)
        .post(Operator, "/console/operators/commands/{id}/cancel", commands::cancel)
        .get(Operator, "/console/operators/emails", emails::show)
        .get(Operator, "/console/operators/emails.csv", emails::export)
        .get(Operator, "/console/operators/projections", projections::show)
        .post(Operator, "/console/operators/projections/rebuild", projections::rebuild)
        .get(Operator, "/console/operators/accounts", accounts::show)
        .get(Operator, "/console/operators/audit", audit::show)
        .get(Operator, "/console/operators/audit.csv", audit::export)
        .get(Operator, "/console/operators/account", account::show)
        .post(Operator, "/console/operators/account/password", account::change_password)
        .post(Operator, "/console/operators/account/language", account::choose_language)
        .post(Operator, "/console/operators/account/keys", account::choose_keys)
}
