//! The steps of an order to its final state.

use serde_json::{Value, json};

use super::outcome::{REFERENCE_AT_MOST, fitted};

/// One order in so many leaves in two shipments, by the sum of the characters of its number.
const ONE_IN: u32 = 5;

/// A command on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Confirm,
    /// Ship the first half of its lines.
    ShipFirst,
    /// Ship the rest, or all.
    Ship,
    Deliver,
}

impl Step {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::ShipFirst => "shipments",
            Self::Ship => "ship",
            Self::Deliver => "deliver",
        }
    }

    pub(super) fn body(self, number: &str, shipped_on: Option<&str>, order: &Value) -> Option<Value> {
        let mut body = match self {
            Self::ShipFirst => {
                json!({"lines": first_half(order), "tracking_number": tracking(format!("{number}-1"))})
            }
            Self::Ship => json!({"tracking_number": tracking(number.to_owned())}),
            Self::Confirm | Self::Deliver => return None,
        };
        if let Some(day) = shipped_on {
            body["shipped_on"] = json!(day);
        }
        Some(body)
    }
}

/// Returns the next step of an order in this state towards delivery. `None` if there is no further step.
pub(super) fn next_step(status: &str, leaves_in_two: bool) -> Option<Step> {
    match (status, leaves_in_two) {
        ("pending", _) => Some(Step::Confirm),
        ("confirmed", true) => Some(Step::ShipFirst),
        ("confirmed", false) => Some(Step::Ship),
        ("shipped", _) => Some(Step::Deliver),
        _ => None,
    }
}

/// Whether an order of which nothing has left yet leaves in two shipments: always the same orders of a file.
pub(super) fn leaves_in_two(number: &str, order: &Value) -> bool {
    let nothing_has_left = lines(order).all(|line| line["shipped"] == "0");
    let sum: u32 = number.bytes().map(u32::from).sum();
    nothing_has_left && lines(order).count() > 1 && sum.is_multiple_of(ONE_IN)
}

/// A number may be as long as a tracking number alone.
fn tracking(number: String) -> String {
    fitted(format!("TRACK-{number}"), REFERENCE_AT_MOST)
}

fn first_half(order: &Value) -> Vec<Value> {
    let half = lines(order).count() / 2;
    let part = |line: &Value| json!({"position": line["position"], "quantity": line["quantity"]});
    lines(order).take(half).map(part).collect()
}

fn lines(order: &Value) -> impl Iterator<Item = &Value> {
    order["lines"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_confirmed_shipped_and_delivered() {
        assert_eq!(next_step("pending", true), Some(Step::Confirm));
        assert_eq!(next_step("confirmed", true), Some(Step::ShipFirst));
        assert_eq!(next_step("confirmed", false), Some(Step::Ship));
        assert_eq!(next_step("shipped", true), Some(Step::Deliver));
        assert_eq!(next_step("delivered", true), None);
        assert_eq!(next_step("cancelled", true), None);
    }

    fn order(shipped: &[&str]) -> Value {
        let line = |(position, shipped): (usize, &&str)| json!({"position": position, "quantity": "4", "shipped": shipped});
        json!({"lines": (1..).zip(shipped).map(line).collect::<Vec<_>>()})
    }

    #[test]
    fn an_order_leaves_in_two_by_its_number_if_it_has_two_lines_and_nothing_has_left() {
        // The characters of 70 make 103, those of 72 make 105.
        assert!(leaves_in_two("72", &order(&["0", "0"])));
        assert!(!leaves_in_two("70", &order(&["0", "0"])));
        assert!(!leaves_in_two("72", &order(&["0"])));
        assert!(!leaves_in_two("72", &order(&["4", "0"])));
    }

    #[test]
    fn the_first_half_of_the_lines_leaves_first() {
        let body = Step::ShipFirst.body("72", Some("2026-12-01"), &order(&["0", "0", "0"]));
        let expected = json!({
            "lines": [{"position": 1, "quantity": "4"}], "tracking_number": "TRACK-72-1", "shipped_on": "2026-12-01",
        });
        assert_eq!(body, Some(expected));
    }

    #[test]
    fn a_tracking_number_is_as_long_as_the_api_accepts_however_long_the_invoices_is() {
        let tracking = |step: Step, number: &str| {
            let body = step.body(number, None, &order(&["0", "0"])).expect("a shipment has one");
            body["tracking_number"].as_str().expect("a text").to_owned()
        };
        let (fits, long) = ("9".repeat(94), "9".repeat(95));
        assert_eq!(tracking(Step::Ship, &fits), format!("TRACK-{fits}"));
        let (first, rest) = (tracking(Step::ShipFirst, &long), tracking(Step::Ship, &long));
        assert_eq!((first.len(), rest.len()), (REFERENCE_AT_MOST, REFERENCE_AT_MOST));
        assert_ne!(first, rest);
    }
}
