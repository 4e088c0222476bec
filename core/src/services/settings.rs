//! The settings of services: `services.<name>.enabled` and so on, from a file or from the environment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::actions::Priority;
use super::contract::{Description, Kind};
use super::schedule::Schedule;
use crate::platform::config::{ConfigError, is_harmless, word};

/// The shortest and the longest interval, in milliseconds: 100 ms and 366 days.
const INTERVALS_MS: std::ops::RangeInclusive<u64> = 100..=366 * 86_400_000;

/// Every service of both programs: a file or an environment may serve both.
pub const KNOWN: &[&str] = &[
    "api_keys_usage",
    "audit_verification",
    "back_orders",
    "broker",
    "dead_letters",
    "drain",
    "feed",
    "health",
    "history",
    "imports",
    "invoice_documents",
    "invoice_sending",
    "leases",
    "login_throttle",
    "mailer",
    "metrics",
    "notifier",
    "overdue",
    "projections",
    "pruning",
    "rate_limits",
    "recovery",
    "refusals",
    "reminders",
    "replay",
    "schema",
    "service_manager",
    "services_upkeep",
    "signing_keys",
    "stock_digest",
    "stock_levels",
    "wake_ups",
];

/// Keys that a service has besides [`COMMON`]; it reads them with [`ServicesConfig::own`]. They stand here so that a misspelt key is
/// refused before anything starts, by both programs.
const OWN: &[(&str, &[&str])] = &[
    ("invoice_sending", &["directory"]),
    #[cfg(test)]
    ("a", &["batch"]),
];

/// The keys that every service has.
const COMMON: &[&str] = &["enabled", "interval_ms", "interval_seconds", "cron", "priority"];

/// What the process is for. Settings of a service may differ in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Development,
    #[default]
    Production,
    Testing,
}

impl Environment {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Development, "development"), (Self::Production, "production"), (Self::Testing, "testing")];
}

/// `[services]`: one table for each service that differs from its defaults, and `environment`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ServicesConfig {
    #[serde(default, deserialize_with = "word")]
    pub environment: Environment,
    #[serde(flatten)]
    of: BTreeMap<String, Value>,
}

/// The settings of one service, for the environment of the process.
#[derive(Debug, Clone, Default)]
pub struct ServiceSettings {
    pub enabled: bool,
    schedule: Option<Schedule>,
    priority: Option<Priority>,
    own: Map<String, Value>,
    /// Where it is turned off, and where it has a schedule, in whichever environment.
    turned_off_at: Option<String>,
    scheduled_at: Option<String>,
}

/// What one table says.
#[derive(Debug, Default)]
struct Layer {
    enabled: Option<bool>,
    schedule: Option<Schedule>,
    priority: Option<Priority>,
    own: Map<String, Value>,
}

impl ServicesConfig {
    /// Returns the settings of a service of its own, which `T` has as fields, with their defaults. Its keys are in `OWN`.
    ///
    /// # Errors
    /// Fails if `T` does not know a key, or if a value is not one of its type.
    pub fn own<T: DeserializeOwned>(&self, service: &str) -> Result<T, ConfigError> {
        let settings = self.settings(service)?;
        serde_json::from_value(Value::Object(settings.own))
            .map_err(|error| invalid(service, &error.to_string()))
    }

    /// Returns the settings of one service. The tables of all environments are checked, whichever the process is for.
    ///
    /// # Errors
    /// Fails if there is no such key, or if a value is not of its type, or out of its limits.
    pub fn settings(&self, service: &str) -> Result<ServiceSettings, ConfigError> {
        let mut base = match self.of.get(service) {
            None => Map::default(),
            Some(Value::Object(table)) => table.clone(),
            Some(_) => return Err(invalid(service, "must be a table, such as [services.pruning]")),
        };
        let of_environments: Vec<_> = Environment::ALL
            .iter()
            .filter_map(|(environment, name)| Some((*environment, *name, base.remove(*name)?)))
            .collect();
        let own = OWN.iter().find(|(name, _)| *name == service).map_or(&[][..], |(_, keys)| *keys);
        let known = || format!("there are {}", [COMMON, own].concat().join(", "));
        let tables = Environment::ALL.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
        let base = layer(service, base, own, || format!("{}, and the tables {tables}", known()))?;
        let mut settings = ServiceSettings { enabled: true, ..ServiceSettings::default() };
        settings.add(service, base, true);
        for (environment, name, table) in of_environments {
            let place = format!("{service}.{name}");
            let Value::Object(table) = table else {
                return Err(invalid(&place, "must be a table, such as { enabled = false }"));
            };
            let over = layer(&place, table, own, known)?;
            settings.add(&place, over, environment == self.environment);
        }
        Ok(settings)
    }

