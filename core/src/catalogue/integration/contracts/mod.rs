//! The published contracts of events. `schema/events` has for each type and version a JSON Schema of the payload,
//! `<type>.v<N>.schema.json`, and an example that the code really produces, `<type>.v<N>.example.json`. A difference fails
//! the test. `UPDATE_EVENT_CONTRACTS=1 cargo test --workspace --lib contracts` writes what is new, and never what would
//! break a consumer.

mod accounts;
mod examples;
mod invoicing;
mod logistics;
mod master_data;
mod schema;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use self::examples::contracts;
use super::asyncapi;

fn contracts_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema/events")
}

/// What a consumer needs to know of an event.
pub(super) struct Contract {
    pub(super) event_type: &'static str,
    pub(super) aggregate_type: &'static str,
    pub(super) version: i16,
    pub(super) aggregate_id: String,
    pub(super) aggregate_version: i64,
    pub(super) schema: Value,
    pub(super) example: Value,
}

fn file(name: &str, kind: &str) -> PathBuf {
    contracts_folder().join(format!("{name}.{kind}.json"))
}

/// Says what is wrong with a schema beside the published one; `None` if it may be written.
fn refusal(name: &str, published: &Value, schema: &Value) -> Option<String> {
    let breaks = comptoir_compatibility::sent(published, schema);
    (!breaks.is_empty()).then(|| {
        format!(
            "{name} is published, and its consumers would break: {}. Members may be added; for anything else, leave this \
            version as it was and make the next one (docs/how-to-add-an-event.md)",
            breaks.join("; ")
        )
    })
}

#[test]
fn published_contracts_change_by_additions_only() {
    let update = std::env::var_os("UPDATE_EVENT_CONTRACTS").is_some();
    let mut problems = Vec::new();
    for (name, Contract { schema, example, .. }) in contracts() {
        let published = std::fs::read_to_string(file(&name, "schema")).ok();
        let published = published.map(|text| serde_json::from_str(&text).expect("JSON"));
        problems.extend(published.and_then(|published| refusal(&name, &published, &schema)));
        for (kind, current) in [("schema", &schema), ("example", &example)] {
            let path = file(&name, kind);
            let current = format!("{}\n", serde_json::to_string_pretty(current).expect("JSON"));
            if std::fs::read_to_string(&path).is_ok_and(|text| text == current) {
                continue;
            }
            if update && problems.is_empty() {
                std::fs::write(&path, current).expect("written");
            } else if problems.is_empty() {
                problems.push(format!(
                    "{name}.{kind}.json is not as the code has it; see the head of contracts/mod.rs"
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_member_may_be_added_to_a_contract_and_everything_else_is_refused_with_what_to_do() {
    let (name, Contract { schema, .. }) = contracts().swap_remove(0);
    let changed = |change: fn(&mut serde_json::Map<String, Value>)| {
        let mut new = schema.clone();
        change(new["properties"].as_object_mut().expect("members"));
        refusal(&name, &schema, &new)
    };
    assert_eq!(changed(|members| drop(members.insert("more".to_owned(), json!({"type": "string"})))), None);
    type Change = fn(&mut serde_json::Map<String, Value>);
    let breaks: [(Change, &str); 3] = [
        (|members| drop(members.remove("email")), "/email is gone"),
        (
            |members| {
                let email = members.remove("email").expect("there");
                members.insert("mail".to_owned(), email);
            },
            "/email is gone",
        ),
        (|members| members["email"]["type"] = json!("integer"), "/email was string, and is integer"),
    ];
    for (change, what) in breaks {
        let said = changed(change).expect("refused");
        assert!(said.contains(what) && said.contains("make the next one"), "{said}");
    }
}

/// Compares a file that is made of the contracts with what they say now, or writes it.
fn made(path: &str, make: impl FnOnce(&str) -> String) {
    let path = contracts_folder().join("../..").join(path);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let made = make(&found);
    if std::env::var_os("UPDATE_EVENT_CONTRACTS").is_some() {
        std::fs::write(path, made).expect("written");
    } else {
        assert!(
            found == made,
            "{} is not as the contracts are; see the head of contracts/mod.rs",
            path.display()
        );
    }
}

#[test]
fn the_asyncapi_document_and_the_list_of_events_are_made_of_the_contracts() {
    let contracts = contracts();
    for (name, Contract { schema, .. }) in &contracts {
        let published = std::fs::read_to_string(file(name, "schema")).ok();
        let published = published.map(|text| serde_json::from_str(&text).expect("JSON"));
        if let Some(refused) = published.and_then(|published| refusal(name, &published, schema)) {
            panic!("{refused}");
        }
    }
    made("schema/asyncapi.json", |_| {
        format!("{}\n", serde_json::to_string_pretty(&asyncapi::asyncapi(&contracts)).expect("JSON"))
    });
    made("docs/events.md", |found| {
        let (head, _) = found.split_once("<!-- events -->").expect("where the list begins");
        format!("{head}<!-- events -->\n{}", asyncapi::markdown(&contracts))
    });
}

#[test]
fn every_contract_belongs_to_an_event() {
    let names = contracts().into_iter().map(|(name, _)| name);
    let known: BTreeSet<_> =
        names.flat_map(|name| ["schema", "example"].map(|kind| format!("{name}.{kind}.json"))).collect();
    let files: BTreeSet<_> = std::fs::read_dir(contracts_folder())
        .expect("the folder of contracts")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let unknown: Vec<_> = files.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "{unknown:?} are published, and nothing produces them any more: publish the event again, or, once no consumer uses it, delete \
        its files and say so in CHANGELOG.md"
    );
    assert!(known.is_subset(&files), "see the head of contracts/mod.rs: {:?}", known.difference(&files));
}

#[test]
fn examples_satisfy_their_schemas() {
    for (name, Contract { schema, example, .. }) in contracts() {
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = options.build(&schema).expect("a valid schema");
        let errors: Vec<_> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}
