//! Bar codes as SVG: Code 128 (ISO/IEC 15417), code set B, which has the printable characters of ASCII.

use std::fmt::Write;

/// The widths of bar, space, bar, space, bar, space of each value, in modules.
const PATTERNS: [&str; 106] = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213",
    "221312", "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132",
    "221231", "213212", "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211",
    "212123", "212321", "232121", "111323", "131123", "131321", "112313", "132113", "132311", "211313",
    "231113", "231311", "112133", "112331", "132131", "113123", "113321", "133121", "313121", "211331",
    "231131", "213113", "213311", "213131", "311123", "311321", "331121", "312113", "312311", "332111",
    "314111", "221411", "431111", "111224", "111422", "121124", "121421", "141122", "141221", "112214",
    "112412", "122114", "122411", "142112", "142211", "241211", "221114", "413111", "241112", "134111",
    "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141",
    "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311", "113141",
    "114131", "311141", "411131", "211412", "211214", "211232",
];
const START_B: usize = 104;
const STOP: &str = "2331112";
/// The space on both sides, in modules.
const QUIET: u32 = 10;
/// The maximum number of characters: a longer symbol does not fit on paper.
const MAX_LENGTH: usize = 40;
/// The width of a module in thousandths of a millimetre: what a hand scanner reads from paper.
const MODULE_WIDTH: u32 = 300;

/// A bar code, for a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BarCode {
    /// What it says.
    pub(crate) text: String,
    /// The width of the picture in modules.
    pub(crate) modules: u32,
    /// Its width on paper, with its unit.
    pub(crate) width: String,
    /// The bars, one unit high: the `d` of a path.
    pub(crate) bars: String,
}

impl BarCode {
    /// Returns `None` for a text that the code has no characters for, or that is empty or too long.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let values = values(text)?;
        let mut bars = String::new();
        let mut at = QUIET;
        let patterns = values.iter().filter_map(|value| PATTERNS.get(*value).copied());
        for pattern in patterns.chain([STOP]) {
            for (index, width) in pattern.bytes().enumerate() {
                let width = u32::from(width.saturating_sub(b'0'));
                if index % 2 == 0 {
                    // Writing to a text never fails.
                    let _ = write!(bars, "M{at} 0h{width}v1h-{width}z");
                }
                at += width;
            }
        }
        let modules = at + QUIET;
        let thousandths = modules * MODULE_WIDTH;
        let width = format!("{}.{:03}mm", thousandths / 1_000, thousandths % 1_000);
        Some(Self { text: text.to_owned(), modules, width, bars })
    }
}

/// The values of the symbols, from the start to the check symbol.
fn values(text: &str) -> Option<Vec<usize>> {
    if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return None;
    }
    let mut values: Vec<usize> = text.bytes().map(|byte| usize::from(byte - b' ')).collect();
    let sum: usize = (1..).zip(&values).map(|(weight, value): (usize, &usize)| weight * value).sum();
    values.push((START_B + sum) % 103);
    values.insert(0, START_B);
    Some(values)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// How many modules a symbol has.
    const MODULES: u32 = 11;

    #[test]
    fn each_symbol_is_as_wide_as_the_others_and_none_is_there_twice() {
        let digits = |pattern: &str| pattern.bytes().map(|digit| u32::from(digit - b'0')).collect::<Vec<_>>();
        for pattern in PATTERNS {
            let widths = digits(pattern);
            assert_eq!((widths.len(), widths.iter().sum::<u32>()), (6, MODULES), "{pattern}");
            // The bars of a symbol are an even number of modules together: a scanner checks it.
            assert_eq!(widths.iter().step_by(2).sum::<u32>() % 2, 0, "{pattern}");
        }
        assert_eq!(PATTERNS.iter().collect::<BTreeSet<_>>().len(), PATTERNS.len());
    }

    #[test]
    fn the_check_symbol_is_the_weighted_sum() {
        // 104 + 48·1 + 42·2 + 42·3 + 17·4 + 18·5 + 19·6 + 35·7 = 879 = 8·103 + 55.
        assert_eq!(values("PJJ123C"), Some(vec![104, 48, 42, 42, 17, 18, 19, 35, 55]));
    }

    #[test]
    fn a_code_has_bars_between_two_quiet_zones() {
        let code = BarCode::of("CMD-1").expect("a code");
        // Start, five characters, the check symbol, the stop of 13 modules.
        assert_eq!(code.modules, 7 * MODULES + 13 + 2 * QUIET);
        assert_eq!(code.width, "33.000mm");
        assert!(code.bars.starts_with("M10 0h2v1h-2zM13 0h1v1h-1z"), "{}", code.bars);
        assert_eq!(code.bars.matches('M').count(), 7 * 3 + 4);
        for wrong in ["", "Numéro", "a\nb", "01234567890123456789012345678901234567890"] {
            assert_eq!(BarCode::of(wrong), None, "{wrong}");
        }
    }
}
