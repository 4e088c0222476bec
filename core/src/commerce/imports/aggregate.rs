//! The import and its rules.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::MAX_OPEN;
use crate::application::Permission;
use crate::application::error::{Category, DomainError};
use crate::values::ids::{ApiKeyId, ImportId, SessionId};

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportKind {
    Customers,
    Suppliers,
    Products,
    /// What lies in the warehouses in the beginning: each row is a receipt.
    Stock,
    /// Of price lists: each row is a break of a product.
    Prices,
}

impl ImportKind {
    pub const ALL: [Self; 5] = [Self::Customers, Self::Suppliers, Self::Products, Self::Stock, Self::Prices];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Suppliers => "suppliers",
            Self::Products => "products",
            Self::Stock => "stock",
            Self::Prices => "prices",
        }
    }

    /// The permission that each row needs, and whoever begins, sees or ends the import.
    pub const fn permission(self) -> Permission {
        match self {
            Self::Customers => Permission::CustomersWrite,
            Self::Suppliers => Permission::SuppliersWrite,
            Self::Products => Permission::ProductsWrite,
            Self::Stock => Permission::StockWrite,
            Self::Prices => Permission::PricesWrite,
        }
    }
}

/// What happens to a row whose resource is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportMode {
    /// It is refused.
    Create,
    /// The resource with the same code, or SKU, is changed: columns that the file does not have stay as they are.
    Upsert,
}

impl ImportMode {
    pub const ALL: [Self; 2] = [Self::Create, Self::Upsert];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Upsert => "upsert",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportState {
    /// Its rows are arriving.
    Receiving,
    /// All rows are there; no process works on them yet.
    Waiting,
    Running,
    Finished,
    /// It cannot go on: `reason` says why. It can be resumed.
    Stopped,
    Cancelled,
}

impl ImportState {
    pub const ALL: [Self; 6] =
        [Self::Receiving, Self::Waiting, Self::Running, Self::Finished, Self::Stopped, Self::Cancelled];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
}

impl Outcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// How many rows there are, and what became of those that were worked off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// Of the file.
    pub rows: i32,
    pub created: i32,
    pub updated: i32,
    /// Rows that say what is known already.
    pub unchanged: i32,
    pub refused: i32,
}

/// The credential with whose rights the rows are worked off; none is an operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportCredential {
    Session(SessionId),
    ApiKey(ApiKeyId),
    Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub(super) id: ImportId,
    pub(super) version: i64,
    pub(super) kind: ImportKind,
    pub(super) mode: ImportMode,
    pub(super) file_name: Option<String>,
    pub(super) state: ImportState,
    pub(super) reason: Option<String>,
    pub(super) progress: Progress,
    pub(super) credential: ImportCredential,
    pub(super) created_by: String,
    pub(super) correlation_id: String,
    pub(super) worker: Option<Uuid>,
    pub(super) leased_until: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Import {
    /// Whether a process may begin, or go on, to work on it at this time.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        match self.state {
            ImportState::Waiting => true,
            ImportState::Running => self.leased_until.is_none_or(|until| until < now),
            _ => false,
        }
    }

    /// # Errors
    /// Fails if it is over, or has not arrived.
    pub(super) fn cancel(&mut self, now: DateTime<Utc>) -> Result<(), ImportError> {
        match self.state {
            ImportState::Waiting | ImportState::Running | ImportState::Stopped => {
                self.state = ImportState::Cancelled;
                self.end(now);
                Ok(())
            }
            state => Err(ImportError::State { state, action: "cancelled" }),
        }
    }

    /// Lets a process go on with it, with the rights of this credential.
    ///
    /// # Errors
    /// Fails unless it stopped, or nobody works on it.
    pub(super) fn resume(
        &mut self,
        credential: ImportCredential,
        now: DateTime<Utc>,
    ) -> Result<(), ImportError> {
        if self.state != ImportState::Stopped && !self.is_due(now) {
            return Err(ImportError::State { state: self.state, action: "resumed" });
        }
        self.state = ImportState::Waiting;
        (self.reason, self.credential, self.finished_at) = (None, credential, None);
        self.raise(now);
        Ok(())
    }

    /// Takes it for a process, until the lease ends.
    pub(super) fn claim(&mut self, worker: Uuid, now: DateTime<Utc>) {
        self.state = ImportState::Running;
        self.started_at = self.started_at.or(Some(now));
        self.worker = Some(worker);
        self.keep(self.progress, now);
    }

    /// Notes how far the work has come.
    pub(super) fn keep(&mut self, progress: Progress, now: DateTime<Utc>) {
        self.progress = progress;
        self.leased_until = Some(now + super::LEASE);
        self.raise(now);
    }

    /// Leaves it where it is, for another process.
    pub(super) fn release(&mut self, progress: Progress, now: DateTime<Utc>) {
        self.state = ImportState::Waiting;
        (self.progress, self.worker, self.leased_until) = (progress, None, None);
        self.raise(now);
    }

    /// Whether this process works on it.
    pub(super) fn is_of(&self, worker: Uuid) -> bool {
        self.state == ImportState::Running && self.worker == Some(worker)
    }

    /// Notes that it is finished, or why it cannot go on.
    pub(super) fn stop(&mut self, progress: Progress, reason: Option<String>, now: DateTime<Utc>) {
        self.state = if reason.is_some() { ImportState::Stopped } else { ImportState::Finished };
        (self.progress, self.reason) = (progress, reason);
        self.end(now);
    }

    fn end(&mut self, now: DateTime<Utc>) {
        (self.worker, self.leased_until, self.finished_at) = (None, None, Some(now));
        self.raise(now);
    }

    fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("there is no import {0}")]
    NotFound(ImportId),
    #[error("the import is {} and cannot be {action}", state.name())]
    State { state: ImportState, action: &'static str },
    #[error("{MAX_OPEN} imports are under way: wait until one is over, or cancel one")]
    TooMany,
}

