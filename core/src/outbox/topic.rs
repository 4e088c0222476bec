//! Topic patterns as in RabbitMQ: words between dots, `*` for exactly one word, `#` for any number of words. Operators
//! filter by them, and rules for routing keys use them.

use std::fmt;
use std::str::FromStr;

/// The length of the longest event type, in bytes. A pattern need not be longer.
const LONGEST: usize = 255;

/// A pattern in its normal form: in a run of wildcards every `*` stands before the one `#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Word>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Literal(String),
    /// `*`
    One,
    /// `#`
    Any,
}

impl Pattern {
    pub fn new(text: &str) -> Self {
        let mut words = Vec::new();
        for word in split(text) {
            match word {
                // `#.#` is `#`, and `#.*` is `*.#`.
                "#" if words.last() == Some(&Word::Any) => {}
                "#" => words.push(Word::Any),
                "*" if words.last() == Some(&Word::Any) => words.insert(words.len() - 1, Word::One),
                "*" => words.push(Word::One),
                literal => words.push(Word::Literal(literal.to_owned())),
            }
        }
        Self(words)
    }

    /// Whether the pattern matches `key`. Takes time proportional to the length of the pattern times that of the key, because
    /// only the last `#` is ever tried again.
    pub fn matches(&self, key: &str) -> bool {
        let (mut pattern, mut words) = (self.0.as_slice(), split(key));
        let mut last_any = None;
        loop {
            match pattern.split_first() {
                Some((Word::Any, after)) => {
                    last_any = Some((after, words.clone()));
                    pattern = after;
                    continue;
                }
                Some((first, after)) => match words.next() {
                    None => return false,
                    Some(word) if first.is(word) => {
                        pattern = after;
                        continue;
                    }
                    Some(_) => {}
                },
                None if words.next().is_none() => return true,
                None => {}
            }
            // The last `#` takes one word more.
            let Some((after, rest)) = &mut last_any else { return false };
            if rest.next().is_none() {
                return false;
            }
            (pattern, words) = (*after, rest.clone());
        }
    }

    fn regex(&self) -> String {
        format!("^{}$", self.0.iter().map(Word::regex).collect::<String>())
    }

    /// Whether this pattern certainly matches every key that `other` matches.
    pub fn covers(&self, other: &Self) -> bool {
        covers(&self.0, &other.0)
    }
}

/// A filter for event types: those that its pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTypes {
    text: String,
    pattern: Pattern,
    regex: String,
}

impl EventTypes {
    pub fn matches(&self, event_type: &str) -> bool {
        self.pattern.matches(event_type)
    }

    /// Whether it matches one type only, because it has no wildcard.
    pub fn is_exact(&self) -> bool {
        self.pattern.0.iter().all(|word| matches!(word, Word::Literal(_)))
    }

    /// Returns the regular expression for `'.' || event_type ~ …` in SQL. The dot in front of every word, even the first, lets
    /// `#` stand for no word as well as for any number.
    pub(crate) fn regex(&self) -> &str {
        &self.regex
    }
}

impl FromStr for EventTypes {
    type Err = String;

    /// # Errors
    /// Fails if the text is empty or longer than any event type; the error says which texts are valid.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(format!(
                "expected 1 to {LONGEST} bytes: an event type, or a pattern such as order.* (one word) or order.# (any number)"
            ));
        }
        let pattern = Pattern::new(text);
        let regex = pattern.regex();
        Ok(Self { text: text.to_owned(), pattern, regex })
    }
}

impl fmt::Display for EventTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Word {
    /// Returns the word as an advanced regular expression of PostgreSQL.
    fn regex(&self) -> String {
        match self {
            Self::Literal(text) => text.chars().fold(r"\.".to_owned(), |mut regex, c| {
                if c.is_ascii_punctuation() && !matches!(c, '-' | '_') {
                    regex.push('\\');
                }
                regex.push(c);
                regex
            }),
            Self::One => r"\.[^.]*".to_owned(),
            Self::Any => r"(\.[^.]*)*".to_owned(),
        }
    }

    fn is(&self, word: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == word,
            Self::One | Self::Any => true,
        }
    }
}

/// Splits a text into words. An empty text has no words, but an empty word between dots is one.
fn split(text: &str) -> std::str::Split<'_, char> {
    let mut words = text.split('.');
    if text.is_empty() {
        words.next();
    }
    words
}

