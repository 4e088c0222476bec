//! The composed pages as PDF/A-3b.

use chrono::Datelike;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::{Document, SerializeSettings};

use crate::font::{Fonts, fonts};
use crate::layout::{Colour, HEIGHT, Mark, Page, WIDTH};
use crate::{Invoice, Language, RenderError, words};

/// The document of an invoice, before its XML is embedded.
pub(crate) fn write(invoice: &Invoice, pages: &[Page]) -> Result<Vec<u8>, RenderError> {
    write_plain(invoice, words::title(invoice), pages)
}

/// A document with this title; `frame` says whose it is and how it looks.
pub(crate) fn write_plain(frame: &Invoice, title: &str, pages: &[Page]) -> Result<Vec<u8>, RenderError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_B)
        .finish()
        .map_err(|error| RenderError::Pdf(format!("{error:?}")))?;
    let mut document =
        Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    document.set_metadata(metadata(frame, title));
    let logo = match &frame.style.logo {
        Some(png) => Some(Image::from_png(png.clone().into(), false).map_err(RenderError::Pdf)?),
        None => None,
    };
    let fonts = fonts()?;
    for marks in pages {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT)
            .ok_or_else(|| RenderError::Pdf("no page size".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            draw(&mut surface, fonts, logo.as_ref(), mark);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| RenderError::Pdf(format!("{error:?}")))
}

/// Title, subject and author are written when the XML is embedded.
fn metadata(invoice: &Invoice, title: &str) -> Metadata {
    let issued = invoice.issue_date;
    let clamp = |value: u32| u8::try_from(value).unwrap_or(1);
    let created = DateTime::new(u16::try_from(issued.year()).unwrap_or(0))
        .month(clamp(issued.month()))
        .day(clamp(issued.day()))
        .hour(0)
        .minute(0)
        .second(0)
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    Metadata::new()
        .title(format!("{title} {}", invoice.number))
        .language(
            match invoice.language {
                Language::Fr => "fr",
                Language::En => "en",
            }
            .to_owned(),
        )
        .creator("Comptoir".to_owned())
        .producer("Comptoir".to_owned())
        .creation_date(created)
        // The identity of the file: the same number of the same seller is the same document.
        .document_id(format!("{} {}", invoice.seller.name, invoice.number))
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, logo: Option<&Image>, mark: &Mark) {
    match mark {
        Mark::Text { x, y, size, colour, run } => {
            fill(surface, *colour);
            let font = fonts.of(run.weight).pdf.clone();
            surface.draw_glyphs(Point::from_xy(*x, *y), &run.glyphs, font, &run.text, *size, false);
        }
        Mark::Block { x, y, width, height, colour } => {
            fill(surface, *colour);
            if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                let mut path = PathBuilder::new();
                path.push_rect(rect);
                if let Some(path) = path.finish() {
                    surface.draw_path(&path);
                }
            }
        }
        Mark::Logo { x, y, width, height } => {
            if let (Some(image), Some(size)) = (logo, Size::from_wh(*width, *height)) {
                surface.push_transform(&Transform::from_translate(*x, *y));
                surface.draw_image(image.clone(), size);
                surface.pop();
            }
        }
    }
}

fn fill(surface: &mut Surface<'_>, Colour(red, green, blue): Colour) {
    surface.set_fill(Some(Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::NonZero,
    }));
}
