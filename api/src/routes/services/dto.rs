//! Services and what is asked of them, as JSON.

use std::time::Duration;

use comptoir_core::services::{CommandView, Priority, ServiceView, Wish};
use comptoir_core::values::invalid::Invalid;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::extract::{AnyId, Faults, one_of, read_from_text};

/// The limits of `time_limit_seconds`: a day.
const LONGEST_SECONDS: u64 = 86_400;
/// The most that one batch may be asked to take.
const LARGEST_BATCH: u32 = 10_000;
/// What it takes if nothing is said.
const USUAL_BATCH: u32 = 100;

/// The most commands that are listed, and how many if nothing is said.
const MOST_COMMANDS: i64 = 200;
const USUAL_COMMANDS: i64 = 50;

/// All services.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Services {
    pub(super) data: Vec<ServiceView>,
}

/// What was asked of services.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceCommands {
    pub(super) data: Vec<CommandView>,
}

/// Which commands.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CommandsQuery {
    /// The maximum number of commands; 50 if it is left out.
    #[deserr(default)]
    #[param(value_type = Option<u32>, example = 50, minimum = 1, maximum = 200)]
    limit: Option<Most>,
}

impl CommandsQuery {
    pub(super) fn most(&self) -> i64 {
        self.limit.as_ref().map_or(USUAL_COMMANDS, |most| most.0)
    }
}

#[derive(Debug)]
struct Most(i64);

read_from_text!(Most => |text| {
    let number = text.parse::<i64>().ok().filter(|number| (1..=MOST_COMMANDS).contains(number));
    number.map(Self).ok_or_else(|| Invalid::new("out_of_range", format!("expected 1 to {MOST_COMMANDS}")))
});

/// How an action is asked for.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct AskRequest {
    /// Which of several waiting actions goes first. Normally `normal`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "normal", pattern = "^(high|normal|low)$")]
    priority: Option<AskedPriority>,
    /// The action fails if it has not ended after so long, waiting included; normally the action's own limit.
    #[deserr(default)]
    #[schema(value_type = Option<u64>, example = 60, minimum = 1, maximum = 86400)]
    time_limit_seconds: Option<TimeLimit>,
    /// Only this process may do it; normally any that runs the service.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    process: Option<AnyId>,
}

/// The same with parameters, which are an object that the action's schema describes.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ActRequest {
    #[deserr(default)]
    #[schema(value_type = Option<Object>, example = json!({}))]
    parameters: Option<JsonObject>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "normal", pattern = "^(high|normal|low)$")]
    priority: Option<AskedPriority>,
    #[deserr(default)]
    #[schema(value_type = Option<u64>, example = 60, minimum = 1, maximum = 86400)]
    time_limit_seconds: Option<TimeLimit>,
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    process: Option<AnyId>,
}

/// The same with the parameters of `process-batch`.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ProcessBatchRequest {
    /// How many it takes at most; 100 if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 100, minimum = 1, maximum = 10000)]
    batch_size: Option<BatchSize>,
    /// Which of them; the action's schema says what it may say.
    #[deserr(default)]
    #[schema(value_type = Option<Object>, example = json!({}))]
    filter: Option<JsonObject>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "normal", pattern = "^(high|normal|low)$")]
    priority: Option<AskedPriority>,
    #[deserr(default)]
    #[schema(value_type = Option<u64>, example = 60, minimum = 1, maximum = 86400)]
    time_limit_seconds: Option<TimeLimit>,
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    process: Option<AnyId>,
}

impl AskRequest {
    pub(super) fn apply(self, wish: Wish) -> Wish {
        Wish {
            priority: self.priority.map(|asked| asked.0).or(wish.priority),
            time_limit: self.time_limit_seconds.map(|limit| limit.0),
            process: self.process.map(|id| id.0),
            ..wish
        }
    }
}

impl ActRequest {
    pub(super) fn apply(self, wish: Wish) -> Wish {
        let Self { parameters, priority, time_limit_seconds, process } = self;
        let parameters = serde_json::Value::Object(parameters.map(|given| given.0).unwrap_or_default());
        AskRequest { priority, time_limit_seconds, process }.apply(Wish { parameters, ..wish })
    }
}

impl ProcessBatchRequest {
    pub(super) fn apply(self, wish: Wish) -> Wish {
        let Self { batch_size, filter, priority, time_limit_seconds, process } = self;
        let mut parameters = Map::new();
        let size = batch_size.map_or(USUAL_BATCH, |asked| asked.0);
        parameters.insert("batch_size".to_owned(), json!(size));
        if let Some(JsonObject(filter)) = filter {
            parameters.insert("filter".to_owned(), serde_json::Value::Object(filter));
        }
        let parameters = serde_json::Value::Object(parameters);
        AskRequest { priority, time_limit_seconds, process }.apply(Wish { parameters, ..wish })
    }
}

#[derive(Debug)]
struct AskedPriority(Priority);

read_from_text!(AskedPriority => |text| one_of(text, Priority::ALL, Priority::name).map(Self));

#[derive(Debug, Deserr)]
#[deserr(try_from(i64) = time_limit -> Invalid, error = Faults)]
struct TimeLimit(Duration);

fn time_limit(seconds: i64) -> Result<TimeLimit, Invalid> {
    match u64::try_from(seconds) {
        Ok(seconds @ 1..=LONGEST_SECONDS) => Ok(TimeLimit(Duration::from_secs(seconds))),
        _ => Err(Invalid::new("out_of_range", format!("expected 1 to {LONGEST_SECONDS} seconds"))),
    }
}

#[derive(Debug, Deserr)]
#[deserr(try_from(i64) = batch_size -> Invalid, error = Faults)]
struct BatchSize(u32);

fn batch_size(size: i64) -> Result<BatchSize, Invalid> {
    match u32::try_from(size) {
        Ok(size @ 1..=LARGEST_BATCH) => Ok(BatchSize(size)),
        _ => Err(Invalid::new("out_of_range", format!("expected 1 to {LARGEST_BATCH}"))),
    }
}

/// An object of any form: the service knows which.
#[derive(Debug)]
struct JsonObject(Map<String, serde_json::Value>);

impl Deserr<Faults> for JsonObject {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, Faults> {
        match serde_json::Value::from(value) {
            value if has_nul(&value) => Err(Faults::one(
                location,
                Invalid::new("control_character", "must not contain the character U+0000"),
            )),
            serde_json::Value::Object(members) => Ok(Self(members)),
            _ => Err(Faults::one(location, Invalid::new("wrong_type", "expected an object"))),
        }
    }
}

/// Whether PostgreSQL cannot store the value.
fn has_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(values) => values.iter().any(has_nul),
        serde_json::Value::Object(members) => {
            members.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        _ => false,
    }
}

/// A command that was accepted; its own address says how it ends.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AcceptedCommand {
    pub(crate) id: Uuid,
    #[schema(example = "pruning")]
    pub(super) service: String,
    #[schema(example = "trigger")]
    pub(super) action: String,
    /// What log lines and events of the action are found by.
    pub(super) correlation_id: Uuid,
}

impl AcceptedCommand {
    pub(super) fn of(wish: &Wish) -> Self {
        Self {
            id: wish.id,
            service: wish.service.clone(),
            action: wish.action.clone(),
            correlation_id: wish.correlation_id,
        }
    }

    pub(super) fn location(&self) -> String {
        format!("/api/v1/service-commands/{}", self.id)
    }
}
