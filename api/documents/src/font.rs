//! The two fonts, and text as glyphs: measured, broken into lines, ready to be drawn.

use std::sync::OnceLock;

use krilla::text::{Font as PdfFont, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Face, UnicodeBuffer};

use crate::RenderError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

pub(crate) struct Font {
    face: Face<'static>,
    pub(crate) pdf: PdfFont,
    units_per_em: f32,
}

pub(crate) struct Fonts {
    pub(crate) regular: Font,
    pub(crate) bold: Font,
}

/// A line of text as glyphs. Sizes are in points; advances are for a size of one.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) weight: Weight,
    pub(crate) text: String,
    pub(crate) glyphs: Vec<KrillaGlyph>,
    advance: f32,
}

impl Run {
    pub(crate) fn width(&self, size: f32) -> f32 {
        self.advance * size
    }

    /// The characters for which the font has no glyph.
    pub(crate) fn missing(&self) -> impl Iterator<Item = char> {
        self.glyphs.iter().filter(|glyph| glyph.glyph_id.to_u32() == 0).filter_map(|glyph| {
            self.text.get(glyph.text_range.clone()).and_then(|cluster| cluster.chars().next())
        })
    }
}

/// The fonts, read once.
pub(crate) fn fonts() -> Result<&'static Fonts, RenderError> {
    static FONTS: OnceLock<Option<Fonts>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            Some(Fonts {
                regular: read(include_bytes!("../fonts/LiberationSans-Regular.ttf"))?,
                bold: read(include_bytes!("../fonts/LiberationSans-Bold.ttf"))?,
            })
        })
        .as_ref()
        .ok_or(RenderError::Font("Liberation Sans"))
}

fn read(bytes: &'static [u8]) -> Option<Font> {
    let face = Face::from_slice(bytes, 0)?;
    let pdf = PdfFont::new(bytes.into(), 0)?;
    let units_per_em = pdf.units_per_em();
    Some(Font { face, pdf, units_per_em })
}

impl Fonts {
    pub(crate) fn of(&self, weight: Weight) -> &Font {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// One line, from left to right.
    pub(crate) fn shape(&self, weight: Weight, text: &str) -> Run {
        let font = self.of(weight);
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(Direction::LeftToRight);
        let shaped = rustybuzz::shape(&font.face, &[], buffer);
        let infos = shaped.glyph_infos();
        let em = |units: i32| units as f32 / font.units_per_em;
        let mut advance = 0.0;
        let mut glyphs = Vec::with_capacity(infos.len());
        for (index, (info, position)) in infos.iter().zip(shaped.glyph_positions()).enumerate() {
            let start = info.cluster as usize;
            let end = infos[index..]
                .iter()
                .find(|other| other.cluster != info.cluster)
                .map_or(text.len(), |other| other.cluster as usize);
            advance += em(position.x_advance);
            glyphs.push(KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                em(position.x_advance),
                em(position.x_offset),
                em(position.y_offset),
                em(position.y_advance),
                start..end,
                None,
            ));
        }
        Run { weight, text: text.to_owned(), glyphs, advance }
    }

    /// The text in lines that are at most `width` wide. Breaks where Unicode permits (UAX 14), at its line breaks, and within a word that
    /// is wider than a line.
    pub(crate) fn wrap(&self, weight: Weight, size: f32, width: f32, text: &str) -> Vec<Run> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            self.wrap_paragraph(weight, size, width, paragraph.trim_end(), &mut lines);
        }
        lines
    }

    fn wrap_paragraph(&self, weight: Weight, size: f32, width: f32, text: &str, lines: &mut Vec<Run>) {
        let whole = self.shape(weight, text);
        if whole.width(size) <= width {
            lines.push(whole);
            return;
        }
        // Each piece is shaped once; what kerning over a space would change is far less than what is seen.
        let measure = |text: &str| self.shape(weight, text).width(size);
        let (mut line, mut filled, mut start) = (String::new(), 0.0, 0);
        for (end, _) in unicode_linebreak::linebreaks(text) {
            let piece = &text[start..end];
            start = end;
            if filled + measure(piece.trim_end()) > width {
                if !line.is_empty() {
                    lines.push(self.shape(weight, line.trim_end()));
                }
                line = self.break_word(weight, size, width, piece, lines);
                filled = measure(&line);
            } else {
                line.push_str(piece);
                filled += measure(piece);
            }
        }
        if !line.trim_end().is_empty() {
            lines.push(self.shape(weight, line.trim_end()));
        }
    }

    /// Pushes the lines that a word fills alone, and returns what is left of it.
    fn break_word(&self, weight: Weight, size: f32, width: f32, word: &str, lines: &mut Vec<Run>) -> String {
        let shaped = self.shape(weight, word);
        if self.shape(weight, word.trim_end()).width(size) <= width {
            return word.to_owned();
        }
        let (mut from, mut filled) = (0, 0.0);
        for glyph in &shaped.glyphs {
            let advance = glyph.x_advance * size;
            // Clusters stay whole: a letter keeps its accent.
            if filled + advance > width && glyph.text_range.start > from {
                lines.push(self.shape(weight, &word[from..glyph.text_range.start]));
                from = glyph.text_range.start;
                filled = 0.0;
            }
            filled += advance;
        }
        word[from..].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(width: f32, text: &str) -> Vec<String> {
        fonts().unwrap().wrap(Weight::Regular, 10.0, width, text).into_iter().map(|run| run.text).collect()
    }

    #[test]
    fn no_line_is_wider_than_it_may_be_and_nothing_is_lost() {
        let texts = [
            "un deux trois quatre cinq six sept",
            &"W".repeat(90),
            "a\u{A0}b\u{A0}c\u{A0}d\u{A0}e\u{A0}f",
            "fin-de-semaine e\u{301}te\u{301} ffi",
        ];
        for text in texts {
            for width in [12.0, 30.0, 61.0, 200.0] {
                let lines = wrapped(width, text);
                for line in &lines {
                    let run = fonts().unwrap().shape(Weight::Regular, line);
                    assert!(run.width(10.0) <= width + 0.3, "{line} is wider than {width}");
                }
                let letters = |text: &str| text.chars().filter(|letter| *letter != ' ').collect::<String>();
                assert_eq!(letters(&lines.concat()), letters(text), "at {width}");
            }
        }
    }

    #[test]
    fn lines_end_where_the_text_says_so() {
        assert_eq!(wrapped(500.0, "un\n\ndeux trois"), ["un", "", "deux trois"]);
        assert_eq!(wrapped(30.0, "un deux trois"), ["un", "deux", "trois"]);
    }

    #[test]
    fn letters_keep_their_accents_when_a_word_is_broken() {
        for line in wrapped(12.0, &"e\u{301}".repeat(9)) {
            assert!(!line.starts_with('\u{301}'), "{line:?}");
        }
    }
}
