//! The caller's own company.

use comptoir_tests::harness::{Tenant, World, api_key};
use reqwest::Method;
use serde_json::{Value, json};

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
            "invoicing": null,
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
async fn a_company_in_france_sets_no_interest_below_three_times_the_legal_rate() {
    World::run(async |world| {
        let api = world.api().await?;
        let patch =
            async |body: Value| api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await;
        let low = json!({"invoicing": {"late_interest_rate": "0.5"}});
        api.seller().await?;
        let refused = patch(low.clone()).await?;
        assert_eq!(
            (refused.status, refused.code(), refused.pointers()),
            (422, "invalid_request", vec!["/invoicing/late_interest_rate"]),
            "{}",
            refused.text
        );
        let fault = &refused.json["errors"][0];
        assert_eq!(fault["code"], "late_interest_too_low");
        assert!(fault["message"].as_str().is_some_and(|said| said.contains("L441-10")), "{fault}");
        // No legal rate was ever so high that three times it is more.
        let set = patch(json!({"invoicing": {"late_interest_rate": "60"}})).await?;
        assert_eq!((set.status, &set.json["invoicing"]["late_interest_rate"]), (200, &json!("60")), "{}", set.text);
        // In Belgium, it is another law's business; and it is asked again when the company comes back.
        let address = |country: &str| json!({"address": {"line1": "1 quai des Docks", "city": "Ville", "country": country}});
        assert_eq!(patch(address("BE")).await?.status, 200);
        let set = patch(low).await?;
        assert_eq!(set.status, 200, "{}", set.text);
        let back = patch(address("FR")).await?;
        assert_eq!((back.status, back.pointers()), (422, vec!["/invoicing/late_interest_rate"]), "{}", back.text);
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
            "invoicing": null,
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
            "invoicing": null,
            "time_zone": "Europe/Paris",
        });
        assert_eq!(pointers(foreign_vat_number).await?, ["/vat_number"]);
        let other_currency = json!({
            "name": "Les Docks", "registration": null, "vat_number": null, "address": null, "language": "fr",
            "email_from": null,
            "email_reply_to": null,
            "credit_limit_action": "refuse",
            "invoicing": null,
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_its_invoices_say_is_kept_and_checked() {
    World::run(async |world| {
        let api = world.api().await?;
        let patch = async |body| api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await;
        let nothing = json!({
            "legal_form": null, "share_capital": null, "trade_register": null, "vat_scheme": "normal",
            "vat_due_on": "payments", "one_stop_shop": false, "electronic_address": null, "iban": null, "bic": null,
            "late_interest_rate": null, "series": "FA", "credit_note_series": "AV", "dates_in_order": true, "reminders": [],
        });
        assert_eq!(api.http.get("/tenant").await?.json["invoicing"], nothing);
        let given = json!({
            "legal_form": "SARL", "share_capital": "10000", "trade_register": "RCS Nantes", "vat_scheme": "normal",
            "vat_due_on": "debits", "one_stop_shop": true,
            "electronic_address": {"scheme": "0225", "identifier": "732829320"},
            "iban": "fr14 2004 1010 0505 0001 3M02 606", "bic": "psstfrppnte", "late_interest_rate": "12.0",
            "series": "F26", "credit_note_series": "F26", "dates_in_order": false,
            "reminders": [{"days": 7, "text_fr": null, "text_en": null}, {"days": 21, "text_fr": "Merci de régler.", "text_en": null}],
        });
        let changed = patch(json!({"invoicing": given})).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let mut kept = given.clone();
        kept["share_capital"] = "10000.00".into();
        kept["iban"] = "FR1420041010050500013M02606".into();
        kept["bic"] = "PSSTFRPPNTE".into();
        kept["late_interest_rate"] = "12".into();
        assert_eq!(changed.json["invoicing"], kept);
        assert_eq!(api.http.get("/tenant").await?.json, changed.json);

        // A merge patch reaches inside, and null erases.
        let small = patch(json!({"invoicing": {"vat_scheme": "small_enterprise", "late_interest_rate": null}})).await?;
        kept["vat_scheme"] = "small_enterprise".into();
        kept["late_interest_rate"] = Value::Null;
        assert_eq!((small.status, &small.json["invoicing"]), (200, &kept), "{}", small.text);

        for (wrong, pointer, code) in [
            (json!({"iban": "FR15 2004 1010 0505 0001 3M02 606"}), "/invoicing/iban", "wrong_check_digit"),
            (json!({"iban": null}), "/invoicing/iban", "iban_missing"),
            (json!({"bic": "PSST"}), "/invoicing/bic", "not_a_bic"),
            (json!({"share_capital": "-1"}), "/invoicing/share_capital", "negative"),
            (json!({"series": "fa"}), "/invoicing/series", "not_a_series"),
            (json!({"vat_scheme": "none"}), "/invoicing/vat_scheme", "unknown_value"),
            (json!({"late_interest_rate": "101"}), "/invoicing/late_interest_rate", "out_of_range"),
            (
                json!({"electronic_address": {"scheme": "225", "identifier": "1"}}),
                "/invoicing/electronic_address/scheme",
                "not_a_scheme",
            ),
            (json!({"colour": "red"}), "/invoicing/colour", "unknown_field"),
        ] {
            let refused = patch(json!({"invoicing": wrong})).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
            assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
        }
        let event = world
            .sql()
            .await?
            .query_one(
                "SELECT payload #>> '{invoicing,share_capital}', payload #>> '{invoicing,vat_scheme}', payload::text
                FROM outbox_events WHERE event_type = 'tenant.updated' ORDER BY seq DESC LIMIT 1",
                &[],
            )
            .await?;
        assert_eq!((event.get(0), event.get(1)), ("10000.00", "small_enterprise"));
        assert!(!event.get::<_, &str>(2).contains("FR1420041010050500013M02606"), "the account is nobody else's business");
        Ok(())
    })
    .await;
}
