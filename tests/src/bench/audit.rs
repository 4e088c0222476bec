//! What the audit trail costs the writers of one tenant: the statements of placing an order, without the trail's row and with
//! it, over 16 connections. And with all of them in one chain, where each waits for the commit of the one before it: what
//! the 64 chains are for.

use crate::harness::Services;
use anyhow::Result;

use super::orders::{SCRIPT, pgbench, seeded};
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, progress};

const BIND: &str = "BEGIN;\nSET LOCAL comptoir.tenant_id = '01900000-0000-7000-8000-000000000001';";
const ONE_CHAIN: &str = "SELECT pg_advisory_xact_lock(1);";
/// The row of an order of three lines, as long as the API's.
const APPEND: &str = r#"SELECT audit_append(gen_random_uuid(), now(), 'api_key', '01900000-0000-7000-c000-000000000001', 'The shop', NULL, 'order.place', 'order', '01a1fca1-d90b-76c6-baa8-14d444c77537', NULL, '{"id":"01a1fca1-d90b-76c6-baa8-14d444c77537","version": 1,"reference": null,"customer_id":"01a1fca1-d758-7517-ab1f-4df93725a8f1","status":"pending","currency":"EUR","lines":[{"position": 1,"product_id":"01a1fca1-d7e8-74fd-acec-c8347b1c9c82","sku":"P-100","name":"Product 100","quantity":"2","unit_price":"10.00","vat_rate":"20","net_amount":"20.00"},{"position": 2,"product_id":"01a1fca1-d849-759b-9910-5fb8ad04474d","sku":"P-200","name":"Product 200","quantity":"1","unit_price":"10.00","vat_rate":"20","net_amount":"10.00"},{"position": 3,"product_id":"01a1fca1-d8aa-77da-81c7-f4c4b0dea70d","sku":"P-300","name":"Product 300","quantity":"5","unit_price":"9.50","vat_rate":"20","net_amount":"47.50"}],"vat":[{"rate":"20","base":"77.50","amount":"15.50"}],"net_total":"77.50","vat_total":"15.50","gross_total":"93.00","placed_at":"2026-11-21T05.43.47.722196Z"}'::jsonb, '01a1fca1-d849-759b-9910-5fb70bba241a', '203.0.113.7');"#;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let seconds = effort.pick(4, 10);
    let bound = SCRIPT.replace("BEGIN;", BIND);
    let before_commit = |statements: &str| bound.replace("COMMIT;", &format!("{statements}\nCOMMIT;"));
    let with_trail = before_commit(APPEND);
    let in_one_chain = before_commit(&format!("{ONE_CHAIN}\n{APPEND}"));
    let mut without = Series::new("without the trail");
    let mut with = Series::new("with the trail");
    let mut one_chain = Series::new("with the trail in one chain");
    for round in effort.rounds() {
        for (series, script) in
            [(&mut without, &bound), (&mut with, &with_trail), (&mut one_chain, &in_one_chain)]
        {
            progress(format!("audit, round {round}"));
            let world = seeded(services).await?;
            series.push(pgbench(services, &world, script, seconds).await?);
        }
    }
    let claims = [
        Claim::ratio("audit: orders with the trail / without", &with, &without, Wanted::AtLeast(0.6)),
        Claim::ratio("audit: in one chain / without", &one_chain, &without, Wanted::Nothing),
    ];
    let measurement =
        Measurement::new("orders of three lines of one tenant, 16 connections, pgbench", "orders/s")
            .series([without, with, one_chain])
            .claims(claims);
    Ok(vec![measurement])
}
