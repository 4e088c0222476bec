//! The pages while they are filled: a place to write to, and the heading and the foot that each of them has.

use super::colours::{GREY, HAIRLINE, INK, Palette};
use super::{BOTTOM, Colour, HEIGHT, LEFT, Mark, Page, RIGHT, TOP_OF_NEXT};
use crate::Invoice;
use crate::font::{Fonts, Run, Weight};
use crate::words::{self, Labels};

pub(super) struct Sheet<'i> {
    pub(super) invoice: &'i Invoice,
    pub(super) labels: &'static Labels,
    pub(super) fonts: &'i Fonts,
    pub(super) palette: Palette,
    /// What stands at the right above a page that follows.
    pub(super) heading: String,
    /// The page that is being filled is the last.
    pages: Vec<Page>,
    /// How far it is filled.
    pub(super) y: f32,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) weight: Weight,
    pub(super) size: f32,
    pub(super) colour: Colour,
}

pub(super) const fn look(weight: Weight, size: f32, colour: Colour) -> Look {
    Look { weight, size, colour }
}

impl Look {
    /// From one base line to the next.
    pub(super) fn leading(self) -> f32 {
        self.size * 1.3
    }
}

pub(super) const BODY: Look = look(Weight::Regular, 8.8, INK);
pub(super) const STRONG: Look = look(Weight::Bold, 8.8, INK);
pub(super) const SMALL: Look = look(Weight::Regular, 7.4, GREY);
pub(super) const LABEL: Look = look(Weight::Regular, 7.2, GREY);

/// What the document's name may take of the heading of a page that follows.
const TITLE_WIDTH: f32 = 400.0;
/// The foot: its size, and the lines that have room there.
const FOOT: Look = look(Weight::Regular, 6.6, GREY);
const FOOT_LINES: usize = 4;
const FOOT_TOP: f32 = HEIGHT - 50.0;

impl<'i> Sheet<'i> {
    pub(super) fn new(invoice: &'i Invoice, fonts: &'i Fonts) -> Self {
        let labels = words::labels(invoice.language);
        let (title, number) = (words::title(invoice), &invoice.number);
        let dated = words::date(invoice.language, invoice.issue_date);
        Self {
            invoice,
            labels,
            fonts,
            heading: format!("{title} {number} {} {dated} – {}", labels.dated, labels.continued),
            palette: Palette::new(invoice.style.accent.as_deref()),
            pages: vec![Page::new()],
            y: super::TOP,
        }
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    pub(super) fn shape(&self, look: Look, text: &str) -> Run {
        self.fonts.shape(look.weight, text)
    }

    pub(super) fn wrap(&self, look: Look, width: f32, text: &str) -> Vec<Run> {
        self.fonts.wrap(look.weight, look.size, width, text)
    }

    pub(super) fn run(&mut self, x: f32, y: f32, look: Look, run: Run) {
        self.mark(Mark::Text { x, y, size: look.size, colour: look.colour, run });
    }

    pub(super) fn text(&mut self, x: f32, y: f32, look: Look, text: &str) {
        let run = self.shape(look, text);
        self.run(x, y, look, run);
    }

    /// Ends at `right`.
    pub(super) fn text_to(&mut self, right: f32, y: f32, look: Look, text: &str) {
        let run = self.shape(look, text);
        self.run(right - run.width(look.size), y, look, run);
    }

    /// Ends at `right`, and is set smaller where it would be wider than `width`.
    pub(super) fn text_within(&mut self, right: f32, width: f32, y: f32, mut look: Look, text: &str) {
        let run = self.shape(look, text);
        look.size *= (width / run.width(look.size)).min(1.0);
        self.run(right - run.width(look.size), y, look, run);
    }

    pub(super) fn block(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.mark(Mark::Block { x, y, width, height, colour });
    }

    pub(super) fn hairline(&mut self, from: f32, to: f32, y: f32) {
        self.block(from, y, to - from, 0.5, HAIRLINE);
    }

    /// What is left of the page.
    pub(super) fn room(&self) -> f32 {
        BOTTOM - self.y
    }

    /// What a page that follows has.
    pub(super) const fn room_of_next() -> f32 {
        BOTTOM - TOP_OF_NEXT
    }

    /// Begins a page if `height` has no room on this one.
    pub(super) fn ensure(&mut self, height: f32) {
        if height > self.room() && self.y > TOP_OF_NEXT {
            self.next_page();
        }
    }

    pub(super) fn next_page(&mut self) {
        self.pages.push(Page::new());
        let invoice = self.invoice;
        let what = self.heading.clone();
        let (name, small) = (STRONG, look(Weight::Regular, 8.0, GREY));
        let what_width = self.shape(small, &what).width(small.size).min(TITLE_WIDTH);
        // A long name gives way to the document's number.
        let mut seller = self.wrap(name, (RIGHT - LEFT - what_width - 24.0).max(60.0), &invoice.seller.name);
        let y = super::TOP + 10.0;
        if seller.len() > 1 {
            seller.truncate(1);
            seller = seller.iter().map(|first| self.shape(name, &format!("{}…", first.text))).collect();
        }
        for run in seller {
            self.run(LEFT, y, name, run);
        }
        self.text_within(RIGHT, TITLE_WIDTH, y, small, &what);
        self.hairline(LEFT, RIGHT, y + 7.0);
        self.y = TOP_OF_NEXT;
    }

    /// Writes a text of any length, line by line, over as many pages as it needs.
    pub(super) fn paragraph(&mut self, x: f32, width: f32, look: Look, text: &str) {
        for run in self.wrap(look, width, text) {
            self.ensure(look.leading());
            self.y += look.leading();
            let base = self.y - look.size * 0.3;
            self.run(x, base, look, run);
        }
    }

    /// The pages, with their feet.
    pub(super) fn finish(mut self) -> Vec<Page> {
        let width = RIGHT - LEFT - 70.0;
        let mut lines = self.wrap(FOOT, width, &words::legal_line(self.invoice));
        if let Some(footer) = &self.invoice.style.footer {
            lines.extend(self.wrap(FOOT, width, footer));
        }
        lines.truncate(FOOT_LINES);
        let count = self.pages.len();
        for (index, page) in self.pages.iter_mut().enumerate() {
            page.push(Mark::Block {
                x: LEFT,
                y: FOOT_TOP,
                width: RIGHT - LEFT,
                height: 0.5,
                colour: HAIRLINE,
            });
            let mut y = FOOT_TOP + 11.0;
            for run in &lines {
                page.push(Mark::Text { x: LEFT, y, size: FOOT.size, colour: FOOT.colour, run: run.clone() });
                y += FOOT.leading();
            }
            let run =
                self.fonts.shape(Weight::Regular, &format!("{} {}/{count}", self.labels.page, index + 1));
            let x = RIGHT - run.width(LABEL.size);
            page.push(Mark::Text { x, y: FOOT_TOP + 11.0, size: LABEL.size, colour: LABEL.colour, run });
        }
        self.pages
    }
}
