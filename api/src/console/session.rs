//! A browser's session: the cookies that carry the tokens of an ordinary log-in (docs/authentication.md).
//!
//! There is no session of the console's own. What ends a session ends it here too, and at once: the tokens are checked as
//! those of any other request.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use comptoir_core::accounts::identity::access_tokens::{AccessTokens, IssuedAccessToken};
use comptoir_core::accounts::identity::secrets::{FormSecret, OperatorRefreshToken, RefreshToken};
use comptoir_core::accounts::operators::{OperatorAuthenticator, OperatorTokens};
use comptoir_core::accounts::sessions::{Authenticator, SessionTokens};
use comptoir_core::application::context::RequestOrigin;
use comptoir_core::application::{Credential, CredentialKind};
use comptoir_core::values::language::Language;

use super::Area;
use crate::authentication::{of_access_token, refused, unauthenticated};
use crate::config::ApiConfig;
use crate::error::ApiError;

/// For how long a browser remembers the language and its form secret: 400 days, the most that browsers grant.
const LONG_SECONDS: i64 = 400 * 86_400;
/// The maximum length of the value of a cookie that is read.
const MAX_VALUE: usize = 4096;

/// The names of the cookies, without their prefix.
#[derive(Debug, Clone, Copy)]
enum Name {
    Access(Area),
    Refresh(Area),
    Form,
    Language,
    /// The language of the last page that was shown, where nobody chose one: it is the company's.
    Shown,
    /// Whether the keys of the keyboard are turned off.
    Keys,
}

impl Name {
    const fn text(self) -> &'static str {
        match self {
            Self::Access(Area::Company) => "session",
            Self::Refresh(Area::Company) => "refresh",
            Self::Access(Area::Operators) => "operator",
            Self::Refresh(Area::Operators) => "operator-refresh",
            Self::Form => "form",
            Self::Language => "language",
            Self::Shown => "shown",
            Self::Keys => "keys",
        }
    }
}

/// How cookies are written and read: with `__Host-`, which browsers accept over TLS alone, for this host and no other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jar {
    /// `api.console_without_tls`.
    without_tls: bool,
}

impl Jar {
    pub(super) fn of(config: Option<&Data<ApiConfig>>) -> Self {
        Self { without_tls: config.is_some_and(|api| api.console_without_tls) }
    }

    /// Whether pages have to say that they are not protected.
    pub(super) fn is_without_tls(self) -> bool {
        self.without_tls
    }

    fn full_name(self, name: Name) -> String {
        if self.without_tls {
            format!("comptoir-{}", name.text())
        } else {
            format!("__Host-comptoir-{}", name.text())
        }
    }

    fn read(self, headers: &HeaderMap, name: Name) -> Option<String> {
        let name = self.full_name(name);
        let lines = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(found, _)| *found == name)?;
        (!value.is_empty() && value.len() <= MAX_VALUE).then(|| value.to_owned())
    }

    fn write(self, name: Name, value: &str, seconds: i64) -> Option<HeaderValue> {
        let secure = if self.without_tls { "" } else { "; Secure" };
        let name = self.full_name(name);
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut value = HeaderValue::try_from(text).ok()?;
        // Never printed.
        value.set_sensitive(true);
        Some(value)
    }

    pub(super) fn form_secret(self, headers: &HeaderMap) -> Option<FormSecret> {
        FormSecret::parse(&self.read(headers, Name::Form)?).ok()
    }

    pub(super) fn keep_form_secret(self, secret: &FormSecret) -> Option<HeaderValue> {
        self.write(Name::Form, secret.expose(), LONG_SECONDS)
    }

    pub(super) fn language(self, headers: &HeaderMap) -> Option<Language> {
        self.read_language(headers, Name::Language)
    }

    fn read_language(self, headers: &HeaderMap, name: Name) -> Option<Language> {
        let code = self.read(headers, name)?;
        Language::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language in which pages are shown that know of no company: errors, and the log-in.
    pub(super) fn shown(self, headers: &HeaderMap) -> Option<Language> {
        self.read_language(headers, Name::Shown)
    }

    pub(super) fn keep_shown(self, language: Language) -> Option<HeaderValue> {
        self.write(Name::Shown, language.code(), LONG_SECONDS)
    }

    /// Whether the browser has a session, be it over or not.
    pub(super) fn has_session(self, headers: &HeaderMap, area: Area) -> bool {
        [Name::Access(area), Name::Refresh(area)].into_iter().any(|name| self.read(headers, name).is_some())
    }

    pub(super) fn keep_language(self, language: Language) -> Option<HeaderValue> {
        self.write(Name::Language, language.code(), LONG_SECONDS)
    }

    /// Whether single keys do something on pages: they do, unless they were turned off (WCAG 2.1.4).
    pub(super) fn has_keys(self, headers: &HeaderMap) -> bool {
        self.read(headers, Name::Keys).is_none_or(|value| value != "off")
    }

    pub(super) fn keep_keys(self, has_keys: bool) -> Option<HeaderValue> {
        self.write(Name::Keys, if has_keys { "on" } else { "off" }, LONG_SECONDS)
    }

    /// The cookies of a session that has begun or goes on.
    fn keep(
        self,
        area: Area,
        access: &IssuedAccessToken,
        refresh: &str,
        until: DateTime<Utc>,
    ) -> Vec<HeaderValue> {
        let seconds = (until - Utc::now()).num_seconds().max(0);
        let cookies = [(Name::Access(area), access.text.as_str()), (Name::Refresh(area), refresh)];
        cookies.into_iter().filter_map(|(name, value)| self.write(name, value, seconds)).collect()
    }

    pub(super) fn keep_user(self, tokens: &SessionTokens) -> Vec<HeaderValue> {
        self.keep(Area::Company, &tokens.access, tokens.refresh.expose(), tokens.refresh_expires_at)
    }

    pub(super) fn keep_operator(self, tokens: &OperatorTokens) -> Vec<HeaderValue> {
        self.keep(Area::Operators, &tokens.access, tokens.refresh.expose(), tokens.refresh_expires_at)
    }

    /// Has the browser forget a session.
    pub(super) fn forget(self, area: Area) -> Vec<HeaderValue> {
        [Name::Access(area), Name::Refresh(area)]
            .into_iter()
            .filter_map(|name| self.write(name, "", 0))
            .collect()
    }
}

