//! VAT due, sales and entries for the accounts, against amounts that were calculated by hand, and against the documents.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{Datelike, TimeDelta, Utc};
use comptoir_tests::harness::{Api, Tenant, World};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_default()
}

/// The year before this one: all of it is over.
fn year() -> i32 {
    Utc::now().year() - 1
}

async fn validated(api: &Api, body: &Value) -> Result<Value> {
    let draft = api.created("/invoices", body).await?;
    let answer = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json)
}

/// Pays so much of an invoice on a day of last year.
async fn paid(api: &Api, invoice: &Value, day: &str, amount: &str) -> Result<Value> {
    let body = json!({
        "customer_id": invoice["customer_id"], "method": "transfer", "amount": amount, "received_on": format!("{}-{day}", year()),
        "invoices": [{"invoice_id": invoice["id"], "amount": amount}],
    });
    api.created("/payments", &body).await
}

/// What is due between two days, such as `payments S 20 22.22 4.44`.
async fn due(api: &Api, from: &str, to: &str) -> Result<Vec<String>> {
    let answer = api.http.get(&format!("/accounting/vat-due?from={from}&to={to}")).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let text = |line: &Value| {
        let members = ["cause", "category", "rate", "base", "tax"];
        members.map(|member| line[member].as_str().unwrap_or("-").to_owned()).join(" ")
    };
    Ok(answer.json["lines"].as_array().into_iter().flatten().map(text).collect())
}

