//! The context that every command and query takes: the principal, its tenant, and the request that it belongs to.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::application::{Actor, Permission, Principal};
use crate::values::ids::TenantId;
use crate::values::money::Currency;

#[derive(Debug, Clone)]
pub struct RequestContext {
    pub principal: Arc<Principal>,
    /// The permission that the request needs. It is checked again if the principal has changed since the request was admitted.
    pub required: Option<Permission>,
    /// The row that the command is about, if the request names one. Commands about one row take turns, so that a locked
    /// row occupies only a few connections.
    pub target: Option<Uuid>,
    /// The id shared by everything that one business process causes; at most 128 visible ASCII characters.
    pub correlation_id: String,
    /// The id of the request that causes the events.
    pub request_id: String,
    /// W3C Trace Context, passed on to the events' consumers.
    pub traceparent: Option<String>,
    /// The client's address; `None` at the command line.
    pub client_address: Option<String>,
    /// The id that the client gave itself, such as a browser's tab: its own stream of notifications leaves its events out.
    pub client_id: Option<String>,
}

/// The context of a request whose principal is not known yet.
#[derive(Debug, Clone)]
pub struct RequestOrigin {
    pub correlation_id: String,
    pub request_id: String,
    pub traceparent: Option<String>,
    pub client_address: Option<IpAddr>,
    pub client_id: Option<String>,
}

impl RequestOrigin {
    /// Returns the request's context, now that its principal is known.
    pub fn acting_as(self, principal: Principal) -> RequestContext {
        let Self { correlation_id, request_id, traceparent, client_address, client_id } = self;
        let (principal, required) = (Arc::new(principal), None);
        let client_address = client_address.map(|address| address.to_string());
        RequestContext {
            principal,
            required,
            target: None,
            correlation_id,
            request_id,
            traceparent,
            client_address,
            client_id,
        }
    }
}

impl RequestContext {
    /// Returns the context of a service's own command for a tenant, which needs no permission: nobody asked for it.
    pub(crate) fn of_service(name: &str, tenant: TenantId) -> Self {
        let id = Uuid::now_v7().to_string();
        let principal = Principal::trusted(tenant, Actor::Operator, name.to_owned(), Currency::euro());
        Self {
            principal: Arc::new(principal),
            required: None,
            target: None,
            correlation_id: id.clone(),
            request_id: id,
            traceparent: None,
            client_address: None,
            client_id: None,
        }
    }

    pub fn tenant_id(&self) -> TenantId {
        self.principal.tenant_id
    }

    /// The tenant's currency; amounts are in it.
    pub fn currency(&self) -> &Currency {
        &self.principal.currency
    }
}
