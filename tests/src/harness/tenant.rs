//! A tenant for a test, with an API key that has every permission.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tokio_postgres::Client;
use uuid::Uuid;

/// Every permission there is, as `GET /api/v1/roles` lists them for an administrator.
pub const EVERYTHING: &[&str] = &[
    "customers:read",
    "customers:write",
    "customers:credit",
    "customers:anonymise",
    "suppliers:read",
    "suppliers:write",
    "products:read",
    "products:write",
    "prices:read",
    "prices:write",
    "warehouses:read",
    "warehouses:write",
    "orders:read",
    "orders:prices",
    "orders:write",
    "orders:ship",
    "orders:approve",
    "stock:read",
    "stock:write",
    "stock:adjust",
    "stock:costs",
    "purchases:read",
    "purchases:write",
    "inventory:read",
    "inventory:count",
    "inventory:close",
    "invoices:read",
    "invoices:write",
    "invoices:validate",
    "payments:read",
    "payments:write",
    "accounting:read",
    "accounting:write",
    "users:read",
    "users:write",
    "api_keys:read",
    "api_keys:write",
    "tenant:read",
    "tenant:write",
    "audit:read",
    "reports:read",
    "projections:read",
    "projections:write",
    "emails:read",
    "emails:write",
];

/// A tenant as `api create-admin` creates it, but without an administrator, whose password would take time to hash.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub id: Uuid,
    pub short_name: String,
    pub api_key: String,
}

impl Tenant {
    /// # Errors
    /// Fails if the database refuses.
    pub async fn create(sql: &Client, name: &str) -> Result<Self> {
        let id = Uuid::now_v7();
        let short_name = format!("t-{}", id.simple());
        sql.execute(
            "INSERT INTO tenants
                (id, version, short_name, name, registration_scheme, currency, time_zone, created_at, updated_at)
            VALUES ($1::text::uuid, 1, $2, $3, 'none', 'EUR', 'Europe/Paris', now(), now())",
            &[&id.to_string(), &short_name, &name],
        )
        .await?;
        sql.execute(
            "INSERT INTO warehouses (tenant_id, id, version, code, name, is_default, created_at, updated_at)
            VALUES ($1::text::uuid, gen_random_uuid(), 1, 'MAIN', 'Entrepôt principal', true, now(), now())",
            &[&id.to_string()],
        )
        .await?;
        let api_key = api_key(sql, id, EVERYTHING).await?;
        Ok(Self { id, short_name, api_key })
    }
}

/// Creates an API key of a tenant, and returns its text.
///
/// # Errors
/// Fails if the database refuses.
pub async fn api_key(sql: &Client, tenant: Uuid, permissions: &[&str]) -> Result<String> {
    let text = key_text();
    let hash = Sha256::digest(&text).to_vec();
    sql.execute(
        "INSERT INTO api_keys (tenant_id, id, version, name, prefix, key_hash, permissions, created_at)
        VALUES ($1::text::uuid, gen_random_uuid(), 1, 'a test', 'test', $2, $3, now())",
        &[&tenant.to_string(), &hash, &permissions],
    )
    .await?;
    Ok(text)
}

/// Returns a key in the format of docs/authentication.md: a key of another format is refused without a query.
fn key_text() -> String {
    let secret = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    let text = format!("ck_testtest_{}", URL_SAFE_NO_PAD.encode(secret));
    let checksum = URL_SAFE_NO_PAD.encode(&Sha256::digest(&text)[..4]);
    text + &checksum
}
