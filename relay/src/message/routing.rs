//! Routing keys: the event type, or the key of the first rule of `[[routing]]` that matches. Rules are parsed when the
//! configuration is read; an invalid rule is a configuration error that names it.

use std::borrow::Cow;
use std::fmt::{self, Write};

use comptoir_core::outbox::{OutboxRow, Pattern};
use serde::Deserialize;
use uuid::Uuid;

use super::SHORT_STRING_BYTES;

/// The length of a tenant's id as text.
const UUID_BYTES: usize = 36;

/// The facts of an event on which a routing key depends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoutingFacts<'a> {
    pub(crate) event_type: &'a str,
    pub(crate) aggregate_type: &'a str,
    pub(crate) aggregate_id: &'a str,
    pub(crate) tenant_id: Uuid,
    pub(crate) schema_version: i16,
}

impl<'a> From<&'a OutboxRow> for RoutingFacts<'a> {
    fn from(row: &'a OutboxRow) -> Self {
        Self {
            event_type: &row.event_type,
            aggregate_type: &row.aggregate_type,
            aggregate_id: &row.aggregate_id,
            tenant_id: row.tenant_id,
            schema_version: row.schema_version,
        }
    }
}

/// The rules, in the order of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Vec<RuleConfig>")]
pub(crate) struct Routing {
    rules: Vec<Rule>,
}

impl Routing {
    /// Returns the key by the configuration. It may be longer than the 255 bytes that AMQP permits.
    pub(crate) fn key<'a>(&self, facts: RoutingFacts<'a>) -> Cow<'a, str> {
        match self.rules.iter().find(|rule| rule.matches(facts)) {
            None => Cow::Borrowed(facts.event_type),
            Some(rule) => Cow::Owned(rule.template.render(facts)),
        }
    }
}

/// One `[[routing]]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleConfig {
    /// A topic pattern; every event type, if it is not given.
    event_type: Option<String>,
    /// Every tenant, if it is not given.
    tenant: Option<Uuid>,
    key: String,
}

impl fmt::Display for RuleConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event_type `{}`", self.event_type.as_deref().unwrap_or("#"))?;
        if let Some(tenant) = self.tenant {
            write!(f, ", tenant `{tenant}`")?;
        }
        write!(f, ", key `{}`", self.key)
    }
}

#[derive(Debug, Clone)]
struct Rule {
    event_type: Pattern,
    tenant: Option<Uuid>,
    template: Template,
}

impl Rule {
    fn matches(&self, facts: RoutingFacts<'_>) -> bool {
        self.tenant.is_none_or(|tenant| tenant == facts.tenant_id)
            && self.event_type.matches(facts.event_type)
    }

    fn covers(&self, later: &Self) -> bool {
        (self.tenant.is_none() || self.tenant == later.tenant) && self.event_type.covers(&later.event_type)
    }
}

impl TryFrom<Vec<RuleConfig>> for Routing {
    type Error = String;

    fn try_from(configured: Vec<RuleConfig>) -> Result<Self, String> {
        let mut rules: Vec<Rule> = Vec::with_capacity(configured.len());
        for (index, config) in configured.into_iter().enumerate() {
            let in_rule = |problem: String| format!("routing: rule {} ({config}): {problem}", index + 1);
            let event_type = config.event_type.as_deref().unwrap_or("#");
            if event_type.is_empty() {
                return Err(in_rule("event_type is empty; `#` matches every type".to_owned()));
            }
            let template = Template::parse(&config.key).map_err(in_rule)?;
            let rule = Rule { event_type: Pattern::new(event_type), tenant: config.tenant, template };
            if let Some(earlier) = rules.iter().position(|earlier| earlier.covers(&rule)) {
                return Err(in_rule(format!(
                    "never applies, because rule {} matches everything that it matches: remove it, or put it first",
                    earlier + 1
                )));
            }
            rules.push(rule);
        }
        Ok(Self { rules })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Of(Placeholder),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    EventType,
    AggregateType,
    AggregateId,
    TenantId,
    SchemaVersion,
}

impl Placeholder {
    const NAMES: [(&'static str, Self); 5] = [
        ("event_type", Self::EventType),
        ("aggregate_type", Self::AggregateType),
        ("aggregate_id", Self::AggregateId),
        ("tenant_id", Self::TenantId),
        ("schema_version", Self::SchemaVersion),
    ];

    fn parse(name: &str) -> Result<Self, String> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, placeholder)| *placeholder).ok_or_else(|| {
            let names: Vec<_> = Self::NAMES.iter().map(|(known, _)| format!("{{{known}}}")).collect();
            format!("unknown placeholder {{{name}}}; known ones: {}", names.join(", "))
        })
    }

    /// Returns how many bytes it adds to a key at least.
    fn least_bytes(self) -> usize {
        if self == Self::TenantId { UUID_BYTES } else { 1 }
    }
}

