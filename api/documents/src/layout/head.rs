//! The first page above the table: who, what, to whom, and the facts in a strip.

use super::colours::{GREY, INK};
use super::sheet::{BODY, LABEL, Look, SMALL, STRONG, Sheet, look};
use super::{LEFT, Mark, RIGHT, TOP};
use crate::font::{Run, Weight};
use crate::{Address, Kind, Operations, Party, check_logo, words};

const LOGO_WIDTH: f32 = 170.0;
const LOGO_HEIGHT: f32 = 58.0;
/// Where the window of a French envelope shows the address (NF Z 11-001): 110 mm from the left, 45 mm from the top.
const BUYER_LEFT: f32 = 312.0;
const BUYER_TOP: f32 = 126.0;
/// Higher than this, the buyer is set smaller.
const BUYER_HEIGHT: f32 = 120.0;
const SELLER_WIDTH: f32 = 235.0;
/// The strip of facts.
const CELLS: usize = 4;
const CELL_WIDTH: f32 = (RIGHT - LEFT) / 4.0;

pub(super) fn compose(sheet: &mut Sheet<'_>) {
    let number = format!("{} {}", sheet.labels.number, sheet.invoice.number);
    letterhead(sheet, words::title(sheet.invoice), &number);
    corrected(sheet);
    facts(sheet);
    sheet.y += 10.0;
}

/// Who, what, to whom.
pub(super) fn letterhead(sheet: &mut Sheet<'_>, what: &str, number: &str) {
    let below_name = name(sheet);
    title(sheet, what, number);
    let below_seller = seller(sheet, below_name);
    let below_buyer = buyer(sheet);
    sheet.y = below_seller.max(below_buyer) + 16.0;
}

/// The logo, or the name where there is none. Returns how far it reaches.
fn name(sheet: &mut Sheet<'_>) -> f32 {
    let logo = sheet.invoice.style.logo.as_deref().and_then(|png| check_logo(png).ok());
    if let Some((width, height)) = logo {
        let (width, height) = (width as f32, height as f32);
        let scale = (LOGO_WIDTH / width).min(LOGO_HEIGHT / height);
        let (width, height) = (width * scale, height * scale);
        sheet.mark(Mark::Logo { x: LEFT, y: TOP, width, height });
        return TOP + height + 14.0;
    }
    let shown = look(Weight::Bold, 15.0, sheet.palette.accent);
    let mut y = TOP + 3.0;
    for run in sheet.wrap(shown, SELLER_WIDTH, &sheet.invoice.seller.name) {
        y += 15.0;
        sheet.run(LEFT, y, shown, run);
        y += 3.0;
    }
    y + 6.0
}

fn title(sheet: &mut Sheet<'_>, what: &str, number: &str) {
    let shown = look(Weight::Bold, 21.0, sheet.palette.accent);
    sheet.text_to(RIGHT, TOP + 18.0, shown, what);
    // The longest number still stands on one line.
    sheet.text_within(RIGHT, RIGHT - BUYER_LEFT, TOP + 35.0, look(Weight::Bold, 10.5, INK), number);
}

fn seller(sheet: &mut Sheet<'_>, top: f32) -> f32 {
    let seller = &sheet.invoice.seller;
    let mut lines: Vec<(Look, String)> = Vec::new();
    if sheet.invoice.style.logo.is_some() {
        lines.push((STRONG, seller.name.clone()));
    }
    let small = look(Weight::Regular, 8.2, GREY);
    lines.extend(seller.trading_name.iter().map(|name| (small, name.clone())));
    let home = sheet.invoice.buyer.address.country.as_str();
    lines.extend(address(sheet, &seller.address, Some(home)).into_iter().map(|line| (small, line)));
    if let Some(contact) = &seller.contact {
        let all = [&contact.name, &contact.phone, &contact.email];
        lines.extend(all.into_iter().flatten().map(|line| (small, line.clone())));
    }
    let mut y = top;
    for (look, line) in lines {
        for run in sheet.wrap(look, SELLER_WIDTH, &line) {
            y += look.leading();
            sheet.run(LEFT, y, look, run);
        }
    }
    y
}

fn buyer(sheet: &mut Sheet<'_>) -> f32 {
    let buyer = &sheet.invoice.buyer;
    let home = Some(sheet.invoice.seller.address.country.as_str());
    let mut lines: Vec<(Weight, String)> = vec![(Weight::Bold, buyer.name.clone())];
    lines.extend(buyer.trading_name.iter().map(|name| (Weight::Regular, name.clone())));
    let attention = buyer.contact.as_ref().and_then(|contact| contact.name.clone());
    lines.extend(
        attention.into_iter().chain(address(sheet, &buyer.address, home)).map(|line| (Weight::Regular, line)),
    );

    let width = RIGHT - BUYER_LEFT;
    let set = |sheet: &Sheet<'_>, size: f32| -> Vec<Run> {
        lines.iter().flat_map(|(weight, line)| sheet.wrap(look(*weight, size, INK), width, line)).collect()
    };
    let height = |runs: &[Run], size: f32| runs.len() as f32 * size * 1.3;
    let mut size = 10.0;
    let mut runs = set(sheet, size);
    while size > 6.0 && height(&runs, size) > BUYER_HEIGHT {
        size -= 0.5;
        runs = set(sheet, size);
    }
    sheet.text(BUYER_LEFT, BUYER_TOP - 2.0, LABEL, sheet.labels.buyer);
    let mut y = BUYER_TOP;
    for run in runs {
        y += size * 1.3;
        let look = look(run.weight, size, INK);
        sheet.run(BUYER_LEFT, y, look, run);
    }
    for line in identity(sheet, buyer) {
        for run in sheet.wrap(SMALL, width, &line) {
            y += SMALL.leading() + 0.6;
            sheet.run(BUYER_LEFT, y + 3.0, SMALL, run);
        }
    }
    y + 3.0
}