async fn due_in(api: &Api, month: u32) -> Result<Vec<String>> {
    let year = year();
    let last = match month {
        2 if year % 4 == 0 => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    due(api, &format!("{year}-{month:02}-01"), &format!("{year}-{month:02}-{last}")).await
}

fn cents(text: &str) -> i64 {
    text.replace(['.', ','], "").parse().expect("an amount with two decimals")
}

/// The sums of such lines by category and rate, in cents.
fn summed(lines: impl IntoIterator<Item = String>) -> BTreeMap<(String, String), (i64, i64)> {
    let mut sums = BTreeMap::new();
    for line in lines {
        let parts: Vec<&str> = line.split(' ').collect();
        let sum = sums.entry((parts[1].to_owned(), parts[2].to_owned())).or_insert((0, 0));
        *sum = (sum.0 + cents(parts[3]), sum.1 + cents(parts[4]));
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vat_is_due_on_delivery_or_payment_and_each_cent_in_one_period() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea, year) = (api.buyer("C-1").await?, api.product("TEA").await?, year());
        let free = |name: &str, nature: &str, price: &str, rate: &str| {
            json!({"name": name, "nature": nature, "quantity": "1", "unit": "C62", "unit_price": price, "vat": {"rate": rate}})
        };
        // Delivered in January, invoiced in February.
        let goods = json!({
            "customer_id": customer["id"], "issue_date": format!("{year}-02-03"), "delivered_on": format!("{year}-01-31"),
            "lines": [{"product_id": tea["id"], "quantity": "3"}, free("Livre", "goods", "20", "5.5")],
        });
        validated(&api, &goods).await?;
        // 150.00 less 10 %: 135.00, of which services 90.00; 27.00 of VAT, of which services 18.00; 162.00.
        let mixed = json!({
            "customer_id": customer["id"], "issue_date": format!("{year}-02-10"),
            "lines": [free("Conseil", "service", "100", "20"), free("Thé", "goods", "50", "20")],
            "adjustments": [{"kind": "discount", "reason": "Remise", "percent": "10", "vat": {"rate": "20"}}],
        });
        let mixed = validated(&api, &mixed).await?;
        // 33.33 + 6.67, 77.77 + 4.28: 122.05.
        let services = json!({
            "customer_id": customer["id"], "issue_date": format!("{year}-03-01"),
            "lines": [free("Conseil", "service", "33.33", "20"), free("Cours", "service", "77.77", "5.5")],
        });
        let services = validated(&api, &services).await?;
        assert_eq!((&mixed["gross_total"], &services["gross_total"]), (&json!("162.00"), &json!("122.05")));
        paid(&api, &mixed, "03-15", "40.00").await?;
        paid(&api, &mixed, "05-02", "122.00").await?;
        for (day, amount) in [("04-01", "40.00"), ("05-02", "40.00")] {
            paid(&api, &services, day, amount).await?;
        }
        let last = paid(&api, &services, "06-30", "42.05").await?;

        let expected: [&[&str]; 7] = [
            &["delivery S 5.5 20.00 1.10", "delivery S 20 30.00 6.00"],
            &["delivery S 20 45.00 9.00"],
            &["payments S 20 22.22 4.44"],
            &["payments S 5.5 25.49 1.40", "payments S 20 10.92 2.19"],
            &["payments S 5.5 25.49 1.41", "payments S 20 78.71 15.74"],
            &["payments S 5.5 26.79 1.47", "payments S 20 11.48 2.30"],
            &[],
        ];
        let mut months = Vec::new();
        for (month, expected) in (1..).zip(expected) {
            let found = due_in(&api, month).await?;
            assert_eq!(found, expected, "month {month}");
            months.extend(found);
        }
        // All periods together are the documents.
        let (first, end) = (format!("{year}-01-01"), format!("{year}-12-31"));
        let sql = world.sql().await?;
        let documents = "SELECT category, trim_scale(rate)::text, sum(base)::text, sum(tax)::text FROM invoice_vat GROUP BY 1, 2";
        let of_documents = |row: tokio_postgres::Row| -> String {
            format!("- {} {} {} {}", row.get::<_, &str>(0), row.get::<_, &str>(1), row.get::<_, &str>(2), row.get::<_, &str>(3))
        };
        let documents: Vec<String> = sql.query(documents, &[]).await?.into_iter().map(of_documents).collect();
        assert_eq!(summed(months.clone()), summed(documents));
        assert_eq!(summed(due(&api, &first, &end).await?), summed(months.clone()));
        let whole = api.http.get(&format!("/accounting/vat-due?from={first}&to={end}")).await?.json;
        let tax: i64 = months.iter().filter_map(|line| line.split(' ').next_back().map(cents)).sum();
        assert_eq!(whole["tax_total"].as_str().map(cents), Some(tax));
        let csv = api.http.get(&format!("/accounting/vat-due.csv?from={first}&to={end}")).await?;
        assert!(csv.text.starts_with("cause,category,rate,base,tax,country\r\ndelivery,S,5.5,20.00,1.10,\r\n"), "{}", csv.text);

        // A reversal is of the day on which it is recorded: what was declared stays.
        let reverse = format!("/payments/{}/reverse", id(&last));
        api.created(&reverse, &json!({"reason": "unpaid"})).await?;
        let now = Utc::now().date_naive();
        let (yesterday, tomorrow) = ((now - TimeDelta::days(1)).to_string(), (now + TimeDelta::days(1)).to_string());
        assert_eq!(due(&api, &yesterday, &tomorrow).await?, ["payments S 5.5 -26.79 -1.47", "payments S 20 -11.48 -2.30"]);
        assert_eq!(due_in(&api, 6).await?, expected[5]);

        for (query, pointer, code) in [
            ("from=2026-01-02&to=2026-01-01", "/query/to", "end_before_start"),
            ("from=2000-01-01&to=2026-01-01", "/query/to", "too_long"),
            ("from=2026-01-02", "/query/to", ""),
        ] {
            let refused = api.http.get(&format!("/accounting/vat-due?{query}")).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
            assert!(code.is_empty() || refused.json["errors"][0]["code"] == code, "{}", refused.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_delivery_does_not_put_vat_off() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        let year = year();
        for (member, value, pointer, code) in [
            ("delivered_on", json!(format!("{}-02-03", year + 36)), "/draft/delivered_on", "out_of_range"),
            ("period", json!({"start": format!("{year}-02-01"), "end": format!("{year}-12-31")}), "/draft/period/end", "out_of_range"),
            ("period", json!({"start": format!("{}-12-01", year - 1), "end": format!("{year}-01-31")}), "/draft/period/end", "period_too_long"),
        ] {
            let mut body = json!({
                "customer_id": customer["id"], "issue_date": format!("{year}-02-03"), "lines": [{"product_id": tea["id"], "quantity": "1"}],
            });
            body[member] = value;
            let draft = api.created("/invoices", &body).await?;
            let refused = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
            assert_eq!((refused.status, refused.code()), (422, "invoice_incomplete"), "{}", refused.text);
            assert_eq!(refused.pointers(), vec![pointer], "{}", refused.text);
            assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vat_that_is_owed_to_another_member_state_is_not_added_to_that_at_home() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let one_stop_shop = json!({"invoicing": {"one_stop_shop": true}});
        let set = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&one_stop_shop)).await?;
        ensure!(set.status == 200, "{}", set.text);
        let at_home = api.buyer("C-1").await?;
        let vienna = json!({
            "code": "AT-1", "name": "Ada", "email": "ada@example.com", "invoicing": {"kind": "consumer"},
            "addresses": [{"kind": "billing", "line1": "1 Ring", "postal_code": "1010", "city": "Wien", "country": "AT"}],
        });
        let vienna = api.created("/customers", &vienna).await?;
        let day = format!("{}-05-04", year());
        let mut invoices = Vec::new();
        for customer in [&at_home, &vienna] {
            let line = json!({"name": "Thé", "quantity": "1", "unit_price": "1000", "vat": {"rate": "20"}});
            let body = json!({"customer_id": customer["id"], "issue_date": day, "lines": [line]});
            invoices.push(validated(&api, &body).await?);
        }
        // Austria has 20 %, as France has.
        let gross: Vec<_> = invoices.iter().map(|invoice| invoice["gross_total"].clone()).collect();
        assert_eq!(gross, ["1200.00", "1200.00"]);
        let by_country = async |from: &str, to: &str| -> Result<Vec<String>> {
            let answer = api.http.get(&format!("/accounting/vat-due?from={from}&to={to}")).await?;
            ensure!(answer.status == 200, "{}", answer.text);
            let text = |line: &Value| {
                let members = ["cause", "country", "rate", "base", "tax"];
                members.map(|member| line[member].as_str().unwrap_or("-").to_owned()).join(" ")
            };
            Ok(answer.json["lines"].as_array().into_iter().flatten().map(text).collect())
        };
        assert_eq!(by_country(&day, &day).await?, ["delivery - 20 1000.00 200.00", "delivery AT 20 1000.00 200.00"]);
        let csv = api.http.get(&format!("/accounting/vat-due.csv?from={day}&to={day}")).await?;
        assert!(csv.text.contains("\r\ndelivery,S,20,1000.00,200.00,AT\r\n"), "{}", csv.text);

        // A credit note follows its invoice.
        let path = format!("/invoices/{}/credit-notes", id(&invoices[1]));
        let note = api.created(&path, &json!({})).await?;
        let note = api.http.command(&format!("/invoices/{}/validate", id(&note))).await?;
        ensure!(note.status == 200, "{}", note.text);
        let now = Utc::now().date_naive();
        let (yesterday, tomorrow) = ((now - TimeDelta::days(1)).to_string(), (now + TimeDelta::days(1)).to_string());
        assert_eq!(by_country(&yesterday, &tomorrow).await?, ["delivery AT 20 -1000.00 -200.00"]);
        Ok(())
    })
    .await;
}

