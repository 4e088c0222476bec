//! Everything that is kept of a company, exported at the command line.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Tenant, World};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::isolation::fill;

fn lines(file: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_is_exported_whole_and_nothing_of_another_one() {
    World::run(async |world| {
        fill(world).await?;
        let sql = world.sql().await?;
        let other = Tenant::create(&sql, "Other").await?;
        let api = world.api().await?;
        let strangers = api.http.with_credential(&other.api_key);
        let theirs = serde_json::json!({"code": "C-9", "name": "Somebody else's", "email": "a@b.example"});
        ensure!(strangers.post("/customers", &theirs).await?.status == 201);
        // From here on nobody writes.
        drop(api);
        let tenant = world.tenant().await?.id.to_string();
        let tar = world.logs().join("export.tar");
        let to = tar.to_str().context("a path")?;
        let exit = world.run_api(&["tenants", "export", "--tenant", &tenant, "--to", to, "--json"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let printed: Value = serde_json::from_str(&exit.stdout)?;

        // As anybody would unpack it.
        let folder = world.logs().join("unpacked");
        std::fs::create_dir(&folder)?;
        let unpacked = Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(&folder).output()?;
        ensure!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
        let manifest: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("manifest.json"))?)?;
        assert_eq!(manifest, printed);
        assert_eq!((&manifest["format"], manifest["tenant_id"].as_str()), (&1.into(), Some(tenant.as_str())));
        let mut filled = 0;
        for table in manifest["tables"].as_array().context("tables")? {
            let name = table["table"].as_str().context("a name")?;
            let file = folder.join(table["file"].as_str().context("a file")?);
            let bytes = std::fs::read(&file)?;
            assert_eq!(table["sha256"], hex::encode(Sha256::digest(&bytes)), "{name}");
            assert_eq!(table["bytes"], bytes.len(), "{name}");
            let owner = if name == "tenants" { "id" } else { "tenant_id" };
            let count = format!("SELECT count(*) FROM {name} WHERE {owner} = $1::text::uuid");
            let stored: i64 = sql.query_one(&count, &[&tenant]).await?.get(0);
            let rows = lines(&file)?;
            assert_eq!((rows.len(), &table["rows"]), (usize::try_from(stored)?, &stored.into()), "{name}");
            let owned = |row: &Value| row[owner].as_str() == Some(tenant.as_str());
            assert!(rows.iter().all(owned), "{name} has rows of others");
            filled += usize::from(stored > 0);
        }
        assert!(filled > 35, "only {filled} tables have rows: the test proves little");
        let folders = manifest["folders"].as_array().context("folders")?;
        let of_invoices: Vec<_> =
            folders.iter().map(|one| (one["folder"].as_str(), one["column"].as_str())).collect();
        assert_eq!(of_invoices, [(Some("invoices"), Some("pdf")), (Some("invoices"), Some("xml"))]);
        let customers = std::fs::read_to_string(folder.join("customers.jsonl"))?;
        assert!(customers.contains("C-1") && !customers.contains("Somebody else's"), "{customers}");

        // Every digit of an amount, and no secret.
        let invoices = lines(&folder.join("invoices.jsonl"))?;
        let numbered = invoices.iter().find(|invoice| invoice["number"].is_string()).context("an invoice")?;
        assert_eq!(numbered["gross_total"], "24.00");
        for (file, secret) in [("users.jsonl", "password_hash"), ("api_keys.jsonl", "key_hash")] {
            let rows = lines(&folder.join(file))?;
            assert!(!rows.is_empty() && rows.iter().all(|row| row.get(secret).is_none()), "{file}");
        }
        let trail = lines(&folder.join("audit_events.jsonl"))?;
        assert!(
            trail.iter().any(|row| row["action"] == "tenant.export" && row["after"]["to"] == to),
            "who exported"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_replaces_nothing_and_one_that_fails_leaves_nothing() {
    World::run(async |world| {
        let tenant = world.tenant().await?.id.to_string();
        let folder = world.logs().join("export");
        let to = folder.to_str().context("a path")?;
        let first = world.run_api(&["tenants", "export", "--tenant", &tenant, "--to", to]).await?;
        assert!(first.code == Some(0) && first.stdout.starts_with("exported to "), "{first:?}");
        assert_eq!(lines(&folder.join("tenants.jsonl"))?.len(), 1);
        let again = world.run_api(&["tenants", "export", "--tenant", &tenant, "--to", to]).await?;
        assert!(again.code == Some(1) && again.stderr.contains("is there already"), "{again:?}");

        let unknown = uuid::Uuid::now_v7().to_string();
        let tar = world.logs().join("unknown.tar");
        let to = tar.to_str().context("a path")?;
        let refused = world.run_api(&["tenants", "export", "--tenant", &unknown, "--to", to]).await?;
        assert!(refused.code == Some(1) && refused.stderr.contains("there is no tenant"), "{refused:?}");
        let left: Vec<_> =
            std::fs::read_dir(world.logs())?.flatten().map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("unknown")), "{left:?}");
        Ok(())
    })
    .await;
}
