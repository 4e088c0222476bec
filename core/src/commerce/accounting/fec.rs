//! The file of an accounting export (LPF, article A47 A-1): 18 columns, separated by tabs, a line of names first, lines that end with CR LF.
//!
//! In ISO 8859-15, which the article names beside ASCII and EBCDIC; UTF-8 it does not name. What that has no sign for is written without its accent, or as a question mark.

use chrono::NaiveDate;
use unicode_normalization::UnicodeNormalization;

use super::entries::{Entry, Side};
use crate::values::money::Money;

const COLUMNS: [&str; 18] = [
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
];

/// The line of names.
pub(super) fn header() -> Vec<u8> {
    encoded(&format!("{}\r\n", COLUMNS.join("\t")))
}

/// The lines of one entry. `number` is its place in its journal.
pub(super) fn lines(entry: &Entry, number: u64) -> Vec<u8> {
    let mut text = String::new();
    let (code, journal) = (entry.journal.code(), entry.journal.label());
    let (entered, issued, valid) = (date(entry.date), date(entry.piece_date), date(entry.valid_on));
    for line in &entry.lines {
        let (debit, credit) = match line.side {
            Side::Debit => (amount(&line.amount), amount(&Money::zero())),
            Side::Credit => (amount(&Money::zero()), amount(&line.amount)),
        };
        let (auxiliary, name) = line
            .auxiliary
            .as_ref()
            .map_or((String::new(), String::new()), |(code, name)| (plain(code), plain(name)));
        let letter = line.auxiliary.as_ref().and(entry.letter.as_ref());
        let (let_code, let_date) =
            letter.map_or((String::new(), String::new()), |letter| (plain(&letter.code), date(letter.date)));
        let (account, label) = (plain(&line.account.number), plain(&line.account.label));
        let (piece, said) = (plain(&entry.piece), plain(&entry.label));
        // Amounts are in euros, and are converted from nothing.
        text.push_str(&format!(
            "{code}\t{journal}\t{code}{number:08}\t{entered}\t{account}\t{label}\t{auxiliary}\t{name}\t{piece}\t{issued}\t{said}\t{debit}\t{credit}\
             \t{let_code}\t{let_date}\t{valid}\t\t\r\n"
        ));
    }
    encoded(&text)
}

/// The name of the file: the SIREN, and the last day.
pub(super) fn file_name(siren: &str, last: NaiveDate) -> String {
    format!("{siren}FEC{}.txt", date(last))
}

fn date(date: NaiveDate) -> String {
    date.format("%Y%m%d").to_string()
}

/// Two decimals, after a comma.
fn amount(amount: &Money) -> String {
    amount.to_string().replace('.', ",")
}

/// Without what would end a column or a line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// In ISO 8859-15.
fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.nfc() {
        match byte(c) {
            Some(byte) => bytes.push(byte),
            None => {
                // The letter without its accents, if it has some.
                let base = std::iter::once(c).nfd().find_map(|c| u8::try_from(c).ok().filter(u8::is_ascii));
                bytes.push(base.unwrap_or(b'?'));
            }
        }
    }
    bytes
}

/// ISO 8859-15 is the beginning of Unicode, but for eight signs.
fn byte(c: char) -> Option<u8> {
    Some(match c {
        '€' => 0xA4,
        'Š' => 0xA6,
        'š' => 0xA8,
        'Ž' => 0xB4,
        'ž' => 0xB8,
        'Œ' => 0xBC,
        'œ' => 0xBD,
        'Ÿ' => 0xBE,
        '¤' | '¦' | '¨' | '´' | '¸' | '¼' | '½' | '¾' => return None,
        other => return u8::try_from(other).ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::accounts::Booked;
    use super::super::entries::{Journal, Line};
    use super::super::letters::Letter;
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).expect("a date")
    }

    fn line(side: Side, number: &str, label: &str, amount: &str, auxiliary: Option<(&str, &str)>) -> Line {
        Line {
            side,
            account: Booked { number: number.to_owned(), label: label.to_owned() },
            auxiliary: auxiliary.map(|(code, name)| (code.to_owned(), name.to_owned())),
            amount: Money::parse(amount).expect("an amount"),
        }
    }

    #[test]
    fn a_line_has_the_columns_of_the_article() {
        let entry = Entry {
            journal: Journal::Sales,
            date: day(4),
            piece: "FA-2026-000123".to_owned(),
            piece_date: day(4),
            label: "Facture FA-2026-000123".to_owned(),
            valid_on: day(5),
            letter: Some(Letter { code: "FA-2026-000120".to_owned(), date: day(31) }),
            lines: vec![
                line(Side::Debit, "411000", "Clients", "1234.5", Some(("C-1", "Thé\tet Cie"))),
                line(Side::Credit, "707000", "Ventes", "1234.50", None),
            ],
        };
        let text = String::from_utf8_lossy(&lines(&entry, 7)).replace('\u{FFFD}', "é");
        let found: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            found,
            [
                "VE\tVentes\tVE00000007\t20260304\t411000\tClients\tC-1\tThé et Cie\tFA-2026-000123\t20260304\tFacture FA-2026-000123\t1234,50\t0,00\
                 \tFA-2026-000120\t20260331\t20260305\t\t",
                "VE\tVentes\tVE00000007\t20260304\t707000\tVentes\t\t\tFA-2026-000123\t20260304\tFacture FA-2026-000123\t0,00\t1234,50\t\t\t20260305\t\t",
                "",
            ]
        );
        assert!(found.iter().take(2).all(|line| line.split('\t').count() == COLUMNS.len()));
        assert_eq!(file_name("732829320", day(31)), "732829320FEC20260331.txt");
        assert_eq!(header().iter().filter(|byte| **byte == b'\t').count(), 17);
    }

    #[test]
    fn what_the_character_set_has_no_sign_for_loses_its_accent() {
        assert_eq!(encoded("é€Œ"), [0xE9, 0xA4, 0xBC]);
        assert_eq!(encoded("e\u{301}"), [0xE9], "however it is composed");
        assert_eq!(encoded("Kraków Łódź Őr 茶"), b"Krak\xF3w ?\xF3dz Or ?");
        assert_eq!(encoded("½"), b"?");
    }
}
