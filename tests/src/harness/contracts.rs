//! Compares messages with the published contracts of their events: `schema/events/<type>.v<version>.schema.json`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use anyhow::{Context, Result};
use jsonschema::Validator;
use serde_json::Value;

use super::project::root;

/// The contracts that were needed so far, by their names. Of an event that has none, why not.
#[derive(Default)]
pub struct Contracts(HashMap<String, Result<Validator, String>>);

impl fmt::Debug for Contracts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Contracts {
    /// Returns what of a message is not as the contract of its event says; `None` if all of it is.
    pub fn fault(&mut self, event_type: &str, version: &str, body: &[u8]) -> Option<String> {
        let name = format!("{event_type}.v{version}");
        let contract = match self.0.entry(name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let contract = contract(new.key()).map_err(|error| format!("{error:#}"));
                new.insert(contract)
            }
        };
        let validator = match contract {
            Ok(validator) => validator,
            Err(why) => return Some(format!("{event_type} has no contract of version {version}: {why}")),
        };
        let payload: Value = match serde_json::from_slice(body) {
            Ok(payload) => payload,
            Err(error) => return Some(format!("{event_type} is no JSON: {error}")),
        };
        let faults: Vec<String> = validator
            .iter_errors(&payload)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        (!faults.is_empty()).then(|| format!("{event_type} {payload}: {}", faults.join("; ")))
    }
}

fn contract(name: &str) -> Result<Validator> {
    let path = root().join("schema/events").join(format!("{name}.schema.json"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let schema: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&schema).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_fits_and_one_that_lacks_a_member_or_has_another_type_does_not() {
        let mut contracts = Contracts::default();
        let path = root().join("schema/events/payment.received.v1.example.json");
        let mut payment: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut fault =
            |payload: &Value| contracts.fault("payment.received", "1", payload.to_string().as_bytes());
        assert_eq!(fault(&payment), None);
        payment["amount"] = json!(120.5);
        let wrong = fault(&payment).unwrap();
        assert!(wrong.starts_with("payment.received") && wrong.contains("/amount"), "{wrong}");
        payment["amount"] = json!("120.50");
        payment.as_object_mut().unwrap().remove("customer_id");
        assert!(fault(&payment).is_some_and(|wrong| wrong.contains("customer_id")));
        assert!(contracts.fault("payment.received", "1", b"{").is_some());
        for (event_type, version) in [("payment.received", "2"), ("payment.lost", "1")] {
            let wrong = contracts.fault(event_type, version, b"{}").unwrap();
            assert!(wrong.contains("has no contract"), "{wrong}");
        }
    }
}