/// A document as it is when it was validated, with one group of VAT. Written by the owner: what makes it is tested elsewhere.
struct Planted<'a> {
    kind: &'a str,
    position: i64,
    /// Month and day, of last year.
    day: &'a str,
    corrects: Option<Uuid>,
    /// Net amount, quantity, whether it is of a deposit.
    lines: &'a [(&'a str, &'a str, bool)],
    base: &'a str,
    tax: &'a str,
    gross: &'a str,
}

impl Planted<'_> {
    async fn plant(&self, sql: &Client, tenant: Uuid, customer: &Value, product: &Value) -> Result<Uuid> {
        let Self { kind, position, day, corrects, lines, base, tax, gross } = self;
        let (id, date, year) = (Uuid::now_v7(), format!("{}-{day}", year()), year());
        let series = if *kind == "credit_note" { "AV" } else { "FA" };
        let number = format!("{series}-{year}-{position:06}");
        let (customer, product) = (self::id(customer), self::id(product));
        let corrects = corrects.map_or("NULL".to_owned(), |id| format!("'{id}'"));
        let content = json!({
            "kind": kind, "number": number, "issue_date": date, "currency": "EUR", "operations": "goods", "vat_due": null, "period": null,
            "delivery": {"date": date}, "lines": [], "totals": {"net": base, "vat": tax, "gross": gross},
        });
        let mut statements = format!(
            "INSERT INTO invoices (tenant_id, id, version, kind, state, customer_id, number, series, issue_date, due_on, gross_total, paid, credited,
                created_at, updated_at, corrects)
            VALUES ('{tenant}', '{id}', 2, '{kind}', 'validated', '{customer}', '{number}', '{series}', '{date}', '{date}', {gross}, 0, 0, now(), now(),
                {corrects});
            INSERT INTO invoice_contents (tenant_id, invoice_id, series, year, position, issue_date, content, digest, validated_at)
            VALUES ('{tenant}', '{id}', '{series}', {year}, {position}, '{date}', '{content}', sha256('{content}'), now());
            INSERT INTO invoice_vat (tenant_id, invoice_id, position, category, rate, base, tax)
            VALUES ('{tenant}', '{id}', 1, 'S', 20, {base}, {tax});"
        );
        for (number, (net, quantity, deposit)) in (1..).zip(*lines) {
            let product = if *deposit { "NULL".to_owned() } else { format!("'{product}'") };
            statements.push_str(&format!(
                "INSERT INTO invoice_lines (tenant_id, invoice_id, position, product_id, nature, quantity, net, category, rate, why, deposit)
                VALUES ('{tenant}', '{id}', {number}, {product}, 'goods', {quantity}, {net}, 'S', 20, 'a test', {deposit});"
            ));
        }
        sql.batch_execute(&statements).await?;
        Ok(id)
    }
}