    /// Checks that only services that there are have settings, and that these are right.
    ///
    /// # Errors
    /// Fails at the first name that is no service's.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self.of.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            Some(name) => {
                Err(invalid(name, &format!("there is no such service; there are {}", KNOWN.join(", "))))
            }
            None => self.of.keys().try_for_each(|name| self.settings(name).map(drop)),
        }
    }
}

/// Reads one table. `known` says which keys there are.
fn layer(
    place: &str,
    table: Map<String, Value>,
    own: &[&str],
    known: impl Fn() -> String,
) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    let mut given: Vec<&str> = Vec::new();
    for (key, value) in table {
        let wrong = |right: &str| {
            let problem = format!("must be {right}, not {}", shown(&value));
            Err(invalid(&format!("{place}.{key}"), &problem))
        };
        match key.as_str() {
            "enabled" => match value.as_bool() {
                Some(enabled) => layer.enabled = Some(enabled),
                None => return wrong("true or false"),
            },
            "interval_ms" | "interval_seconds" => {
                let (name, factor) =
                    if key == "interval_ms" { ("interval_ms", 1) } else { ("interval_seconds", 1000) };
                let Some(number) = value.as_u64() else {
                    return wrong("a whole number, 100 ms to 366 days");
                };
                let ms = number.saturating_mul(factor);
                if !INTERVALS_MS.contains(&ms) {
                    return wrong("100 ms to 366 days");
                }
                layer.schedule = Some(Schedule::Every(Duration::from_millis(ms)));
                given.push(name);
            }
            "cron" => {
                let Some(text) = value.as_str() else {
                    return wrong("a text such as \"30 2 * * *\": every day at 02:30 UTC");
                };
                let cron = Schedule::cron(text);
                layer.schedule =
                    Some(cron.map_err(|error| invalid(&format!("{place}.cron"), &error.to_string()))?);
                given.push("cron");
            }
            "priority" => {
                let named = Priority::ALL.iter().find(|one| value.as_str() == Some(one.name()));
                match named {
                    Some(priority) => layer.priority = Some(*priority),
                    None => return wrong("high, normal or low"),
                }
            }
            key if own.contains(&key) => {
                layer.own.insert(key.to_owned(), value);
            }
            key => {
                let (place, known) = (format!("{place}.{key}"), known());
                return Err(invalid(&place, &format!("there is no such key; {known}")));
            }
        }
    }
    match given[..] {
        [one, other, ..] => Err(invalid(place, &format!("has both `{one}` and `{other}`; give one"))),
        _ => Ok(layer),
    }
}

/// Returns a value for a message. A text may be a URL with its password.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if is_harmless(text) => format!("\"{text}\""),
        Value::String(_) => "that text".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => other.to_string(),
    }
}

impl ServiceSettings {
    /// Adds what a table says, whose place is for messages; `holds`: it is for the environment of the process. What it says of
    /// the schedule replaces what was said before, interval or `cron`.
    fn add(&mut self, place: &str, layer: Layer, holds: bool) {
        if layer.enabled == Some(false) {
            self.turned_off_at.get_or_insert_with(|| format!("{place}.enabled"));
        }
        if layer.schedule.is_some() {
            self.scheduled_at.get_or_insert_with(|| place.to_owned());
        }
        if holds {
            self.enabled = layer.enabled.unwrap_or(self.enabled);
            self.schedule = layer.schedule.or(self.schedule.take());
            self.priority = layer.priority.or(self.priority);
            self.own.extend(layer.own);
        }
    }

