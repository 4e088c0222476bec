//! Query parameters. Unknown ones are refused: an unknown filter would silently do nothing.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::{DateTime, Utc};
use comptoir_core::platform::paging::{DEFAULT_LIMIT, MAX_LIMIT, PageRequest, SortKey};
use comptoir_core::values::invalid::{FieldError, Invalid};
use deserr::Deserr;
use serde_json::{Map, Value};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::faults::{Faults, escaped};
use super::{Empty, read_from_text};
use crate::error::{ApiError, MAX_FIELDS};

/// The parameters with several values. Most generated clients repeat the name; commas are shorter.
const SEVERAL: [&str; 4] = ["ids", "state", "status", "types"];

/// The absence of query parameters, for routes that read no id and no body.
#[derive(Debug)]
pub(crate) struct NoQuery;

impl FromRequest for NoQuery {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(refuse_query(request).map(|()| Self))
    }
}

/// # Errors
/// 422 if there are query parameters, which most routes do not take.
pub(super) fn refuse_query(request: &HttpRequest) -> Result<(), ApiError> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    let (parameters, mut faults) = parameters(request.query_string());
    let none: Option<Empty> = read(parameters, String::new, &mut faults);
    finish(none, faults).map(|_| ())
}

/// The query parameters of a route that is no list.
#[derive(Debug)]
pub(crate) struct Query<T>(pub T);

impl<T: Deserr<Faults>> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()))
    }
}

impl<T: Deserr<Faults>> Query<T> {
    /// Reads the parameters of a query string.
    ///
    /// # Errors
    /// 422 with all that is wrong.
    pub(crate) fn parse(query: &str) -> Result<Self, ApiError> {
        let (parameters, mut faults) = parameters(query);
        let query = read(parameters, String::new, &mut faults);
        finish(query, faults).map(Self)
    }
}

/// A list that has no filters.
#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct NoFilters {}

/// The query parameters of a list: its filters, and which page of it.
#[derive(Debug)]
pub(crate) struct ListQuery<F, K> {
    pub(crate) filter: F,
    pub(crate) page: PageRequest<K>,
}

impl<F: Deserr<Faults>, K: SortKey> FromRequest for ListQuery<F, K> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()))
    }
}

impl<F: Deserr<Faults>, K: SortKey> ListQuery<F, K> {
    /// Reads the parameters of a query string.
    ///
    /// # Errors
    /// 422 with all that is wrong.
    pub(crate) fn parse(query: &str) -> Result<Self, ApiError> {
        let (mut parameters, mut faults) = parameters(query);
        let page = page(&mut parameters, &mut faults);
        let filter = read(parameters, || "sort, limit, cursor".to_owned(), &mut faults);
        let query = filter.zip(page).map(|(filter, page)| Self { filter, page });
        finish(query, faults)
    }
}

/// Takes the parameters that say which page of a list it is to be.
pub(super) fn page<K: SortKey>(
    parameters: &mut Map<String, Value>,
    faults: &mut Vec<FieldError>,
) -> Option<PageRequest<K>> {
    let mut take = |name| match parameters.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (limit, sort, cursor) = (take("limit"), take("sort"), take("cursor"));
    // What is no number at all is no number within the limits.
    let limit = limit.map(|text| text.parse().unwrap_or(-1));
    PageRequest::parse(limit, sort.as_deref(), cursor.as_deref()).map_err(|more| faults.extend(more)).ok()
}

/// Returns the parameters by name, and a fault for each that is repeated.
pub(super) fn parameters(query: &str) -> (Map<String, Value>, Vec<FieldError>) {
    let (mut parameters, mut faults) = (Map::new(), Vec::new());
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query);
    for (name, value) in pairs.map(web::Query::into_inner).unwrap_or_default() {
        if let (true, Some(Value::String(values))) =
            (SEVERAL.contains(&name.as_str()), parameters.get_mut(&name))
        {
            values.push(',');
            values.push_str(&value);
            continue;
        }
        if parameters.contains_key(&name) && faults.len() >= MAX_FIELDS {
            break;
        }
        if parameters.contains_key(&name) {
            let message = format!("{name} is there twice, and takes one value");
            let pointer = format!("/query/{}", escaped(&name));
            faults.push(Invalid::new("duplicate_parameter", message).at(pointer));
        } else {
            parameters.insert(name, Value::String(value));
        }
    }
    (parameters, faults)
}

