//! What an entry changed, as rows: a field, what it was, what it became.

use serde_json::Value;

/// The rows of one entry at most: an order of 5,000 lines is not read as a table.
const MOST: usize = 500;

/// What differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// With points: `lines.0.quantity`.
    pub(super) field: String,
    /// `None` if there was nothing.
    pub(super) was: Option<String>,
    pub(super) now: Option<String>,
}

pub(super) fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Change> {
    let mut found = Vec::new();
    compare(String::new(), before, after, &mut found);
    found
}

fn compare(field: String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    if before == after || found.len() >= MOST {
        return;
    }
    let members = |value: Option<&Value>| match value {
        Some(Value::Object(members)) => Some(members.keys().cloned().collect::<Vec<_>>()),
        Some(Value::Array(items)) => Some((0..items.len()).map(|index| index.to_string()).collect()),
        _ => None,
    };
    let (of_before, of_after) = (members(before), members(after));
    // A value that became a list, or the other way round, is one change.
    let is_nested = |value: Option<&Value>, names: &Option<Vec<String>>| {
        names.is_some() || value.is_none_or(Value::is_null)
    };
    if (of_before.is_some() || of_after.is_some())
        && is_nested(before, &of_before)
        && is_nested(after, &of_after)
    {
        let mut names = of_before.unwrap_or_default();
        let more = of_after.unwrap_or_default();
        names.extend(more.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
        for name in names {
            let inner = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
            compare(inner, member(before, &name), member(after, &name), found);
        }
        return;
    }
    let (was, now) = (before.and_then(text), after.and_then(text));
    // Nothing, and the word for nothing, are the same.
    if was != now {
        found.push(Change { field, was, now });
    }
}

fn member<'a>(value: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    match value? {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_a_row() {
        let before = json!({"name": "Ada", "role": "sales", "tags": ["a"], "address": null});
        let after =
            json!({"name": "Ada", "role": "admin", "tags": ["a", "b"], "address": {"city": "Nantes"}});
        let rows = changes(Some(&before), Some(&after));
        let row = |field: &str| rows.iter().find(|row| row.field == field);
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert_eq!(row("role").and_then(|row| row.was.as_deref()), Some("sales"));
        assert_eq!(row("tags.1").and_then(|row| row.now.as_deref()), Some("b"));
        assert_eq!(row("address.city").and_then(|row| row.was.as_deref()), None);
    }

    #[test]
    fn what_was_not_there_before_is_new_as_a_whole() {
        let after = json!({"name": "Ada", "password": null});
        let rows = changes(None, Some(&after));
        let expected = Change { field: "name".to_owned(), was: None, now: Some("Ada".to_owned()) };
        assert_eq!(rows, [expected]);
        assert!(changes(Some(&after), Some(&after)).is_empty());
    }
}