fn covers(pattern: &[Word], other: &[Word]) -> bool {
    let Some((first, after)) = pattern.split_first() else { return other.is_empty() };
    if *first == Word::Any && covers(after, other) {
        return true;
    }
    let Some((word, rest)) = other.split_first() else { return false };
    match (first, word) {
        (Word::Any, _) => covers(pattern, rest),
        (_, Word::Any) => false,
        (Word::One, _) => covers(after, rest),
        (literal, word) => literal == word && covers(after, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_for_event_types_matches_as_its_pattern_does() {
        let orders: EventTypes = "order.*".parse().expect("a pattern");
        assert!(orders.matches("order.placed") && !orders.matches("customer.created"));
        assert_eq!(orders.to_string(), "order.*", "it is shown as it was given");
    }

    #[test]
    fn words_and_wildcards_match_as_in_rabbitmq() {
        for (pattern, key, expected) in [
            ("order.placed", "order.placed", true),
            ("order.placed", "order.placed.late", false),
            ("order.*", "order.placed", true),
            ("order.*", "order", false),
            ("order.*", "order.", true),
            ("order.*", "order.placed.late", false),
            ("order.#", "order", true),
            ("order.#", "order.placed.late", true),
            ("order.#", "orders", false),
            ("#.placed", "placed", true),
            ("#.placed", "shop.order.placed", true),
            ("#.placed", "placed.order", false),
            ("#.order.#", "a.order.b.order", true),
            ("#", "", true),
            ("*", "", false),
            ("", "", true),
            ("#.a.b", "a.b.a.a.b", true),
            ("a.#.b.#.c", "a.b.x.b.c", true),
            ("a.#.b.#.c", "a.x.c", false),
            ("*.#.*", "a.b", true),
            ("*.#.*", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(key), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn a_pattern_is_a_regular_expression_in_which_only_its_wildcards_are_special() {
        let regex = |text: &str| text.parse::<EventTypes>().expect("a pattern").regex;
        assert_eq!(regex("order.placed"), r"^\.order\.placed$");
        assert_eq!(regex("a-b.(c).é_1"), r"^\.a-b\.\(c\)\.é_1$");
        assert_eq!(regex("order.*.#"), r"^\.order\.[^.]*(\.[^.]*)*$");
        assert!("".parse::<EventTypes>().is_err() && "x".repeat(256).parse::<EventTypes>().is_err());
        assert!("a.b".parse::<EventTypes>().expect("a type").is_exact());
        assert!(!"a.#".parse::<EventTypes>().expect("a pattern").is_exact());
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        for (wide, narrow) in [
            ("#", "order.*"),
            ("order.#", "order.*"),
            ("order.*", "order.placed"),
            ("*.#", "#.*"),
            ("#.#", "#"),
            ("#.placed", "order.#.placed"),
        ] {
            assert!(Pattern::new(wide).covers(&Pattern::new(narrow)), "{wide} {narrow}");
        }
        for (narrow, wide) in [("order.*", "#"), ("order.*", "order.#"), ("*.#", "#"), ("a.b", "a.*")] {
            assert!(!Pattern::new(narrow).covers(&Pattern::new(wide)), "{narrow} {wide}");
        }
    }

    /// A rule that can be reached must not be called unreachable. Tests all texts of up to four words, made of `a` and `b`.
    #[test]
    fn what_is_covered_is_matched() {
        let mut texts = vec![String::new()];
        let patterns = all_of(&["a", "b", "*", "#"], 3);
        texts.extend(all_of(&["a", "b"], 4));
        let compiled: Vec<_> = patterns.iter().map(|text| Pattern::new(text)).collect();
        for wide in &compiled {
            for narrow in compiled.iter().filter(|narrow| wide.covers(narrow)) {
                for text in texts.iter().filter(|text| narrow.matches(text)) {
                    assert!(wide.matches(text), "{wide:?} {narrow:?} {text}");
                }
            }
        }
    }

    fn all_of(words: &[&str], longest: usize) -> Vec<String> {
        let mut all: Vec<String> = words.iter().map(ToString::to_string).collect();
        let mut from = 0;
        for _ in 1..longest {
            let to = all.len();
            for index in from..to {
                for word in words {
                    all.push(format!("{}.{word}", all[index]));
                }
            }
            from = to;
        }
        all
    }
}
