//! What others say of documents that the API made: the schematrons and three readers (`deploy/judge-documents`), for each category of VAT that the rule derives.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, World, root};
use reqwest::Method;
use serde_json::{Value, json};

use super::invoice_documents::{MADE, file, is_ready, path_of};

/// A customer of this kind who lives there.
async fn customer(
    api: &Api,
    code: &str,
    kind: &str,
    vat_number: Option<&str>,
    country: &str,
) -> Result<Value> {
    let post_code = if country == "FR" { "75001" } else { "10115" };
    let address = json!({"kind": "billing", "line1": "1 rue du Port", "postal_code": post_code, "city": "Ville", "country": country});
    let body = json!({
        "code": code, "name": format!("{code} Größe & Fils"), "email": "a@b.example", "vat_number": vat_number, "addresses": [address],
        "invoicing": {"kind": kind, "language": if country == "FR" { "fr" } else { "en" }},
    });
    api.created("/customers", &body).await
}

/// Validates an invoice, and leaves its document in the folder under this name, with what it says.
async fn leave(api: &Api, folder: &Path, name: &str, body: &Value) -> Result<Value> {
    let draft = api.created("/invoices", body).await.context(name.to_owned())?;
    let path = path_of(&draft);
    let answer = api.http.command(&format!("{path}/validate")).await?;
    ensure!(answer.status == 200, "{name}: {}", answer.text);
    is_ready(api, &path).await?;
    for face in ["pdf", "xml"] {
        let (status, bytes, _) = file(api, &format!("{path}/{face}"), &[], "etag").await?;
        ensure!(status == 200, "{name}: {status}");
        std::fs::write(folder.join(format!("{name}.{face}")), bytes)?;
    }
    let mut content = answer.json["content"].clone();
    // Members that a document may have besides.
    content["totals"]["prepaid"] = Value::Null;
    std::fs::write(folder.join(format!("{name}.json")), content.to_string())?;
    Ok(answer.json)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_every_kind_of_vat_pass_the_schematrons() {
    World::run(async |world| {
        let api = Api::start(world, &[MADE]).await?;
        api.seller().await?;
        let account = json!({"invoicing": {"iban": "FR1420041010050500013M02606", "bic": "PSSTFRPPNTE"}});
        let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&account)).await?;
        ensure!(changed.status == 200, "{}", changed.text);
        let folder = world.logs().join("documents");
        std::fs::create_dir_all(&folder)?;

        let french = api.buyer("FR-1").await?;
        let consumer = customer(&api, "FR-2", "consumer", None, "FR").await?;
        let german = customer(&api, "DE-1", "business", Some("DE136695976"), "DE").await?;
        let swiss = customer(&api, "CH-1", "business", None, "CH").await?;
        let goods = json!({"name": "Étagère en chêne « Océan »", "quantity": "3", "unit_price": "33.335", "vat": {"rate": "20"}});
        let book = json!({"name": "Guide", "quantity": "1.5", "unit": "KGM", "unit_price": "18.95", "vat": {"rate": "5.5"},
            "adjustments": [{"kind": "discount", "reason": "Remise", "percent": "10"}]});
        let service = json!({"name": "Conseil", "nature": "service", "quantity": "2.5", "unit": "HUR", "unit_price": "80", "vat": {"rate": "20"}});
        let course = json!({"name": "Formation", "nature": "service", "quantity": "1", "unit_price": "300",
            "vat": {"rate": "0", "reason_code": "VATEX-EU-132-1I", "reason": "Exonération de TVA, article 261, 4, 4° du CGI"}});
        let charge = json!({"kind": "charge", "reason": "Frais de port", "amount": "6.90", "vat": {"rate": "20"}});
        let discount = json!({"kind": "discount", "reason": "Remise de bienvenue", "percent": "5", "vat": {"rate": "20"}});
        let of = |customer: &Value, lines: Vec<&Value>| json!({"customer_id": customer["id"], "lines": lines});
        let mut adjusted = of(&french, vec![&goods, &book]);
        (adjusted["adjustments"], adjusted["reference"]) = (json!([charge, discount]), json!("PO-7"));
        let cases = [
            ("standard", adjusted, "S"),
            ("mixed", of(&french, vec![&goods, &service]), "S"),
            ("consumer", of(&consumer, vec![&goods]), "S"),
            ("exempt", of(&french, vec![&course]), "E"),
            ("intra-community", of(&german, vec![&goods]), "K"),
            ("reverse-charge", of(&german, vec![&service]), "AE"),
            ("export", of(&swiss, vec![&goods]), "G"),
            ("outside", of(&swiss, vec![&service]), "O"),
            ("long", of(&french, vec![&book; 200]), "S"),
        ];
        let number = cases.len() + 1;
        for (name, body, category) in cases {
            let invoice = leave(&api, &folder, name, &body).await?;
            let groups = invoice["content"]["vat"].as_array().context("VAT")?;
            ensure!(groups.iter().all(|group| group["vat"]["category"] == category), "{name}: {groups:?}");
        }
        let small = json!({"invoicing": {"vat_scheme": "small_enterprise"}});
        let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&small)).await?;
        ensure!(changed.status == 200, "{}", changed.text);
        let untaxed = json!({"name": "Étagère", "quantity": "1", "unit_price": "50", "vat": {"rate": "0"}});
        leave(&api, &folder, "small-enterprise", &of(&french, vec![&untaxed])).await?;

        let judge = root().join("deploy/judge-documents");
        let output = tokio::task::spawn_blocking(move || Command::new(judge).arg(folder).output()).await??;
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        ensure!(output.status.success() && said.contains(&format!("{number} passed, 0 failed")), "{said}");
        Ok(())
    })
    .await;
}
