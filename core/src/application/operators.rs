//! How the commands and queries of operator accounts run: as those of a tenant do, bound to the operators in place of a
//! tenant (ADR 27).
//!
//! They have a context and a trait of their own. So a tenant's command cannot be run for an operator, nor an operator's
//! for a tenant: the one does not compile, and the other, which would need a context that was put together by hand, is
//! refused.

use std::sync::Arc;

use uuid::Uuid;

use super::context::{RequestContext, RequestOrigin};
use super::error::Error;
use super::principal::{Actor, Principal};
use super::unit_of_work::{Command, UnitOfWork};
use crate::values::ids::{OperatorId, SessionId, TenantId};
use crate::values::money::Currency;

/// The context of an operator's command or query.
#[derive(Debug, Clone)]
pub struct OperatorContext(RequestContext);

impl OperatorContext {
    /// # Errors
    /// `OperatorsOnly` if the principal is not one of an operator account.
    pub fn of(context: RequestContext) -> Result<Self, Error> {
        if context.principal.is_of_operators() { Ok(Self(context)) } else { Err(Error::OperatorsOnly) }
    }

    /// The context of a person at the command line of the machine, who needs no account. `name` is `user@host`.
    pub fn at_command_line(name: String) -> Self {
        let request_id = Uuid::new_v4().to_string();
        let origin = RequestOrigin {
            correlation_id: request_id.clone(),
            request_id,
            traceparent: None,
            client_address: None,
            client_id: None,
        };
        Self::trusted(origin, Actor::Operator, name)
    }

    /// The context of an operator in the transaction that authenticates them.
    pub(crate) fn authenticating(
        origin: RequestOrigin,
        operator_id: OperatorId,
        session_id: SessionId,
        email: String,
    ) -> Self {
        Self::trusted(origin, Actor::OperatorAccount { operator_id, session_id }, email)
    }

    fn trusted(origin: RequestOrigin, actor: Actor, name: String) -> Self {
        // The operators have no amounts.
        let principal = Principal::trusted(TenantId::OPERATORS, actor, name, Currency::euro());
        Self(origin.acting_as(principal))
    }

    pub fn principal(&self) -> &Arc<Principal> {
        &self.0.principal
    }

    /// The id shared by everything that this request causes.
    pub fn correlation_id(&self) -> &str {
        &self.0.correlation_id
    }

    pub(super) fn request(&self) -> &RequestContext {
        &self.0
    }

    pub(super) fn into_request(self) -> RequestContext {
        self.0
    }
}

/// A command of operators. Its unit of work sees their own rows and no tenant's, and its row in the audit trail stands in
/// the operators' chains.
pub trait OperatorCommand: Send + Sync + 'static {
    /// The result that the caller gets.
    type Outcome: Send + 'static;

    /// As [`Command::execute`].
    fn execute(&self, work: &mut UnitOfWork<'_>)
    -> impl Future<Output = Result<Self::Outcome, Error>> + Send;
}

/// An operator's command, as units of work run it.
#[derive(Debug)]
pub(super) struct OfOperators<C>(pub(super) C);

impl<C: OperatorCommand> Command for OfOperators<C> {
    type Outcome = C::Outcome;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<C::Outcome, Error> {
        self.0.execute(work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::PermissionSet;

    #[test]
    fn an_operators_context_is_of_no_tenant_and_a_tenants_context_of_no_operator() {
        let operator = OperatorContext::at_command_line("ada@docks".to_owned());
        assert_eq!(operator.principal().tenant(), None);
        assert_eq!(operator.principal().permissions, PermissionSet::EMPTY);
        let tenant = TenantId::generate();
        let user = Principal::trusted(tenant, Actor::Operator, "ada@docks".to_owned(), Currency::euro());
        assert_eq!(user.tenant(), Some(tenant));
        let context = RequestContext { principal: user.into(), ..operator.into_request() };
        assert!(matches!(OperatorContext::of(context), Err(Error::OperatorsOnly)));
    }
}
