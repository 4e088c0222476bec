//! The alert rules, the dashboard and the documented table name what the programs export, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use comptoir_tests::harness::{Api, Http, Relay, Scrape, World, insert_event, root, until};
use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);
/// What Prometheus adds to every series by itself.
const OF_THE_SCRAPE: [&str; 2] = ["instance", "job"];

/// Series by name: their labels with the values that were seen.
type Exported = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

type Asked = Vec<(String, Vec<String>)>;

#[derive(Default)]
struct Names {
    /// With the labels that are asked of each, and the values where there are some.
    selected: Vec<(String, Asked)>,
    grouped_by: BTreeSet<String>,
}

impl ExprVisitor for Names {
    type Error = anyhow::Error;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool> {
        let selector = match expr {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            Expr::Aggregate(aggregate) => {
                self.grouped_by.extend(aggregate.modifier.iter().flat_map(|by| by.labels().labels.clone()));
                return Ok(true);
            }
            _ => return Ok(true),
        };
        let name = selector.name.clone().context("a selector without a name")?;
        let labels = selector.matchers.matchers.iter().map(|matcher| {
            let values = match &matcher.op {
                MatchOp::Equal => vec![matcher.value.clone()],
                MatchOp::Re(_) => matcher.value.split('|').map(str::to_owned).collect(),
                MatchOp::NotEqual | MatchOp::NotRe(_) => Vec::new(),
            };
            (matcher.name.clone(), values)
        });
        self.selected.push((name, labels.collect()));
        Ok(true)
    }
}

/// What is wrong with an expression, given what is exported.
fn check(expression: &str, exported: &Exported) -> Result<()> {
    let expression =
        expression.replace("$__rate_interval", "5m").replace("$relay", ".*").replace("$api", ".*");
    let parsed = parser::parse(&expression).map_err(anyhow::Error::msg)?;
    let mut names = Names::default();
    walk_expr(&mut names, &parsed)?;
    ensure!(!names.selected.is_empty(), "it asks for no metric");
    for (name, labels) in &names.selected {
        let known = exported.get(name).with_context(|| format!("{name} is not exported"))?;
        for (label, values) in labels.iter().filter(|(label, _)| !OF_THE_SCRAPE.contains(&label.as_str())) {
            let seen = known.get(label).with_context(|| format!("{name} has no label {label}"))?;
            // Words of faults are registered at the start; other values come with what they count.
            for value in values.iter().filter(|_| label == "reason") {
                ensure!(seen.contains(value), "{name} knows no {label} {value}: {seen:?}");
            }
        }
        for label in &names.grouped_by {
            let known = known.contains_key(label) || OF_THE_SCRAPE.contains(&label.as_str());
            ensure!(known, "{name} has no label {label} to group by");
        }
    }
    Ok(())
}

fn file(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// Every expression with where it stands.
fn expressions() -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    let alerts: Value = serde_saphyr::from_str(&file("deploy/monitoring/alerts.yaml")?)?;
    for rule in alerts["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|group| group["rules"].as_array())
        .flatten()
    {
        let name = rule["alert"].as_str().context("an alert without a name")?;
        all.push((format!("alert {name}"), rule["expr"].as_str().context(name.to_owned())?.to_owned()));
    }
    let dashboard: Value = serde_json::from_str(&file("deploy/monitoring/dashboard.json")?)?;
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let title = panel["title"].as_str().context("a panel without a title")?;
            all.push((
                format!("panel {title}"),
                target["expr"].as_str().context(title.to_owned())?.to_owned(),
            ));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().into_iter().flatten() {
        if let Some(query) = variable["query"]["query"].as_str() {
            let metric =
                query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(", instance)"));
            all.push((
                format!("variable {}", variable["name"]),
                metric.context(query.to_owned())?.to_owned(),
            ));
        }
    }
    Ok(all)
}

/// The table of docs/metrics.md: name → type and labels.
fn documented() -> Result<BTreeMap<String, (String, BTreeSet<String>)>> {
    let mut all = BTreeMap::new();
    for line in file("docs/metrics.md")?.lines() {
        let Some(row) = line.strip_prefix("| `comptoir_") else { continue };
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [series, kind, meaning, ""] = cells[..] else { bail!("not three cells: {line}") };
        ensure!(!meaning.is_empty(), "no meaning: {line}");
        let series = format!("comptoir_{}", series.trim_end_matches('`'));
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => {
                (name, labels.trim_end_matches('}').split(',').map(str::to_owned).collect())
            }
            None => (series.as_str(), BTreeSet::new()),
        };
        all.insert(name.to_owned(), (kind.to_owned(), labels));
    }
    Ok(all)
}

