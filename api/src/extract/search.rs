//! The query parameters of a list that can be searched, and of its export.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use comptoir_core::application::listing::{MAX_IDS, Selection};
use comptoir_core::platform::paging::{PageRequest, Period, SortKey};
use comptoir_core::values::invalid::{FieldError, Invalid};
use deserr::{Deserr, IntoValue, ValuePointerRef};
use serde_json::{Map, Value};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::query::{Flag, ListQuery, Text, Time, finish, page, parameters, read};
use super::{AnyId, Faults, one_of, read_from_text};
use crate::error::ApiError;

/// The maximum length of `q`, in characters.
const MAX_WORDS: usize = 100;
/// The maximum number of its words.
const MAX_NUMBER: usize = 10;

/// The filters that one list has for itself.
pub(crate) trait SearchFilters: Deserr<Faults> + IntoParams {
    /// All filters of the list, as core takes them.
    type Filter;
    /// What the time at which a resource was made is called in the names of parameters: `created_from`.
    const MADE: &'static str = "created";
    /// The shared parameters that the list does not have: those of [`NAMES`] by which no index finds its rows.
    const WITHOUT: &'static [&'static str] = &[];
    /// What can be shown of each resource besides.
    const INCLUDES: &'static [&'static str] = &[];

    fn with(self, selection: Selection) -> Self::Filter;
}

/// The query parameters of a list.
#[derive(Debug)]
pub(crate) struct SearchQuery<F: SearchFilters, K> {
    pub(crate) filter: F::Filter,
    /// One of [`SearchFilters::INCLUDES`].
    pub(crate) include: Option<&'static str>,
    pub(crate) page: PageRequest<K>,
}

/// The query parameters of an export: those of the list, without what concerns its pages.
#[derive(Debug)]
pub(crate) struct ExportQuery<F: SearchFilters>(pub(crate) F::Filter);

/// The filters that all of these lists have.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Selecting {
    /// Words, all of which must be there: in names, codes and numbers. Accents and case do not matter, nor do the forms of
    /// French and English words; the beginning of a word is enough.
    #[deserr(default)]
    #[param(value_type = Option<String>, min_length = 1, max_length = 100, example = "librairie carmes")]
    q: Option<Words>,
    /// Only those with these ids, at most 100: repeated, or separated by commas.
    #[deserr(default)]
    #[param(value_type = Option<Vec<Uuid>>, min_items = 1, max_items = 100)]
    ids: Option<Several<AnyId, MAX_IDS>>,
    /// Only the one that your own system calls so.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    external_id: Option<Text>,
    /// Made at this time or later; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    created_from: Option<Time>,
    /// Made before this time; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    created_before: Option<Time>,
    /// Last changed at this time or later; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    updated_from: Option<Time>,
    /// Last changed before this time; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    updated_before: Option<Time>,
}

impl From<Selecting> for Selection {
    fn from(selecting: Selecting) -> Self {
        let Selecting { q, ids, external_id, created_from, created_before, updated_from, updated_before } =
            selecting;
        let period = |from: Option<Time>, before: Option<Time>| Period {
            from: from.map(|Time(time)| time),
            before: before.map(|Time(time)| time),
        };
        Self {
            words: q.map(Into::into),
            ids: ids.map(|Several(ids)| ids.into_iter().map(|AnyId(id)| id).collect()),
            external_id: external_id.map(Into::into),
            created: period(created_from, created_before),
            updated: period(updated_from, updated_before),
            counted: false,
        }
    }
}

/// What a list has besides its filters and its pages.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Showing {
    /// Whether to count the whole list, up to 10,000: `count` in the answer.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    count: Option<Flag>,
}

impl<F: SearchFilters, K: SortKey> FromRequest for SearchQuery<F, K> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()))
    }
}

impl<F: SearchFilters, K: SortKey> SearchQuery<F, K> {
    /// Reads the parameters of a query string.
    ///
    /// # Errors
    /// 422 with all that is wrong.
    pub(crate) fn parse(query: &str) -> Result<Self, ApiError> {
        let (mut parameters, mut faults) = parameters(query);
        let page = page(&mut parameters, &mut faults);
        let showing: Option<Showing> = read(take(&mut parameters, &["count"]), String::new, &mut faults);
        let include = match parameters.remove("include") {
            Some(Value::String(text)) if !F::INCLUDES.is_empty() => {
                let one = one_of(&text, F::INCLUDES, |name| name);
                one.map_err(|invalid| faults.push(invalid.at("/query/include"))).ok()
            }
            other => {
                parameters.extend(other.map(|value| ("include".to_owned(), value)));
                None
            }
        };
        let selection = selection::<F>(&mut parameters, &mut faults);
        let others = || {
            let includes = if F::INCLUDES.is_empty() { "" } else { "include, " };
            format!("{}, count, {includes}sort, limit, cursor", names::<F>())
        };
        let filter: Option<F> = read(parameters, others, &mut faults);
        let query =
            filter.zip(selection).zip(showing).zip(page).map(|(((filter, selection), showing), page)| {
                let counted = showing.count.is_some_and(|Flag(count)| count);
                Self { filter: filter.with(Selection { counted, ..selection }), include, page }
            });
        finish(query, faults)
    }
}

