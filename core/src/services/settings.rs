//! The settings of services: `services.<name>.enabled` and so on, from a file or from the environment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::contract::{Description, Kind};
use super::schedule::Schedule;
use crate::platform::config::ConfigError;

/// The shortest and the longest interval, in milliseconds: 100 ms and 366 days.
const INTERVALS_MS: std::ops::RangeInclusive<u64> = 100..=366 * 86_400_000;

/// Every service of both programs: a file or an environment may serve both.
pub const KNOWN: &[&str] = &[
    "api_keys_usage",
    "audit_verification",
    "broker",
    "dead_letters",
    "drain",
    "feed",
    "health",
    "history",
    "imports",
    "leases",
    "login_throttle",
    "mailer",
    "metrics",
    "notifier",
    "projections",
    "pruning",
    "rate_limits",
    "recovery",
    "refusals",
    "replay",
    "schema",
    "service_manager",
    "services_upkeep",
    "signing_keys",
    "wake_ups",
];

/// What the process is for. Settings of a service may differ in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Development,
    #[default]
    Production,
    Testing,
}

/// `[services]`: one table for each service that differs from its defaults, and `environment`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ServicesConfig {
    #[serde(default)]
    pub environment: Environment,
    #[serde(flatten)]
    of: BTreeMap<String, Value>,
}

/// The settings of one service, for the environment of the process.
#[derive(Debug, Clone, Default)]
pub struct ServiceSettings {
    pub enabled: bool,
    schedule: Option<Schedule>,
    own: Map<String, Value>,
}

/// What every service has. The rest is its own.
#[derive(Debug, Default, Deserialize)]
struct Common {
    enabled: Option<bool>,
    interval_ms: Option<u64>,
    interval_seconds: Option<u64>,
    cron: Option<String>,
    #[serde(flatten)]
    own: Map<String, Value>,
}

impl ServicesConfig {
    /// Returns the settings of a service of its own, which `T` has as fields, with their defaults.
    ///
    /// # Errors
    /// Fails if `T` does not know a key, or if a value is not one of its type.
    pub fn own<T: DeserializeOwned>(&self, service: &str) -> Result<T, ConfigError> {
        let settings = self.settings(service)?;
        serde_json::from_value(Value::Object(settings.own))
            .map_err(|error| invalid(service, &error.to_string()))
    }

    /// Returns the settings of one service.
    ///
    /// # Errors
    /// Fails if a value is not of its type, or out of its limits.
    pub fn settings(&self, service: &str) -> Result<ServiceSettings, ConfigError> {
        let mut table = match self.of.get(service) {
            None => Map::default(),
            Some(Value::Object(table)) => table.clone(),
            Some(_) => return Err(invalid(service, "must be a table, such as [services.pruning]")),
        };
        for (environment, name) in [
            (Environment::Development, "development"),
            (Environment::Production, "production"),
            (Environment::Testing, "testing"),
        ] {
            match table.remove(name) {
                Some(Value::Object(over)) if environment == self.environment => table.extend(over),
                None | Some(Value::Object(_)) => {}
                Some(_) => return Err(invalid(service, &format!("`{name}` must be a table"))),
            }
        }
        let common: Common = serde_json::from_value(Value::Object(table))
            .map_err(|error| invalid(service, &error.to_string()))?;
        let interval =
            common.interval_ms.or(common.interval_seconds.map(|seconds| seconds.saturating_mul(1000)));
        let schedule = match (interval, common.cron) {
            (Some(_), Some(_)) => return Err(invalid(service, "has both an interval and `cron`; give one")),
            (Some(ms), None) if INTERVALS_MS.contains(&ms) => {
                Some(Schedule::Every(Duration::from_millis(ms)))
            }
            (Some(_), None) => return Err(invalid(service, "the interval must be 100 ms to 366 days")),
            (None, Some(text)) => {
                Some(Schedule::cron(&text).map_err(|error| invalid(service, &error.to_string()))?)
            }
            (None, None) => None,
        };
        Ok(ServiceSettings { enabled: common.enabled.unwrap_or(true), schedule, own: common.own })
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

impl ServiceSettings {
    /// Changes what the service says of itself to what is configured.
    pub(super) fn apply(&self, service: &mut Description) -> Result<(), ConfigError> {
        let Some(given) = &self.schedule else { return Ok(()) };
        match &mut service.kind {
            Kind::Periodic { schedule, initial_delay, .. } => {
                if let Schedule::Every(interval) = given {
                    *initial_delay = (*initial_delay).min(*interval);
                }
                *schedule = given.clone();
                Ok(())
            }
            kind => {
                let problem = format!("is {}: it has no interval and no `cron`", kind.word());
                Err(invalid(service.name, &problem))
            }
        }
    }
}

fn invalid(service: &str, problem: &str) -> ConfigError {
    ConfigError::Invalid(format!("services.{service}: {problem}"))
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
        let given =
            json!({"environment": "testing", "a": {"interval_seconds": 5, "testing": {"enabled": false}}});
        let settings = config(given).settings("a").expect("valid");
        assert!(!settings.enabled);
        assert_eq!(settings.schedule, Some(Schedule::Every(Duration::from_secs(5))));
        let given = json!({"a": {"testing": {"enabled": false}}});
        assert!(config(given).settings("a").expect("valid").enabled, "production is the default");
    }

    #[test]
    fn a_service_that_is_none_is_refused_and_those_that_are_named() {
        let error = config(json!({"purning": {}})).validate().expect_err("refused").to_string();
        assert!(error.contains("services.purning") && error.contains("notifier, pruning"), "{error}");
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
        assert!(error.to_string().contains("bacth"), "{error}");
    }

    #[test]
    fn an_interval_of_a_service_that_has_none_is_refused() {
        let settings = config(json!({"a": {"interval_seconds": 5}})).settings("a").expect("well formed");
        let error = settings.apply(&mut Description::continuous("a", "")).expect_err("refused").to_string();
        assert!(error.contains("continuous"), "{error}");
        assert!(config(json!({"a": {"interval_ms": 1}})).settings("a").is_err());
        assert!(config(json!({"a": {"interval_ms": 500, "cron": "0 0 * * *"}})).settings("a").is_err());
    }
}
