//! All settings, for whoever may see them; each part has its page to change it.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::documents;
use serde_json::Value;

use super::change::shown;
use super::spec::{COMPANY, INVOICING, Kind, Spec, current};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::visitor::Visitor;
use crate::console::words::{Settings, Shared, settings};
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "console/settings/overview.html")]
struct OverviewPage {
    page: Page,
    w: &'static Settings,
    may_change: bool,
    short_name: String,
    currency: String,
    company: Vec<Fact>,
    invoicing: Vec<Fact>,
    reminders: Vec<String>,
    accent: Option<String>,
    footer: Option<String>,
    has_logo: bool,
}

struct Fact {
    label: String,
    value: String,
}

/// What is set, in words.
fn facts(specs: &[Spec], shown: &Value, w: &'static Settings) -> Vec<Fact> {
    let fact = |spec: &Spec| {
        let value = current(shown, spec.name);
        let value = match spec.kind {
            Kind::Check => (if value == "true" { w.yes } else { w.no }).to_string(),
            Kind::OneOf(choices) => {
                choices.iter().find(|(name, _)| *name == value).map_or(value, |(_, word)| word(w).to_string())
            }
            _ => value,
        };
        (!value.is_empty()).then(|| Fact { label: (spec.label)(w).to_string(), value })
    };
    specs.iter().filter_map(fact).collect()
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Settings::of(visitor.language);
    let style = documents::style(&database, &visitor.context).await?;
    let shown = shown(&visitor.tenant)?;
    let notice = match Address::of(&request).get("done") {
        Some("saved") => Some(Shared::of(visitor.language).saved),
        Some("logo") => Some(w.done_logo),
        _ => None,
    };
    let levels = &visitor.tenant.invoicing.reminders;
    layout::ok(&OverviewPage {
        page: visitor.page(w.title).about("tenant.*").saying(notice),
        w,
        may_change: visitor.may(Permission::TenantWrite),
        short_name: visitor.tenant.short_name.clone(),
        currency: visitor.tenant.currency.clone(),
        company: facts(COMPANY, &shown, w),
        invoicing: facts(INVOICING, &shown, w),
        reminders: levels.iter().map(|level| settings::level(level.days.into(), visitor.language)).collect(),
        accent: style.accent,
        footer: style.footer,
        has_logo: style.logo.is_some(),
    })
}
