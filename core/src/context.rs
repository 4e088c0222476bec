//! Who asks, for which company, and as part of what: every command and query takes it.

use uuid::Uuid;

use crate::ids::{PrincipalId, TenantId};
use crate::money::Currency;

/// The one tenant and the one principal until requests are authenticated. This is the only place that names them.
const FIXED_TENANT: TenantId =
    TenantId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
const FIXED_PRINCIPAL: PrincipalId =
    PrincipalId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002));

#[derive(Debug, Clone)]
pub struct RequestContext {
    pub tenant_id: TenantId,
    pub principal_id: PrincipalId,
    /// The tenant's currency; amounts are in it.
    pub currency: Currency,
    /// Ties together everything that one business process causes; at most 128 visible ASCII characters.
    pub correlation_id: String,
    /// The request that causes the events.
    pub request_id: String,
    /// W3C Trace Context, passed on to the events' consumers.
    pub traceparent: Option<String>,
}

impl RequestContext {
    /// The context of a request that nobody authenticated.
    pub fn unauthenticated(request_id: String, correlation_id: String, traceparent: Option<String>) -> Self {
        Self {
            tenant_id: FIXED_TENANT,
            principal_id: FIXED_PRINCIPAL,
            currency: Currency::euro(),
            correlation_id,
            request_id,
            traceparent,
        }
    }
}