impl<F: SearchFilters> FromRequest for ExportQuery<F> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (mut parameters, mut faults) = parameters(request.query_string());
        let selection = selection::<F>(&mut parameters, &mut faults);
        let filter: Option<F> = read(parameters, names::<F>, &mut faults);
        ready(finish(filter.zip(selection).map(|(filter, selection)| Self(filter.with(selection))), faults))
    }
}

/// The names of the parameters of [`Selecting`].
const NAMES: [&str; 7] =
    ["q", "ids", "external_id", "created_from", "created_before", "updated_from", "updated_before"];

/// Whether this list has the parameter.
fn has<F: SearchFilters>(name: &str) -> bool {
    !F::WITHOUT.contains(&name)
}

/// The names of the parameters that this list has, as it calls them, for an error.
fn names<F: SearchFilters>() -> String {
    NAMES.into_iter().filter(|name| has::<F>(name)).map(named::<F>).collect::<Vec<_>>().join(", ")
}

fn named<F: SearchFilters>(name: &str) -> String {
    match name.strip_prefix("created_") {
        Some(end) => format!("{}_{end}", F::MADE),
        None => name.to_owned(),
    }
}

fn selection<F: SearchFilters>(
    parameters: &mut Map<String, Value>,
    faults: &mut Vec<FieldError>,
) -> Option<Selection> {
    let mut own = Map::new();
    for name in NAMES.into_iter().filter(|name| has::<F>(name)) {
        let value = parameters.remove(&named::<F>(name));
        own.extend(value.map(|value| (name.to_owned(), value)));
    }
    let mut found = Vec::new();
    let selecting: Option<Selecting> = read(own, String::new, &mut found);
    faults.extend(found.into_iter().map(|fault| {
        let name = fault.pointer.trim_start_matches("/query/");
        FieldError { pointer: format!("/query/{}", named::<F>(name)), ..fault }
    }));
    selecting.map(Into::into)
}

/// Takes the parameters with these names out of the others.
fn take(parameters: &mut Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), parameters.remove(*name)?))).collect()
}

impl<F: SearchFilters, K: SortKey> IntoParams for SearchQuery<F, K> {
    fn into_params(within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = ExportQuery::<F>::into_params(&within);
        parameters.extend(Showing::into_params(&within));
        if !F::INCLUDES.is_empty() {
            let values = ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::String))
                .enum_values(Some(F::INCLUDES.iter().copied()));
            let include = ParameterBuilder::new()
                .name("include")
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(
                    "What to show of each besides. A page with more than 10,000 lines ends earlier.",
                ))
                .schema(Some(values));
            parameters.push(include.build());
        }
        parameters.extend(ListQuery::<F, K>::into_params(within));
        parameters
    }
}

impl<F: SearchFilters> IntoParams for ExportQuery<F> {
    fn into_params(within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = F::into_params(&within);
        let shared = Selecting::into_params(&within);
        for mut parameter in shared.into_iter().filter(|parameter| has::<F>(&parameter.name)) {
            parameter.name = named::<F>(&parameter.name);
            parameters.push(parameter);
        }
        parameters
    }
}

/// What is searched for.
#[derive(Debug)]
pub(crate) struct Words(String);

read_from_text!(Words => |text| {
    let length = text.chars().count();
    if length > MAX_WORDS {
        let message = format!("q has {length} characters; at most {MAX_WORDS} are allowed");
        return Err(Invalid::new("too_long", message));
    }
    match text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count() {
        0 => Err(Invalid::new("no_words", "q must have a letter or a digit")),
        number if number > MAX_NUMBER => {
            let message = format!("q has {number} words; at most {MAX_NUMBER} are allowed");
            Err(Invalid::new("too_many_words", message))
        }
        _ => Ok(()),
    }?;
    Ok(Words(Text::parse(text)?.into()))
});

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.0
    }
}

/// Values that are separated by commas, each of them once, and at most `MOST`.
#[derive(Debug)]
pub(crate) struct Several<T, const MOST: usize>(pub(crate) Vec<T>);

