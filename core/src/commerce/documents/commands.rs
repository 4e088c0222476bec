//! The commands on documents: those of the service, and those on how a company's documents look.

use std::time::Duration;

use super::document::{FileFacts, ReadyDocument, digest_of, linked};
use super::port::Rendered;
use super::queries::{LogoView, StyleView};
use super::repository::{self, About, Input};
use super::style::{AccentColour, DocumentFooter};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::invoices;
use crate::commerce::invoices::InvoiceEvent;
use crate::commerce::invoices::chain::LinkKind;
use crate::values::ids::InvoiceId;

/// Reads what a document is made from. `None` if it is there already: then it is taken off the queue.
#[derive(Debug)]
pub(super) struct ReadInput {
    pub(super) id: InvoiceId,
}

impl Command for ReadInput {
    type Outcome = Option<Input>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Option<Input>, Error> {
        let input = repository::input(work, self.id).await?;
        if input.is_none() {
            repository::unqueue(work, self.id).await?;
        }
        Ok(input)
    }
}

/// Keeps a document that was made, with a link in its series' chain. Returns `false` if there was one: this one is dropped.
#[derive(Debug)]
pub(super) struct KeepDocument {
    pub(super) id: InvoiceId,
    pub(super) about: About,
    pub(super) rendered: Rendered,
}

impl Command for KeepDocument {
    type Outcome = bool;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<bool, Error> {
        let Self { id, about, rendered } = self;
        let now = work.now();
        let (pdf, xml) = (digest_of(&rendered.pdf), digest_of(&rendered.xml));
        // Before the series is locked, which others wait for: a file may have a megabyte.
        let is_first = repository::insert(work, *id, rendered, (pdf.as_slice(), xml.as_slice()), now).await?;
        repository::unqueue(work, *id).await?;
        if !is_first {
            return Ok(false);
        }
        let text = linked(&pdf, &xml);
        invoices::repository::link(work, &about.series, LinkKind::Document, id.uuid(), &text, now).await?;
        let ready = ReadyDocument {
            invoice_id: *id,
            number: about.number.clone(),
            customer_id: about.customer_id,
            pages: rendered.pages,
            pdf: FileFacts::of(&rendered.pdf),
            xml: FileFacts::of(&rendered.xml),
            rendered_at: now,
        };
        work.audit("invoice_document.make", ("invoice_document", *id), None, Some(&ready))?;
        work.record(InvoiceEvent::DocumentReady(Box::new(ready))).await?;
        Ok(true)
    }
}

/// Writes down why an attempt came to nothing.
#[derive(Debug)]
pub(super) struct PutOffDocument {
    pub(super) id: InvoiceId,
    pub(super) attempt: i32,
    pub(super) reason: String,
    /// `None` if it was the last attempt.
    pub(super) retry: Option<Duration>,
}

impl Command for PutOffDocument {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        repository::put_off(work, self.id, self.attempt, &self.reason, self.retry).await
    }
}

const STYLE: &str = "document_style";

/// Sets the colour and the footer of the company's documents, from the next one on. The logo stays.
#[derive(Debug)]
pub struct ChangeStyle {
    pub accent: Option<AccentColour>,
    pub footer: Option<DocumentFooter>,
}

impl Command for ChangeStyle {
    type Outcome = StyleView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<StyleView, Error> {
        let before = StyleView::of(repository::style(work).await?);
        let (now, tenant) = (work.now(), work.tenant());
        repository::set_style(work, self.accent.as_ref(), self.footer.as_ref(), now).await?;
        let after = StyleView {
            accent: self.accent.as_ref().map(ToString::to_string),
            footer: self.footer.as_ref().map(ToString::to_string),
            logo: before.logo.clone(),
        };
        work.audit("document_style.update", (STYLE, tenant), Some(&before), Some(&after))?;
        Ok(after)
    }
}

/// Sets the logo of the company's documents, from the next one on. The PNG was checked.
#[derive(Debug)]
pub struct SetLogo {
    pub png: Vec<u8>,
}

impl Command for SetLogo {
    type Outcome = StyleView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<StyleView, Error> {
        let before = StyleView::of(repository::style(work).await?);
        let (now, tenant, digest) = (work.now(), work.tenant(), digest_of(&self.png));
        repository::set_logo(work, Some(self.png.as_slice()), Some(digest.as_slice()), now).await?;
        let after = StyleView { logo: Some(LogoView::of(&self.png)), ..before.clone() };
        work.audit("document_style.set_logo", (STYLE, tenant), Some(&before), Some(&after))?;
        Ok(after)
    }
}

/// Removes the logo: the name stands in its place.
#[derive(Debug)]
pub struct RemoveLogo;

impl Command for RemoveLogo {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let before = StyleView::of(repository::style(work).await?);
        if before.logo.is_none() {
            return Ok(());
        }
        let (now, tenant) = (work.now(), work.tenant());
        repository::set_logo(work, None, None, now).await?;
        let after = StyleView { logo: None, ..before.clone() };
        work.audit("document_style.remove_logo", (STYLE, tenant), Some(&before), Some(&after))
    }
}