/// Returns the credential of the browser's session, and the cookies that prolong it if it had to be prolonged.
///
/// # Errors
/// 401 without a session, or with one that is over; 503 without the database.
pub(super) async fn credential(
    request: &ServiceRequest,
    jar: Jar,
    area: Area,
    origin: RequestOrigin,
) -> Result<(Credential, Vec<HeaderValue>), ApiError> {
    let tokens = request.app_data::<Data<AccessTokens>>().ok_or_else(unauthenticated)?;
    let access = jar.read(request.headers(), Name::Access(area));
    if let Some(credential) = access.and_then(|text| of_access_token(tokens, &text).ok())
        && is_of(credential, area)
    {
        return Ok((credential, Vec::new()));
    }
    let refresh = jar.read(request.headers(), Name::Refresh(area)).ok_or_else(unauthenticated)?;
    let (access, cookies) = match area {
        Area::Company => {
            let authenticator = request.app_data::<Data<Authenticator>>().ok_or_else(unauthenticated)?;
            let presented = RefreshToken::parse(&refresh).map_err(|_| refused())?;
            let tokens = authenticator.refresh_in_browser(origin, presented).await?;
            let cookies = jar.keep_user(&tokens);
            (tokens.access, cookies)
        }
        Area::Operators => {
            let authenticator =
                request.app_data::<Data<OperatorAuthenticator>>().ok_or_else(unauthenticated)?;
            let presented = OperatorRefreshToken::parse(&refresh).map_err(|_| refused())?;
            let tokens = authenticator.refresh_in_browser(origin, presented).await?;
            let cookies = jar.keep_operator(&tokens);
            (tokens.access, cookies)
        }
    };
    Ok((of_access_token(tokens, &access.text)?, cookies))
}

fn is_of(credential: Credential, area: Area) -> bool {
    match credential.kind {
        CredentialKind::Session(_) => area == Area::Company,
        CredentialKind::OperatorSession(_) => area == Area::Operators,
        CredentialKind::ApiKey(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static(cookies));
        headers
    }

    #[test]
    fn a_cookie_is_bound_to_this_host_and_to_tls_but_in_development() {
        let written = |without_tls| {
            let cookie = Jar { without_tls }.keep_language(Language::En).expect("a cookie");
            cookie.to_str().expect("text").to_owned()
        };
        let expected =
            "__Host-comptoir-language=en; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(written(false), expected);
        let expected = "comptoir-language=en; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax";
        assert_eq!(written(true), expected);
    }

    #[test]
    fn a_session_of_one_half_is_none_of_the_other() {
        let jar = Jar { without_tls: true };
        let found = |cookies, area| jar.has_session(&headers(cookies), area);
        assert!(found("comptoir-session=a", Area::Company) && found("comptoir-refresh=a", Area::Company));
        assert!(!found("comptoir-session=a", Area::Operators) && !found("comptoir-session=", Area::Company));
        assert!(found("comptoir-operator-refresh=a", Area::Operators));
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let jar = Jar { without_tls: false };
        let found = |cookies| jar.language(&headers(cookies));
        assert_eq!(found("a=b; __Host-comptoir-language=en"), Some(Language::En));
        assert_eq!(found("comptoir-language=en"), None);
        assert_eq!(found("__Host-comptoir-language=nl"), None);
        assert_eq!(found("x__Host-comptoir-language=en"), None);
    }
}
