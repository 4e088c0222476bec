//! The filters of the events that arrived for the reports.

use comptoir_core::projections::{MessageFilter, MessageState, MessageView};
use deserr::Deserr;
use utoipa::IntoParams;

use crate::export::Exported;
use crate::extract::{Faults, Several, one_of, read_from_text};

read_from_text!(MessageState => |text| one_of(text, &MessageState::ALL, MessageState::name));

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageFilters {
    /// Only events in this state, or in one of these: repeated, or separated by commas.
    #[deserr(default)]
    #[param(value_type = Option<Vec<MessageState>>, min_items = 1, max_items = 4, example = json!(["dead"]))]
    state: Option<Several<MessageState, 4>>,
}

impl From<MessageFilters> for MessageFilter {
    fn from(filters: MessageFilters) -> Self {
        Self { states: filters.state.map_or_else(Vec::new, |Several(states)| states) }
    }
}

impl Exported for MessageView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "state",
        "event_type",
        "aggregate_type",
        "aggregate_id",
        "aggregate_version",
        "attempts",
        "last_error",
        "missing_version",
        "next_attempt_at",
        "to_discard",
        "correlation_id",
        "occurred_at",
        "received_at",
        "applied_at",
    ];
}
