//! Leaves three documents to look at: an invoice with VAT, the longest invoice, and a credit note, if there are such. And draws others at random, for the
//! schematrons and other readers to judge.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode, header};
use serde_json::Value;
use tokio_postgres::Client as Sql;

use crate::harness::root;

/// How long a document may take to be ready, and how long an API that is away is waited for.
const LIMIT: Duration = Duration::from_secs(60);
/// Where the answer does not say when to ask again, and the longest time that it may say.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// Each finds at most one, which the ones before it did not find.
const WANTED: [&str; 3] = [
    "SELECT i.id::text, i.number FROM invoices AS i JOIN invoice_vat AS v ON v.tenant_id = i.tenant_id AND v.invoice_id = i.id
        WHERE i.kind = 'invoice' AND v.tax > 0::numeric AND i.id <> ALL($1::text[]::uuid[]) ORDER BY i.number LIMIT 1",
    "SELECT i.id::text, i.number FROM invoices AS i JOIN invoice_lines AS l ON l.tenant_id = i.tenant_id AND l.invoice_id = i.id
        WHERE i.kind = 'invoice' AND i.id <> ALL($1::text[]::uuid[])
        GROUP BY i.id, i.number ORDER BY count(*) DESC, i.number LIMIT 1",
    "SELECT id::text, number FROM invoices WHERE number IS NOT NULL AND id <> ALL($1::text[]::uuid[])
        ORDER BY kind <> 'credit_note', number LIMIT 1",
];

/// Removes the documents of an earlier run.
pub(super) fn clear(folder: &Path) -> Result<()> {
    for old in std::fs::read_dir(folder)?.flatten() {
        if old.path().extension().is_some_and(|extension| extension == "pdf") {
            std::fs::remove_file(old.path())?;
        }
    }
    Ok(())
}

/// Writes the documents into a folder, each named after its number. Returns their paths.
pub(super) async fn leave(sql: &Sql, api: &str, credential: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    let http = Client::builder().timeout(REQUEST_LIMIT).build()?;
    let (mut seen, mut left): (Vec<String>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    for query in WANTED {
        let Some(row) = sql.query_opt(query, &[&seen]).await? else { continue };
        let (id, number): (String, String) = (row.get(0), row.get(1));
        let pdf = ready(&http, &format!("{api}/api/v1/invoices/{id}/pdf"), credential).await?;
        ensure!(pdf.starts_with(b"%PDF-"), "the document of {number} is no PDF");
        let path = folder.join(format!("{number}.pdf"));
        std::fs::write(&path, pdf).with_context(|| path.display().to_string())?;
        seen.push(id);
        left.push(path);
    }
    Ok(left)
}

/// Draws so many documents at random, or all if there are not as many, and leaves of each the PDF, the XML and what it says in a folder of their own. Returns how
/// many there are.
///
/// # Errors
/// Fails if a document cannot be had, or the folder cannot be written.
pub async fn draw(sql: &Sql, api: &str, credential: &str, folder: &Path, most: u32) -> Result<usize> {
    let http = Client::builder().timeout(REQUEST_LIMIT).build()?;
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let query = "SELECT invoice_id::text, content FROM invoice_contents ORDER BY random() LIMIT $1::bigint";
    let drawn = sql.query(query, &[&i64::from(most)]).await?;
    for row in &drawn {
        let (id, text): (String, String) = (row.get(0), row.get(1));
        let mut content: Value = serde_json::from_str(&text)?;
        let number = content["number"].as_str().context("an invoice without a number")?.to_owned();
        for face in ["pdf", "xml"] {
            let bytes = ready(&http, &format!("{api}/api/v1/invoices/{id}/{face}"), credential).await?;
            std::fs::write(folder.join(format!("{number}.{face}")), bytes)?;
        }
        // A member that a document may have besides, and which is looked for.
        content["totals"]["prepaid"] = Value::Null;
        std::fs::write(folder.join(format!("{number}.json")), content.to_string())?;
    }
    Ok(drawn.len())
}

/// Has the schematrons and three readers judge the documents of a folder (`deploy/judge-documents`).
///
/// # Errors
/// Fails if one of so many does not pass, and says why.
pub async fn judge(folder: &Path, number: usize) -> Result<()> {
    let (script, folder) = (root().join("deploy/judge-documents"), folder.to_owned());
    let output = tokio::task::spawn_blocking(move || Command::new(script).arg(folder).output()).await??;
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let is_judged = output.status.success() && said.contains(&format!("{number} passed, 0 failed"));
    // Those that passed need no word.
    let faults: Vec<&str> = said.lines().filter(|line| !line.contains(" rules fired, ")).collect();
    ensure!(is_judged, "{}", faults.join("\n"));
    Ok(())
}

/// Asks until the document is there.
async fn ready(http: &Client, url: &str, credential: &str) -> Result<Vec<u8>> {
    let begin = Instant::now();
    loop {
        let answer = http.get(url).bearer_auth(credential).send().await;
        let (trouble, pause) = match answer {
            Ok(answer) if answer.status() == StatusCode::OK => return Ok(answer.bytes().await?.to_vec()),
            Ok(answer) => {
                let status = answer.status();
                let is_later = status == StatusCode::CONFLICT || status.is_server_error();
                let after = answer
                    .headers()
                    .get(header::RETRY_AFTER)
                    .and_then(|text| text.to_str().ok()?.parse().ok());
                let text = answer.text().await.unwrap_or_default();
                ensure!(is_later, "GET {url}: {status} {text}");
                (format!("{status} {text}"), after.map_or(PAUSE, Duration::from_secs))
            }
            // The API may have been killed: it is started again.
            Err(error) => (error.to_string(), PAUSE),
        };
        ensure!(begin.elapsed() < LIMIT, "GET {url} for {} s: {trouble}", LIMIT.as_secs());
        tokio::time::sleep(pause.clamp(PAUSE, LONGEST_PAUSE)).await;
    }
}
