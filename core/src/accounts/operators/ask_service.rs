//! That an operator asks a service for something, in the operators' trail.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::application::OperatorCommand;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::services::{Priority, Wish};

/// Records what is about to be asked. Recorded first: nothing is asked of a service over HTTP that the trail does not have.
#[derive(Debug)]
pub struct AskService {
    pub wish: Wish,
}

/// What the trail keeps of it.
#[derive(Debug, Serialize)]
struct Asked<'a> {
    service: &'a str,
    action: &'a str,
    parameters: &'a Value,
    priority: Priority,
    process: Option<Uuid>,
    correlation_id: Uuid,
}

impl OperatorCommand for AskService {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let Wish { id, service, action, parameters, priority, correlation_id, process, .. } = &self.wish;
        let (priority, process, correlation_id) = (*priority, *process, *correlation_id);
        let asked = Asked { service, action, parameters, priority, process, correlation_id };
        work.audit("service.ask", ("service_command", id), None, Some(&asked))
    }
}
