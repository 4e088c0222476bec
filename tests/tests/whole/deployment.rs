//! What is deployed fits what the programs accept: settings, ports, paths, arguments, names.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Http, Relay, World, program, root, run};
use serde_json::Value;

const MANIFESTS: [&str; 5] = [
    "deploy/kubernetes/api.yaml",
    "deploy/kubernetes/migrate.yaml",
    "deploy/kubernetes/monitoring.yaml",
    "deploy/kubernetes/relay-autoscaling.yaml",
    "deploy/kubernetes/relay.yaml",
];

fn text(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

fn manifests() -> Result<Vec<Value>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("deploy/kubernetes"))? {
        found.insert(format!("deploy/kubernetes/{}", entry?.file_name().display()));
    }
    ensure!(found.iter().map(String::as_str).eq(MANIFESTS), "{found:?}");
    let mut all = Vec::new();
    for path in MANIFESTS {
        all.extend(serde_saphyr::from_multiple::<Value>(&text(path)?).with_context(|| path.to_owned())?);
    }
    Ok(all)
}

fn named<'a>(all: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    let found = all.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.with_context(|| format!("no {kind} {name}"))
}

/// Words that look like a setting of ours, wherever they stand.
fn settings_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_')
        .filter(|word| word.starts_with("COMPTOIR__") && !word.contains("SECTION"))
        .map(str::to_owned)
        .collect()
}

/// `COMPTOIR__SECTION__KEY` for every key of a program's defaults.
fn settings_of(defaults: &str) -> Result<BTreeSet<String>> {
    let (mut section, mut all) = (String::new(), BTreeSet::new());
    for line in text(defaults)?.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_uppercase();
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            all.insert(format!("COMPTOIR__{section}__{}", key.trim().to_uppercase()));
        }
    }
    Ok(all)
}

#[test]
fn every_setting_that_a_deployment_names_exists() {
    let api = settings_of("api/src/default.toml").unwrap();
    let relay = settings_of("relay/src/default.toml").unwrap();
    assert!(relay.contains("COMPTOIR__RELAY__HTTP_LISTEN") && api.contains("COMPTOIR__API__LISTEN"));
    let both: BTreeSet<_> = api.union(&relay).cloned().collect();
    for (path, known) in [
        ("deploy/Dockerfile.api", &api),
        ("deploy/Dockerfile.relay", &relay),
        ("deploy/compose.yaml", &both),
        ("deploy/kubernetes/api.yaml", &api),
        ("deploy/kubernetes/migrate.yaml", &api),
        ("deploy/kubernetes/relay.yaml", &relay),
        ("deploy/systemd/comptoir-api.service", &api),
        ("deploy/systemd/comptoir-migrate.service", &api),
        ("deploy/systemd/comptoir-verify@.service", &api),
        ("deploy/systemd/comptoir-erase-anonymised.service", &api),
        ("deploy/systemd/comptoir-relay.service", &relay),
        ("deploy/systemd/comptoir-relay@.service", &relay),
        ("deploy/systemd/comptoir-relay-once.service", &relay),
    ] {
        let unknown: Vec<_> = settings_in(&text(path).unwrap()).difference(known).cloned().collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?}");
    }
}

#[test]
fn manifests_fit_each_other() {
    let all = manifests().unwrap();
    for name in ["comptoir-api", "comptoir-relay"] {
        let deployment = named(&all, "Deployment", name).unwrap();
        let (spec, labels) = (&deployment["spec"], &deployment["spec"]["template"]["metadata"]["labels"]);
        assert_eq!(&spec["selector"]["matchLabels"], labels, "{name}");
        let pod = &spec["template"]["spec"];
        let container = &pod["containers"][0];
        let port = &container["ports"][0];
        // Where it listens, where it is asked, and where Prometheus looks are the same place.
        // The last one is for operators: metrics and health.
        let operations = container["ports"].as_array().unwrap().last().unwrap();
        let listen = container["env"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"].as_str().is_some_and(|name| name.ends_with("LISTEN")));
        let expected = format!("0.0.0.0:{}", port["containerPort"]);
        assert_eq!(listen.unwrap()["value"], expected.as_str(), "{name}");
        let annotations = &spec["template"]["metadata"]["annotations"];
        assert_eq!(
            annotations["prometheus.io/port"],
            operations["containerPort"].to_string().as_str(),
            "{name}"
        );
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], operations["name"], "{name} {probe}");
        }
        let service = named(&all, "Service", name).unwrap();
        assert_eq!(&service["spec"]["selector"], labels);
        assert_eq!(service["spec"]["ports"][0]["targetPort"], port["name"]);
        let monitor = named(&all, "ServiceMonitor", name).unwrap();
        assert_eq!(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]);
        let served = service["spec"]["ports"].as_array().unwrap().last().unwrap();
        assert_eq!(served["targetPort"], operations["name"]);
        assert_eq!(monitor["spec"]["endpoints"][0]["port"], served["name"]);
        for kind in ["PodDisruptionBudget", "NetworkPolicy"] {
            let one = named(&all, kind, name).unwrap();
            let selector =
                if kind == "NetworkPolicy" { &one["spec"]["podSelector"] } else { &one["spec"]["selector"] };
            assert_eq!(&selector["matchLabels"], labels, "{kind} {name}");
        }
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        for (key, value) in [("allowPrivilegeEscalation", false), ("readOnlyRootFilesystem", true)] {
            assert_eq!(container["securityContext"][key], value, "{name}: {key}");
        }
        assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL", "{name}");
    }
    let scaler = named(&all, "HorizontalPodAutoscaler", "comptoir-relay").unwrap();
    assert_eq!(scaler["spec"]["scaleTargetRef"]["name"], "comptoir-relay");
    let metric = scaler["spec"]["metrics"][0]["external"]["metric"]["name"].as_str().unwrap();
    assert!(
        text("docs/metrics.md").unwrap().contains(&format!("| `{metric}`")),
        "{metric} is no metric of ours"
    );
    assert!(scaler["spec"]["maxReplicas"].as_u64().unwrap() <= 64, "there are 64 shards");
}