/// The numbers by which the buyer is known.
fn identity(sheet: &Sheet<'_>, buyer: &Party) -> Vec<String> {
    let mut ids: Vec<String> = buyer
        .legal_id
        .iter()
        .chain(&buyer.identifiers)
        .filter(|id| words::identifier(id).0.is_some())
        .map(words::named)
        .collect();
    ids.dedup();
    let vat = buyer.vat_number.as_ref().map(|number| format!("{} {number}", sheet.labels.vat_number));
    let mut lines: Vec<String> = vat.into_iter().collect();
    if !ids.is_empty() {
        lines.push(ids.join(" – "));
    }
    lines
}

/// The lines of an address; with its country, unless that is `home`.
fn address(sheet: &Sheet<'_>, address: &Address, home: Option<&str>) -> Vec<String> {
    let mut lines: Vec<String> =
        [&address.line1, &address.line2, &address.line3].into_iter().flatten().cloned().collect();
    let town: Vec<&str> =
        [&address.post_code, &address.city].into_iter().flatten().map(String::as_str).collect();
    if !town.is_empty() {
        lines.push(town.join(" "));
    }
    lines.extend(address.subdivision.clone());
    if home != Some(address.country.as_str()) {
        lines.push(words::country(sheet.invoice.language, &address.country).to_uppercase());
    }
    lines
}

/// What a credit note corrects.
fn corrected(sheet: &mut Sheet<'_>) {
    let invoice = sheet.invoice;
    if invoice.references.preceding.is_empty() {
        return;
    }
    let label = if invoice.kind == Kind::CreditNote { sheet.labels.corrects } else { sheet.labels.preceding };
    let each: Vec<String> = invoice
        .references
        .preceding
        .iter()
        .map(|one| {
            format!("{} {} {}", one.number, sheet.labels.dated, words::date(invoice.language, one.issue_date))
        })
        .collect();
    sheet.paragraph(LEFT, RIGHT - LEFT, STRONG, &format!("{label} {}", each.join(", ")));
    sheet.y += 8.0;
}

/// Dates and references, four in a row.
fn facts(sheet: &mut Sheet<'_>) {
    let facts = gather(sheet);
    for row in facts.chunks(CELLS) {
        let cells: Vec<(&str, Vec<Run>)> =
            row.iter().map(|(label, value)| (*label, sheet.wrap(STRONG, CELL_WIDTH - 12.0, value))).collect();
        let lines = cells.iter().map(|(_, runs)| runs.len()).max().unwrap_or(1) as f32;
        let height = 16.0 + lines * STRONG.leading() + 4.0;
        sheet.ensure(height);
        let top = sheet.y;
        sheet.block(LEFT, top, RIGHT - LEFT, height, sheet.palette.tint);
        let mut x = LEFT + 8.0;
        for (label, runs) in cells {
            sheet.text(x, top + 12.0, LABEL, label);
            let mut y = top + 13.0;
            for run in runs {
                y += STRONG.leading();
                sheet.run(x, y, STRONG, run);
            }
            x += CELL_WIDTH;
        }
        sheet.y = top + height;
    }
    delivered_to(sheet);
}

fn gather(sheet: &Sheet<'_>) -> Vec<(&'static str, String)> {
    let (invoice, labels) = (sheet.invoice, sheet.labels);
    let date = |date| words::date(invoice.language, date);
    let delivered = invoice.delivery.as_ref().and_then(|delivery| delivery.date);
    let delivered_label = if invoice.operations == Operations::Services {
        labels.completion_date
    } else {
        labels.delivery_date
    };
    let references = &invoice.references;
    let all = [
        (labels.issue_date, Some(date(invoice.issue_date))),
        (labels.due_date, invoice.due_date.map(date)),
        (delivered_label, delivered.map(date)),
        (labels.period, invoice.period.map(|period| words::period(invoice.language, period))),
        (labels.buyer_order, references.buyer_order.clone()),
        (labels.order, references.order.clone()),
        (labels.shipment, references.shipment.clone()),
        (labels.buyer_reference, references.buyer.clone()),
        (labels.contract, references.contract.clone()),
        (labels.project, references.project.clone()),
        (labels.operations, Some(words::operations(invoice).to_owned())),
    ];
    all.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
}

/// Where the goods went, unless to the buyer's own address.
fn delivered_to(sheet: &mut Sheet<'_>) {
    let invoice = sheet.invoice;
    let Some(delivery) = &invoice.delivery else { return };
    let elsewhere = delivery.address.as_ref().filter(|address| **address != invoice.buyer.address);
    let other = delivery.name.clone().filter(|name| *name != invoice.buyer.name);
    if elsewhere.is_none() && other.is_none() {
        return;
    }
    let home = Some(invoice.seller.address.country.as_str());
    let mut parts: Vec<String> = delivery.name.iter().cloned().collect();
    parts.extend(delivery.address.iter().flat_map(|to| address(sheet, to, home)));
    sheet.y += 6.0;
    sheet.paragraph(
        LEFT,
        RIGHT - LEFT,
        BODY,
        &format!("{}{}{}", sheet.labels.delivered_to, words::colon(invoice.language), parts.join(", ")),
    );
}
