//! What others may ask of a service.

use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long an action may take, from the moment it is asked for, unless whoever asks says otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The actions that the supervisor carries out for every service.
pub(super) const TRIGGER: &str = "trigger";
pub(super) const RESTART: &str = "restart";

/// An action of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionKind {
    /// In `kebab-case`: a part of a URL.
    pub name: &'static str,
    /// One sentence for lists.
    pub about: &'static str,
    /// The JSON Schema of its parameters, which are an object.
    pub parameters: Value,
    /// Whether another process may begin it anew if the one that ran it has gone. Otherwise it fails then.
    pub repeatable: bool,
    pub time_limit: Duration,
}

impl ActionKind {
    /// `P` has the parameters: a struct with `#[serde(deny_unknown_fields)]`.
    pub fn new<P: JsonSchema>(name: &'static str, about: &'static str) -> Self {
        let mut parameters = schemars::schema_for!(P).to_value();
        if let Some(object) = parameters.as_object_mut() {
            object.remove("$schema");
        }
        Self { name, about, parameters, repeatable: false, time_limit: TIME_LIMIT }
    }

    /// Doing it twice does no harm.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }
}

/// The parameters of an action that has none.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

/// The face of a service, by which others name it. It stands in `core` also for services that only one program runs.
pub trait Face: Send + Sync + 'static {
    const NAME: &'static str;
}

/// What can be asked of a service: the parameters of one of its actions, with the type of the answer.
pub trait Ask: Serialize + Send {
    type Of: Face;
    type Answer: DeserializeOwned + Send;
    const ACTION: &'static str;
}

/// The order in which waiting actions are taken; equal ones by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    High,
    #[default]
    Normal,
    Low,
}

impl Priority {
    pub const ALL: &'static [Self] = &[Self::High, Self::Normal, Self::Low];

    pub const fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// Returns the number that is stored: smaller ones go first.
    pub(super) fn rank(self) -> i16 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }
}
