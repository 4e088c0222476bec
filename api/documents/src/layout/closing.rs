//! What follows the lines: totals beside the breakdown of the VAT, what was paid before, how to pay, and the mentions.

use bigdecimal::{BigDecimal, Zero};

use super::colours::{INK, WHITE};
use super::sheet::{BODY, LABEL, Look, SMALL, STRONG, Sheet, look};
use super::{LEFT, RIGHT, table};
use crate::font::{Run, Weight};
use crate::{AdjustmentKind, Category, Kind, Prepayment, words};

/// Why there is no VAT: the law wants it said, so it is not in grey.
const REASON: Look = look(Weight::Regular, 7.8, INK);
const VAT_WIDTH: f32 = 262.0;
const VAT_BASE: f32 = LEFT + 178.0;
const VAT_TAX: f32 = LEFT + VAT_WIDTH - 6.0;
const TOTALS: f32 = RIGHT - 226.0;
const TOTALS_LABEL_WIDTH: f32 = 126.0;
const TOTALS_AMOUNT_WIDTH: f32 = 82.0;
const ROW: f32 = 15.0;
const HEAD_ROW: f32 = 17.0;
const DUE_ROW: f32 = 24.0;
const GAP: f32 = 14.0;

pub(super) fn compose(sheet: &mut Sheet<'_>, carried: &BigDecimal) {
    totals(sheet, carried);
    prepayments(sheet);
    settlement(sheet);
    mentions(sheet);
}

// ── totals ────────────────────────────────────────────────────────────────

/// Something that is drawn below what is above it.
enum Piece {
    VatHead,
    Vat { name: Vec<Run>, base: String, tax: String },
    Note(Run),
    Total { label: Vec<Run>, look: Look, amount: String },
    Due { label: &'static str, amount: String },
    Space,
}

impl Piece {
    fn height(&self) -> f32 {
        let lines = |runs: &[Run]| runs.len().saturating_sub(1) as f32 * BODY.leading();
        match self {
            Self::VatHead => HEAD_ROW,
            Self::Vat { name, .. } => ROW + lines(name),
            Self::Total { label, .. } => ROW + lines(label),
            Self::Note(_) => REASON.leading(),
            Self::Due { .. } => DUE_ROW + 4.0,
            Self::Space => 5.0,
        }
    }

