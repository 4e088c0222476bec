//! What needs an operator now, and where.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::mail::{self, EmailState};
use comptoir_core::outbox::overview;
use comptoir_core::services::{Handle, grouped};

use super::commands;
use super::health::{Trouble, troubles};
use super::of_all::{OfAll, failed};
use crate::console::layout::{self, Page, go};
use crate::console::typography::Word;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::routes::services::refused;

/// How many commands the page shows.
const COMMANDS: usize = 10;

#[derive(Template)]
#[template(path = "console/operators/overview.html")]
struct OverviewPage {
    page: Page,
    w: &'static Operators,
    again: String,
    is_linked: bool,
    figures: Vec<Figure>,
    troubles: Vec<Trouble>,
    commands: Vec<commands::Row>,
}

struct Figure {
    label: Word,
    value: String,
    hint: String,
    is_warning: bool,
    to: &'static str,
}

pub(super) async fn to_overview(_: OperatorVisitor) -> HttpResponse {
    go("/console/operators/overview")
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let w = Operators::of(visitor.language);
    let found = grouped(services.list().await.map_err(refused)?);
    let troubles = troubles(&found, &visitor);
    let mut figures = of_outbox(&visitor, &of_all).await?;
    figures.push(Figure {
        label: w.services,
        value: visitor.format.whole(found.len() as i64),
        hint: said::not_well(troubles.len(), visitor.language),
        is_warning: !troubles.is_empty(),
        to: "/console/operators/health",
    });
    let page = OverviewPage {
        page: visitor.page(w.overview),
        w,
        again: request.path().to_owned(),
        is_linked: of_all.database().is_some(),
        figures,
        troubles,
        commands: commands::latest(&services, &visitor, None, COMMANDS).await?,
    };
    layout::ok(&page)
}

/// The figures that are read in the services' log-in; none without it.
async fn of_outbox(visitor: &OperatorVisitor, of_all: &OfAll) -> Result<Vec<Figure>, ApiError> {
    let Some(database) = of_all.database() else { return Ok(Vec::new()) };
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    let mut connection = database.connection().await.map_err(failed)?;
    let totals = overview::totals(&mut connection).await.map_err(failed)?;
    drop(connection);
    let oldest = totals.oldest_pending_seconds.map(|seconds| said::duration(seconds, visitor.language));
    let mut figures = vec![
        Figure {
            label: w.pending,
            value: format.whole(totals.pending),
            hint: oldest
                .map_or_else(|| w.nothing_waits.to_string(), |age| said::oldest(&age, visitor.language)),
            is_warning: totals.retrying > 0,
            to: "/console/operators/outbox",
        },
        Figure {
            label: w.dead_letters,
            value: format.whole(totals.dead_letters),
            hint: said::held_back(&format.whole(totals.held), visitor.language),
            is_warning: totals.dead_letters > 0,
            to: "/console/operators/dead-letters",
        },
    ];
    let emails = mail::counts_of_all(database).await.map_err(failed)?;
    let number =
        |state| emails.iter().filter(|count| count.state == state).map(|count| count.number).sum::<i64>();
    let dead = number(EmailState::Dead);
    figures.push(Figure {
        label: w.emails_waiting,
        value: format.whole(number(EmailState::Waiting) + number(EmailState::Sending)),
        hint: said::dead_emails(&format.whole(dead), visitor.language),
        is_warning: dead > 0,
        to: "/console/operators/emails",
    });
    if let Some(projector) = of_all.projector() {
        let standing = projector.standing().await.map_err(failed)?;
        figures.push(Figure {
            label: w.projections,
            value: format.whole(standing.waiting),
            hint: said::dead_emails(&format.whole(standing.dead), visitor.language),
            is_warning: standing.dead > 0,
            to: "/console/operators/projections",
        });
    }
    Ok(figures)
}
