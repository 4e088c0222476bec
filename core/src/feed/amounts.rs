//! Amounts in the events: who sees them, and how they are taken out for everybody else.

use std::borrow::Cow;

use crate::application::Permission;

/// The amounts of one kind of event.
#[derive(Debug)]
pub(super) struct Amounts {
    /// The first word of the types of the events.
    kind: &'static str,
    /// Shows them.
    pub(super) permission: Permission,
    /// The names of the members, at any depth of the payload.
    pub(super) members: &'static [&'static str],
}

/// One line for each kind: an event is kept in two forms at most, with its amounts and without.
const AMOUNTS: &[Amounts] = &[
    Amounts {
        kind: "order",
        permission: Permission::OrdersPrices,
        members: &["amount", "base", "gross_total", "net_amount", "net_total", "unit_price", "vat_total"],
    },
    Amounts { kind: "customer", permission: Permission::OrdersPrices, members: &["credit_limit"] },
];

/// Returns the amounts of an event of this type, if it may have any that not everybody sees.
pub(super) fn of(event_type: &str) -> Option<&'static Amounts> {
    let kind = event_type.split('.').next().unwrap_or_default();
    AMOUNTS.iter().find(|amounts| amounts.kind == kind)
}

/// The permissions that show amounts.
pub(super) fn permissions() -> impl Iterator<Item = Permission> {
    AMOUNTS.iter().map(|amounts| amounts.permission)
}

/// Returns a JSON text with null in place of the values of these members, at any depth. Everything else stays as it is written, every
/// digit of it. The text is valid JSON; it is read once, whatever its depth.
pub(super) fn without(json: &str, members: &[&str]) -> String {
    let bytes = json.as_bytes();
    let mut kept = String::with_capacity(json.len());
    // Everything before `copied` was copied, or left out.
    let (mut copied, mut at) = (0, 0);
    while let Some(quote) = find(bytes, at, |byte| byte == b'"') {
        let end = end_of_text(bytes, quote);
        let after = skip_spaces(bytes, end);
        at = end;
        // A text in front of a colon is the name of a member, and no other is.
        if bytes.get(after) == Some(&b':') && is_one_of(&json[quote..end], members) {
            let value = skip_spaces(bytes, after + 1);
            kept.push_str(&json[copied..value]);
            kept.push_str("null");
            at = end_of_value(bytes, value);
            copied = at;
        }
    }
    kept.push_str(&json[copied..]);
    kept
}

/// Whether a name, written as JSON with its quotes, is one of these.
fn is_one_of(written: &str, members: &[&str]) -> bool {
    let name: Cow<'_, str> = if written.contains('\\') {
        // Another program may write any character as an escape.
        serde_json::from_str::<String>(written).map_or(Cow::Borrowed(written), Cow::Owned)
    } else {
        Cow::Borrowed(written.trim_matches('"'))
    };
    members.contains(&name.as_ref())
}

fn find(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = bytes.get(from..)?;
    Some(from + rest.iter().position(|byte| is(*byte))?)
}

fn skip_spaces(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len())
}

/// Returns where a text ends that begins with the quote at `from`.
fn end_of_text(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(next) = find(bytes, at, |byte| matches!(byte, b'"' | b'\\')) {
        if bytes[next] == b'"' {
            return next + 1;
        }
        at = next + 2;
    }
    bytes.len()
}

