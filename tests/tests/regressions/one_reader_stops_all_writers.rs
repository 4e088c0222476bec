//! Seen: `GET /audit-events?action=…` (also `actor_id`, or `resource_id` without its type) walked through the whole trail: 1 ms
//! with 10,000 rows, 500 ms with a million, and sixteen such readers left nothing to those who placed orders. So did `customer_id`
//! with `status`, of a customer with 200,000 orders.
//!
//! Here every list, with every filter in every order, and with every two of them in one order after another (with every combination in
//! every order in `make test-all`), first page and second, reads about as many rows as it returns, as PostgreSQL counts them for the statements that the API really sends. Where
//! no index serves a combination, a bounded number of rows is looked through. Values are chosen to be bad for whoever walks along
//! another index: the common one, the one that stands at one end of the order only, and the one that is nowhere.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Plan, Plans, PrivateServices, World};
use serde_json::Value;

/// More than what may be looked through, several times.
const DATA: &str = include_str!("one_reader_stops_all_writers.sql");
/// Of the tables that are written seldom. What is looked through is described in docs/http.md, "Lists".
const LOOKED_THROUGH: f64 = 5_000.0;
const LIMIT: f64 = 20.0;
/// Rows beyond those that were returned: the one that tells whether there is another page, and those that a sort of equal
/// keys reads together, 32 and more at a time.
const BEYOND: f64 = 70.0;

/// A list, the table that it reads, and which values its filters are tried with.
struct List {
    path: &'static str,
    table: &'static str,
    filters: &'static [(&'static str, &'static [&'static str])],
    /// What each list of its kind has besides. Each is tried alone, with each of the others, and with each of the filters.
    selection: &'static [(&'static str, &'static str)],
    /// Of these filters together no index serves all; with none named, that holds for the list as a whole.
    looks_through: fn(&BTreeMap<&str, &str>) -> bool,
}

const BUSY: &str = "01900000-0000-7000-8000-0000000000b0";
const EARLY: &str = "01900000-0000-7000-8000-0000000000e0";
const NOBODY: &str = "01900000-0000-7000-8000-0000000000ff";
/// Categories: with most of the products in it and below it, and with few.
const LARGE: &str = "01900000-0000-7000-8000-0000000000c1";
const SMALL: &str = "01900000-0000-7000-8000-0000000000c2";
/// In the middle of the rows' times.
const MIDDLE: &str = "2026-01-08T00:00:00Z";

/// In the last hour of the rows' changes.
const LATE: &str = "2026-01-14T23:30:00Z";

/// What has no index of its own in the order of the list.
fn searches(given: &BTreeMap<&str, &str>) -> bool {
    given.keys().any(|name| {
        ["q", "ids", "placed_from", "placed_before"].contains(name)
            || name.starts_with("created_")
            || name.starts_with("updated_")
    }) || given.contains_key("sort")
}