    fn draw(self, sheet: &mut Sheet<'_>, top: f32) {
        match self {
            Self::VatHead => {
                let shown = look(Weight::Bold, 7.6, sheet.palette.accent);
                sheet.block(LEFT, top, VAT_WIDTH, HEAD_ROW, sheet.palette.tint);
                let y = top + 11.5;
                sheet.text(LEFT + 6.0, y, shown, sheet.labels.vat_rate);
                sheet.text_to(VAT_BASE, y, shown, sheet.labels.vat_base);
                sheet.text_to(VAT_TAX, y, shown, sheet.labels.vat_amount);
            }
            Self::Vat { name, base, tax } => {
                let mut y = top + 11.0;
                sheet.text_within(VAT_BASE, 78.0, y, BODY, &base);
                sheet.text_within(VAT_TAX, 72.0, y, BODY, &tax);
                for run in name {
                    sheet.run(LEFT + 6.0, y, BODY, run);
                    y += BODY.leading();
                }
                sheet.hairline(LEFT, LEFT + VAT_WIDTH, y - BODY.leading() + 3.5);
            }
            Self::Note(run) => sheet.run(LEFT + 6.0, top + REASON.size, REASON, run),
            Self::Total { label, look, amount } => {
                let mut y = top + 11.0;
                sheet.text_within(RIGHT - 6.0, TOTALS_AMOUNT_WIDTH, y, look, &amount);
                for run in label {
                    sheet.run(TOTALS + 6.0, y, look, run);
                    y += BODY.leading();
                }
                sheet.hairline(TOTALS, RIGHT, y - BODY.leading() + 3.5);
            }
            Self::Due { label, amount } => {
                let accent = sheet.palette.accent;
                sheet.block(TOTALS, top + 2.0, RIGHT - TOTALS, DUE_ROW, accent);
                let (name, mut value) = (look(Weight::Bold, 10.0, WHITE), look(Weight::Bold, 11.5, WHITE));
                let room = RIGHT - TOTALS - 24.0 - sheet.shape(name, label).width(name.size);
                let width = sheet.shape(value, &amount).width(value.size);
                if width > room {
                    value.size *= room / width;
                }
                sheet.text(TOTALS + 8.0, top + 17.5, name, label);
                sheet.text_to(RIGHT - 6.0, top + 17.5, value, &amount);
            }
            Self::Space => {}
        }
    }
}

/// The breakdown at the left and the totals at the right, on one page if that is possible at all.
fn totals(sheet: &mut Sheet<'_>, carried: &BigDecimal) {
    let (left, right) = (breakdown(sheet), sums(sheet));
    let height = |pieces: &[Piece]| pieces.iter().map(Piece::height).sum::<f32>();
    let both = height(&left).max(height(&right)) + GAP;
    if both > sheet.room() && both <= Sheet::room_of_next() - 60.0 {
        table::turn(sheet, carried);
    }
    sheet.y += GAP;
    if both > sheet.room() + GAP {
        // More discounts, charges and rates than a page holds: one block after the other.
        for piece in left.into_iter().chain(right) {
            sheet.ensure(piece.height());
            let (top, height) = (sheet.y, piece.height());
            piece.draw(sheet, top);
            sheet.y = top + height;
        }
        return;
    }
    let top = sheet.y;
    let mut end = top;
    for pieces in [left, right] {
        let mut y = top;
        for piece in pieces {
            let height = piece.height();
            piece.draw(sheet, y);
            y += height;
        }
        end = end.max(y);
    }
    sheet.y = end;
}

fn breakdown(sheet: &Sheet<'_>) -> Vec<Piece> {
    let (invoice, language) = (sheet.invoice, sheet.invoice.language);
    let mut pieces = vec![Piece::VatHead];
    let mut notes = Vec::new();
    for group in &invoice.vat {
        let name = match group.vat.category {
            Category::S => words::vat(language, &group.vat),
            category => format!("{} – {}", category.code(), words::vat(language, &group.vat)),
        };
        pieces.push(Piece::Vat {
            name: sheet.wrap(BODY, VAT_BASE - LEFT - 72.0, &name),
            base: words::amount(language, &group.base),
            tax: words::amount(language, &group.tax),
        });
        notes.extend(
            group
                .reason
                .iter()
                .map(|reason| format!("{}{}{reason}", group.vat.category.code(), words::colon(language))),
        );
    }
    if let Some(accounted) = &invoice.totals.vat_accounted {
        let amount = words::money(language, &accounted.amount, &accounted.currency);
        notes.push(format!(
            "{} {}{}{amount}",
            sheet.labels.vat_accounted,
            accounted.currency,
            words::colon(language)
        ));
    }
    if !notes.is_empty() {
        pieces.push(Piece::Space);
    }
    let runs = notes.iter().flat_map(|note| sheet.wrap(REASON, VAT_WIDTH - 12.0, note));
    pieces.extend(runs.map(Piece::Note));
    pieces
}

fn sums(sheet: &Sheet<'_>) -> Vec<Piece> {
    let (invoice, language, labels) = (sheet.invoice, sheet.invoice.language, sheet.labels);
    let totals = &invoice.totals;
    let row = |label: &str, look: Look, amount: &BigDecimal| Piece::Total {
        label: sheet.wrap(look, TOTALS_LABEL_WIDTH, label),
        look,
        amount: words::amount(language, amount),
    };
    let mut pieces = Vec::new();
    if !invoice.adjustments.is_empty() {
        pieces.push(row(labels.total_lines, BODY, &totals.lines));
        for on in &invoice.adjustments {
            let signed = match on.adjustment.kind {
                AdjustmentKind::Discount => -on.adjustment.amount.clone(),
                AdjustmentKind::Charge => on.adjustment.amount.clone(),
            };
            pieces.push(row(&words::adjustment(language, &on.adjustment), BODY, &signed));
        }
    }
    pieces.push(row(labels.total_net, STRONG, &totals.net));
    pieces.push(row(labels.total_vat, BODY, &totals.vat));
    pieces.push(row(labels.total_gross, STRONG, &totals.gross));
    if let Some(prepaid) = &totals.prepaid {
        pieces.push(row(labels.prepaid, BODY, &-prepaid.clone()));
    }
    if let Some(rounding) = &totals.rounding {
        pieces.push(row(labels.rounding, BODY, rounding));
    }
    let (label, due) = match invoice.kind {
        Kind::CreditNote => (labels.credited, totals.due.clone()),
        _ if totals.due < BigDecimal::zero() => (labels.due_back, -totals.due.clone()),
        _ => (labels.due, totals.due.clone()),
    };
    pieces.push(Piece::Due { label, amount: words::money(language, &due, &invoice.currency) });
    pieces
}

// ── what was paid before ──────────────────────────────────────────────────

fn prepayments(sheet: &mut Sheet<'_>) {
    let (prepayments, language) = (&sheet.invoice.prepayments, sheet.invoice.language);
    if prepayments.is_empty() {
        return;
    }
    let rights = [LEFT + 310.0, LEFT + 372.0, LEFT + 440.0, RIGHT - 6.0];
    let heads = |sheet: &mut Sheet<'_>| {
        let (top, labels) = (sheet.y, sheet.labels);
        let shown = look(Weight::Bold, 7.6, sheet.palette.accent);
        sheet.block(LEFT, top, RIGHT - LEFT, HEAD_ROW, sheet.palette.tint);
        sheet.text(LEFT + 6.0, top + 11.5, shown, labels.prepayments);
        for (right, label) in
            rights.into_iter().zip([labels.date, labels.net_short, labels.vat, labels.gross_short])
        {
            sheet.text_to(right, top + 11.5, shown, label);
        }
        sheet.y = top + HEAD_ROW;
    };
    sheet.y += GAP;
    sheet.ensure(HEAD_ROW + 2.0 * ROW);
    heads(sheet);
    for Prepayment { date, net, vat, amount } in prepayments {
        if ROW > sheet.room() {
            sheet.next_page();
            heads(sheet);
        }
        let what = sheet.labels.payment;
        let y = sheet.y + 11.0;
        let mut named = BODY;
        named.size *= (240.0 / sheet.shape(BODY, what).width(BODY.size)).min(1.0);
        sheet.text(LEFT + 6.0, y, named, what);
        sheet.text_to(rights[0], y, BODY, &words::date(language, *date));
        for (right, value) in rights.into_iter().skip(1).zip([net.as_ref(), vat.as_ref(), Some(amount)]) {
            if let Some(value) = value {
                sheet.text_within(right, 62.0, y, BODY, &words::amount(language, value));
            }
        }
        sheet.y += ROW;
        sheet.hairline(LEFT, RIGHT, sheet.y - 0.5);
    }
}

