//! Tables for people, which both programs print in the same way, one line a row: on a terminal the columns shrink until a row fits, and no row is ever wrapped.

use std::borrow::Cow;
use std::io::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::values::printable::printable_line;

/// The space between two columns.
const GAP: &str = "  ";
const ELLIPSIS: char = '…';

/// A column's head, and how far it may shrink.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    head: &'static str,
    /// The least width in columns of the terminal; `None` if the column may not shrink.
    least: Option<usize>,
    is_number: bool,
}

impl Column {
    /// A column that is never cut, for values that people copy, such as an id.
    pub const fn whole(head: &'static str) -> Self {
        Self { head, least: None, is_number: false }
    }

    /// A column that is never cut and is aligned to the right.
    pub const fn number(head: &'static str) -> Self {
        Self { head, least: None, is_number: true }
    }

    /// A column that may be cut, to `least` columns of the terminal.
    pub const fn text(head: &'static str, least: usize) -> Self {
        Self { head, least: Some(least), is_number: false }
    }
}

/// Prints a table to standard output. A reader that has gone away, such as `head`, is not an error.
pub fn print(columns: &[Column], rows: &[Vec<String>]) {
    let _ = writeln!(std::io::stdout(), "{}", render(columns, rows, terminal_width()));
}

/// Returns the terminal's width in columns; `None` if standard output is not a terminal: then nothing is cut.
pub fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

/// Returns the lines of a table that is at most `limit` wide, heads first, without a line feed at the end.
pub fn render(columns: &[Column], rows: &[Vec<String>], limit: Option<usize>) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable_line(cell)).collect()).collect();
    let widths = widths(columns, &rows, limit);
    let heads: Vec<String> = columns.iter().map(|column| column.head.to_owned()).collect();
    let rule = "─".repeat(widths.iter().sum::<usize>() + GAP.len() * columns.len().saturating_sub(1));
    let mut lines = vec![line(columns, &heads, &widths), rule];
    lines.extend(rows.iter().map(|row| line(columns, row, &widths)));
    let fit = |line: &String| limit.map_or_else(|| line.clone(), |limit| cut(line, limit).into_owned());
    lines.iter().map(fit).collect::<Vec<_>>().join("\n")
}

/// Returns the columns' widths. Each is as wide as its widest cell; in a table that is too wide, the widest of the columns that
/// may shrink is narrowed first.
fn widths(columns: &[Column], rows: &[Vec<String>], limit: Option<usize>) -> Vec<usize> {
    let natural = |(index, column): (usize, &Column)| {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
        cells.chain([column.head.width()]).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = columns.iter().enumerate().map(natural).collect();
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    let Some(room) = limit.map(|limit| limit.saturating_sub(gaps)) else { return widths };
    while widths.iter().sum::<usize>() > room {
        let can_shrink = |index: &usize| columns[*index].least.is_some_and(|least| widths[*index] > least);
        let Some(widest) = (0..columns.len()).filter(can_shrink).max_by_key(|index| widths[*index]) else {
            break;
        };
        widths[widest] -= 1;
    }
    widths
}

fn line(columns: &[Column], cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for ((column, cell), width) in columns.iter().zip(cells).zip(widths) {
        let cell = cut(cell, *width);
        let padding = " ".repeat(width - cell.width().min(*width));
        let (before, after) = if column.is_number { (padding.as_str(), "") } else { ("", padding.as_str()) };
        line = line + before + &cell + after + GAP;
    }
    line.trim_end().to_owned()
}

/// Returns the text, or its beginning with an ellipsis, in at most `width` columns of the terminal.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut room = width.saturating_sub(1);
    let mut short = String::new();
    for c in text.chars() {
        let takes = c.width().unwrap_or(0);
        if takes > room {
            break;
        }
        room -= takes;
        short.push(c);
    }
    if width > 0 {
        short.push(ELLIPSIS);
    }
    short.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] =
        &[Column::whole("id"), Column::text("event", 5), Column::number("retries"), Column::text("error", 8)];

    fn rows() -> Vec<Vec<String>> {
        [["0190", "order.placed", "3", "no queue is bound for it"], ["0191", "日本語.日本語", "12", "a\nb"]]
            .map(|row| row.map(str::to_owned).to_vec())
            .to_vec()
    }

    #[test]
    fn without_a_terminal_nothing_is_cut_and_a_row_is_a_line() {
        let text = render(COLUMNS, &rows(), None);
        assert_eq!(
            text,
            "id    event          retries  error\n\
             ─────────────────────────────────────────────────────\n\
             0190  order.placed         3  no queue is bound for it\n\
             0191  日本語.日本語       12  a\u{fffd}b"
                .replace(
                    "─────────────────────────────────────────────────────",
                    &"─".repeat(4 + 13 + 7 + 24 + 6)
                )
        );
    }

    #[test]
    fn on_a_terminal_no_line_is_wider_than_it_and_ids_stay_whole_while_they_can() {
        for limit in 1..80 {
            let text = render(COLUMNS, &rows(), Some(limit));
            assert_eq!(text.lines().count(), 4, "{limit}: {text}");
            assert!(text.lines().all(|line| line.width() <= limit), "{limit}: {text}");
            if limit >= 30 {
                assert!(
                    text.contains("0190") && text.contains("0191") && text.contains("12"),
                    "{limit}: {text}"
                );
            }
        }
    }

    #[test]
    fn the_widest_column_gives_first() {
        let text = render(COLUMNS, &rows(), Some(46));
        assert!(text.contains("order.placed") && text.contains("no queue is bou…"), "{text}");
    }
}
