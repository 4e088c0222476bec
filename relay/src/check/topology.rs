//! Computes where RabbitMQ would route a message, from its lists of exchanges and bindings. No I/O.

use std::collections::{BTreeSet, HashMap, HashSet};

use comptoir_core::outbox::Pattern;
use serde::Deserialize;
use serde_json::{Map, Value};

const ALTERNATE: &str = "alternate-exchange";

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Exchange {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) arguments: Map<String, Value>,
    /// The name of the policy that applies to the exchange.
    #[serde(default)]
    pub(super) policy: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Binding {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) destination_type: String,
    pub(super) routing_key: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) definition: Map<String, Value>,
}

#[derive(Debug, Default)]
pub(super) struct Topology {
    exchanges: HashMap<String, Exchange>,
    bindings: HashMap<String, Vec<Binding>>,
    policies: HashMap<String, Policy>,
}

/// The queues that a message reaches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) queues: BTreeSet<String>,
    /// Whether an exchange on the way does not route by the routing key.
    pub(super) is_uncertain: bool,
}

impl Topology {
    pub(super) fn new(exchanges: Vec<Exchange>, bindings: Vec<Binding>, policies: Vec<Policy>) -> Self {
        let mut topology = Self {
            exchanges: exchanges.into_iter().map(|exchange| (exchange.name.clone(), exchange)).collect(),
            bindings: HashMap::new(),
            policies: policies.into_iter().map(|policy| (policy.name.clone(), policy)).collect(),
        };
        for binding in bindings {
            topology.bindings.entry(binding.source.clone()).or_default().push(binding);
        }
        topology
    }

    /// Returns the alternate exchange, to which this one hands messages that it cannot route. It is set by an argument or by a
    /// policy.
    pub(super) fn alternate(&self, exchange: &str) -> Option<&str> {
        let exchange = self.exchanges.get(exchange)?;
        let by_policy = || self.policies.get(exchange.policy.as_deref()?)?.definition.get(ALTERNATE);
        exchange.arguments.get(ALTERNATE).or_else(by_policy)?.as_str()
    }

    /// Whether this queue is bound to this exchange with this key.
    pub(super) fn is_bound(&self, exchange: &str, queue: &str, key: &str) -> bool {
        self.bindings.get(exchange).into_iter().flatten().any(|binding| {
            binding.destination == queue && binding.destination_type == "queue" && binding.routing_key == key
        })
    }

    /// Follows bindings and alternate exchanges as the broker does: each exchange once.
    pub(super) fn reach(&self, exchange: &str, key: &str) -> Reach {
        let mut reach = Reach::default();
        let (mut seen, mut next) = (HashSet::new(), vec![exchange]);
        while let Some(name) = next.pop() {
            let Some(exchange) = self.exchanges.get(name).filter(|_| seen.insert(name)) else { continue };
            let mut is_routed = false;
            for binding in self.bindings.get(name).into_iter().flatten() {
                match exchange.routes(&binding.routing_key, key) {
                    Some(false) => continue,
                    Some(true) => {}
                    None => {
                        reach.is_uncertain = true;
                        continue;
                    }
                }
                is_routed = true;
                if binding.destination_type == "queue" {
                    reach.queues.insert(binding.destination.clone());
                } else {
                    next.push(&binding.destination);
                }
            }
            if !is_routed {
                next.extend(self.alternate(name));
            }
        }
        reach
    }
}

impl Exchange {
    /// Returns whether the pattern matches the key; `None` if the exchange does not route by the key.
    fn routes(&self, pattern: &str, key: &str) -> Option<bool> {
        match self.kind.as_str() {
            "topic" => Some(Pattern::new(pattern).matches(key)),
            "direct" => Some(pattern == key),
            "fanout" => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(name: &str, kind: &str) -> Exchange {
        Exchange { name: name.to_owned(), kind: kind.to_owned(), arguments: Map::new(), policy: None }
    }

    fn binding(source: &str, key: &str, destination: &str, destination_type: &str) -> Binding {
        let [source, routing_key, destination, destination_type] =
            [source, key, destination, destination_type].map(str::to_owned);
        Binding { source, destination, destination_type, routing_key }
    }

    fn reached(topology: &Topology, key: &str) -> Vec<String> {
        topology.reach("events", key).queues.into_iter().collect()
    }

    #[test]
    fn exchanges_are_followed_and_circles_end() {
        let topology = Topology::new(
            vec![exchange("events", "topic"), exchange("inner", "fanout"), exchange("odd", "headers")],
            vec![
                binding("events", "order.#", "orders", "queue"),
                binding("events", "user.*", "inner", "exchange"),
                binding("events", "odd", "odd", "exchange"),
                binding("odd", "", "by-header", "queue"),
                binding("inner", "", "users", "queue"),
                binding("inner", "", "events", "exchange"),
            ],
            vec![],
        );
        assert_eq!(reached(&topology, "order.placed"), ["orders"]);
        assert_eq!(reached(&topology, "user.added"), ["users"]);
        assert_eq!(topology.reach("events", "nobody.cares"), Reach::default());
        assert!(topology.reach("events", "odd").is_uncertain);
    }

    #[test]
    fn an_alternate_exchange_takes_what_is_left_over() {
        let mut events = exchange("events", "topic");
        events.policy = Some("leftovers".to_owned());
        let definition = Map::from_iter([(ALTERNATE.to_owned(), Value::from("rest"))]);
        let topology = Topology::new(
            vec![events, exchange("rest", "fanout")],
            vec![
                binding("events", "order.#", "orders", "queue"),
                binding("rest", "", "everything-else", "queue"),
            ],
            vec![Policy { name: "leftovers".to_owned(), definition }],
        );
        assert_eq!(topology.alternate("events"), Some("rest"));
        assert_eq!(reached(&topology, "order.placed"), ["orders"]);
        assert_eq!(reached(&topology, "user.added"), ["everything-else"]);
    }
}