#[test]
fn services_of_the_compose_file_fit_each_other() {
    let compose: Value = serde_saphyr::from_str(&text("deploy/compose.yaml").unwrap()).unwrap();
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        for needed in service["depends_on"].as_object().into_iter().flat_map(|all| all.keys()) {
            assert!(services.contains_key(needed), "{name} waits for {needed}");
        }
        let context = &service["build"]["dockerfile"];
        assert!(context.as_str().is_none_or(|path| root().join(path).is_file()), "{name}: {context}");
    }
    for (name, key) in [("api", "DATABASE_URL"), ("relay", "AMQP_URL"), ("relay", "DATABASE_URL")] {
        assert!(services[name]["environment"][key].is_string(), "{name} has no {key}");
    }
    for (name, file) in [("api", "deploy/Dockerfile.api"), ("relay", "deploy/Dockerfile.relay")] {
        let port = services[name]["ports"][0].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        let file = text(file).unwrap();
        assert!(
            file.contains(&format!("EXPOSE {port}\n")) && file.contains(&format!("LISTEN=0.0.0.0:{port}\n"))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_ask_for_what_is_answered() {
    World::run(async |world| {
        let api = Api::start(world, &[]).await?;
        let (_relay, relay): (Relay, Http) = Relay::with_http(world, &[]).await?;
        let all = manifests()?;
        for (name, http) in [("comptoir-api", &api.operations), ("comptoir-relay", &relay)] {
            let container = &named(&all, "Deployment", name)?["spec"]["template"]["spec"]["containers"][0];
            let monitor = &named(&all, "ServiceMonitor", name)?["spec"]["endpoints"][0]["path"];
            let probes = ["startupProbe", "livenessProbe", "readinessProbe"];
            for path in probes.map(|probe| &container[probe]["httpGet"]["path"]).into_iter().chain([monitor])
            {
                let path = path.as_str().context("a probe without a path")?;
                let answer = http.get(&format!("/{path}")).await?;
                // A relay that has just joined may not be ready yet; what does not exist is a 404.
                ensure!(matches!(answer.status, 200 | 503), "{name}{path}: {}", answer.status);
            }
        }
        Ok(())
    })
    .await;
}

/// Returns a file as the project has it, where a unit names it as a package installs it.
fn installed(word: &str) -> String {
    match word.strip_prefix("/etc/comptoir/").and_then(|name| name.strip_suffix(".toml")) {
        Some(program) => root().join(program).join("src/default.toml").display().to_string(),
        None => word.to_owned(),
    }
}

#[tokio::test]
async fn command_lines_of_units_and_containers_are_understood() {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for unit in ["api", "migrate", "relay", "relay@", "relay-once", "verify@", "erase-anonymised"] {
        let instance = if unit == "verify@" { "audit" } else { "9464" };
        let unit = format!("deploy/systemd/comptoir-{unit}.service");
        let text = text(&unit).unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/lib/comptoir/bin/")).unwrap();
        lines.insert(unit, line.replace("%i", instance).split(' ').map(str::to_owned).collect());
    }
    lines.insert("deploy/kubernetes/migrate.yaml".to_owned(), vec!["api".to_owned(), "migrate".to_owned()]);
    let compose: Value = serde_saphyr::from_str(&text("deploy/compose.yaml").unwrap()).unwrap();
    let mut jobs = BTreeSet::new();
    for (name, service) in compose["services"].as_object().unwrap() {
        let image = service["image"].as_str().unwrap_or_default();
        let (Some(program), Some(arguments)) =
            (image.strip_prefix("comptoir-"), service["command"].as_array())
        else {
            continue;
        };
        let words = arguments.iter().map(|word| word.as_str().unwrap().to_owned());
        lines
            .insert(format!("compose.yaml: {name}"), [program.to_owned()].into_iter().chain(words).collect());
        jobs.insert(name.as_str());
    }
    assert_eq!(jobs, ["consumer", "first-user", "migrate"].into(), "the jobs of the compose file");
    for (place, mut words) in lines {
        let mut command = Command::new(program(&words.remove(0)).unwrap());
        // The arguments are read before the settings, of which one is wrong: nothing starts.
        for word in &mut words {
            *word = installed(word);
        }
        command.args(&words).env("COMPTOIR__LOG__NONSENSE", "1");
        let exit = run(command, Duration::from_secs(20)).await.unwrap();
        assert!(exit.stderr.to_lowercase().contains("nonsense"), "{place}: {exit:?}");
    }
}
