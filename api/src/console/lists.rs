//! Lists: the address is the state. Filters, sort and page stand in it, and nowhere else.

use actix_web::HttpRequest;
use actix_web::web;
use comptoir_core::platform::paging::{Count, PageRequest, SortKey};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::format::Format;
use crate::error::ApiError;

/// What stays as it is in the value of a query parameter.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b',');
/// Parameters of pages, which the API's lists do not know.
const OF_PAGES: &[&str] = &["done", "since", "before"];

/// The address of a list, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Address {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        Self::parse(request.path(), request.query_string())
    }

    /// A page without parameters.
    pub(crate) fn at(path: &str) -> Self {
        Self { path: path.to_owned(), pairs: Vec::new() }
    }

    fn parse(path: &str, query: &str) -> Self {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(query);
        let mut pairs = pairs.map(web::Query::into_inner).unwrap_or_default();
        // A form sends its empty fields too, and words without a letter find nothing.
        pairs.retain(|(name, value)| {
            !value.trim().is_empty() && (name != "q" || value.contains(char::is_alphanumeric))
        });
        Self { path: path.to_owned(), pairs }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that is repeated.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The same parameters at another path, from the beginning.
    #[must_use]
    pub(crate) fn moved(&self, path: &str) -> Self {
        let mut address = self.restarted();
        path.clone_into(&mut address.path);
        address
    }

    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }

    /// Another page of the same list begins at its beginning.
    fn restarted(&self) -> Self {
        let mut address = self.clone();
        address.pairs.retain(|(name, _)| name != "cursor" && name != "done");
        address
    }

    #[must_use]
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut address = self.without(name);
        address.pairs.push((name.to_owned(), value.to_owned()));
        address
    }

    /// The same page of the list with something shown beside it.
    #[must_use]
    pub(crate) fn beside(&self, name: &str, value: &str) -> Self {
        let mut address = self.clone();
        address.pairs.retain(|(found, _)| found != name && found != "done");
        address.pairs.push((name.to_owned(), value.to_owned()));
        address
    }

    #[must_use]
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut address = self.restarted();
        address.pairs.retain(|(found, _)| found != name);
        address
    }

    /// The same list without any filter.
    #[must_use]
    pub(crate) fn cleared(&self) -> Self {
        let mut address = self.restarted();
        address.pairs.retain(|(name, _)| name == "sort");
        address
    }

    /// Whether both show the same rows, on whichever page and in whichever order.
    pub(crate) fn is_same_list(&self, other: &Self) -> bool {
        let rows = |address: &Self| address.without("sort").to_string();
        rows(self) == rows(other)
    }

    /// What the list is exported with: all pages, in the list's own order.
    #[must_use]
    pub(crate) fn export(&self, path: &str) -> Self {
        let mut address = self.without("sort");
        path.clone_into(&mut address.path);
        address
    }

    /// The query string as the API's list takes it, with `more` in place of the page's own parameters.
    pub(crate) fn query(&self, more: &[(&str, String)]) -> String {
        let own = self.pairs.iter().filter(|(name, _)| !OF_PAGES.contains(&name.as_str()));
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        joined(own.chain(more.iter().map(|(name, value)| (*name, value.as_str()))))
    }

    /// The parameters that a form of filters keeps as they are.
    pub(crate) fn kept<'a>(&'a self, own: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let kept = self.pairs.iter().filter(move |(name, _)| {
            !own.contains(&name.as_str()) && !matches!(name.as_str(), "cursor" | "done")
        });
        kept.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn joined<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let encoded = pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, VALUE)));
    encoded.collect::<Vec<_>>().join("&")
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        if self.pairs.is_empty() {
            return Ok(());
        }
        f.write_str("?")?;
        f.write_str(&joined(self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
    }
}

/// The first rows of a list, in its own order.
///
/// # Errors
/// Never with a limit of 1 to 200.
pub(crate) fn first<K: SortKey>(limit: u8) -> Result<PageRequest<K>, ApiError> {
    PageRequest::parse(Some(limit.into()), None, None).map_err(ApiError::invalid)
}

