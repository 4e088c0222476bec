//! JSON as a value, with each member once, and with a limit on how much there is: with a member twice, one of the two would
//! silently be lost, and a value takes a hundred times the memory of its text.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The maximum number of values in a body, those in arrays and objects included. An order of 5,000 lines has about 25,000.
pub(super) const MAX_VALUES: usize = 50_000;
/// The error for a repeated member.
pub(super) const REPEATED: &str = "the member is there twice";
/// The beginning of the error for a body with too many values.
pub(super) const TOO_MANY: &str = "the body has too many values";

/// Reads one JSON value; `left` is how many more there may be.
pub(super) struct Strict<'a> {
    left: &'a Cell<usize>,
    /// Whether the value is that of a member that was there before. It is refused here, so that the error carries the
    /// member's path.
    is_repeated: bool,
}

impl<'a> Strict<'a> {
    pub(super) fn new(left: &'a Cell<usize>) -> Self {
        Self { left, is_repeated: false }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.is_repeated {
            return Err(de::Error::custom(REPEATED));
        }
        let left = self.left.get().checked_sub(1).ok_or_else(|| de::Error::custom(TOO_MANY))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // JSON has no infinity.
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Strict::new(self.left))? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let is_repeated = object.contains_key(&key);
            let value = members.next_value_seed(Strict { left: self.left, is_repeated })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str, left: usize) -> Result<Value, String> {
        let left = Cell::new(left);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        Strict::new(&left).deserialize(&mut deserializer).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_is_read_as_it_is() {
        let text = r#"{"a": [1, -2, 2.5, true, null, "x"], "b": {"c": {}}}"#;
        assert_eq!(read(text, 100), Ok(json!({"a": [1, -2, 2.5, true, null, "x"], "b": {"c": {}}})));
    }

    #[test]
    fn a_member_twice_is_refused_however_deep_and_however_it_is_written() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"a": 1, "c": 2, "\u0061": 3}}]"#] {
            assert!(read(text, 100).is_err_and(|error| error.starts_with(REPEATED)), "{text}");
        }
    }

    #[test]
    fn more_values_than_there_may_be_are_not_read() {
        let text = r#"[{"a": 1}, 2]"#;
        assert!(read(text, 4).is_ok());
        assert!(read(text, 3).is_err_and(|error| error.starts_with(TOO_MANY)));
    }
}
