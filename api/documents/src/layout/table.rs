//! The table of lines: its head on every page, and what is carried from one to the next.

use bigdecimal::BigDecimal;

use super::colours::INK;
use super::sheet::{BODY, Look, SMALL, STRONG, Sheet, look};
use super::{BOTTOM, LEFT, RIGHT};
use crate::font::{Run, Weight};
use crate::{AdjustmentKind, Category, Line, words};

const NET: f32 = RIGHT - 6.0;
const VAT: f32 = NET - 80.0;
const PRICE: f32 = VAT - 42.0;
const UNIT: f32 = PRICE - 104.0;
const UNIT_WIDTH: f32 = 40.0;
const QUANTITY: f32 = UNIT - 10.0;
const NAME: f32 = LEFT + 28.0;
const NAME_WIDTH: f32 = QUANTITY - 54.0 - NAME;
/// What the numbers of a column may take.
const NET_WIDTH: f32 = 74.0;
const PRICE_WIDTH: f32 = 58.0;
const QUANTITY_WIDTH: f32 = 48.0;

const UNIT_NAME: Look = look(Weight::Regular, 8.2, INK);
const HEAD_HEIGHT: f32 = 19.0;
const CARRY_HEIGHT: f32 = 17.0;
const PADDING: f32 = 4.5;
/// The rows end above what is carried forward.
const END: f32 = BOTTOM - CARRY_HEIGHT;

/// A column of numbers whose points stand below each other.
struct Column {
    right: f32,
    look: Look,
    point: char,
    /// Of the longest fraction, its point included.
    fraction: f32,
}

impl Column {
    fn new(sheet: &Sheet<'_>, right: f32, width: f32, texts: &[String]) -> Self {
        let (mut look, point) = (BODY, words::point(sheet.invoice.language));
        let widest = |look: Look| {
            let part = |text: &str| sheet.shape(look, text).width(look.size);
            let parts = texts.iter().map(|text| split(text, point));
            let (whole, fraction) = parts.fold((0.0_f32, 0.0_f32), |(whole, fraction), (before, after)| {
                (whole.max(part(before)), fraction.max(part(after)))
            });
            (whole, fraction)
        };
        let (whole, fraction) = widest(look);
        // Numbers that are too long make their whole column smaller: they stay below each other.
        if whole + fraction > width {
            look.size = (look.size * width / (whole + fraction)).max(4.0);
        }
        Self { right, look, point, fraction: widest(look).1 }
    }

    fn put(&self, sheet: &mut Sheet<'_>, y: f32, text: &str) {
        let own = sheet.shape(self.look, split(text, self.point).1).width(self.look.size);
        sheet.text_to(self.right - self.fraction + own, y, self.look, text);
    }
}

/// A number before its point, and from it on.
fn split(text: &str, point: char) -> (&str, &str) {
    text.rfind(point).map_or((text, ""), |at| text.split_at(at))
}

struct Columns {
    quantity: Column,
    price: Column,
    net: Column,
}

/// Returns what the lines sum up to.
pub(super) fn compose(sheet: &mut Sheet<'_>) -> BigDecimal {
    let (language, lines) = (sheet.invoice.language, &sheet.invoice.lines);
    let quantities: Vec<String> =
        lines.iter().map(|line| words::number(language, &line.quantity, 0)).collect();
    let prices: Vec<String> = lines.iter().map(|line| words::amount(language, &line.unit_price)).collect();
    let nets: Vec<String> = lines.iter().map(|line| words::amount(language, &line.net)).collect();
    let columns = Columns {
        quantity: Column::new(sheet, QUANTITY, QUANTITY_WIDTH, &quantities),
        price: Column::new(sheet, PRICE, PRICE_WIDTH, &prices),
        net: Column::new(sheet, NET, NET_WIDTH, &nets),
    };
    sheet.ensure(140.0);
    let amounts_in = format!("{} {}", sheet.labels.amounts_in, sheet.invoice.currency);
    sheet.text_to(RIGHT, sheet.y + 4.0, SMALL, &amounts_in);
    sheet.y += 9.0;
    head(sheet);
    let mut carried = BigDecimal::default();
    for (index, line) in lines.iter().enumerate() {
        let texts = [&quantities[index], &prices[index], &nets[index]];
        row(sheet, &columns, line, texts, index == 0, &mut carried);
    }
    carried
}

fn head(sheet: &mut Sheet<'_>) {
    let (top, labels) = (sheet.y, sheet.labels);
    let shown = look(Weight::Bold, 7.6, sheet.palette.accent);
    sheet.block(LEFT, top, RIGHT - LEFT, HEAD_HEIGHT, sheet.palette.tint);
    let y = top + 12.5;
    sheet.text(LEFT + 6.0, y, shown, labels.position);
    sheet.text(NAME, y, shown, labels.designation);
    sheet.text_to(QUANTITY, y, shown, labels.quantity);
    sheet.text(UNIT, y, shown, labels.unit);
    sheet.text_to(PRICE, y, shown, labels.unit_price);
    sheet.text_to(VAT, y, shown, labels.vat);
    sheet.text_to(NET, y, shown, labels.net);
    sheet.y = top + HEAD_HEIGHT;
}

