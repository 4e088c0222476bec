//! The console's pages of administration, as a browser without scripts sees them.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comptoir_tests::harness::{World, until};
use reqwest::header::LOCATION;
use serde_json::json;

use crate::console::{Answered, logged_in};
use crate::emails::LIMIT;

/// A PNG of one pixel.
const LOGO: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// What is between the first `start` and the `end` after it.
fn between<'a>(text: &'a str, start: &str, end: char) -> Result<&'a str> {
    let (_, rest) = text.split_once(start).with_context(|| format!("no {start}: {text}"))?;
    Ok(rest.split(end).next().unwrap_or_default())
}

fn location(answer: &Answered) -> Result<String> {
    anyhow::ensure!(answer.status == 303, "{} {}", answer.status, answer.text);
    Ok(answer.header(LOCATION).to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_added_given_a_role_and_rights_and_disabled() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "admin").await?;
        let token = browser.token().await?;
        let form = browser.get("/console/users/new").await?;
        let key = form.hidden("form_key")?;
        let mut fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("email", "grace"),
            ("name", "Grace Hopper"),
            ("role", "sales"),
        ];
        let refused = browser.post("/console/users/new", &fields).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(
            refused.text.contains("id=\"email-err\"") && refused.text.contains("Grace Hopper"),
            "{}",
            refused.text
        );
        fields[2].1 = "admin@docks.example";
        let taken = browser.post("/console/users/new", &fields).await?;
        assert!(
            taken.status == 422 && taken.text.contains("id=\"email-err\""),
            "{} {}",
            taken.status,
            taken.text
        );
        fields[2].1 = "grace@docks.example";
        let added = location(&browser.post("/console/users/new", &fields).await?)?;
        let again = location(&browser.post("/console/users/new", &fields).await?)?;
        assert_eq!(added, again, "the second click is the first");

        let page = browser.get(&added).await?;
        assert_eq!(page.status, 200, "{}", page.text);
        let path = added.split('?').next().unwrap_or_default().to_owned();
        let version = page.hidden("version")?;
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", "role-1"),
            ("version", &version),
            ("role", "warehouse"),
        ];
        let changed = location(&browser.post(&format!("{path}/role"), &fields).await?)?;
        let late = [
            ("form_token", token.as_str()),
            ("form_key", "role-2"),
            ("version", &version),
            ("role", "sales"),
        ];
        let both = browser.post(&format!("{path}/role"), &late).await?;
        assert_eq!(both.status, 409, "somebody was faster");
        assert!(both.text.contains("Garder la mienne") && both.text.contains("Magasinier"), "{}", both.text);

        let version = browser.get(&changed).await?.hidden("version")?;
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", "rights-1"),
            ("version", &version),
            ("permissions", "orders:read"),
            ("permissions", "invoices:validate"),
        ];
        location(&browser.post(&format!("{path}/rights"), &fields).await?)?;
        let id = path.rsplit('/').next().unwrap_or_default();
        let view = api.http.get(&format!("/users/{id}")).await?;
        assert_eq!(view.json["role"], "warehouse");
        assert_eq!(view.json["permissions"], json!(["orders:read", "invoices:validate"]), "{}", view.text);
        assert_eq!(view.json["granted"], json!(["invoices:validate"]));

        let ask = browser.get(&format!("{path}/disable")).await?;
        let (key, version) = (ask.hidden("form_key")?, ask.hidden("version")?);
        let fields =
            [("form_token", token.as_str()), ("form_key", key.as_str()), ("version", version.as_str())];
        location(&browser.post(&format!("{path}/disable"), &fields).await?)?;
        let list = browser.get("/console/users?status=disabled").await?;
        assert!(list.text.contains("grace@docks.example") && !list.text.contains("admin@docks.example"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_their_own_role_and_who_may_not_sees_no_form() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut admin = logged_in(world, &api, "admin").await?;
        let token = admin.token().await?;
        let found = api.http.get("/users?email=admin%40docks.example").await?;
        let path = format!("/console/users/{}", found.json["data"][0]["id"].as_str().context("a user")?);
        let page = admin.get(&path).await?;
        assert!(!page.text.contains("/role\"") && !page.text.contains("/disable\""), "{}", page.text);
        let version = page.hidden("version")?;
        let fields =
            [("form_token", token.as_str()), ("form_key", "own"), ("version", &version), ("role", "sales")];
        let own = admin.post(&format!("{path}/role"), &fields).await?;
        assert!(own.status == 409 && own.text.contains("role=\"alert\""), "{} {}", own.status, own.text);

        let mut other = logged_in(world, &api, "management").await?;
        let page = other.get(&path).await?;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("<form class=\"stack tight\""), "{}", page.text);
        let token = other.token().await?;
        let fields = [("form_token", token.as_str()), ("form_key", "x"), ("version", "1"), ("name", "Eve")];
        assert_eq!(other.post(&format!("{path}/name"), &fields).await?.status, 403);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_once_and_opens_nothing_when_it_is_revoked() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "admin").await?;
        let form = browser.get("/console/keys/new").await?;
        let (token, key) = (form.hidden("form_token")?, form.hidden("form_key")?);
        let fields = [("form_token", token.as_str()), ("form_key", key.as_str()), ("name", "Boutique")];
        let none = browser.post("/console/keys/new", &fields).await?;
        assert!(none.status == 422 && none.text.contains("id=\"permissions-err\""), "{}", none.text);
        let fields = [&fields[..], &[("permissions", "orders:read")]].concat();
        let made = browser.post("/console/keys/new", &fields).await?;
        assert_eq!(made.status, 200, "{}", made.text);
        assert_eq!(made.header("cache-control"), "no-store");
        let text = format!("ck_{}", between(&made.text, "value=\"ck_", '"')?);
        let program = api.http.with_credential(&text);
        assert_eq!(program.get("/orders").await?.status, 200);
        assert_eq!(program.get("/customers").await?.status, 403);
        let again = browser.post("/console/keys/new", &fields).await?;
        assert!(again.status == 200 && !again.text.contains("value=\"ck_"), "{}", again.text);

        let path = format!("/console/keys/{}", between(&made.text, "href=\"/console/keys/", '"')?);
        let page = browser.get(&path).await?;
        assert!(page.status == 200 && !page.text.contains(&text), "{}", page.text);
        let ask = browser.get(&format!("{path}/revoke")).await?;
        let (key, version) = (ask.hidden("form_key")?, ask.hidden("version")?);
        let fields =
            [("form_token", token.as_str()), ("form_key", key.as_str()), ("version", version.as_str())];
        location(&browser.post(&format!("{path}/revoke"), &fields).await?)?;
        assert_eq!(program.get("/orders").await?.status, 401);
        assert!(browser.get("/console/keys?revoked=true").await?.text.contains("Boutique"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_changed_by_their_form_and_the_trail_says_what_changed() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "admin").await?;
        let form = browser.get("/console/settings/company").await?;
        let (token, key, version) =
            (form.hidden("form_token")?, form.hidden("form_key")?, form.hidden("version")?);
        let mut fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("version", version.as_str()),
            ("name", "Comptoir des Quais"),
            ("time_zone", "Europe/Nowhere"),
            ("language", "fr"),
            ("credit_limit_action", "hold"),
        ];
        let refused = browser.post("/console/settings/company", &fields).await?;
        assert!(refused.status == 422 && refused.text.contains("id=\"time_zone-err\""), "{}", refused.text);
        assert!(refused.text.contains("Comptoir des Quais"), "what was typed is kept");
        fields[4].1 = "Europe/Paris";
        location(&browser.post("/console/settings/company", &fields).await?)?;
        let company = api.http.get("/tenant").await?;
        assert_eq!(
            (&company.json["name"], &company.json["credit_limit_action"]),
            (&"Comptoir des Quais".into(), &"hold".into())
        );
        let mut late = [&fields[..1], &[("form_key", "another")], &fields[2..]].concat();
        late[3].1 = "Comptoir des Docks";
        let shown = browser.post("/console/settings/company", &late).await?;
        assert!(shown.status == 409 && shown.text.contains("name=\"take.name\""), "{}", shown.text);
        assert!(shown.text.contains("value=\"Comptoir des Docks\""), "what was typed is kept");
        let (key, version) = (shown.hidden("form_key")?, shown.hidden("version")?);
        (late[1].1, late[2].1) = (key.as_str(), version.as_str());
        late.push(("take.name", "theirs"));
        location(&browser.post("/console/settings/company", &late).await?)?;
        assert_eq!(api.http.get("/tenant").await?.json["name"], "Comptoir des Quais");

        let form = browser.get("/console/settings/invoicing").await?;
        let (key, version) = (form.hidden("form_key")?, form.hidden("version")?);
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("version", version.as_str()),
            ("invoicing.share_capital", "10 000,50"),
            ("invoicing.vat_scheme", "normal"),
            ("invoicing.vat_due_on", "payments"),
            ("invoicing.dates_in_order", "true"),
            ("invoicing.series", "FA"),
            ("invoicing.credit_note_series", "AV"),
            ("invoicing.reminders.1.days", "7"),
        ];
        location(&browser.post("/console/settings/invoicing", &fields).await?)?;
        let company = api.http.get("/tenant").await?;
        assert_eq!(company.json["invoicing"]["share_capital"], "10000.50", "{}", company.text);
        assert_eq!(company.json["invoicing"]["reminders"][0]["days"], 7);
        assert_eq!(company.json["name"], "Comptoir des Quais", "the other form's values stay");

        let list = browser.get("/console/audit?resource_type=tenant").await?;
        assert_eq!(list.status, 200, "{}", list.text);
        let entry = between(&list.text, "<th scope=\"row\" role=\"rowheader\"><a href=\"", '"')?
            .replace("&#38;", "&");
        let page = browser.get(&entry).await?;
        assert_eq!(page.status, 200, "{entry}: {}", page.text);
        // In words; what the filter takes stands beside them.
        assert!(
            list.text.contains("<small class=\"mono\" lang=\"en\">tenant.update</small>"),
            "{}",
            list.text
        );
        for shown in [&list, &page] {
            assert!(shown.text.contains("Société modifiée"), "{}", shown.text);
        }
        assert!(page.text.contains("10000.50"), "{}", page.text);
        let without_time = entry.split('?').next().unwrap_or_default();
        assert_eq!(browser.get(without_time).await?.status, 404);
        assert_eq!(browser.get("/console/audit.csv?resource_type=tenant").await?.status, 200);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticked_emails_are_sent_again_and_one_that_is_gone_is_not_discarded() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "admin").await?;
        // Without a password: an invitation, which is of use until they have one.
        api.created("/users", &json!({"email": "grace@docks.example", "name": "Grace", "role": "sales"}))
            .await?;
        let sent = until("the invitation to be sent", LIMIT, async || {
            let found = api.http.get("/emails?kind=invitation&state=sent").await?;
            found.json["data"][0]["id"].as_str().map(str::to_owned).context("not sent yet")
        });
        let id = sent.await?;
        let page = browser.get(&format!("/console/emails/{id}")).await?;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains("/requeue\"") && !page.text.contains("/discard\""), "{}", page.text);
        let list = browser.get("/console/emails?recipient=grace%40docks.example").await?;
        assert!(list.text.contains(&format!("name=\"ids\" value=\"{id}\"")), "{}", list.text);

        let token = browser.token().await?;
        let none = [("form_token", token.as_str()), ("do", "discard")];
        assert_eq!(
            location(&browser.post("/console/emails/chosen", &none).await?)?,
            "/console/emails?done=nothing"
        );
        let fields = [&none[..], &[("ids", id.as_str())]].concat();
        let left = location(&browser.post("/console/emails/chosen", &fields).await?)?;
        assert_eq!(left, "/console/emails?done=discarded-0-1");
        let fields = [("form_token", token.as_str()), ("do", "requeue"), ("ids", id.as_str())];
        let done = location(&browser.post("/console/emails/chosen", &fields).await?)?;
        assert_eq!(done, "/console/emails?done=requeued-1-0");
        let page = browser.get(&done).await?;
        assert!(page.status == 200 && page.text.contains("class=\"note done\""), "{}", page.text);

        let mut other = logged_in(world, &api, "management").await?;
        let list = other.get("/console/emails").await?;
        assert!(list.status == 200 && !list.text.contains("name=\"ids\""), "{}", list.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_the_keyboard_are_turned_off_in_the_profile() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        let token = browser.token().await?;
        assert!(!browser.get("/console/").await?.text.contains("data-keys=\"off\""));
        browser.post("/console/profile/keys", &[("form_token", &token)]).await?;
        assert!(browser.get("/console/").await?.text.contains("data-keys=\"off\""));
        browser.post("/console/profile/keys", &[("form_token", &token), ("keys", "on")]).await?;
        assert!(!browser.get("/console/").await?.text.contains("data-keys=\"off\""));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logo_is_sent_shown_replaced_and_removed() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "admin").await?;
        let page = browser.get("/console/settings/documents").await?;
        assert!(!page.text.contains("src=\"/console/settings/logo\""), "{}", page.text);
        let token = page.hidden("form_token")?;
        let png = STANDARD.decode(LOGO)?;
        let logo = "/console/settings/logo";
        let fields = |key: &'static str| [("form_token", token.as_str()), ("form_key", key)];
        let too_large = vec![0; 512 * 1024 + 1];
        for (name, content, key) in
            [("", &b""[..], "none"), ("a.gif", &b"GIF89a"[..], "gif"), ("a.png", &too_large[..], "large")]
        {
            let refused = browser.upload(logo, &fields(key), (name, content)).await?;
            assert_eq!(refused.status, 422, "{key}: {}", refused.text);
            assert!(refused.text.contains("id=\"file-err\""), "{key}: {}", refused.text);
        }
        let forged = browser.upload(logo, &[("form_key", "forged")], ("a.png", &png)).await?;
        assert_eq!(forged.status, 403, "{}", forged.text);
        let set = location(&browser.upload(logo, &fields("right"), ("a.png", &png)).await?)?;
        let again = location(&browser.upload(logo, &fields("right"), ("a.png", &png)).await?)?;
        assert_eq!(set, again, "twice is once");
        let page = browser.get(&set).await?;
        assert!(page.text.contains("src=\"/console/settings/logo\""), "it is shown: {}", page.text);
        let shown = browser.get(logo).await?;
        assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"));
        let removed = browser.post("/console/settings/logo/remove", &fields("remove")).await?;
        location(&removed)?;
        assert_eq!(browser.get(logo).await?.status, 204);
        let mut sales = logged_in(world, &api, "sales").await?;
        let token = sales.get("/console/profile").await?.hidden("form_token")?;
        let fields = [("form_token", token.as_str()), ("form_key", "sales")];
        assert_eq!(sales.upload(logo, &fields, ("a.png", &png)).await?.status, 403);
        Ok(())
    })
    .await;
}
