//! Who asks, for which company, and as part of what: every command and query takes it.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::application::{Permission, Principal};
use crate::values::ids::TenantId;
use crate::values::money::Currency;

#[derive(Debug, Clone)]
pub struct RequestContext {
    pub principal: Arc<Principal>,
    /// What the request needs, should the principal turn out to have changed since it was let in.
    pub required: Option<Permission>,
    /// The one row that a command is about, where the request names it. Commands about one row take turns, so that no row
    /// that is locked takes more than a few connections.
    pub target: Option<Uuid>,
    /// Ties together everything that one business process causes; at most 128 visible ASCII characters.
    pub correlation_id: String,
    /// The request that causes the events.
    pub request_id: String,
    /// W3C Trace Context, passed on to the events' consumers.
    pub traceparent: Option<String>,
    /// Where the request comes from; `None` at the command line.
    pub client_address: Option<String>,
}

/// A request of which it is still to be found out who asks.
#[derive(Debug, Clone)]
pub struct RequestOrigin {
    pub correlation_id: String,
    pub request_id: String,
    pub traceparent: Option<String>,
    pub client_address: Option<IpAddr>,
}

impl RequestOrigin {
    /// The context of what is done for whom it turned out to be.
    pub fn acting_as(self, principal: Principal) -> RequestContext {
        let Self { correlation_id, request_id, traceparent, client_address } = self;
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
        }
    }
}

impl RequestContext {
    pub fn tenant_id(&self) -> TenantId {
        self.principal.tenant_id
    }

    /// The tenant's currency; amounts are in it.
    pub fn currency(&self) -> &Currency {
        &self.principal.currency
    }
}
