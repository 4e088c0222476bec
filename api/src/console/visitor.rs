//! Who looks at a page, and what pages need to know of them: the company, the language, the time zone.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use chrono::Utc;
use comptoir_core::accounts::tenants::{self, TenantView};
use comptoir_core::accounts::users::{self, UserView};
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::{Actor, OperatorContext, Permission, TenantDatabase};
use comptoir_core::values::ids::UserId;
use comptoir_core::values::language::Language;

use super::assets::Assets;
use super::errors::language;
use super::format::Format;
use super::guard::FormToken;
use super::layout::{Blank, Page};
use super::session::Jar;
use super::waiting::{self, Waiting};
use super::words::Shared;
use super::{Area, menu, words};
use crate::authentication::unauthenticated;
use crate::config::ApiConfig;
use crate::error::ApiError;
use crate::extract::{Context, Operator};
use crate::middleware::RequestState;
use crate::routes::notifications::Live;

/// What a page knows of its request, whoever asks.
#[derive(Debug, Clone)]
struct Asked {
    path: String,
    jar: Jar,
    /// What the browser was told, if it was.
    chosen: Option<Language>,
    accepted: Language,
    form_token: String,
    has_keys: bool,
}

impl Asked {
    fn of(request: &HttpRequest) -> Self {
        let jar = Jar::of(request.app_data::<Data<ApiConfig>>());
        let headers: &HeaderMap = request.headers();
        let token = request.extensions().get::<FormToken>().cloned();
        Self {
            path: request.path().to_owned(),
            jar,
            chosen: jar.language(headers),
            accepted: language(headers, jar, Area::of(request.path())),
            has_keys: jar.has_keys(headers),
            form_token: token.map_or_else(String::new, |FormToken(text)| text),
        }
    }
}

/// A person of a company.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) context: RequestContext,
    pub(crate) tenant: TenantView,
    pub(crate) user: UserView,
    pub(crate) language: Language,
    pub(crate) format: Format,
    /// The stream's position, taken before anything of the page was read: nothing falls between page and stream.
    position: Option<String>,
    waiting: Waiting,
    asked: Asked,
}

impl Visitor {
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.context.principal.may(permission)
    }

    pub(crate) fn user_id(&self) -> UserId {
        self.user.id
    }

    /// Shows an amount in the company's currency.
    pub(crate) fn money(&self, amount: &comptoir_core::values::money::Money) -> String {
        self.format.money(amount, &self.tenant.currency)
    }

    /// Returns the page around a content with this title.
    pub(crate) fn page(&self, title: impl ToString) -> Page {
        let principal = &self.context.principal;
        let w = Shared::of(self.language);
        let menu = menu::menu(Area::Company, principal, &self.asked.path, w, (&self.waiting, &self.format));
        Page {
            title: title.to_string(),
            language: self.language,
            assets: Assets::get(),
            w,
            format: self.format,
            is_operator: false,
            is_without_tls: self.asked.jar.is_without_tls(),
            form_token: self.asked.form_token.clone(),
            has_keys: self.asked.has_keys,
            company: self.tenant.name.clone(),
            person: self.user.name.clone(),
            role: words::shared::role(principal.role, self.language),
            tabs: menu::tabs(&menu, principal.role),
            menu,
            may_search: menu::may_see(principal, "/console/orders"),
            may_place: menu::may_see(principal, "/console/orders/new"),
            topics: "",
            position: self.position.clone(),
            notice: None,
        }
    }
}

impl FromRequest for Visitor {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let context = Context::from_request(request, payload);
        let asked = Asked::of(request);
        let database = request.app_data::<Data<TenantDatabase>>().cloned();
        let live = request.app_data::<Data<Live>>().cloned();
        let state = request.extensions().get::<Rc<RequestState>>().cloned();
        Box::pin(async move {
            let Context(context) = context.await?;
            let database = database.ok_or_else(unauthenticated)?;
            let Actor::User { user_id, .. } = context.principal.actor else {
                return Err(Error::Unauthenticated.into());
            };
            let position = match live {
                Some(live) => live.position(&context).await,
                None => None,
            };
            let tenant = tenants::get(&database, &context).await?;
            let user = users::get(&database, &context, user_id).await?;
            let language = asked.chosen.unwrap_or(tenant.language);
            if language != asked.accepted
                && let (Some(state), Some(cookie)) = (state, asked.jar.keep_shown(language))
            {
                // The page of an error is written before anything is known of the company.
                state.set_cookie(cookie);
            }
            let format = Format::new(language, &tenant.time_zone, Utc::now());
            let waiting = waiting::read(&database, &context).await;
            Ok(Self { context, tenant, user, language, format, position, waiting, asked })
        })
    }
}

/// Somebody with an operator account.
#[derive(Debug)]
pub(crate) struct OperatorVisitor {
    pub(crate) context: OperatorContext,
    pub(crate) language: Language,
    pub(crate) format: Format,
    asked: Asked,
}

impl OperatorVisitor {
    pub(crate) fn page(&self, title: impl ToString) -> Page {
        let w = Shared::of(self.language);
        let principal = self.context.principal();
        Page {
            title: title.to_string(),
            language: self.language,
            assets: Assets::get(),
            w,
            format: self.format,
            is_operator: true,
            is_without_tls: self.asked.jar.is_without_tls(),
            form_token: self.asked.form_token.clone(),
            has_keys: self.asked.has_keys,
            company: w.all_companies.to_string(),
            person: principal.name.clone(),
            role: "",
            menu: menu::menu(
                Area::Operators,
                principal,
                &self.asked.path,
                w,
                (&Waiting::default(), &self.format),
            ),
            tabs: Vec::new(),
            may_search: false,
            may_place: false,
            topics: "",
            position: None,
            notice: None,
        }
    }
}

impl FromRequest for OperatorVisitor {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let operator = Operator::from_request(request, payload);
        let asked = Asked::of(request);
        Box::pin(async move {
            let Operator(context) = operator.await?;
            let language = asked.accepted;
            // Operators belong to no company, and so to no time zone.
            let format = Format::new(language, "UTC", Utc::now());
            Ok(Self { context, language, format, asked })
        })
    }
}

/// Somebody who is not logged in.
#[derive(Debug)]
pub(crate) struct Stranger {
    pub(crate) language: Language,
    pub(crate) jar: Jar,
    asked: Asked,
}

impl Stranger {
    pub(crate) fn blank(&self, title: impl ToString) -> Blank {
        Blank {
            title: title.to_string(),
            language: self.language,
            assets: Assets::get(),
            w: Shared::of(self.language),
            area: Area::of(&self.asked.path),
            is_without_tls: self.jar.is_without_tls(),
            form_token: self.asked.form_token.clone(),
        }
    }
}

impl FromRequest for Stranger {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let asked = Asked::of(request);
        std::future::ready(Ok(Self { language: asked.accepted, jar: asked.jar, asked }))
    }
}
