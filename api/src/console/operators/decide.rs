//! Deciding about dead letters: about the chosen ones, or about all that match as of now. The API may not change the outbox:
//! the relay's service `dead_letters` does it when it is asked. Before anything is done the page says how many it is about; what
//! becomes a dead letter after that is left alone.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::outbox::EventTypes;
use comptoir_core::outbox::dead_letters::{self, Filter};
use comptoir_core::services::faces::{DeadLetters, Selection};
use comptoir_core::services::{AskError, Face, Handle};
use uuid::Uuid;

use super::actions::send;
use super::of_all::{OfAll, failed, unlinked};
use super::schema::written;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::routes::services::refused;

/// The most hours that a view goes back: a year.
const MOST_HOURS: i64 = 8_784;

/// Which dead letters. Nothing is all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chosen {
    ids: Vec<Uuid>,
    event_type: Option<String>,
    aggregate_id: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

impl Chosen {
    /// Those of a list's address; ticked rows are in it as `id`.
    pub(super) fn of_address(address: &Address, now: DateTime<Utc>) -> Self {
        let hours = address.get("hours").and_then(|text| text.parse().ok());
        let hours = hours.filter(|hours| (1..=MOST_HOURS).contains(hours));
        Self {
            ids: address.all("id").filter_map(|text| Uuid::try_parse(text).ok()).collect(),
            event_type: address.get("event_type").map(|text| text.trim().to_owned()),
            aggregate_id: address.get("aggregate_id").map(|text| text.trim().to_owned()),
            since: hours.map(|hours| now - TimeDelta::hours(hours)),
            until: None,
        }
        .or_the_ticked()
    }

    /// Those that the page asked about.
    fn of_form(form: &Form) -> Result<Self, ApiError> {
        let time = |name: &'static str| match form.get(name) {
            None => Ok(None),
            Some(text) => DateTime::parse_from_rfc3339(text)
                .map(|time| Some(time.to_utc()))
                .map_err(|_| ApiError::invalid_field(&format!("/{name}"), "not_a_time", "expected RFC 3339")),
        };
        let ids = form.all("id").map(|text| {
            Uuid::try_parse(text).map_err(|_| ApiError::invalid_field("/id", "not_a_uuid", "expected an id"))
        });
        let chosen = Self {
            ids: ids.collect::<Result<_, _>>()?,
            event_type: form.get("event_type").map(str::to_owned),
            aggregate_id: form.get("aggregate_id").map(str::to_owned),
            since: time("since")?,
            until: time("until")?,
        };
        Ok(chosen.or_the_ticked())
    }

    /// Who ticked rows means these, whatever the filters are.
    fn or_the_ticked(self) -> Self {
        if self.ids.is_empty() {
            return self;
        }
        Self { ids: self.ids, until: self.until, ..Self::default() }
    }

    fn is_everything(&self) -> bool {
        self.ids.is_empty()
            && self.event_type.is_none()
            && self.aggregate_id.is_none()
            && self.since.is_none()
    }

    /// # Errors
    /// 422 for an event type that is none.
    pub(super) fn filter(&self) -> Result<Filter, ApiError> {
        let types = self.event_type.as_deref().map(str::parse::<EventTypes>).transpose();
        let event_types = types.map_err(|why| ApiError::invalid_field("/event_type", "invalid", why))?;
        Ok(Filter {
            ids: (!self.ids.is_empty()).then(|| self.ids.clone()),
            event_types,
            aggregate_id: self.aggregate_id.clone(),
            since: self.since,
            until: self.until,
        })
    }

    /// What the service is asked for.
    fn selection(&self) -> Selection {
        Selection {
            ids: (!self.ids.is_empty()).then(|| self.ids.clone()),
            event_type: self.event_type.clone(),
            aggregate_id: self.aggregate_id.clone(),
            since: self.since,
            until: self.until,
            all: self.is_everything(),
            dry_run: false,
        }
    }

    /// The same at the relay's command line.
    fn command(&self, verb: Verb) -> String {
        let mut command = format!("relay dead-letters {}", verb.name());
        let mut add = |option: &str, value: &str| command.push_str(&format!(" {option}{}", quoted(value)));
        self.event_type.iter().for_each(|value| add("--event-type ", value));
        self.aggregate_id.iter().for_each(|value| add("--aggregate-id ", value));
        self.since.iter().for_each(|since| add("--since ", &written(*since)));
        self.ids.iter().for_each(|id| add("", &id.to_string()));
        if self.is_everything() {
            command.push_str(" --all");
        }
        command
    }
}