/// A deposit of 300.00 that is paid, the invoice of 1,000.00 that takes it off, and a credit note of 100.00, which pays of that invoice what it gives back.
async fn deposit_invoice_and_credit_note(world: &World, api: &Api) -> Result<(Value, Value, Uuid)> {
    let (sql, tenant) = (world.sql().await?, world.tenant().await?.id);
    api.seller().await?;
    let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
    let deposit = Planted {
        kind: "prepayment",
        position: 1,
        day: "01-10",
        corrects: None,
        lines: &[("300.00", "1", true)],
        base: "300.00",
        tax: "60.00",
        gross: "360.00",
    };
    let deposit = deposit.plant(&sql, tenant, &customer, &tea).await?;
    paid(api, &json!({"id": deposit, "customer_id": customer["id"]}), "01-20", "360.00").await?;
    let last = Planted {
        kind: "invoice",
        position: 2,
        day: "03-05",
        corrects: None,
        lines: &[("1000.00", "10", false), ("-300.00", "-1", true)],
        base: "700.00",
        tax: "140.00",
        gross: "840.00",
    };
    let last = last.plant(&sql, tenant, &customer, &tea).await?;
    let note = Planted {
        kind: "credit_note",
        position: 1,
        day: "04-02",
        corrects: Some(last),
        lines: &[("100.00", "1", false)],
        base: "100.00",
        tax: "20.00",
        gross: "120.00",
    };
    let note = note.plant(&sql, tenant, &customer, &tea).await?;
    let pays = format!(
        "INSERT INTO credit_allocations (tenant_id, credit_note_id, number, invoice_id, amount, allocated_at)
        SELECT tenant_id, invoice_id, 1, '{last}', 120.00, validated_at FROM invoice_contents WHERE invoice_id = '{note}';
        UPDATE invoices SET state = 'paid', paid = 120.00 WHERE id = '{note}';
        UPDATE invoices SET state = 'partly_paid', credited = 120.00 WHERE id = '{last}';"
    );
    sql.batch_execute(&pays).await?;
    Ok((customer, tea, last))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deposits_are_due_when_they_are_paid_are_no_sales_and_credit_notes_are_taken_off() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea, _) = deposit_invoice_and_credit_note(world, &api).await?;
        assert_eq!(due_in(&api, 1).await?, ["deposits S 20 300.00 60.00"]);
        assert_eq!(due_in(&api, 3).await?, ["delivery S 20 700.00 140.00"]);
        assert_eq!(due_in(&api, 4).await?, ["delivery S 20 -100.00 -20.00"]);

        let year = year();
        let of = async |by: &str| -> Result<Vec<Value>> {
            let answer = api.http.get(&format!("/accounting/sales?by={by}&from={year}-01-01&to={year}-12-31")).await?;
            ensure!(answer.status == 200, "{by}: {}", answer.text);
            Ok(answer.json["data"].as_array().cloned().unwrap_or_default())
        };
        let amounts = |row: &Value| {
            let members = ["net_total", "deposit_total", "vat_total", "gross_total"];
            members.map(|member| row[member].as_str().unwrap_or("-").to_owned()).join(" ")
        };
        let months = of("month").await?;
        let found: Vec<_> = months.iter().map(|row| format!("{} {}", row["period_begins"], amounts(row))).collect();
        let expected = [
            format!("\"{year}-01-01\" 0.00 300.00 60.00 360.00"),
            format!("\"{year}-03-01\" 1000.00 -300.00 140.00 840.00"),
            format!("\"{year}-04-01\" -100.00 0.00 -20.00 -120.00"),
        ];
        assert_eq!(found, expected);
        for by in ["day", "year", "customer"] {
            let rows = of(by).await?;
            let net: i64 = rows.iter().filter_map(|row| row["net_total"].as_str().map(cents)).sum();
            let gross: i64 = rows.iter().filter_map(|row| row["gross_total"].as_str().map(cents)).sum();
            assert_eq!((net, gross), (90_000, 108_000), "{by}: {rows:?}");
        }
        let customers = of("customer").await?;
        assert_eq!((&customers[0]["customer_id"], &customers[0]["code"]), (&customer["id"], &json!("C-1")));
        let products = of("product").await?;
        assert_eq!(products.len(), 1, "{products:?}");
        assert_eq!((&products[0]["product_id"], &products[0]["code"]), (&tea["id"], &json!("TEA")));
        assert_eq!((&products[0]["quantity"], &products[0]["net_total"]), (&json!("9"), &json!("900.00")));

        // Discounts of whole documents are of no product.
        let body = json!({
            "customer_id": customer["id"], "issue_date": format!("{year}-05-05"), "lines": [{"product_id": tea["id"], "quantity": "2"}],
            "adjustments": [{"kind": "discount", "reason": "Remise", "amount": "5", "vat": {"rate": "20"}}],
        });
        let patch = json!({"invoicing": {"series": "FB"}});
        let set = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&patch)).await?;
        ensure!(set.status == 200, "{}", set.text);
        validated(&api, &body).await?;
        let products = of("product").await?;
        let nets: Vec<_> = products.iter().map(|row| (row["code"].clone(), row["net_total"].clone())).collect();
        assert_eq!(nets, [(Value::Null, json!("-5.00")), (json!("TEA"), json!("920.00"))]);
        // Pages, in both directions.
        for (sort, expected) in [("key", [Value::Null, json!("TEA")]), ("-key", [json!("TEA"), Value::Null])] {
            let path = format!("/accounting/sales?by=product&from={year}-01-01&to={year}-12-31&limit=1&sort={sort}");
            let first = api.http.get(&path).await?.json;
            let cursor = first["next_cursor"].as_str().context("a second page")?;
            let second = api.http.get(&format!("{path}&cursor={cursor}")).await?.json;
            assert_eq!([&first["data"][0]["code"], &second["data"][0]["code"]], [&expected[0], &expected[1]]);
            assert_eq!(second["next_cursor"], Value::Null);
        }
        let csv = api.http.get(&format!("/accounting/sales.csv?by=month&from={year}-01-01&to={year}-12-31")).await?;
        assert_eq!(csv.text.lines().count(), 1 + 4, "{}", csv.text);
        Ok(())
    })
    .await;
}

