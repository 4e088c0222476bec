//! For those who run the installation, with operator accounts. Nothing here is for a company's role, and nothing of a
//! company's console is for an operator: the sessions are others (ADR 27).

mod services;
mod sign_in;

use super::pages::Pages;
use crate::access::Access::{Operator, Public};

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Public, "/console/operators/sign-in", sign_in::show)
        .post(Public, "/console/operators/sign-in", sign_in::log_in)
        .post(Operator, "/console/operators/log-out", sign_in::log_out)
        .get(Operator, "/console/operators", services::to_services)
        .get(Operator, "/console/operators/services", services::show)
}