/// A word of a command line.
fn quoted(value: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.:+".contains(character);
    if value.chars().all(is_plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Requeue,
    Discard,
}

impl Verb {
    fn named(name: Option<&str>) -> Result<Self, ApiError> {
        match name {
            Some("requeue") => Ok(Self::Requeue),
            Some("discard") => Ok(Self::Discard),
            _ => Err(ApiError::new(StatusCode::BAD_REQUEST, "bad_request", "say `requeue` or `discard`")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Requeue => "requeue",
            Self::Discard => "discard",
        }
    }
}

#[derive(Template)]
#[template(path = "console/operators/decide.html")]
struct DecidePage {
    page: Page,
    w: &'static Operators,
    faults: FormFaults,
    key: String,
    verb: &'static str,
    is_discard: bool,
    is_none: bool,
    about: String,
    submit: String,
    fields: Vec<(&'static str, String)>,
    /// What to run where no relay can be asked.
    command: Option<String>,
}

/// Says how many it is about, and asks.
pub(super) async fn ask(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let verb = Verb::named(address.get("verb"))?;
    let chosen = Chosen::of_address(&address, Utc::now());
    written_page(verb, chosen, &visitor, &services, &of_all, None).await
}

async fn written_page(
    verb: Verb,
    chosen: Chosen,
    visitor: &OperatorVisitor,
    services: &Handle,
    of_all: &OfAll,
    refused_as: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Operators::of(visitor.language);
    let Some(database) = of_all.database() else { return unlinked(visitor, w.dead_letters) };
    let mut connection = database.connection().await.map_err(failed)?;
    let extent = dead_letters::extent(&mut connection, &chosen.filter()?).await.map_err(failed)?;
    drop(connection);
    // As of now, to the microsecond: the database's clock, and not this process's.
    let chosen = Chosen { until: Some(extent.until), ..chosen };
    let is_asked = match services.offer(DeadLetters::NAME, verb.name()).await {
        Ok(_) => true,
        Err(
            AskError::NoSuchService(_)
            | AskError::NoSuchAction { .. }
            | AskError::Off { .. }
            | AskError::Unavailable(_),
        ) => false,
        Err(error) => return Err(refused(error)),
    };
    let status = if refused_as.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) =
        refused_as.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let count = visitor.format.whole(extent.count);
    let page = DecidePage {
        page: visitor.page(said::decide(verb.name(), visitor.language)),
        w,
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        verb: verb.name(),
        is_discard: verb == Verb::Discard,
        is_none: extent.count == 0,
        about: about(&chosen, &count, visitor),
        submit: said::decide_all(verb.name(), &count, visitor.language),
        command: (!is_asked).then(|| chosen.command(verb)),
        fields: fields(chosen),
    };
    layout::show(status, &page)
}

/// The number, what it is of, and the time up to which they are meant.
fn about(chosen: &Chosen, count: &str, visitor: &OperatorVisitor) -> String {
    let format = &visitor.format;
    let until = chosen.until.map(|until| format.long(until).utc).unwrap_or_default();
    let since = chosen.since.map(|since| format.long(since).utc);
    let of = [chosen.event_type.as_deref(), chosen.aggregate_id.as_deref(), since.as_deref()];
    let of: Vec<&str> = of.into_iter().flatten().collect();
    said::extent(count, &of.join(", "), &until, visitor.language)
}

fn fields(chosen: Chosen) -> Vec<(&'static str, String)> {
    let ids = chosen.ids.into_iter().map(|id| ("id", id.to_string()));
    let types = chosen.event_type.map(|text| ("event_type", text));
    let aggregate = chosen.aggregate_id.map(|text| ("aggregate_id", text));
    let since = chosen.since.map(|time| ("since", written(time)));
    let until = chosen.until.map(|time| ("until", written(time)));
    ids.chain(types).chain(aggregate).chain(since).chain(until).collect()
}

/// Asks the relay for it, and leads to the page of the command.
pub(super) async fn decide(
    visitor: OperatorVisitor,
    form: Form,
    services: Data<Handle>,
    executor: Data<Executor>,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let verb = Verb::named(form.get("verb"))?;
    let chosen = Chosen::of_form(&form)?;
    let parameters = serde_json::to_value(chosen.selection()).map_err(|cause| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the choice could not be written")
            .with_cause(cause)
    })?;
    match send(&visitor, &form, (DeadLetters::NAME, verb.name()), parameters, &services, &executor).await {
        Ok(sent) => Ok(sent),
        // The relay has gone since: the page says what to run.
        Err(error) if error.code() == "service_not_found" => {
            written_page(verb, chosen, &visitor, &services, &of_all, None).await
        }
        Err(error) => {
            let faults = FormFaults::of(error, &[], visitor.language)?;
            written_page(verb, chosen, &visitor, &services, &of_all, Some((&form, faults))).await
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;

    use super::*;

    fn form(body: &'static str) -> Form {
        Form::parse("/console/operators/dead-letters/decide", &Bytes::from_static(body.as_bytes()))
            .expect("a form")
    }

    #[test]
    fn ticked_rows_are_meant_whatever_the_filters_are_and_nothing_is_all() {
        let id = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        let ticked =
            form("id=01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b&event_type=order.*&until=2026-11-26T09%3A30%3A00Z");
        let ticked = Chosen::of_form(&ticked).expect("chosen").selection();
        assert_eq!(ticked.ids.map(|ids| ids.len()), Some(1));
        assert!(ticked.event_type.is_none() && !ticked.all && ticked.until.is_some());
        let all = Chosen::of_form(&form("verb=discard")).expect("chosen");
        assert!(all.selection().all);
        assert_eq!(all.command(Verb::Discard), "relay dead-letters discard --all");
        assert!(
            Chosen::of_form(&form("id=one")).is_err() && Chosen::of_form(&form("since=yesterday")).is_err()
        );
        let some = Chosen { ids: vec![id.parse().expect("an id")], ..Chosen::default() };
        assert_eq!(some.command(Verb::Requeue), format!("relay dead-letters requeue {id}"));
        assert_eq!(quoted("order.#"), "'order.#'");
    }
}