// ── how to pay ────────────────────────────────────────────────────────────

pub(super) fn settlement(sheet: &mut Sheet<'_>) {
    let (invoice, labels) = (sheet.invoice, sheet.labels);
    let mut left: Vec<(&str, String)> = Vec::new();
    let mut right: Vec<(&str, String)> = Vec::new();
    left.extend(invoice.due_date.map(|due| (labels.due_date, words::date(invoice.language, due))));
    left.extend(invoice.terms.text.iter().map(|terms| (labels.terms, terms.clone())));
    // On a credit note nobody pays into the seller's account.
    if let Some(payment) = invoice.payment.as_ref().filter(|_| invoice.kind != Kind::CreditNote) {
        left.extend(payment.text.iter().map(|text| (labels.means, text.clone())));
        left.extend(payment.reference.iter().map(|reference| (labels.reference, reference.clone())));
        for account in &payment.accounts {
            right.extend(account.holder.iter().map(|holder| (labels.holder, holder.clone())));
            right.extend(account.bank.iter().map(|bank| (labels.bank, bank.clone())));
            right.push((labels.iban, words::iban(&account.iban)));
            right.extend(account.bic.iter().map(|bic| (labels.bic, bic.clone())));
        }
    }
    if left.is_empty() && right.is_empty() {
        return;
    }
    let half = (RIGHT - LEFT) / 2.0;
    let set = |sheet: &Sheet<'_>, rows: &[(&str, String)], label: f32| -> Vec<(String, Vec<Run>)> {
        rows.iter()
            .map(|(name, value)| ((*name).to_owned(), sheet.wrap(BODY, half - label - 12.0, value)))
            .collect()
    };
    let (left, right) = (set(sheet, &left, 96.0), set(sheet, &right, 52.0));
    let height = |rows: &[(String, Vec<Run>)]| {
        rows.iter().map(|(_, runs)| runs.len() as f32 * BODY.leading() + 2.0).sum::<f32>()
    };
    let needed = HEAD_ROW + 6.0 + height(&left).max(height(&right));
    sheet.y += GAP;
    sheet.ensure(needed.min(Sheet::room_of_next()));
    let title = look(Weight::Bold, 8.8, sheet.palette.accent);
    sheet.text(LEFT, sheet.y + 9.0, title, labels.settlement);
    sheet.hairline(LEFT, RIGHT, sheet.y + 14.0);
    let top = sheet.y + HEAD_ROW + 2.0;
    let mut end = top;
    for (x, label_width, rows) in [(LEFT, 96.0, left), (LEFT + half, 52.0, right)] {
        sheet.y = top;
        for (label, runs) in rows {
            let mut label = Some(label);
            for run in runs {
                sheet.ensure(BODY.leading());
                sheet.y += BODY.leading();
                let y = sheet.y - 2.0;
                if let Some(label) = label.take() {
                    sheet.text(x, y, LABEL, &label);
                }
                sheet.run(x + label_width, y, BODY, run);
            }
            sheet.y += 2.0;
        }
        end = end.max(sheet.y);
    }
    sheet.y = end;
}

// ── mentions ──────────────────────────────────────────────────────────────

fn mentions(sheet: &mut Sheet<'_>) {
    let mentions = words::mentions(sheet.invoice);
    if mentions.is_empty() {
        return;
    }
    sheet.y += GAP - 4.0;
    for mention in &mentions {
        sheet.paragraph(LEFT, RIGHT - LEFT, SMALL, &mention.text);
        sheet.y += 2.0;
    }
}
