//! Status: a shape, a word, and colour last.

use super::typography::Word;

/// A status as a template shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Status {
    /// The name of the shape in the sprite, without `s-`.
    pub(crate) shape: &'static str,
    /// The class of the style; empty for none.
    pub(crate) tone: &'static str,
    pub(crate) word: Word,
}

impl Status {
    const fn new(shape: &'static str, tone: &'static str, word: Word) -> Self {
        Self { shape, tone, word }
    }

    /// A draft, or what waits for something else.
    pub(crate) const fn draft(word: Word) -> Self {
        Self::new("draft", "", word)
    }

    /// Open, nothing done yet.
    pub(crate) const fn open(word: Word) -> Self {
        Self::new("wait", "", word)
    }

    pub(crate) const fn begun(word: Word) -> Self {
        Self::new("quarter", "run", word)
    }

    pub(crate) const fn half(word: Word) -> Self {
        Self::new("half", "run", word)
    }

    pub(crate) const fn done(word: Word) -> Self {
        Self::new("done", "ok", word)
    }

    pub(crate) const fn held(word: Word) -> Self {
        Self::new("hold", "warn", word)
    }

    pub(crate) const fn late(word: Word) -> Self {
        Self::new("warn", "warn", word)
    }

    pub(crate) const fn failed(word: Word) -> Self {
        Self::new("bad", "bad", word)
    }

    pub(crate) const fn over(word: Word) -> Self {
        Self::new("stop", "off", word)
    }
}
