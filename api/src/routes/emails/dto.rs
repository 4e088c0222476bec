//! E-mails as JSON.

use comptoir_core::mail::{EmailFilter, EmailKind, EmailState, EmailView, Matching};
use deserr::Deserr;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Faults, Text, Time, one_of, read_from_text};

read_from_text!(EmailKind => |text| one_of(text, &EmailKind::ALL, EmailKind::name));
read_from_text!(EmailState => |text| one_of(text, &EmailState::ALL, EmailState::name));

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EmailFilters {
    /// Only e-mails in this state.
    #[deserr(default)]
    #[param(value_type = Option<EmailState>)]
    state: Option<EmailState>,
    /// Only e-mails of this kind.
    #[deserr(default)]
    #[param(value_type = Option<EmailKind>)]
    kind: Option<EmailKind>,
    /// Only e-mails to this address, as it was written.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    recipient: Option<Text>,
    /// Only e-mails to addresses of this domain.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "docks.example")]
    destination: Option<Text>,
}

impl From<EmailFilters> for EmailFilter {
    fn from(EmailFilters { state, kind, recipient, destination }: EmailFilters) -> Self {
        let (recipient, destination) = (recipient.map(String::from), destination.map(domain));
        Self { state, kind, recipient, destination }
    }
}

/// A domain as e-mails keep it.
fn domain(text: Text) -> String {
    String::from(text).to_ascii_lowercase()
}

/// Which e-mails are meant.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct RequeueEmailsRequest {
    /// Only e-mails of this kind.
    #[deserr(default)]
    #[schema(value_type = Option<EmailKind>)]
    kind: Option<EmailKind>,
    /// Only e-mails to addresses of this domain.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "docks.example")]
    destination: Option<Text>,
    /// Only those that have not changed since. Without it: those that match now.
    #[deserr(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    until: Option<Time>,
    /// Tells what would be done, and does nothing.
    #[deserr(default)]
    #[schema(required = false)]
    dry_run: bool,
}

impl From<RequeueEmailsRequest> for Matching {
    fn from(RequeueEmailsRequest { kind, destination, until, dry_run }: RequeueEmailsRequest) -> Self {
        Self { kind, destination: destination.map(domain), until: until.map(|Time(at)| at), dry_run }
    }
}

/// Which e-mails are meant.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct DiscardEmailsRequest {
    /// `dead` (the default), or `waiting`.
    #[deserr(default)]
    #[schema(value_type = Option<Discardable>)]
    state: Option<Discardable>,
    /// Only e-mails of this kind.
    #[deserr(default)]
    #[schema(value_type = Option<EmailKind>)]
    kind: Option<EmailKind>,
    /// Only e-mails to addresses of this domain.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "docks.example")]
    destination: Option<Text>,
    /// Only those that have not changed since. Without it: those that match now.
    #[deserr(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    until: Option<Time>,
    /// Tells what would be done, and does nothing.
    #[deserr(default)]
    #[schema(required = false)]
    dry_run: bool,
}

/// A state in which an e-mail can be discarded.
#[derive(Debug, Clone, Copy, Deserr, ToSchema)]
#[deserr(error = Faults, rename_all = lowercase)]
#[schema(as = DiscardableState, rename_all = "lowercase")]
pub(crate) enum Discardable {
    Dead,
    Waiting,
}

impl DiscardEmailsRequest {
    pub(super) fn into_parts(self) -> (Matching, EmailState) {
        let Self { state, kind, destination, until, dry_run } = self;
        let state = match state {
            None | Some(Discardable::Dead) => EmailState::Dead,
            Some(Discardable::Waiting) => EmailState::Waiting,
        };
        (
            Matching { kind, destination: destination.map(domain), until: until.map(|Time(at)| at), dry_run },
            state,
        )
    }
}

impl Exported for EmailView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "kind",
        "state",
        "recipient",
        "recipient_name",
        "user_id",
        "attempts",
        "last_error",
        "reason",
        "due_at",
        "deadline",
        "correlation_id",
        "created_at",
        "finished_at",
        "updated_at",
    ];
}