fn exported(scrapes: &[&Scrape]) -> Exported {
    let mut all = Exported::new();
    for sample in scrapes.iter().flat_map(|scrape| &scrape.samples) {
        let labels = all.entry(sample.name.clone()).or_default();
        for (label, value) in &sample.labels {
            labels.entry(label.clone()).or_default().insert(value.clone());
        }
    }
    all
}

/// Orders, an event without a queue, a request that is refused, an e-mail, an action of a service.
async fn traffic(world: &World, api: &comptoir_tests::harness::Api) -> Result<()> {
    let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
    api.order(&customer, &product).await?;
    api.http.get("/orders/nonsense").await?;
    insert_event(&world.sql().await?, "t-1", "thing.happened", "1").await?;
    let user = json!({"email": "ada@docks.example", "name": "Ada", "role": "sales", "password": "trois bateaux gris"});
    api.created("/users", &user).await?;
    let asked = world.run_relay(&["services", "trigger", "health"]).await?;
    ensure!(asked.code == Some(0), "{asked:?}");
    world.drained(LIMIT).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_dashboard_and_document_name_what_is_exported_and_the_document_all_of_it() {
    World::run(async |world| {
        // Nobody is bound: every event becomes a dead letter, but for those of orders.
        let api = Api::start(world, &[("AMQP_URL", &world.vhost().url)]).await?;
        let (_relay, relay): (Relay, Http) = Relay::with_http(world, &[]).await?;
        let _consumer = comptoir_tests::harness::Consumer::attach(
            &world.vhost().url,
            comptoir_tests::harness::QueueOptions { binding: "order.#".to_owned(), ..Default::default() },
        )
        .await?;
        traffic(world, &api).await?;
        let documented = documented()?;
        let mut customers = 1;
        let (of_relay, of_api) = until("everything documented to be exported", LIMIT, async || {
            // What was there when the reports were built for the first time is not applied to them.
            customers += 1;
            api.customer(&format!("C-{customers}")).await?;
            let (of_relay, of_api) = (Scrape::of(&relay).await?, Scrape::of(&api.operations).await?);
            let types: BTreeSet<_> = of_relay.types.keys().chain(of_api.types.keys()).collect();
            let missing: Vec<_> = documented.keys().filter(|name| !types.contains(name)).collect();
            ensure!(missing.is_empty(), "documented and not exported: {missing:?}");
            Ok((of_relay, of_api))
        })
        .await?;
        for scrape in [&of_relay, &of_api] {
            for (name, kind) in &scrape.types {
                let (documented_kind, _) =
                    documented.get(name).with_context(|| format!("{name} is exported and not documented"))?;
                assert_eq!(documented_kind, kind, "{name}");
                assert!(scrape.with_help.contains(name), "{name} has no help");
            }
        }
        let exported = exported(&[&of_relay, &of_api]);
        for (name, (kind, labels)) in &documented {
            let series = if kind == "histogram" { format!("{name}_bucket") } else { name.clone() };
            let mut seen: BTreeSet<String> =
                exported.get(&series).with_context(|| series.clone())?.keys().cloned().collect();
            seen.remove("le");
            assert_eq!(&seen, labels, "the labels of {name}");
        }
        let wrong: Vec<String> = expressions()?
            .iter()
            .filter_map(|(place, expression)| {
                check(expression, &exported).err().map(|error| format!("{place}: {error:#}: {expression}"))
            })
            .collect();
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    })
    .await;
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    let alerts: Value = serde_saphyr::from_str(&file("deploy/monitoring/alerts.yaml").unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    for rule in
        alerts["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap())
    {
        let name = rule["alert"].as_str().unwrap();
        assert!(seen.insert(name.to_owned()), "{name} is there twice");
        assert!(matches!(rule["labels"]["severity"].as_str(), Some("critical" | "warning")), "{name}");
        for annotation in ["summary", "description"] {
            assert!(
                rule["annotations"][annotation].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {annotation}"
            );
        }
        let runbook = rule["annotations"]["runbook"].as_str().unwrap();
        let (page, anchor) = runbook.split_once('#').unwrap();
        let page = file(page).unwrap();
        assert!(anchors(&page).contains(anchor), "{name}: {runbook} is not there");
    }
    assert!(seen.len() >= 10, "{seen:?}");
}

/// What can be linked to in a Markdown page: `<a id="…">`, and headings as they are rendered.
fn anchors(page: &str) -> BTreeSet<String> {
    let explicit =
        page.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.chars()
            .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c))
            .collect::<String>()
            .replace(' ', "-")
    });
    explicit.chain(headings).collect()
}