impl<T: Deserr<Faults> + PartialEq, const MOST: usize> Deserr<Faults> for Several<T, MOST> {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Faults> {
        let texts = super::text(value, location, |text| {
            Ok(text.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>())
        })?;
        if texts.len() > MOST {
            let message = format!("at most {MOST} values are allowed");
            return Err(Faults::one(location, Invalid::new("too_many", message)));
        }
        let mut values = Vec::new();
        for text in texts {
            let value = T::deserialize_from_value(deserr::Value::<V>::String(text), location)?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Ok(Self(values))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[derive(Debug, Deserr, IntoParams)]
    #[deserr(error = Faults, deny_unknown_fields)]
    struct Filters {
        #[deserr(default)]
        #[param(value_type = Option<String>)]
        code: Option<Text>,
    }

    impl SearchFilters for Filters {
        type Filter = (Option<Text>, Selection);
        const MADE: &'static str = "placed";
        const INCLUDES: &'static [&'static str] = &["lines"];

        fn with(self, selection: Selection) -> Self::Filter {
            (self.code, selection)
        }
    }

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Key;

    impl SortKey for Key {
        const NAMES: &'static [(&'static str, Self)] = &[("code", Key)];
        const DEFAULT: &'static str = "code";

        fn is_time(self) -> bool {
            false
        }
    }

    #[derive(Debug, Deserr, IntoParams)]
    #[deserr(error = Faults, deny_unknown_fields)]
    struct NoIds {
        #[deserr(default)]
        #[param(value_type = Option<String>)]
        low: Option<Text>,
    }

    impl SearchFilters for NoIds {
        type Filter = (Option<Text>, Selection);
        const WITHOUT: &'static [&'static str] = &["external_id"];

        fn with(self, selection: Selection) -> Self::Filter {
            (self.low, selection)
        }
    }

    async fn read_list(query: &str) -> Result<SearchQuery<Filters, Key>, ApiError> {
        SearchQuery::extract(&TestRequest::with_uri(&format!("/?{query}")).to_http_request()).await
    }

    async fn faults(query: &str) -> Vec<(String, &'static str)> {
        let error = read_list(query).await.expect_err("refused");
        error.fields().iter().map(|fault| (fault.pointer.clone(), fault.code)).collect()
    }

    #[test]
    fn the_names_are_those_of_the_parameters() {
        assert_eq!(
            Selecting::into_params(|| None).into_iter().map(|one| one.name).collect::<Vec<_>>(),
            NAMES
        );
    }

    #[actix_web::test]
    async fn what_all_lists_have_is_read_beside_a_lists_own_filters() {
        let id = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        let query = format!(
            "code=a&q=th%C3%A9%20vert&ids={id},%20{id}&placed_from=2026-11-21T08:00:00Z&count=true&include=lines&limit=3"
        );
        let query = read_list(&query).await.expect("valid");
        let (code, Selection { words, ids, created, counted, .. }) = query.filter;
        assert_eq!(code.map(String::from), Some("a".to_owned()));
        assert_eq!(words.as_deref(), Some("thé vert"));
        assert_eq!(ids.map(|ids| ids.len()), Some(1));
        assert!(created.from.is_some() && created.before.is_none());
        assert_eq!((counted, query.include), (true, Some("lines")));
    }

    #[actix_web::test]
    async fn every_wrong_parameter_is_named_as_the_list_calls_it() {
        let query = "q=...&ids=1&placed_from=x&created_from=x&count=1&include=vat&sort=name";
        let expected = [
            ("/query/sort", "unknown_sort"),
            ("/query/count", "not_a_boolean"),
            ("/query/include", "unknown_value"),
            ("/query/placed_from", "not_a_time"),
            ("/query/ids", "not_a_uuid"),
            ("/query/q", "no_words"),
            ("/query/created_from", "unknown_parameter"),
        ];
        let found = faults(query).await;
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        let many: Vec<_> = (0..=MAX_IDS).map(|id| uuid::Uuid::from_u128(id as u128).to_string()).collect();
        let expected = [("/query/ids".to_owned(), "too_many")];
        assert_eq!(faults(&format!("ids={}", many.join(","))).await, expected);
    }

    #[actix_web::test]
    async fn a_list_without_external_ids_knows_no_such_parameter() {
        let request = TestRequest::with_uri("/?external_id=ERP-1&created_from=x").to_http_request();
        let error = SearchQuery::<NoIds, Key>::extract(&request).await.expect_err("refused");
        let found: Vec<_> = error.fields().iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        let expected = [("/query/created_from", "not_a_time"), ("/query/external_id", "unknown_parameter")];
        assert_eq!(found, expected);
        let unknown = error.fields().iter().find(|fault| fault.code == "unknown_parameter");
        let told = unknown.map(|fault| fault.message.as_str()).unwrap_or_default();
        let others = "there is low, q, ids, created_from, created_before, updated_from, updated_before, count, sort, limit, cursor";
        assert!(told.ends_with(others), "{told}");
        let documented = |parameters: Vec<Parameter>| parameters.iter().any(|one| one.name == "external_id");
        assert!(documented(ExportQuery::<Filters>::into_params(|| None)));
        assert!(!documented(ExportQuery::<NoIds>::into_params(|| None)));
    }
}