/// A subtotal over the whole width.
fn carry(sheet: &mut Sheet<'_>, label: &str, sum: &BigDecimal) {
    let y = sheet.y + 11.5;
    let amount = sheet.shape(STRONG, &words::amount(sheet.invoice.language, sum));
    let left = NET - amount.width(STRONG.size);
    sheet.text_to((left - 12.0).min(VAT), y, STRONG, label);
    sheet.run(left, y, STRONG, amount);
    sheet.y += CARRY_HEIGHT;
    sheet.hairline(LEFT, RIGHT, sheet.y - 0.5);
}

/// Carries the sum to the next page.
pub(super) fn turn(sheet: &mut Sheet<'_>, sum: &BigDecimal) {
    carry(sheet, sheet.labels.carried_forward, sum);
    sheet.next_page();
    head(sheet);
    carry(sheet, sheet.labels.brought_forward, sum);
}

fn row(
    sheet: &mut Sheet<'_>,
    columns: &Columns,
    line: &Line,
    [quantity, price, net]: [&String; 3],
    first: bool,
    carried: &mut BigDecimal,
) {
    let position = look(Weight::Regular, 7.6, SMALL.colour);
    let mut name = lines_of(sheet, line).into_iter();
    let mut beside = sheet.wrap(UNIT_NAME, UNIT_WIDTH, &line.unit.name).into_iter();
    let mut positions = sheet.wrap(position, NAME - LEFT - 8.0, &line.position).into_iter();
    let texts: Vec<_> = std::iter::from_fn(|| match (name.next(), beside.next(), positions.next()) {
        (None, None, None) => None,
        all => Some(all),
    })
    .collect();
    let height: f32 = texts.iter().map(|(name, ..)| leading(name.as_ref())).sum::<f32>() + 2.0 * PADDING;
    // A row is kept on one page, unless it is higher than a page. The first stays below its head: nothing could be carried.
    let whole = height <= Sheet::room_of_next() - HEAD_HEIGHT - 2.0 * CARRY_HEIGHT;
    let needed = if whole { height } else { height.min(60.0) };
    if !first && sheet.y + needed > END {
        turn(sheet, carried);
    }
    sheet.y += PADDING;
    for (index, (name, unit, at)) in texts.into_iter().enumerate() {
        let leading = leading(name.as_ref());
        if sheet.y + leading > END {
            turn(sheet, carried);
            sheet.y += PADDING;
        }
        sheet.y += leading;
        let y = sheet.y - 2.6;
        // In the order in which a row is read aloud.
        if let Some(run) = at {
            sheet.run(LEFT + 6.0, y, position, run);
        }
        if let Some((look, run)) = name {
            sheet.run(NAME, y, look, run);
        }
        if index == 0 {
            columns.quantity.put(sheet, y, quantity);
        }
        if let Some(run) = unit {
            sheet.run(UNIT, y, UNIT_NAME, run);
        }
        if index == 0 {
            columns.price.put(sheet, y, price);
            sheet.text_to(VAT, y, BODY, &vat(sheet, line));
            columns.net.put(sheet, y, net);
            *carried += &line.net;
        }
    }
    sheet.y += PADDING;
    sheet.hairline(LEFT, RIGHT, sheet.y - 0.5);
}

fn leading(name: Option<&(Look, Run)>) -> f32 {
    name.map_or(BODY.leading(), |(look, _)| look.leading())
}

/// The rate, or the category where there is no VAT: the breakdown explains it.
fn vat(sheet: &Sheet<'_>, line: &Line) -> String {
    match (line.vat.category, &line.vat.rate) {
        (Category::S, Some(rate)) => words::percent(sheet.invoice.language, rate),
        (category, _) => category.code().to_owned(),
    }
}

/// What stands in the widest column: the name, and below it the rest.
fn lines_of(sheet: &Sheet<'_>, line: &Line) -> Vec<(Look, Run)> {
    let (language, labels) = (sheet.invoice.language, sheet.labels);
    let mut texts = vec![(BODY, line.name.clone())];
    let sku = line.sku.as_ref().map(|sku| format!("{} {sku}", labels.sku));
    let gtin = line.gtin.as_ref().map(|gtin| format!("GTIN {gtin}"));
    let references: Vec<String> = sku.into_iter().chain(gtin).collect();
    if !references.is_empty() {
        texts.push((SMALL, references.join(" – ")));
    }
    texts.extend(line.description.iter().map(|text| (SMALL, text.clone())));
    texts.extend(line.period.map(|period| (SMALL, words::period(language, period))));
    for one in &line.adjustments {
        let signed = match one.kind {
            AdjustmentKind::Discount => -one.amount.clone(),
            AdjustmentKind::Charge => one.amount.clone(),
        };
        texts.push((
            SMALL,
            format!(
                "{}{}{}",
                words::adjustment(language, one),
                words::colon(language),
                words::amount(language, &signed)
            ),
        ));
    }
    texts
        .into_iter()
        .flat_map(|(look, text)| sheet.wrap(look, NAME_WIDTH, &text).into_iter().map(move |run| (look, run)))
        .collect()
}
