//! How many streams there may be: of one session or API key, of one company, and from one address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use comptoir_core::accounts::rate_limits::Origin;
use comptoir_core::application::Credential;
use comptoir_core::values::ids::TenantId;

use crate::config::NotificationsConfig;
use crate::error::ApiError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Credential(Credential),
    Tenant(TenantId),
    Address(Origin),
}

/// The streams of this process, counted. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<Of, usize>>>);

/// The place of one stream, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Vec<Of>,
    streams: Streams,
}

impl Streams {
    /// # Errors
    /// 429 if there are too many streams of somebody's already.
    pub(super) fn take(
        &self,
        credential: Credential,
        address: Option<Origin>,
        limits: &NotificationsConfig,
    ) -> Result<Place, ApiError> {
        let mut wanted = vec![
            (Of::Credential(credential), limits.streams_per_session, "a session or an API key"),
            (Of::Tenant(credential.tenant_id), limits.streams_per_tenant, "a company"),
        ];
        wanted
            .extend(address.map(|address| (Of::Address(address), limits.streams_per_address, "an address")));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (of, limit, who) in &wanted {
            if counts.get(of).is_some_and(|count| count >= limit) {
                let detail =
                    format!("{who} may have {limit} streams on this server, and has: share one, or end one");
                return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail)
                    .with_header(RETRY_AFTER, HeaderValue::from_static("30")));
            }
        }
        let of: Vec<_> = wanted.into_iter().map(|(of, ..)| of).collect();
        for of in &of {
            *counts.entry(*of).or_default() += 1;
        }
        drop(counts);
        Ok(Place { of, streams: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        for of in &self.of {
            if let Some(count) = counts.get_mut(of) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(of);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use comptoir_core::application::CredentialKind;
    use comptoir_core::values::ids::SessionId;

    use super::*;
    use crate::config::Settings;

    #[test]
    fn a_place_is_free_again_when_its_stream_has_gone() {
        let mut limits = Settings::load(None, &[]).expect("defaults").notifications;
        (limits.streams_per_session, limits.streams_per_tenant) = (2, 3);
        let tenant_id = TenantId::generate();
        let of = || Credential { tenant_id, kind: CredentialKind::Session(SessionId::generate()) };
        let (one, other) = (of(), of());
        let streams = Streams::default();
        let first = streams.take(one, None, &limits).expect("a place");
        let _second = streams.take(one, None, &limits).expect("a place");
        assert_eq!(streams.take(one, None, &limits).expect_err("too many").code(), "too_many_streams");
        let _third = streams.take(other, None, &limits).expect("a place");
        streams.take(other, None, &limits).expect_err("too many of the company");
        drop(first);
        let _again = streams.take(one, None, &limits).expect("a place");
    }
}