const LISTS: &[List] = &[
    List {
        path: "/api/v1/audit-events",
        table: "audit_events",
        filters: &[
            ("occurred_from", &[MIDDLE]),
            ("occurred_before", &[MIDDLE]),
            ("actor_id", &[BUSY, EARLY]),
            ("action", &["order.place", "order.cancel"]),
            ("resource_type", &["order", "customer"]),
            ("resource_id", &["busy", "17"]),
        ],
        selection: &[],
        looks_through: |given| {
            let among = |names: &[&str]| names.iter().filter(|name| given.contains_key(*name)).count();
            if given.contains_key("resource_id") {
                among(&["actor_id", "action", "resource_type"]) > 0
            } else {
                given.contains_key("resource_type") && among(&["actor_id", "action"]) > 0
            }
        },
    },
    List {
        path: "/api/v1/orders",
        table: "orders",
        filters: &[
            ("status", &["pending", "delivered", "cancelled"]),
            ("customer_id", &[BUSY, EARLY, NOBODY]),
            ("reference", &["R-17"]),
            ("held", &["true"]),
        ],
        selection: &[
            ("q", "r-17"),
            ("q", "r"),
            ("ids", BUSY),
            ("external_id", "E-17"),
            ("placed_from", MIDDLE),
            ("placed_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: |given| searches(given) || given.contains_key("held") && given.len() > 1,
    },
    List {
        path: "/api/v1/shipments",
        table: "shipments",
        filters: &[("order_id", &[BUSY, EARLY, NOBODY]), ("status", &["dispatched", "delivered"])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/orders/to-prepare",
        table: "orders",
        filters: &[("warehouse_id", &[BUSY, EARLY, NOBODY]), ("customer_id", &[BUSY, EARLY, NOBODY])],
        selection: &[("q", "r-300"), ("q", "r")],
        looks_through: |given| given.contains_key("q") || given.contains_key("customer_id"),
    },
    List {
        path: "/api/v1/returns",
        table: "returns",
        filters: &[("order_id", &[BUSY, EARLY, NOBODY])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/payments",
        table: "payments",
        filters: &[("customer_id", &[BUSY, EARLY, NOBODY])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/orders/back-orders",
        table: "orders",
        filters: &[("warehouse_id", &[BUSY, EARLY, NOBODY]), ("customer_id", &[BUSY, EARLY, NOBODY])],
        selection: &[("q", "r-200"), ("q", "r")],
        looks_through: |given| given.contains_key("q") || given.contains_key("customer_id"),
    },
    List {
        path: "/api/v1/orders/late",
        table: "orders",
        filters: &[
            ("days", &["0", "3000"]),
            ("warehouse_id", &[BUSY, EARLY, NOBODY]),
            ("customer_id", &[BUSY, EARLY, NOBODY]),
        ],
        selection: &[("q", "r-300"), ("q", "r")],
        looks_through: |_| true,
    },
    List {
        path: "/api/v1/customers",
        table: "customers",
        filters: &[
            ("code", &["C-17"]),
            ("email", &["shared@example.com", "early@example.com", "nobody@example.com"]),
            ("group_id", &[BUSY, EARLY, NOBODY]),
        ],
        selection: &[
            ("q", "17"),
            ("q", "name"),
            ("ids", BUSY),
            ("external_id", "E-17"),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: |given| searches(given) || given.contains_key("group_id"),
    },
    List {
        path: "/api/v1/customer-groups",
        table: "customer_groups",
        filters: &[("code", &["G-17"])],
        selection: &[
            ("q", "17"),
            ("q", "name"),
            ("ids", BUSY),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: searches,
    },
    List {
        path: "/api/v1/price-lists",
        table: "price_lists",
        filters: &[
            ("code", &["PL-17"]),
            ("customer_id", &[BUSY, EARLY, NOBODY]),
            ("group_id", &[BUSY, EARLY, NOBODY]),
        ],
        selection: &[
            ("q", "17"),
            ("q", "name"),
            ("ids", BUSY),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: |given| {
            searches(given) || given.contains_key("customer_id") || given.contains_key("group_id")
        },
    },
    List {
        path: "/api/v1/price-lists/01900000-0000-7000-8000-0000000000b0/entries",
        table: "price_list_entries",
        filters: &[],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/suppliers",
        table: "suppliers",
        filters: &[("code", &["S-17"])],
        selection: &[
            ("q", "17"),
            ("q", "name"),
            ("ids", BUSY),
            ("external_id", "E-17"),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: searches,
    },
    List {
        path: "/api/v1/products",
        table: "products",
        filters: &[
            ("sku", &["P-17"]),
            ("archived", &["true", "false"]),
            ("stocked", &["true", "false"]),
            ("category_id", &[LARGE, SMALL]),
        ],
        selection: &[
            ("barcode", "96385074"),
            ("q", "17"),
            ("q", "name"),
            ("ids", BUSY),
            ("external_id", "E-17"),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: |given| {
            let both = given.contains_key("archived") && given.contains_key("stocked");
            searches(given) || both || given.contains_key("category_id")
        },
    },
    List {
        path: "/api/v1/categories",
        table: "categories",
        filters: &[("code", &["K-17"]), ("parent_id", &[BUSY, EARLY, NOBODY]), ("top", &["true", "false"])],
        selection: &[
            ("q", "17"),
            ("q", "name"),
            ("ids", BUSY),
            ("external_id", "E-17"),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: |given| {
            searches(given) || given.contains_key("parent_id") || given.contains_key("top")
        },
    },
    List {
        path: "/api/v1/warehouses",
        table: "warehouses",
        filters: &[("code", &["W-17"]), ("archived", &["true", "false"])],
        selection: &[
            ("q", "17"),
            ("q", "name"),
            ("ids", BUSY),
            ("external_id", "E-17"),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: searches,
    },
    List {
        path: "/api/v1/locations",
        table: "locations",
        filters: &[("warehouse_id", &[BUSY, EARLY, NOBODY]), ("archived", &["true", "false"])],
        selection: &[
            ("q", "17"),
            ("q", "name"),
            ("ids", BUSY),
            ("external_id", "E-17"),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: |given| {
            searches(given) || given.contains_key("archived") && !given.contains_key("warehouse_id")
        },
    },
    List {
        path: "/api/v1/purchase-orders",
        table: "purchase_orders",
        filters: &[
            ("state", &["ordered", "received", "cancelled", "ordered,partly_received"]),
            ("supplier_id", &[BUSY, EARLY, NOBODY]),
            ("expected_before", &["2026-01-08"]),
        ],
        selection: &[
            ("q", "cf-17"),
            ("q", "cf"),
            ("ids", BUSY),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: |given| {
            let both = given.contains_key("state") && given.contains_key("supplier_id");
            searches(given) || both || given.contains_key("expected_before")
        },
    },
    List {
        path: "/api/v1/invoices",
        table: "invoices",
        filters: &[
            ("state", &["draft", "paid", "sent", "draft,sent"]),
            ("customer_id", &[BUSY, EARLY, NOBODY]),
            ("unpaid", &["true"]),
            ("overdue", &["true"]),
            ("issued_from", &["2026-01-01"]),
            ("issued_to", &["2025-12-31"]),
            ("series", &["FA"]),
        ],
        selection: &[
            ("q", "po-17"),
            ("q", "po"),
            ("ids", BUSY),
            ("created_from", MIDDLE),
            ("created_before", MIDDLE),
            ("updated_from", LATE),
            ("updated_before", MIDDLE),
        ],
        looks_through: |given| {
            let looked_at = ["unpaid", "overdue", "issued_from", "issued_to", "series"];
            let both = given.contains_key("state") && given.contains_key("customer_id");
            searches(given) || both || looked_at.iter().any(|name| given.contains_key(name))
        },
    },
    List {
        path: "/api/v1/stock",
        table: "stock_levels",
        filters: &[
            ("warehouse_id", &[BUSY, EARLY, NOBODY]),
            ("product_id", &[BUSY, NOBODY]),
            ("low", &["true"]),
            ("location_id", &[BUSY, EARLY, NOBODY]),
            ("category_id", &[LARGE, SMALL]),
        ],
        selection: &[("q", "17"), ("ids", BUSY)],
        looks_through: |given| {
            let looked_at = ["low", "product_id", "location_id", "category_id"];
            searches(given) || looked_at.iter().any(|name| given.contains_key(name))
        },
    },
    List {
        path: "/api/v1/stock/value/products",
        table: "stock_levels",
        filters: &[("on", &["2026-01-08"]), ("warehouse_id", &[BUSY, EARLY, NOBODY])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/stock-location-movements",
        table: "stock_location_movements",
        filters: &[
            ("recorded_from", &[MIDDLE]),
            ("recorded_before", &[MIDDLE]),
            ("location_id", &[BUSY, EARLY, NOBODY]),
            ("product_id", &[BUSY, EARLY, NOBODY]),
            ("document_id", &[BUSY, EARLY, NOBODY]),
        ],
        selection: &[],
        looks_through: |given| {
            let served = ["location_id", "product_id", "document_id"];
            served.iter().filter(|name| given.contains_key(*name)).count() > 1
        },
    },
    List {
        path: "/api/v1/stock-movements",
        table: "stock_movements",
        filters: &[
            ("recorded_from", &[MIDDLE]),
            ("recorded_before", &[MIDDLE]),
            ("product_id", &[BUSY, EARLY, NOBODY]),
            ("warehouse_id", &[BUSY, EARLY, NOBODY]),
            ("document_id", &[BUSY, EARLY, NOBODY]),
            ("kind", &["reservation", "write_off"]),
        ],
        // What finds one product (with most movements, and with few), ten of them, and more than a page looks at.
        selection: &[("q", "00017"), ("q", "00018"), ("q", "0001"), ("q", "name")],
        looks_through: |given| {
            let both = given.contains_key("product_id") && given.contains_key("document_id");
            both || ["warehouse_id", "kind", "q"].iter().any(|name| given.contains_key(name))
        },
    },
    List {
        path: "/api/v1/stock-documents",
        table: "stock_documents",
        filters: &[("kind", &["receipt", "write_off", "transfer"]), ("reference", &["R-17"])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/inventory-counts",
        table: "inventory_counts",
        filters: &[
            ("warehouse_id", &[BUSY, EARLY, NOBODY]),
            ("status", &["open", "closed", "cancelled", "review"]),
        ],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/inventory-counts/01900000-0000-7000-8000-0000000000b0/lines",
        table: "inventory_count_lines",
        filters: &[
            ("state", &["to_count", "counted", "to_recount"]),
            ("differs", &["true", "false"]),
            ("location_id", &[BUSY, EARLY, NOBODY]),
        ],
        selection: &[],
        looks_through: |given| given.contains_key("location_id") && given.len() > 1,
    },
    List {
        path: "/api/v1/inventory-counts/01900000-0000-7000-8000-0000000000b0/entries",
        table: "inventory_count_entries",
        filters: &[("product_id", &[BUSY, EARLY, NOBODY])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/imports",
        table: "imports",
        filters: &[],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/imports/01900000-0000-7000-8000-0000000000b0/refused-rows",
        table: "import_rows",
        filters: &[],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/reports/order-timelines",
        table: "order_timeline",
        filters: &[
            ("order_id", &["01900000-0000-7000-8000-000000000011"]),
            ("customer_id", &[BUSY, EARLY, NOBODY]),
            ("occurred_from", &[LATE]),
            ("occurred_before", &[MIDDLE]),
        ],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/reports/sales-by-day",
        table: "sales_by_day",
        filters: &[("day_from", &[LATE]), ("day_before", &[MIDDLE])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/reports/sales-by-month",
        table: "sales_by_month",
        filters: &[("customer_id", &[BUSY, NOBODY]), ("month_from", &[LATE]), ("month_before", &[MIDDLE])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/reports/receivables",
        table: "receivables",
        filters: &[("customer_id", &[BUSY, NOBODY])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/reports/sales-by-product",
        table: "sales_by_product",
        filters: &[("product_id", &[BUSY, NOBODY])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/reports/customer-activity",
        table: "customer_activity",
        filters: &[("customer_id", &[BUSY, NOBODY])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/projection-events",
        table: "projection_inbox",
        filters: &[("state", &["dead", "applied", "dead,waiting"])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/emails",
        table: "emails",
        filters: &[
            ("state", &["sent", "dead", "waiting", "discarded"]),
            ("kind", &["security_notice", "welcome"]),
            ("recipient", &["u17@example.com"]),
            ("destination", &["example.com", "nowhere.example"]),
        ],
        selection: &[],
        looks_through: |_| true,
    },
    List {
        path: "/api/v1/api-keys",
        table: "api_keys",
        filters: &[("revoked", &["true", "false"])],
        selection: &[],
        looks_through: |_| false,
    },
    List {
        path: "/api/v1/users",
        table: "users",
        filters: &[
            ("role", &["sales", "warehouse", "management"]),
            ("status", &["active", "disabled", "unverified"]),
            ("email", &["u17@example.com"]),
        ],
        selection: &[],
        looks_through: |_| true,
    },
    List {
        path: "/api/v1/users/01900000-0000-7000-8000-0000000000b0/sessions",
        table: "sessions",
        filters: &[],
        selection: &[],
        looks_through: |_| true,
    },
];
/// Of the sessions of whoever asks, those with nothing in the database, and what is reckoned from many rows: the aged balance, of all that 500
/// customers have open, and the sales of a period.
const NOT_TRIED: &[&str] = &["/api/v1/sessions", "/api/v1/invoices/aged-balance", "/api/v1/accounting/sales"];

/// How many of the combinations are tried. All of them take minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breadth {
    /// Each filter and each of the selection alone, in every order; each two filters, in one order after another.
    Pairs,
    All,
}

impl Breadth {
    /// The orders in which the combination `number` is tried.
    fn orders(self, number: usize, given: usize, all: &[String]) -> &[String] {
        if self == Self::All || given < 2 || all.is_empty() {
            return all;
        }
        // Not in step with the values, which change from one combination to the next.
        std::slice::from_ref(&all[(number + number / all.len()) % all.len()])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_of_every_list_reads_what_it_returns() -> Result<()> {
    every_list_reads_what_it_returns(Breadth::Pairs).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn every_combination_of_filters_of_every_list_reads_what_it_returns() -> Result<()> {
    every_list_reads_what_it_returns(Breadth::All).await
}

async fn every_list_reads_what_it_returns(breadth: Breadth) -> Result<()> {
    let server = PrivateServices::start_postgres()?;
    let world = World::new(server.services.clone()).await?;
    let sql = world.sql().await?;
    let tenant = world.tenant().await?.id.to_string();
    sql.batch_execute(&DATA.replace("TENANT", &tenant)).await.context("the data")?;
    sql.batch_execute("VACUUM ANALYZE").await?;
    let mut plans = Plans::of(&world, &server).await?;
    // What runs beside the requests reads these tables too, for all companies.
    let without =
        ["MAILER", "PRUNING", "STOCK_LEVELS", "BACK_ORDERS", "INVOICE_SENDING", "OVERDUE", "REMINDERS"]
            .map(|name| format!("COMPTOIR__SERVICES__{name}__ENABLED"));
    let without: Vec<_> = without.iter().map(|name| (name.as_str(), "false")).collect();
    let api = Api::start(&world, &without).await?;
    let described = lists(&api).await?;

    let mut found = Vec::new();
    for (path, names) in &described {
        let list = LISTS.iter().find(|list| without_id(list.path) == *path);
        let list = list.with_context(|| format!("{path}: a list that this test does not know"))?;
        let mut known: Vec<&str> = list.filters.iter().map(|(name, _)| *name).collect();
        known.extend(list.selection.iter().map(|(name, _)| *name));
        known.dedup();
        ensure!(known == *names, "{path}: the filters are {names:?}, and this test tries {known:?}");
        let sorts = sorts(&api, list.path).await?;
        for (number, given) in combinations(list, breadth).iter().enumerate() {
            for sort in breadth.orders(number, given.len(), &sorts) {
                found.extend(walk(&api, &mut plans, list, given, sort).await?);
            }
        }
    }
    drop(api);
    ensure!(found.is_empty(), "{} statements read too much:\n{}", found.len(), found.join("\n"));
    Ok(())
}

/// Asks for a page and the one behind it: what was wrong with how they were read.
async fn walk(
    api: &Api,
    plans: &mut Plans,
    list: &List,
    given: &BTreeMap<&str, &str>,
    sort: &str,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut query: String = given.iter().map(|(name, value)| format!("&{name}={value}")).collect();
    for page in 1..=2 {
        plans.forget()?;
        let path = format!("/{}?limit={LIMIT}&sort={sort}{query}", list.path);
        let answer = api.http.get(&path).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text);
        let read = plans
            .until(|plan| {
                plan.reads(list.table)
                    && plan.statement.contains("ORDER BY")
                    && !plan.statement.contains("OFFSET")
            })
            .await?;
        let looks_through = (list.looks_through)(given) || sort.contains("updated_at") && !given.is_empty();
        // How far may be looked through is asked after the page: it may be in the log only once the next page was asked for.
        let is_of_this =
            |plan: &&Plan| plan.reads(list.table) && (looks_through || !plan.statement.contains("OFFSET"));
        for plan in read.iter().filter(is_of_this) {
            wrong.extend(judged(plan, looks_through).map(|how| format!("{path} (page {page}): {how}")));
        }
        match answer.json["next_cursor"].as_str() {
            Some(cursor) => query.push_str(&format!("&cursor={cursor}")),
            None => break,
        }
    }
    Ok(wrong)
}

fn judged(plan: &Plan, looks_through: bool) -> Option<String> {
    let most = plan.returned() + BEYOND + if looks_through { LOOKED_THROUGH } else { 0.0 };
    // A row's own page and its entry's; the way down to the first. Where rows are looked through, statistics decide by chance whether each
    // is found anew by the primary key: then the way down is each row's, four or five pages. The number of rows is bounded either way.
    let of_a_row = if looks_through { 5.0 } else { 2.0 };
    let pages = 30.0 + of_a_row * most;
    // A search reads the entries of all rows that have a word, thousands on a page; the rows themselves up to the bound. Where ids
    // are looked up, PostgreSQL may find it cheaper to read along another index: some rows for each id, not all of the list's.
    let reads_entries_alone = plan.indexes().iter().any(|index| index.ends_with("_words_idx"));
    let rows = if plan.statement.contains("= ANY") { 7.0 * most } else { most };
    let reads_too_much = plan.read() > rows && !reads_entries_alone;
    (reads_too_much || plan.pages() > pages).then(|| {
        let (read, returned, pages, by) = (plan.read(), plan.returned(), plan.pages(), plan.indexes());
        format!("{read} rows and {pages} pages read for {returned}, by {by:?}")
    })
}

/// All lists that the API describes, with the names of their filters.
async fn lists(api: &Api) -> Result<BTreeMap<String, Vec<String>>> {
    let document = api.http.get("//api/openapi.json").await?.json;
    let paths = document["paths"].as_object().context("no paths")?;
    let mut lists = BTreeMap::new();
    for (path, operations) in paths {
        let parameters = operations["get"]["parameters"].as_array().into_iter().flatten();
        let names: Vec<&str> =
            parameters.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str()).collect();
        if names.contains(&"cursor") && !NOT_TRIED.contains(&path.as_str()) {
            let filters =
                names.iter().filter(|name| !["count", "cursor", "include", "limit", "sort"].contains(name));
            lists.insert(without_id(path), filters.map(|name| (*name).to_owned()).collect());
        }
    }
    Ok(lists)
}

/// `/api/v1/users/{id}/sessions`, whatever stands for the id.
fn without_id(path: &str) -> String {
    let part =
        |part: &str| if part.starts_with('{') || part.len() == 36 { "*".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The sorts of a list, from what it says of one that it does not have.
async fn sorts(api: &Api, path: &str) -> Result<Vec<String>> {
    let refused = api.http.get(&format!("/{path}?sort=none-of-them")).await?;
    let errors: &Value = &refused.json["errors"];
    let message = errors[0]["message"].as_str().context("no message about the sort")?;
    let names = message.strip_prefix("sort must be one of ").with_context(|| message.to_owned())?;
    Ok(names.split(", ").map(str::to_owned).collect())
}

/// Each filter left out, or with each of its values; and the selection beside them.
fn combinations(list: &List, breadth: Breadth) -> Vec<BTreeMap<&'static str, &'static str>> {
    let with = |given: &BTreeMap<&'static str, &'static str>, name, value| {
        let mut given = given.clone();
        given.insert(name, value);
        given
    };
    let mut all = vec![BTreeMap::new()];
    for (name, values) in list.filters {
        let more: Vec<_> =
            all.iter().flat_map(|given| values.iter().map(move |value| with(given, *name, *value))).collect();
        all.extend(more);
    }
    if breadth == Breadth::Pairs {
        all.retain(|given| given.len() <= 2);
        all.extend(list.selection.iter().map(|(name, value)| BTreeMap::from([(*name, *value)])));
        return all;
    }
    let singles: Vec<_> = all.iter().filter(|given| given.len() <= 1).cloned().collect();
    for (at, (name, value)) in list.selection.iter().enumerate() {
        all.extend(singles.iter().map(|given| with(given, *name, *value)));
        for (other, other_value) in &list.selection[..at] {
            if other != name {
                all.push(with(&with(&BTreeMap::new(), *name, *value), *other, *other_value));
            }
        }
    }
    all
}