/// One way to look at a list.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) label: String,
    pub(crate) to: Address,
    pub(crate) is_current: bool,
    pub(crate) count: Option<String>,
    pub(crate) is_warning: bool,
}

/// A filter that is set.
#[derive(Debug)]
pub(crate) struct Chip {
    pub(crate) label: String,
    /// The list without it.
    pub(crate) without: Address,
}

/// The head of a column.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) label: String,
    pub(crate) is_number: bool,
    /// Where a click sorts by it; `None` if no index does.
    pub(crate) to: Option<Address>,
    /// `ascending` or `descending` if the list is sorted by it.
    pub(crate) sorted: Option<&'static str>,
}

impl Head {
    pub(crate) fn text(label: impl ToString) -> Self {
        Self { label: label.to_string(), is_number: false, to: None, sorted: None }
    }

    pub(crate) fn number(label: impl ToString) -> Self {
        Self { is_number: true, ..Self::text(label) }
    }

    /// The head of a column by which the list can be sorted. `default` is the list's own sort.
    pub(crate) fn sortable(label: impl ToString, key: &str, address: &Address, default: &str) -> Self {
        let sort = address.get("sort").unwrap_or(default);
        let sorted = match (sort == key, sort.strip_prefix('-') == Some(key)) {
            (true, _) => Some("ascending"),
            (_, true) => Some("descending"),
            _ => None,
        };
        let next = if sorted == Some("descending") { key.to_owned() } else { format!("-{key}") };
        Self { to: Some(address.with("sort", &next)), sorted, ..Self::text(label) }
    }
}

/// Where the pages before and after are.
#[derive(Debug)]
pub(crate) struct Turn {
    /// How many rows the list has.
    pub(crate) count: Option<String>,
    /// The beginning of the list, if this is not it.
    pub(crate) first: Option<Address>,
    pub(crate) next: Option<Address>,
}

impl Turn {
    pub(crate) fn of(address: &Address, next: Option<&str>, count: Option<Count>, format: &Format) -> Self {
        Self {
            count: count.map(|count| format.count(count.value, count.exact)),
            first: address.get("cursor").map(|_| address.restarted()),
            next: next.map(|cursor| address.with("cursor", cursor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(query: &str) -> Address {
        Address::parse("/console/orders", query)
    }

    #[test]
    fn a_change_of_the_filters_begins_at_the_first_page() {
        let list = address("q=th%C3%A9+vert&status=pending&cursor=abc&done=placed");
        assert_eq!(
            list.with("status", "confirmed").to_string(),
            "/console/orders?q=th%C3%A9%20vert&status=confirmed"
        );
        assert_eq!(list.without("q").to_string(), "/console/orders?status=pending");
        assert_eq!(list.cleared().to_string(), "/console/orders");
        assert_eq!(
            list.export("/console/orders.csv").to_string(),
            "/console/orders.csv?q=th%C3%A9%20vert&status=pending"
        );
    }

    #[test]
    fn what_a_form_sends_empty_is_no_filter() {
        let list = address("q=+&status=&since=2026-11-01&q=...");
        assert_eq!(list.to_string(), "/console/orders?since=2026-11-01");
        assert_eq!(list.query(&[("placed_from", "x".to_owned())]), "placed_from=x");
    }

    #[test]
    fn a_head_turns_its_sort_round() {
        let sorted = |query| Head::sortable("Placed", "placed_at", &address(query), "-placed_at");
        assert_eq!(sorted("").sorted, Some("descending"));
        assert_eq!(sorted("").to.map(|to| to.to_string()).as_deref(), Some("/console/orders?sort=placed_at"));
        assert_eq!(sorted("sort=placed_at").sorted, Some("ascending"));
        assert_eq!(sorted("sort=updated_at").sorted, None);
    }
}