/// All rows of the sums of sales by product these days, so many a page.
async fn by_product(api: &Api, sort: &str, limit: usize) -> Result<Vec<Value>> {
    let now = Utc::now().date_naive();
    let (yesterday, tomorrow) = (now - TimeDelta::days(1), now + TimeDelta::days(1));
    let path =
        format!("/accounting/sales?by=product&from={yesterday}&to={tomorrow}&sort={sort}&limit={limit}");
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.http.get(&format!("{path}{cursor}")).await?;
        ensure!(page.status == 200, "{}", page.text);
        let data = page.json["data"].as_array().context("rows")?;
        ensure!(data.len() <= limit && (!data.is_empty() || rows.is_empty()), "{}", page.text);
        rows.extend(data.iter().cloned());
        let Some(next) = page.json["next_cursor"].as_str() else { return Ok(rows) };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sales_by_product_are_the_same_in_pages_of_any_size_and_in_both_directions() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let mut lines =
            vec![json!({"name": "Port", "quantity": "1", "unit_price": "7", "vat": {"rate": "20"}})];
        for (sku, quantity) in [("D", "3"), ("A", "2"), ("C", "1"), ("B", "1.5")] {
            let product = api.product(sku).await?;
            lines.push(json!({"product_id": product["id"], "quantity": quantity}));
        }
        assert_eq!(by_product(&api, "key", 1).await?, Vec::<Value>::new());
        let invoice = validated(&api, &json!({"customer_id": customer["id"], "lines": lines})).await?;
        // Of one product nothing is left; another one was never sold.
        let back = json!({"lines": [{"line": 3, "quantity": "1"}, {"line": 4, "quantity": "1"}]});
        let draft = api.created(&format!("/invoices/{}/credit-notes", id(&invoice)), &back).await?;
        let note = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
        ensure!(note.status == 200, "{}", note.text);
        api.product("BB").await?;

        let whole = by_product(&api, "key", 200).await?;
        let text = |row: &Value| {
            let member = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", member("code"), row["documents"], member("quantity"), member("net_total"))
        };
        let expected = ["- 1 - 7.00", "A 2 1 10.00", "B 1 1.5 15.00", "C 2 0 0.00", "D 1 3 30.00"];
        assert_eq!(whole.iter().map(text).collect::<Vec<_>>(), expected);
        let mut turned = whole.clone();
        turned.reverse();
        for limit in [1, 2, 3, 4, 5, 200] {
            assert_eq!(by_product(&api, "key", limit).await?, whole, "{limit}");
            assert_eq!(by_product(&api, "-key", limit).await?, turned, "{limit}");
        }
        let other = Tenant::create(&world.sql().await?, "Other").await?;
        let now = Utc::now().date_naive();
        let path = format!("/accounting/sales?by=product&from={now}&to={now}");
        let stranger = api.http.with_credential(&other.api_key).get(&path).await?;
        assert_eq!((stranger.status, &stranger.json["data"]), (200, &json!([])), "{}", stranger.text);
        Ok(())
    })
    .await;
}

