//! A company for a test, with an API key that may do everything.

use anyhow::Result;
use sha2::{Digest, Sha256};
use tokio_postgres::Client;
use uuid::Uuid;

/// Every permission there is, as `GET /api/v1/roles` lists them for an administrator.
pub const EVERYTHING: &[&str] = &[
    "customers:read",
    "customers:write",
    "products:read",
    "products:write",
    "orders:read",
    "orders:write",
    "orders:ship",
    "users:read",
    "users:write",
    "api_keys:read",
    "api_keys:write",
    "tenant:read",
    "tenant:write",
    "audit:read",
];

/// A tenant as `api create-admin` makes it, but for its administrator: the password of one takes time to hash.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub id: Uuid,
    pub api_key: String,
}

impl Tenant {
    /// # Errors
    /// When the database refuses.
    pub async fn create(sql: &Client, name: &str) -> Result<Self> {
        let id = Uuid::now_v7();
        sql.execute(
            "INSERT INTO tenants (id, version, name, registration_scheme, currency, time_zone, created_at, updated_at)
            VALUES ($1::text::uuid, 1, $2, 'none', 'EUR', 'Europe/Paris', now(), now())",
            &[&id.to_string(), &name],
        )
        .await?;
        let api_key = api_key(sql, id, EVERYTHING).await?;
        Ok(Self { id, api_key })
    }
}

/// A new API key of a tenant.
///
/// # Errors
/// When the database refuses.
pub async fn api_key(sql: &Client, tenant: Uuid, permissions: &[&str]) -> Result<String> {
    let text = format!("ck_test_{}", Uuid::new_v4().simple());
    let hash = Sha256::digest(&text).to_vec();
    sql.execute(
        "INSERT INTO api_keys (tenant_id, id, version, name, prefix, key_hash, permissions, created_at)
        VALUES ($1::text::uuid, gen_random_uuid(), 1, 'a test', 'test', $2, $3, now())",
        &[&tenant.to_string(), &hash, &permissions],
    )
    .await?;
    Ok(text)
}
