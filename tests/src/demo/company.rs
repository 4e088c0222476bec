//! The company of the demo, with all that its invoices must say of it.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

use crate::harness::Http;

/// Gives the company that this client belongs to what a French invoice says of its seller.
///
/// # Errors
/// Fails if the API refuses.
pub async fn introduce_company(http: &Http) -> Result<()> {
    let body = json!({
        "registration": {"scheme": "siren", "number": "732829320"},
        "vat_number": "FR44732829320",
        "address": {"line1": "1 quai des Docks", "postal_code": "44000", "city": "Nantes", "country": "FR"},
        "invoicing": {
            "legal_form": "SAS",
            "share_capital": "10000.00",
            "trade_register": "RCS Nantes",
            "iban": "FR1420041010050500013M02606",
        },
    });
    let changed = http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
    ensure!(changed.status == 200, "PATCH /tenant: {} {}", changed.status, changed.text);
    Ok(())
}