/// The lines of an export, column by column.
async fn export(api: &Api) -> Result<Vec<Vec<String>>> {
    let year = year();
    let answer = api.http.get(&format!("/accounting/fec?from={year}-01-01&to={year}-12-31")).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let name = format!("attachment; filename=\"732829320FEC{year}1231.txt\"");
    assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=ISO-8859-15"));
    let lines = answer.text.split_terminator("\r\n");
    let lines: Vec<Vec<String>> = lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    let header = "JournalCode JournalLib EcritureNum EcritureDate CompteNum CompteLib CompAuxNum CompAuxLib PieceRef PieceDate EcritureLib Debit Credit \
        EcritureLet DateLet ValidDate Montantdevise Idevise";
    assert_eq!(lines.first().map(|line| line.join(" ")).as_deref(), Some(header));
    assert!(lines.iter().all(|line| line.len() == 18), "{lines:?}");
    Ok(lines.into_iter().skip(1).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_balance_are_numbered_without_gaps_and_lettered_when_they_close_each_other() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, _, last) = deposit_invoice_and_credit_note(world, &api).await?;
        let year = year();
        let cash = json!({"customer_id": customer["id"], "method": "cash", "amount": "20.00", "received_on": format!("{year}-02-01"), "invoices": [],
            "reference": "Ticket\u{a0}7"});
        api.created("/payments", &cash).await?;
        let lines = export(&api).await?;
        let short = |line: &Vec<String>| [0, 2, 3, 4, 6, 8, 11, 12, 13, 14].map(|column| line[column].clone()).join(" ");
        let found: Vec<String> = lines.iter().map(short).filter(|line| !line.starts_with("BQ")).collect();
        let (deposit, letter) = (format!("FA-{year}-000001"), format!("FA-{year}-000001 {year}0120"));
        let expected = [
            format!("VE VE00000001 {year}0110 411000 C-1 {deposit} 360,00 0,00 {letter}"),
            format!("VE VE00000001 {year}0110 419100  {deposit} 0,00 300,00  "),
            format!("VE VE00000001 {year}0110 445710  {deposit} 0,00 60,00  "),
            format!("CA CA00000001 {year}0201 530000  Ticket\u{fffd}7 20,00 0,00  "),
            format!("CA CA00000001 {year}0201 411000 C-1 Ticket\u{fffd}7 0,00 20,00  "),
            format!("VE VE00000002 {year}0305 411000 C-1 FA-{year}-000002 840,00 0,00  "),
            format!("VE VE00000002 {year}0305 707000  FA-{year}-000002 0,00 1000,00  "),
            format!("VE VE00000002 {year}0305 419100  FA-{year}-000002 300,00 0,00  "),
            format!("VE VE00000002 {year}0305 445710  FA-{year}-000002 0,00 140,00  "),
            format!("VE VE00000003 {year}0402 411000 C-1 AV-{year}-000001 0,00 120,00  "),
            format!("VE VE00000003 {year}0402 707000  AV-{year}-000001 100,00 0,00  "),
            format!("VE VE00000003 {year}0402 445710  AV-{year}-000001 20,00 0,00  "),
        ];
        assert_eq!(found, expected);
        let bank: Vec<String> = lines.iter().filter(|line| line[0] == "BQ").map(short).collect();
        assert_eq!(bank.len(), 2, "{bank:?}");
        assert!(bank[0].contains(" 512000  ") && bank[1].ends_with(&letter), "{bank:?}");

        // Every entry by itself, and what the accounts come to.
        let (mut entries, mut accounts) = (BTreeMap::new(), BTreeMap::new());
        for line in &lines {
            let amount = cents(&line[11]) - cents(&line[12]);
            *entries.entry(line[2].clone()).or_insert(0) += amount;
            *accounts.entry(line[4].clone()).or_insert(0) += amount;
        }
        assert!(entries.values().all(|sum| *sum == 0), "{entries:?}");
        let sum = |account: &str| accounts.get(account).copied().unwrap_or_default();
        assert_eq!([sum("411000"), sum("419100"), sum("707000"), sum("445710"), sum("512000"), sum("530000")], [70_000, 0, -90_000, -18_000, 36_000, 2_000]);

        // What is left of the invoice is paid: it, the credit note and the payment close each other.
        let invoice = json!({"id": last, "customer_id": customer["id"]});
        paid(&api, &invoice, "06-01", "720.00").await?;
        let letter = format!("FA-{year}-000002 {year}0601");
        let lettered: Vec<String> = export(&api).await?.iter().map(short).filter(|line| line.ends_with(&letter)).collect();
        assert_eq!(lettered.len(), 3, "the invoice, the credit note, the payment: {lettered:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_renamed_keeps_the_name_in_the_entries_that_there_are() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea, year) = (api.buyer("C-1").await?, api.product("TEA").await?, year());
        let body = json!({
            "customer_id": customer["id"], "issue_date": format!("{year}-02-03"), "lines": [{"product_id": tea["id"], "quantity": "1"}],
        });
        let invoice = validated(&api, &body).await?;
        paid(&api, &invoice, "03-15", "12.00").await?;
        let before = export(&api).await?;
        assert!(before.iter().any(|line| line[7] == "Customer C-1"), "{before:?}");
        let path = format!("/customers/{}", id(&customer));
        let renamed = json!({"name": "Salon de thé"});
        let answer = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&renamed)).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        assert_eq!(export(&api).await?, before);
        Ok(())
    })
    .await;
}