impl Template {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("key is empty; `{event_type}` is the key without a rule".to_owned());
        }
        let unbalanced =
            || "key has a brace without its partner; braces are for placeholders only".to_owned();
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(brace) = rest.find(['{', '}']) {
            let (literal, after) = rest.split_at(brace);
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let (name, after) =
                after.strip_prefix('{').and_then(|after| after.split_once('}')).ok_or_else(unbalanced)?;
            if name.contains('{') {
                return Err(unbalanced());
            }
            parts.push(Part::Of(Placeholder::parse(name)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        let template = Self(parts);
        let least = template.least_bytes();
        if least > SHORT_STRING_BYTES {
            return Err(format!(
                "every key would have {least} bytes or more; AMQP permits {SHORT_STRING_BYTES}"
            ));
        }
        Ok(template)
    }

    fn least_bytes(&self) -> usize {
        let bytes = |part: &Part| match part {
            Part::Literal(text) => text.len(),
            Part::Of(placeholder) => placeholder.least_bytes(),
        };
        self.0.iter().map(bytes).sum()
    }

    /// Returns the key. A key within AMQP's limit takes one allocation.
    fn render(&self, facts: RoutingFacts<'_>) -> String {
        let mut key = String::with_capacity(SHORT_STRING_BYTES);
        for part in &self.0 {
            // Writing to a String does not fail.
            let _ = match part {
                Part::Literal(text) => key.write_str(text),
                Part::Of(Placeholder::EventType) => key.write_str(facts.event_type),
                Part::Of(Placeholder::AggregateType) => key.write_str(facts.aggregate_type),
                Part::Of(Placeholder::AggregateId) => key.write_str(facts.aggregate_id),
                Part::Of(Placeholder::TenantId) => write!(key, "{}", facts.tenant_id),
                Part::Of(Placeholder::SchemaVersion) => write!(key, "{}", facts.schema_version),
            };
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = Uuid::from_u128(7);

    fn routing(rules: &[(&str, Option<Uuid>, &str)]) -> Result<Routing, String> {
        let rules = rules.iter().map(|(event_type, tenant, key)| RuleConfig {
            event_type: Some((*event_type).to_owned()),
            tenant: *tenant,
            key: (*key).to_owned(),
        });
        Routing::try_from(rules.collect::<Vec<_>>())
    }

    fn key(routing: &Routing, event_type: &str, tenant_id: Uuid) -> String {
        let facts = RoutingFacts {
            event_type,
            aggregate_type: "order",
            aggregate_id: "A.7",
            tenant_id,
            schema_version: 2,
        };
        routing.key(facts).into_owned()
    }

    #[test]
    fn without_a_rule_that_matches_the_key_is_the_event_type() {
        let routing = routing(&[("order.*", Some(TENANT), "x")]).expect("valid");
        assert_eq!(key(&routing, "order.placed", Uuid::nil()), "order.placed");
        assert_eq!(key(&routing, "invoice.sent", TENANT), "invoice.sent");
        assert_eq!(key(&Routing::default(), "order.placed", TENANT), "order.placed");
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let routing = routing(&[
            ("order.placed", None, "first"),
            ("order.*", Some(TENANT), "second"),
            ("#", None, "third"),
        ])
        .expect("valid");
        assert_eq!(key(&routing, "order.placed", TENANT), "first");
        assert_eq!(key(&routing, "order.shipped", TENANT), "second");
        assert_eq!(key(&routing, "order.shipped", Uuid::nil()), "third");
    }

    #[test]
    fn every_placeholder_is_filled_in() {
        let template = "{tenant_id}.{event_type}.v{schema_version}/{aggregate_type}:{aggregate_id}";
        let routing = routing(&[("#", None, template)]).expect("valid");
        assert_eq!(
            key(&routing, "order.placed", TENANT),
            "00000000-0000-0000-0000-000000000007.order.placed.v2/order:A.7"
        );
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_refused_by_number_and_reason() {
        let long = "x".repeat(220) + "{tenant_id}";
        for (rules, expected) in [
            (
                vec![("order.*", None, "{event_typ}")],
                "rule 1 (event_type `order.*`, key `{event_typ}`): unknown",
            ),
            (vec![("#", None, "a{")], "brace"),
            (vec![("#", None, "a}b")], "brace"),
            (vec![("#", None, "{event_type")], "brace"),
            (vec![("#", None, "{event_{type}}")], "brace"),
            (vec![("#", None, "{}")], "unknown placeholder {}"),
            (vec![("#", None, "")], "empty"),
            (vec![("", None, "x")], "event_type is empty"),
            (vec![("#", None, &long)], "256 bytes"),
            (vec![("a.#", None, "x"), ("a.*", None, "y")], "rule 2"),
            (vec![("a.#", None, "x"), ("a.*", Some(TENANT), "y")], "rule 1 matches everything"),
            (vec![("a", Some(TENANT), "x"), ("a", Some(TENANT), "y")], "never applies"),
        ] {
            let problem = routing(&rules).expect_err(expected);
            assert!(problem.contains(expected), "{problem}\n{expected}");
        }
        routing(&[("a.#", Some(TENANT), "x"), ("a.*", None, "y")])
            .expect("the second one is for other tenants");
    }
}