impl DomainError for ImportError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. } | Self::TooMany => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "import_not_found",
            Self::State { .. } => "import_state_conflict",
            Self::TooMany => "too_many_imports",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn import(state: ImportState) -> Import {
        Import {
            id: ImportId::generate(),
            version: 1,
            kind: ImportKind::Customers,
            mode: ImportMode::Create,
            file_name: None,
            state,
            reason: None,
            progress: Progress { rows: 3, ..Progress::default() },
            credential: ImportCredential::Operator,
            created_by: "ada".to_owned(),
            correlation_id: "c".to_owned(),
            worker: None,
            leased_until: None,
            created_at: at(0),
            started_at: None,
            finished_at: None,
            updated_at: at(0),
        }
    }

    #[test]
    fn an_import_is_due_while_it_waits_and_once_its_worker_is_silent() {
        let mut running = import(ImportState::Waiting);
        assert!(running.is_due(at(0)));
        running.claim(Uuid::from_u128(1), at(0));
        assert_eq!((running.state, running.started_at), (ImportState::Running, Some(at(0))));
        assert!(!running.is_due(at(30)));
        assert!(running.is_due(at(31)));
        running.keep(Progress { created: 1, ..running.progress }, at(20));
        assert!(!running.is_due(at(31)));
        running.release(running.progress, at(32));
        assert!(running.is_due(at(32)) && !running.is_of(Uuid::from_u128(1)));
        running.claim(Uuid::from_u128(2), at(33));
        assert!(running.is_of(Uuid::from_u128(2)) && !running.is_of(Uuid::from_u128(1)));
        running.stop(running.progress, None, at(40));
        assert_eq!((running.state, running.is_due(at(100))), (ImportState::Finished, false));
    }

    #[test]
    fn only_what_is_not_over_can_be_cancelled() {
        for state in ImportState::ALL {
            let may = [ImportState::Waiting, ImportState::Running, ImportState::Stopped].contains(&state);
            assert_eq!(import(state).cancel(at(1)).is_ok(), may, "{state:?}");
        }
    }

    #[test]
    fn what_stopped_goes_on_with_the_rights_of_whoever_resumes_it() {
        let mut stopped = import(ImportState::Running);
        stopped.stop(stopped.progress, Some("its credential is not valid any more".to_owned()), at(1));
        assert_eq!((stopped.state, stopped.finished_at), (ImportState::Stopped, Some(at(1))));
        let key = ImportCredential::ApiKey(ApiKeyId::generate());
        assert_eq!(stopped.resume(key, at(2)), Ok(()));
        assert_eq!((stopped.state, stopped.credential, stopped.reason), (ImportState::Waiting, key, None));
        for state in [ImportState::Receiving, ImportState::Finished, ImportState::Cancelled] {
            assert!(import(state).resume(key, at(2)).is_err(), "{state:?}");
        }
        let mut busy = import(ImportState::Waiting);
        busy.claim(Uuid::from_u128(1), at(0));
        assert!(busy.resume(key, at(1)).is_err());
    }
}
