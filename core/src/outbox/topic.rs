//! Topic patterns as RabbitMQ has them: words between dots, `*` for exactly one word, `#` for any number of them. What
//! operators filter by, and what rules for routing keys are about.

use std::fmt;
use std::str::FromStr;

/// No event type is longer, in bytes: nor need a pattern be.
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

    /// In time proportional to pattern times key, whatever the pattern is: only the last `#` is ever tried again.
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

    /// Whether this one surely matches whatever the other one matches.
    pub fn covers(&self, other: &Self) -> bool {
        covers(&self.0, &other.0)
    }
}

/// Event types that are asked for: those that a pattern matches.
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

    /// One type, and no other: there is no wildcard in it.
    pub fn is_exact(&self) -> bool {
        self.pattern.0.iter().all(|word| matches!(word, Word::Literal(_)))
    }

    /// For `'.' || event_type ~ …` in SQL: with a dot in front of every word, none is as good as any.
    pub(super) fn regex(&self) -> &str {
        &self.regex
    }
}

impl FromStr for EventTypes {
    type Err = String;

    /// # Errors
    /// Says what is wrong with it: it is empty, or longer than any event type.
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
    /// As PostgreSQL's advanced regular expressions have it.
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

/// An empty text has no words; an empty one between dots is one.
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

    /// No rule may be called unreachable that is not: over an alphabet of two words, to the length of four.
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
