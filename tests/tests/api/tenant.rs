//! The caller's own company.

use comptoir_tests::harness::{Tenant, World, api_key};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_company_is_read_and_changed_by_the_version_that_was_read() {
    World::run(async |world| {
        let api = world.api().await?;
        let read = api.http.get("/tenant").await?;
        assert_eq!((read.status, read.header("etag")), (200, Some("\"1\"")), "{}", read.text);
        assert_eq!((read.field("name"), read.field("currency")), ("Maison Test", "EUR"));
        let body = json!({
            "name": "Comptoir des Docks",
            "registration": {"scheme": "siret", "number": "732 829 320 00074"},
            "vat_number": "FR 44 732829320",
            "address": {"line1": "1 quai des Docks", "postal_code": "44000", "city": "Nantes", "country": "fr"},
            "language": "fr",
            "email_from": null,
            "email_reply_to": null,
            "credit_limit_action": "refuse",
            "time_zone": "Europe/Paris",
        });
        let blind = api.http.send(Method::PUT, "/tenant", &[], Some(&body)).await?;
        assert_eq!((blind.status, blind.code()), (428, "precondition_required"));
        let changed = api.http.send(Method::PUT, "/tenant", &[("If-Match", "\"1\"")], Some(&body)).await?;
        assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")), "{}", changed.text);
        assert_eq!(changed.json["registration"], json!({"scheme": "siret", "number": "73282932000074"}));
        assert_eq!(changed.field("vat_number"), "FR44732829320");
        assert_eq!(changed.json["address"]["country"], "FR");
        assert_eq!(api.http.get("/tenant").await?.json, changed.json);
        let late = api.http.send(Method::PUT, "/tenant", &[("If-Match", "\"1\"")], Some(&body)).await?;
        assert_eq!((late.status, late.code()), (412, "version_mismatch"));
        let same = api.http.send(Method::PUT, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
        assert_eq!((same.status, &same.json["version"]), (200, &json!(2)), "nothing changed");

        let sql = world.sql().await?;
        let events = sql.query("SELECT event_type FROM outbox_events WHERE aggregate_type = 'tenant'", &[]).await?;
        assert_eq!(events.iter().map(|row| row.get::<_, &str>(0)).collect::<Vec<_>>(), ["tenant.updated"]);
        let audit = sql
            .query_one("SELECT before ->> 'name', after ->> 'name' FROM audit_events WHERE action = 'tenant.update'", &[])
            .await?;
        assert_eq!((audit.get(0), audit.get(1)), ("Maison Test", "Comptoir des Docks"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_company_is_said_field_by_field() {
    World::run(async |world| {
        let api = world.api().await?;
        let pointers = async |body| {
            let answer = api.http.send(Method::PUT, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
            assert_eq!((answer.status, answer.code()), (422, "invalid_request"), "{}", answer.text);
            anyhow::Ok(answer.pointers().into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let wrong = json!({
            "name": " ",
            "registration": {"scheme": "siren", "number": "732829321"},
            "vat_number": "?",
            "address": {"line1": "", "city": "Nantes", "country": "ZZ"},
            "language": "fr",
            "email_from": null,
            "email_reply_to": null,
            "credit_limit_action": "refuse",
            "time_zone": "Nantes",
        });
        assert_eq!(
            pointers(wrong).await?,
            [
                "/address/country",
                "/address/line1",
                "/name",
                "/registration/number",
                "/time_zone",
                "/vat_number",
            ]
        );
        let foreign_vat_number = json!({
            "name": "Les Docks",
            "registration": {"scheme": "siren", "number": "732829320"},
            "vat_number": "FR40303265045",
            "address": null,
            "language": "fr",
            "email_from": null,
            "email_reply_to": null,
            "credit_limit_action": "refuse",
            "time_zone": "Europe/Paris",
        });
        assert_eq!(pointers(foreign_vat_number).await?, ["/vat_number"]);
        let other_currency = json!({
            "name": "Les Docks", "registration": null, "vat_number": null, "address": null, "language": "fr",
            "email_from": null,
            "email_reply_to": null,
            "credit_limit_action": "refuse",
            "time_zone": "Europe/Paris",
            "currency": "CHF",
        });
        assert_eq!(pointers(other_currency).await?, ["/currency"], "it never changes");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_sees_their_own_company_and_who_may_not_change_it_is_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        let sql = world.sql().await?;
        let other = Tenant::create(&sql, "Another company").await?;
        let of_other = api.http.with_credential(&other.api_key).get("/tenant").await?;
        assert_eq!(of_other.field("name"), "Another company");
        assert_eq!(of_other.field("id"), other.id.to_string());
        let reader = api_key(&sql, other.id, &["tenant:read"]).await?;
        let body = json!({"name": "Mine now", "time_zone": "UTC"});
        let reader = api.http.with_credential(&reader);
        let refused = reader.send(Method::PUT, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
        assert_eq!((refused.status, refused.code()), (403, "forbidden"));
        assert_eq!(reader.get("/tenant").await?.field("name"), "Another company");
        Ok(())
    })
    .await;
}