/// Returns where a value ends that begins at `from`.
fn end_of_value(bytes: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = end_of_text(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            // Of what the value stands in: the value was a number, true, false or null.
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_members_are_null_at_any_depth_and_everything_else_is_as_it_was() {
        let members = ["price", "total"];
        for (json, expected) in [
            (r#"{"price": "7919.13"}"#, r#"{"price": null}"#),
            (
                r#"{"n":1.230000000000000000000000000001,"price":7919.13,"total":{"a":[1,"}"]},"b":"x"}"#,
                r#"{"n":1.230000000000000000000000000001,"price":null,"total":null,"b":"x"}"#,
            ),
            (
                r#"{"lines":[{"price" : "1","name":"price"},{"deep":[{"total":[[1],{"a":"]"}]}]}]}"#,
                r#"{"lines":[{"price" : null,"name":"price"},{"deep":[{"total":null}]}]}"#,
            ),
            // A value is no name, and a part of a name is none.
            (
                r#"{"a":"price","prices":"1","b":["total",":"]}"#,
                r#"{"a":"price","prices":"1","b":["total",":"]}"#,
            ),
            // A name that is written with escapes, and texts with quotes and backslashes.
            (
                r#"{"pr\u0069ce":"1","say":"\"price\":\\","total":"\\\""}"#,
                r#"{"pr\u0069ce":null,"say":"\"price\":\\","total":null}"#,
            ),
            (r#"{"total":true}"#, r#"{"total":null}"#),
            (r#"{"total":-1e5}"#, r#"{"total":null}"#),
            (r#"{"total":null,"é":"€"}"#, r#"{"total":null,"é":"€"}"#),
            ("7", "7"),
            (r#""price""#, r#""price""#),
            ("[]", "[]"),
        ] {
            assert_eq!(without(json, &members), expected);
            serde_json::from_str::<Value>(&without(json, &members)).expect("JSON");
        }
    }

    #[test]
    fn what_is_very_deep_is_read_as_what_is_flat() {
        let deep = format!("{{\"price\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(without(&deep, &["price"]), r#"{"price":null}"#);
        let around = format!("{}{{\"price\":1}}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(without(&around, &["price"]).contains(r#"{"price":null}"#));
    }

    /// The text ends in the middle: nothing of the kind comes from PostgreSQL, and nothing panics.
    #[test]
    fn a_text_that_is_no_json_ends_where_it_ends() {
        let json = r#"{"lines":[{"price":"79\"19.13","a":[1,{"total":2}]}]}"#;
        for end in 0..json.len() {
            without(&json[..end], &["price", "total"]);
        }
    }

    /// Decimals that say nothing of money: they count units and kilograms, or are percents.
    const OF_GOODS: &[&str] = &[
        "available",
        "cancelled",
        "change",
        "counted",
        "difference",
        "expected",
        "on_hand",
        "quantity",
        "rate",
        "received",
        "reorder_point",
        "reorder_quantity",
        "reserved",
        "returned",
        "shipped",
        "vat_rate",
        "waiting",
        "weight_kg",
    ];

    /// Amounts that everybody sees who sees the event: its kind, the member (`*` for all), and why.
    const SHOWN: &[(&str, &str, &str)] = &[
        (
            "product",
            "unit_price",
            "the price in the catalogue is known in the whole company (docs/permissions.md)",
        ),
        ("order", "price_source", "it says where a price comes from, and is no amount"),
        ("order", "price_list_id", "it names a price list, and is no amount"),
        ("price_list", "*", "whoever reads price lists sees their prices"),
        ("invoice", "*", "whoever reads invoices sees their amounts"),
        ("credit_note", "*", "whoever reads invoices sees their amounts"),
        ("payment", "*", "whoever reads payments sees their amounts"),
    ];

    /// The names of members that are decimals, or sound like money, whatever their type.
    fn decimals(schema: &Value, found: &mut BTreeSet<String>) {
        const LIKE_MONEY: [&str; 11] = [
            "amount", "balance", "cost", "discount", "exposure", "fee", "gained", "lost", "paid", "price",
            "total",
        ];
        match schema {
            Value::Object(object) => {
                for (name, member) in
                    object.get("properties").and_then(Value::as_object).into_iter().flatten()
                {
                    let is_decimal =
                        member["pattern"].as_str().is_some_and(|pattern| pattern.contains("[0-9]+)?$"));
                    let is_like_money = name.split('_').any(|word| LIKE_MONEY.contains(&word));
                    if is_decimal || is_like_money {
                        found.insert(name.clone());
                    }
                }
                object.values().for_each(|value| decimals(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| decimals(value, found)),
            _ => {}
        }
    }

    /// So that nobody forgets to decide who sees the amounts of a new event.
    #[test]
    fn every_amount_of_every_published_event_is_for_somebody() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/events");
        let mut masked = BTreeSet::new();
        for file in std::fs::read_dir(folder).expect("schema/events") {
            let path = file.expect("a file").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("text").to_owned();
            if !name.ends_with(".schema.json") {
                continue;
            }
            let schema = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
            let mut found = BTreeSet::new();
            decimals(&schema, &mut found);
            let kind = name.split('.').next().expect("a word");
            let hidden = of(&name).map_or(&[][..], |amounts| amounts.members);
            for member in found {
                let is_shown =
                    SHOWN.iter().any(|(of, shown, _)| *of == kind && (*shown == "*" || *shown == member));
                let is_hidden = hidden.contains(&member.as_str());
                assert!(
                    is_hidden || is_shown || OF_GOODS.contains(&member.as_str()),
                    "{name}: who sees {member}? Add it to AMOUNTS, or here to OF_GOODS or SHOWN"
                );
                masked.extend(is_hidden.then(|| format!("{kind} {member}")));
            }
        }
        let table = AMOUNTS.iter().flat_map(|amounts| {
            amounts.members.iter().map(move |member| format!("{} {member}", amounts.kind))
        });
        assert_eq!(table.collect::<BTreeSet<_>>(), masked, "what is masked is in a contract");
    }

    #[test]
    fn a_kind_has_one_line_and_an_envelope_no_amounts() {
        let kinds: BTreeSet<_> = AMOUNTS.iter().map(|amounts| amounts.kind).collect();
        assert_eq!(kinds.len(), AMOUNTS.len());
        let envelope = [
            "id",
            "type",
            "schema_version",
            "tenant_id",
            "aggregate_type",
            "aggregate_id",
            "aggregate_version",
            "occurred_at",
            "actor",
            "name",
            "correlation_id",
            "payload",
        ];
        for amounts in AMOUNTS {
            assert!(amounts.members.iter().all(|member| !envelope.contains(member)), "{amounts:?}");
        }
    }
}