/// The letters on the customers' account of what was entered these days, by the document's number or the payment's reference.
async fn letters(api: &Api) -> Result<BTreeMap<String, String>> {
    let now = Utc::now().date_naive();
    let (yesterday, tomorrow) = (now - TimeDelta::days(1), now + TimeDelta::days(1));
    let answer = api.http.get(&format!("/accounting/fec?from={yesterday}&to={tomorrow}")).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let lines = answer.text.split_terminator("\r\n").map(|line| line.split('\t').collect::<Vec<_>>());
    let of_customers = lines.filter(|line| line[4] == "411000");
    Ok(of_customers.map(|line| (line[8].to_owned(), line[13].to_owned())).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_that_was_paid_keeps_its_letter_and_its_credit_note_has_one_when_it_is_used() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let of = |price: &str| {
            let line = json!({"name": "Thé", "nature": "goods", "quantity": "1", "unit_price": price, "vat": {"rate": "20"}});
            json!({"customer_id": customer["id"], "lines": [line]})
        };
        let first = validated(&api, &of("100")).await?;
        let payment = json!({"customer_id": customer["id"], "method": "transfer", "amount": "120.00", "reference": "P-1"});
        api.created("/payments", &payment).await?;
        let number = |document: &Value| document["number"].as_str().unwrap_or_default().to_owned();
        let closed = BTreeMap::from([(number(&first), number(&first)), ("P-1".to_owned(), number(&first))]);
        assert_eq!(letters(&api).await?, closed);

        // Nothing is open of the invoice: the credit note pays nothing yet.
        let draft = json!({"lines": [{"line": 1, "amount": "25.00"}]});
        let draft = api.created(&format!("/invoices/{}/credit-notes", id(&first)), &draft).await?;
        let note = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
        ensure!(note.status == 200, "{}", note.text);
        let mut expected = closed.clone();
        expected.insert(number(&note.json), String::new());
        assert_eq!(letters(&api).await?, expected);

        // The next invoice uses it.
        let next = validated(&api, &of("25")).await?;
        let used = api.http.post(&format!("/customers/{}/use-credit", id(&customer)), &json!({})).await?;
        assert_eq!((used.status, &used.json), (200, &json!({"open": "0.00", "credit": "0.00"})), "{}", used.text);
        let found = letters(&api).await?;
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(closed.iter().all(|(piece, letter)| found.get(piece) == Some(letter)), "{found:?}");
        let letter = found.get(&number(&next)).filter(|letter| !letter.is_empty());
        assert!(letter.is_some() && letter == found.get(&number(&note.json)), "{found:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_does_not_balance_is_named_and_nothing_is_exported() {
    World::run(async |world| {
        let api = world.api().await?;
        let year = year();
        let path = format!("/accounting/fec?from={year}-01-01&to={year}-12-31");
        let refused = api.http.get(&path).await?;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "accounting_export_impossible"),
            "{}",
            refused.text
        );
        assert_eq!(refused.pointers(), ["/tenant/registration"]);
        let (customer, tea, _) = deposit_invoice_and_credit_note(world, &api).await?;
        let wrong = Planted {
            kind: "invoice",
            position: 3,
            day: "07-01",
            corrects: None,
            lines: &[("10.00", "1", false)],
            base: "10.00",
            tax: "2.00",
            gross: "12.01",
        };
        wrong.plant(&world.sql().await?, world.tenant().await?.id, &customer, &tea).await?;
        let refused = api.http.get(&path).await?;
        assert_eq!((refused.status, refused.code()), (409, "entry_unbalanced"), "{}", refused.text);
        assert!(refused.text.contains(&format!("FA-{year}-000003")), "{}", refused.text);
        let before = api.http.get(&format!("/accounting/fec?from={year}-01-01&to={year}-06-30")).await?;
        assert_eq!(before.status, 200, "other periods are exported: {}", before.text);
        let long = api.http.get(&format!("/accounting/fec?from={year}-01-01&to={}-01-01", year + 1)).await?;
        assert_eq!((long.status, long.pointers()), (422, vec!["/query/to"]), "{}", long.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_books_on_its_own_accounts() {
    World::run(async |world| {
        let api = world.api().await?;
        deposit_invoice_and_credit_note(world, &api).await?;
        let usual = api.http.get("/accounting/accounts").await?;
        assert_eq!((usual.status, &usual.json["accounts"]), (200, &json!([])), "{}", usual.text);
        assert_eq!(usual.json["defaults"][0], json!({"purpose": "customers", "number": "411000", "label": "Clients"}));
        let own = json!({"accounts": [
            {"purpose": "goods", "number": "707100", "label": "Ventes de thé"},
            {"purpose": "vat", "category": "S", "rate": "20", "number": "445711", "label": "TVA collectée 20 %"},
            {"purpose": "vat", "rate": "5.5", "number": "445712", "label": "TVA collectée 5,5 %"},
        ]});
        let put = async |body: &Value| api.http.send(Method::PUT, "/accounting/accounts", &[], Some(body)).await;
        let set = put(&own).await?;
        assert_eq!((set.status, set.json["accounts"].as_array().map(Vec::len)), (200, Some(3)), "{}", set.text);
        assert_eq!(api.http.get("/accounting/accounts").await?.json, set.json);
        let lines = export(&api).await?;
        let booked: Vec<&str> = lines.iter().map(|line| line[4].as_str()).collect();
        assert!(booked.contains(&"707100") && booked.contains(&"445711") && !booked.contains(&"707000"), "{booked:?}");
        let twice = json!({"accounts": [own["accounts"][0], own["accounts"][0], {"purpose": "cash", "rate": "20", "number": "531000", "label": "Caisse"}]});
        let refused = put(&twice).await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_accounts"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/accounts/1/purpose", "/accounts/2/rate"]);
        let malformed = put(&json!({"accounts": [{"purpose": "goods", "number": "70", "label": "x"}]})).await?;
        assert_eq!((malformed.status, malformed.pointers()), (422, vec!["/accounts/0/number"]), "{}", malformed.text);
        // Said again, it changes nothing.
        put(&own).await?;
        let audited = "SELECT count(*) FROM audit_events WHERE action = 'accounting.set_accounts'";
        let sql = world.sql().await?;
        assert_eq!(sql.query_one(audited, &[]).await?.get::<_, i64>(0), 1);

        let other = Tenant::create(&sql, "Other").await?;
        let stranger = api.http.with_credential(&other.api_key);
        assert_eq!(stranger.get("/accounting/accounts").await?.json["accounts"], json!([]));
        let year = year();
        let sales = stranger.get(&format!("/accounting/sales?by=year&from={year}-01-01&to={year}-12-31")).await?;
        assert_eq!(sales.json["data"], json!([]));
        let due = stranger.get(&format!("/accounting/vat-due?from={year}-01-01&to={year}-12-31")).await?;
        assert_eq!(due.json["lines"], json!([]));
        Ok(())
    })
    .await;
}
