//! The few colours of a document.

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

pub(super) const INK: Colour = Colour(28, 32, 38);
pub(super) const GREY: Colour = Colour(94, 102, 112);
pub(super) const HAIRLINE: Colour = Colour(214, 218, 224);
pub(super) const WHITE: Colour = Colour(255, 255, 255);
/// Where the company chose none.
const ACCENT: Colour = Colour(31, 78, 121);
/// What WCAG 2 asks of text (success criterion 1.4.3).
const CONTRAST: f64 = 4.5;

/// What follows from a company's colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    /// Headings and the amount due: the colour itself, darkened until it can be read on white, and white on it.
    pub(super) accent: Colour,
    /// Behind the heads of tables: a breath of it.
    pub(super) tint: Colour,
}

impl Palette {
    pub(super) fn new(accent: Option<&str>) -> Self {
        let chosen = accent.and_then(colour).unwrap_or(ACCENT);
        let mut accent = chosen;
        while contrast_with_white(accent) < CONTRAST {
            accent = mix(accent, Colour(0, 0, 0), 0.08);
        }
        Self { accent, tint: mix(WHITE, chosen, 0.09) }
    }
}

/// `#rrggbb`.
pub(crate) fn colour(text: &str) -> Option<Colour> {
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let channel = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some(Colour(channel(0)?, channel(2)?, channel(4)?))
}

fn mix(one: Colour, other: Colour, share: f64) -> Colour {
    let channel =
        |one: u8, other: u8| (f64::from(one) * (1.0 - share) + f64::from(other) * share).floor() as u8;
    Colour(channel(one.0, other.0), channel(one.1, other.1), channel(one.2, other.2))
}

/// WCAG's contrast ratio.
fn contrast_with_white(Colour(red, green, blue): Colour) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    1.05 / (0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_becomes_readable_on_white() {
        for text in ["#ffffff", "#ffff00", "#00ff88", "#1f4e79", "#000000"] {
            let palette = Palette::new(Some(text));
            assert!(contrast_with_white(palette.accent) >= CONTRAST, "{text}");
        }
        assert_eq!(
            Palette::new(Some("#1f4e79")).accent,
            Colour(31, 78, 121),
            "what can be read stays as it is"
        );
    }

    #[test]
    fn what_is_no_colour_is_refused() {
        for text in ["", "#fff", "1f4e79", "#1f4e7g", "#1f4e79a", "#é1f4e"] {
            assert_eq!(colour(text), None, "{text}");
        }
    }
}
