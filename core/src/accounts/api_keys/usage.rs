//! When each API key was last used: noted in memory by every request, written once a minute by a service.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

use crate::application::error::Error;
use crate::application::set_tenant;
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Service, Summary};
use crate::values::ids::{ApiKeyId, TenantId};

/// The interval between two writes of last uses by one replica.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// The maximum number of keys noted between two writes; the use of further keys is not noted.
const MAX_KEYS: usize = 10_000;
/// How long the last write of a stopping process may take.
const LAST_WRITE_LIMIT: Duration = Duration::from_secs(2);

type LastUses = HashMap<(TenantId, ApiKeyId), DateTime<Utc>>;

/// The last uses of API keys that are not written yet. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    used: Arc<Mutex<LastUses>>,
    /// Held while they are written: who writes last waits for a write that is under way.
    writing: Arc<tokio::sync::Mutex<()>>,
}

crate::statement! {
    struct WriteLastUse<'a> { ids: &'a [Uuid] => Array<SqlUuid>, times: &'a [DateTime<Utc>] => Array<Timestamptz> }
    = "UPDATE api_keys SET last_used_at = used.at FROM unnest($1, $2) AS used (id, at)
    WHERE tenant_id = comptoir_tenant() AND api_keys.id = used.id
    AND (last_used_at IS NULL OR last_used_at < used.at)"
}

impl Usage {
    /// Notes that a request used this key, without the database.
    pub fn note(&self, tenant: TenantId, key: ApiKeyId) {
        let now = Utc::now();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let full = used.len() >= MAX_KEYS;
        match used.entry((tenant, key)) {
            Entry::Occupied(mut entry) => *entry.get_mut() = now,
            Entry::Vacant(entry) if !full => {
                entry.insert(now);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Returns the service `api_keys_usage`, which writes the noted uses regularly, and a last time when the process stops. Uses that
    /// cannot be written are lost; the next use is noted again.
    pub fn service(self, database: Database) -> impl Service {
        UsageWriter { usage: self, database }
    }

    /// Writes the noted uses, in one transaction per tenant, and returns for how many keys.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn write(&self, database: &Database) -> Result<usize, Error> {
        let _writing = self.writing.lock().await;
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_tenant: HashMap<TenantId, Vec<(Uuid, DateTime<Utc>)>> = HashMap::new();
        for ((tenant, key), at) in used {
            by_tenant.entry(tenant).or_default().push((key.uuid(), at));
        }
        let mut written = 0;
        for (tenant, mut keys) in by_tenant {
            // In the same order on every replica; otherwise two of them could deadlock.
            keys.sort_unstable();
            let (ids, times): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
            let mut connection = database.connection().await?;
            written += connection
                .transaction(async |connection| {
                    connection.batch_execute(&set_tenant(tenant)).await?;
                    Ok::<_, Error>(WriteLastUse::new(&ids, &times).execute(connection).await?)
                })
                .await?;
        }
        Ok(written)
    }
}

struct UsageWriter {
    usage: Usage,
    database: Database,
}

impl UsageWriter {
    async fn write(&self) -> Result<usize, Fault> {
        self.usage.write(&self.database).await.map_err(Fault::new)
    }
}

impl Service for UsageWriter {
    fn describe(&self) -> Description {
        let about = "Writes when API keys were last used";
        Description::every("api_keys_usage", about, WRITE_EVERY).quiet().stop_within(LAST_WRITE_LIMIT)
    }

    fn run<'a>(&'a self, _run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async { Ok(Summary::of(json!({ "written": self.write().await? }))) })
    }

    fn at_stop(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { self.write().await.map(drop) })
    }
}