    /// Changes what the service says of itself to what is configured.
    ///
    /// # Errors
    /// Fails if the service has no schedule and gets one, or if it is critical and turned off, in whichever environment.
    pub(super) fn apply(&self, service: &mut Description) -> Result<(), ConfigError> {
        if let (true, Some(place)) = (service.critical, &self.turned_off_at) {
            let problem = "this service cannot be turned off: without it the program does not do its work";
            return Err(invalid(place, problem));
        }
        if let Some(priority) = self.priority {
            service.priority = priority;
        }
        match (&mut service.kind, &self.scheduled_at) {
            (Kind::Periodic { schedule, initial_delay, .. }, _) => {
                let Some(given) = &self.schedule else { return Ok(()) };
                if let Schedule::Every(interval) = given {
                    *initial_delay = (*initial_delay).min(*interval);
                }
                *schedule = given.clone();
                Ok(())
            }
            (_, None) => Ok(()),
            (kind, Some(place)) => {
                let problem = format!("the service is {}: it has no interval and no `cron`", kind.word());
                Err(invalid(place, &problem))
            }
        }
    }
}

fn invalid(place: &str, problem: &str) -> ConfigError {
    ConfigError::Invalid(format!("services.{place}: {problem}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(value: Value) -> ServicesConfig {
        serde_json::from_value(value).expect("tables")
    }

    #[test]
    fn settings_of_the_environment_win() {
        let given = json!({"environment": "testing", "a": {"interval_seconds": 5, "priority": "low", "testing": {"enabled": false}}});
        let settings = config(given).settings("a").expect("valid");
        assert!(!settings.enabled);
        assert_eq!(settings.schedule, Some(Schedule::Every(Duration::from_secs(5))));
        let given = json!({"a": {"testing": {"enabled": false}}});
        assert!(config(given).settings("a").expect("valid").enabled, "production is the default");
    }

    #[test]
    fn a_service_that_is_none_is_refused_and_those_that_are_named() {
        let error = config(json!({"purning": {}})).validate().expect_err("refused").to_string();
        assert!(error.contains("services.purning") && error.contains("projections, pruning"), "{error}");
    }

    #[test]
    fn settings_of_the_service_s_own_have_their_types() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Own {
            batch: u16,
        }
        let given = config(json!({"a": {"enabled": true, "batch": 7}}));
        assert_eq!(given.own::<Own>("a").expect("valid").batch, 7);
        let error = config(json!({"a": {"batch": 7, "bacth": 1}})).own::<Own>("a").expect_err("refused");
        assert!(error.to_string().contains("services.a.bacth"), "{error}");
        assert!(error.to_string().contains("priority, batch"), "{error}");
    }

    fn refused(given: Value) -> String {
        config(given).validate().expect_err("refused").to_string()
    }

    #[test]
    fn a_key_that_is_none_is_refused_with_its_place_and_those_that_are() {
        let keys = "there are enabled, interval_ms, interval_seconds, cron, priority";
        let error = refused(json!({"pruning": {"enabeld": false}}));
        assert!(
            error.contains("services.pruning.enabeld: there is no such key") && error.contains(keys),
            "{error}"
        );
        assert!(error.contains("and the tables development, production, testing"), "{error}");
        let error = refused(json!({"pruning": {"staging": {"enabled": false}}}));
        assert!(
            error.contains("services.pruning.staging") && error.contains("development, production"),
            "{error}"
        );
        // Whichever environment the process is for.
        for environment in ["development", "production", "testing"] {
            let given = json!({"environment": environment, "pruning": {"production": {"foo": 3}}});
            let error = refused(given);
            assert!(error.contains("services.pruning.production.foo") && error.contains(keys), "{error}");
            assert!(!error.contains("and the tables"), "{error}");
        }
    }

    #[test]
    fn tables_of_all_environments_are_checked() {
        for (table, said) in [
            (
                json!({"testing": {"interval_seconds": -3}}),
                "services.pruning.testing.interval_seconds: must be a whole number, 100 ms to 366 days, not -3",
            ),
            (json!({"testing": {"interval_ms": 1}}), "must be 100 ms to 366 days, not 1"),
            (
                json!({"testing": {"enabled": "no"}}),
                "services.pruning.testing.enabled: must be true or false, not \"no\"",
            ),
            (json!({"testing": 1}), "services.pruning.testing: must be a table"),
            (
                json!({"testing": {"cron": "daily"}}),
                "services.pruning.testing.cron: `daily` is no cron expression",
            ),
            (json!({"testing": {"priority": "urgent"}}), "must be high, normal or low, not \"urgent\""),
            (json!({"enabled": "amqp://u:p4ss@h"}), "must be true or false, not that text"),
        ] {
            let error = refused(json!({"pruning": table}));
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn two_schedules_in_one_table_are_one_too_many() {
        for (table, said) in [
            (json!({"interval_ms": 500, "interval_seconds": 5}), "`interval_ms` and `interval_seconds`"),
            (json!({"interval_seconds": 5, "cron": "0 0 * * *"}), "`cron` and `interval_seconds`"),
        ] {
            let error = refused(json!({"pruning": table}));
            assert!(error.contains("services.pruning: has both") && error.contains(said), "{error}");
        }
    }

    #[test]
    fn the_schedule_of_an_environment_replaces_the_one_before() {
        let nightly = Schedule::cron("0 0 * * *").expect("an expression");
        let every = Schedule::Every(Duration::from_secs(5));
        for (given, schedule) in [
            (json!({"a": {"interval_seconds": 5, "production": {"cron": "0 0 * * *"}}}), &nightly),
            (json!({"a": {"cron": "0 0 * * *", "production": {"interval_seconds": 5}}}), &every),
            (json!({"a": {"interval_seconds": 5, "testing": {"cron": "0 0 * * *"}}}), &every),
        ] {
            let settings = config(given).settings("a").expect("valid");
            assert_eq!(settings.schedule.as_ref(), Some(schedule));
        }
    }

    #[test]
    fn a_service_that_is_critical_cannot_be_turned_off() {
        let mut drain = Description::continuous("drain", "").critical();
        let off =
            config(json!({"drain": {"testing": {"enabled": false}}})).settings("drain").expect("well formed");
        let error = off.apply(&mut drain).expect_err("refused").to_string();
        assert!(
            error.contains("services.drain.testing.enabled: this service cannot be turned off"),
            "{error}"
        );
        assert!(off.apply(&mut Description::continuous("drain", "")).is_ok());
        let on = config(json!({"drain": {"enabled": true}})).settings("drain").expect("well formed");
        assert!(on.apply(&mut drain).is_ok());
    }

    #[test]
    fn an_environment_that_is_none_is_refused_with_those_that_are() {
        let read = serde_json::from_value::<ServicesConfig>(json!({"environment": "prod"}));
        let error = read.expect_err("refused").to_string();
        assert!(
            error.contains("prod") && error.contains("`development`, `production`, `testing`"),
            "{error}"
        );
    }

    #[test]
    fn an_interval_of_a_service_that_has_none_is_refused() {
        let settings = config(json!({"a": {"interval_seconds": 5}})).settings("a").expect("well formed");
        let error = settings.apply(&mut Description::continuous("a", "")).expect_err("refused").to_string();
        assert!(error.contains("services.a: the service is continuous"), "{error}");
        let elsewhere =
            config(json!({"a": {"testing": {"cron": "0 0 * * *"}}})).settings("a").expect("well formed");
        let error = elsewhere.apply(&mut Description::continuous("a", "")).expect_err("refused").to_string();
        assert!(error.contains("services.a.testing"), "{error}");
        assert!(config(json!({"a": {"interval_ms": 1}})).settings("a").is_err());
        assert!(config(json!({"a": {"interval_ms": 500, "cron": "0 0 * * *"}})).settings("a").is_err());
    }
}