/// Reads the parameters. `others` returns the names of further ones that are read elsewhere, for an error.
pub(super) fn read<T: Deserr<Faults>>(
    parameters: Map<String, Value>,
    others: impl FnOnce() -> String,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    let read: Result<T, Faults> = deserr::deserialize(Value::Object(parameters));
    let Faults(more) = match read {
        Ok(read) => return Some(read),
        Err(more) => more,
    };
    let others = others();
    faults.extend(more.into_iter().map(|mut fault| {
        fault.pointer.insert_str(0, "/query");
        if fault.code == "unknown_field" {
            fault.code = "unknown_parameter";
            fault.message = match fault.message.strip_suffix("nothing") {
                Some(message) if !others.is_empty() => format!("{message}{others}"),
                _ if others.is_empty() => fault.message,
                _ => format!("{}, {others}", fault.message),
            };
        }
        fault
    }));
    None
}

pub(super) fn finish<T>(query: Option<T>, faults: Vec<FieldError>) -> Result<T, ApiError> {
    match query {
        Some(query) if faults.is_empty() => Ok(query),
        _ => Err(ApiError::invalid(faults)),
    }
}

/// A text to compare with. PostgreSQL cannot store U+0000, so no value would equal it.
#[derive(Debug)]
pub(crate) struct Text(String);

impl Text {
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        if text.contains('\0') {
            return Err(Invalid::new("control_character", "the value must not contain control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

read_from_text!(Text);

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

/// A point in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) DateTime<Utc>);

read_from_text!(Time => |text| {
    DateTime::parse_from_rfc3339(text).map(|time| Time(time.to_utc())).map_err(|_| {
        Invalid::new(
            "not_a_time",
            "expected RFC 3339 with a time zone, such as 2026-11-21T08:00:00Z (in a query, encode + as %2B)",
        )
    })
});

/// `true` or `false` as a query parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag(pub(crate) bool);

read_from_text!(Flag => |text| {
    text.parse().map(Flag).map_err(|_| Invalid::new("not_a_boolean", "expected true or false"))
});

impl<F, K: SortKey> IntoParams for ListQuery<F, K> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let names = K::NAMES.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]);
        let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        let sort = text().enum_values(Some(names)).default(Some(K::DEFAULT.into()));
        let limit = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(MAX_LIMIT))
            .default(Some(DEFAULT_LIMIT.into()));
        [
            ("sort", "What the list is sorted by; `-` in front sorts descending.", sort),
            ("limit", "The maximum number of resources in one page.", limit),
            (
                "cursor",
                "The `next_cursor` of the page before, asked for with the same `sort`.",
                text().min_length(Some(1)),
            ),
        ]
        .map(|(name, description, schema)| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(schema))
                .build()
        })
        .into()
    }
}

#[cfg(test)]
mod tests {
    use deserr::Deserr;

    use super::*;

    #[derive(Debug, Deserr)]
    #[deserr(error = Faults, deny_unknown_fields)]
    struct Filter {
        #[deserr(default)]
        #[expect(dead_code, reason = "only read")]
        code: Option<Text>,
        #[deserr(default)]
        #[expect(dead_code, reason = "only read")]
        archived: Option<Flag>,
        #[deserr(default)]
        #[expect(dead_code, reason = "only read")]
        placed_from: Option<Time>,
    }

    fn faults(query: &str) -> Vec<(String, &'static str)> {
        let (parameters, mut faults) = parameters(query);
        let _: Option<Filter> = read(parameters, || "sort".to_owned(), &mut faults);
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn good_parameters_are_read() {
        assert_eq!(faults("code=a%20b&archived=true&placed_from=2026-11-21T08:00:00%2B01:00"), []);
        assert_eq!(faults(""), []);
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let found = faults("archived=yes&placed_from=yesterday&q=x&code=a&code=b");
        let expected = [
            ("/query/code", "duplicate_parameter"),
            ("/query/archived", "not_a_boolean"),
            ("/query/placed_from", "not_a_time"),
            ("/query/q", "unknown_parameter"),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }
}
