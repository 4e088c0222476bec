//! Where everything stands on the pages: what the invoice says as marks, ready to be drawn. Lengths are in points from the top left corner of
//! an A4 page; a text's `y` is its base line.

mod closing;
mod colours;
mod head;
mod sheet;
mod statement;
mod table;

use crate::Invoice;
use crate::font::{Fonts, Run};

pub(crate) use colours::{Colour, colour};
use sheet::Sheet;
pub(crate) use statement::{compose_statement, statement_title};

pub(crate) const WIDTH: f32 = 595.28;
pub(crate) const HEIGHT: f32 = 841.89;
const LEFT: f32 = 42.0;
const RIGHT: f32 = WIDTH - LEFT;
/// Of the first page, and of those that follow below their heading.
const TOP: f32 = 42.0;
const TOP_OF_NEXT: f32 = 74.0;
/// What is above belongs to the content, what is below to the foot.
const BOTTOM: f32 = HEIGHT - 64.0;

pub(crate) type Page = Vec<Mark>;

/// Something that is drawn.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    Text { x: f32, y: f32, size: f32, colour: Colour, run: Run },
    Block { x: f32, y: f32, width: f32, height: f32, colour: Colour },
    Logo { x: f32, y: f32, width: f32, height: f32 },
}

/// The pages of an invoice that [`crate::validate`] found right.
pub(crate) fn compose(invoice: &Invoice, fonts: &Fonts) -> Vec<Page> {
    let mut sheet = Sheet::new(invoice, fonts);
    head::compose(&mut sheet);
    let carried = table::compose(&mut sheet);
    closing::compose(&mut sheet, &carried);
    sheet.finish()
}
