//! Rate limits: how many requests a principal, an address or a network may make in a window of 60 seconds.
//!
//! Every replica counts in memory, so no request waits for a statement or a row lock. Counts that matter (above a hundredth of
//! their limit) are shared through PostgreSQL by a service, [`Sharing`]. docs/rate-limits.md says what is exact
//! and what is not. This module knows nothing of HTTP: the caller chooses the subject and the form of the answer.

mod sharing;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use moka::sync::Cache;
use serde::Deserialize;
use uuid::Uuid;

use crate::platform::config::ConfigError;
use crate::values::ids::PrincipalId;

pub use self::sharing::Sharing;

/// The length of a window, in seconds. A window begins when the number of seconds since 1970 is a multiple of it.
pub const WINDOW_SECONDS: u64 = 60;
/// A count is shared once it is more than 1/100 of its limit: far below the limit, and yet in ordinary operation nothing
/// is ever shared.
const SHARED_ABOVE: u32 = 100;
/// A count is forgotten after this time; its window is over long before, even if the clock was changed.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(2 * WINDOW_SECONDS);

const REFUSED: &str = "comptoir_rate_limited_total";
const COUNTED: &str = "comptoir_rate_limit_counts";

/// The settings of `[rate_limits]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitsConfig {
    /// Requests of one user or API key in 60 s; 0 is without limit.
    pub principal_requests_per_minute: u32,
    /// Requests of one address in 60 s; 0 is without limit.
    pub address_requests_per_minute: u32,
    /// Requests of one address to log in, or to do anything else with secrets and without authentication, in 60 s; 0 is
    /// without limit.
    pub sign_in_requests_per_minute: u32,
    /// The interval at which a replica shares its counts, if it has any to share.
    pub share_interval_ms: u64,
    /// The maximum number of counts in memory.
    pub max_counts: u64,
}

impl RateLimitsConfig {
    /// # Errors
    /// Fails if the interval is shorter than 100 ms or longer than the window, or if there is no room for 1000 counts.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(100..=WINDOW_SECONDS * 1000).contains(&self.share_interval_ms) {
            return Err(ConfigError::value("rate_limits.share_interval_ms", "must be from 100 to 60000"));
        }
        if self.max_counts < 1000 {
            return Err(ConfigError::value("rate_limits.max_counts", "must be at least 1000"));
        }
        Ok(())
    }

    fn limit(&self, subject: Subject) -> u32 {
        match subject {
            Subject::Principal(_) => self.principal_requests_per_minute,
            Subject::Address(_) => self.address_requests_per_minute,
            Subject::SignIn(_) => self.sign_in_requests_per_minute,
        }
    }
}

/// An IPv4 address, or the /64 network of an IPv6 address: a provider gives every customer a whole /64, so a single
/// address of it identifies nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// The subject whose requests are counted, and the limit that applies to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    Principal(PrincipalId),
    Address(Origin),
    SignIn(Origin),
}

impl Subject {
    /// The limit's name in metrics, logs and the table of shared counts.
    pub fn limit_name(self) -> &'static str {
        match self {
            Self::Principal(_) => "principal",
            Self::Address(_) => "address",
            Self::SignIn(_) => "sign-in",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(id) => id.fmt(f),
            Self::Address(origin) | Self::SignIn(origin) => origin.fmt(f),
        }
    }
}

/// The state of a subject in the current window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitState {
    /// The number of requests allowed in a window.
    pub limit: u32,
    /// The number of requests that are left of them.
    pub remaining: u32,
    /// Seconds until the next window begins, from 1 to 60.
    pub reset_seconds: u64,
}

impl LimitState {
    /// Returns the standing with fewer requests left.
    #[must_use]
    pub fn nearer(self, other: Self) -> Self {
        if other.remaining < self.remaining { other } else { self }
    }
}

/// The refusal of a request, because the window's requests are used up. It is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded(pub LimitState);

/// Counts requests. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct RateLimiter(Arc<Counting>);

struct Counting {
    config: RateLimitsConfig,
    /// The id of this process among the replicas that share.
    replica: Uuid,
    counts: Cache<(Subject, u64), Arc<Mutex<Count>>>,
    /// The counts that changed since they were last shared.
    to_share: Mutex<Vec<Changed>>,
}

/// A count that is to be shared.
#[derive(Debug, Clone)]
struct Changed {
    subject: Subject,
    window: u64,
    count: Arc<Mutex<Count>>,
}

/// Requests of one subject in one window.
#[derive(Debug, Default)]
struct Count {
    admitted_here: u32,
    /// The requests that all other replicas admitted, as far as known here.
    admitted_elsewhere: u32,
    /// Whether the count is in the list `to_share` already.
    is_to_be_shared: bool,
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl RateLimiter {
    pub fn new(config: RateLimitsConfig) -> Self {
        metrics::describe_counter!(REFUSED, "Requests answered 429 because a rate limit was reached");
        metrics::describe_gauge!(COUNTED, "Rate limit counts in memory");
        for limit in ["principal", "address", "sign-in"] {
            metrics::counter!(REFUSED, "limit" => limit).increment(0);
        }
        sharing::describe_metrics();
        let counts = Cache::builder().max_capacity(config.max_counts).time_to_live(FORGOTTEN_AFTER).build();
        Self(Arc::new(Counting { config, replica: Uuid::new_v4(), counts, to_share: Mutex::default() }))
    }

    /// Counts a request, unless the subject has none left in this window. Returns `None` if there is no limit.
    ///
    /// # Errors
    /// Fails if no request is left.
    pub fn admit(&self, subject: Subject) -> Result<Option<LimitState>, Exceeded> {
        // By this machine's clock. Replicas whose clocks differ have windows that begin at different times, but every
        // window still has its limit. Asking the database for the time would cost a round trip.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let admitted = self.admit_at(subject, now);
        if admitted.is_err() {
            metrics::counter!(REFUSED, "limit" => subject.limit_name()).increment(1);
        }
        admitted
    }

    fn admit_at(&self, subject: Subject, now: Duration) -> Result<Option<LimitState>, Exceeded> {
        let limit = self.0.config.limit(subject);
        if limit == 0 {
            return Ok(None);
        }
        let (window, into_window) = (now.as_secs() / WINDOW_SECONDS, now.as_secs() % WINDOW_SECONDS);
        let shared_count = self.0.counts.get_with((subject, window), Arc::default);
        let mut count = lock(&shared_count);
        let left = limit.saturating_sub(count.admitted_here).saturating_sub(count.admitted_elsewhere);
        let standing =
            |remaining| LimitState { limit, remaining, reset_seconds: WINDOW_SECONDS - into_window };
        let Some(remaining) = left.checked_sub(1) else { return Err(Exceeded(standing(0))) };
        count.admitted_here += 1;
        if count.admitted_here > limit / SHARED_ABOVE && !count.is_to_be_shared {
            count.is_to_be_shared = true;
            lock(&self.0.to_share).push(Changed { subject, window, count: shared_count.clone() });
        }
        Ok(Some(standing(remaining)))
    }

    /// Publishes how many counts there are.
    pub fn record_metrics(&self) {
        metrics::gauge!(COUNTED).set(self.0.counts.entry_count() as f64);
    }
}

/// Locks a mutex. Poisoning is ignored: no code that holds one of these locks can panic halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(limit: u32) -> RateLimiter {
        RateLimiter::new(RateLimitsConfig {
            principal_requests_per_minute: 0,
            address_requests_per_minute: limit,
            sign_in_requests_per_minute: 2,
            share_interval_ms: 1000,
            max_counts: 1000,
        })
    }

    fn subject(address: &str) -> Subject {
        Subject::Address(address.parse::<IpAddr>().expect("an address").into())
    }

    const NOW: Duration = Duration::from_secs(6_000_010);

    fn remaining(limiter: &RateLimiter, subject: Subject, now: Duration) -> Option<u32> {
        limiter.admit_at(subject, now).ok().flatten().map(|standing| standing.remaining)
    }

    #[test]
    fn a_window_has_as_many_requests_as_its_limit_and_the_next_one_begins_anew() {
        let (limiter, one) = (limiter(3), subject("192.0.2.1"));
        let counted: Vec<_> = (0..3).map(|_| remaining(&limiter, one, NOW)).collect();
        assert_eq!(counted, [Some(2), Some(1), Some(0)]);
        let refused = Exceeded(LimitState { limit: 3, remaining: 0, reset_seconds: 50 });
        assert_eq!(limiter.admit_at(one, NOW), Err(refused));
        assert_eq!(remaining(&limiter, one, NOW + Duration::from_secs(49)), None, "still the same window");
        assert_eq!(remaining(&limiter, one, NOW + Duration::from_secs(50)), Some(2));
    }

    #[test]
    fn everybody_has_counts_of_their_own_and_every_limit_has_too() {
        let limiter = limiter(1);
        let (one, other) = (subject("192.0.2.1"), subject("192.0.2.2"));
        assert_eq!(remaining(&limiter, one, NOW), Some(0));
        assert_eq!(remaining(&limiter, other, NOW), Some(0));
        let Subject::Address(origin) = one else { unreachable!() };
        assert_eq!(remaining(&limiter, Subject::SignIn(origin), NOW), Some(1));
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        let anybody = Subject::Principal(PrincipalId::generate());
        assert_eq!(limiter(1).admit_at(anybody, NOW), Ok(None));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one_and_mapped_ipv4_addresses_as_themselves() {
        assert_eq!(subject("2001:db8:1:2::1"), subject("2001:db8:1:2:ffff::9"));
        assert_ne!(subject("2001:db8:1:2::1"), subject("2001:db8:1:3::1"));
        assert_eq!(subject("::ffff:192.0.2.1"), subject("192.0.2.1"));
        assert_eq!(subject("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
    }

    #[test]
    fn what_others_admitted_is_not_left() {
        let (limiter, one) = (limiter(10), subject("192.0.2.1"));
        assert_eq!(remaining(&limiter, one, NOW), Some(9));
        let changed = lock(&limiter.0.to_share).pop().expect("one is more than a hundredth of ten");
        lock(&changed.count).admitted_elsewhere = 8;
        assert_eq!(remaining(&limiter, one, NOW), Some(0));
        assert_eq!(remaining(&limiter, one, NOW), None);
    }

    #[test]
    fn small_counts_are_not_shared_and_larger_ones_once_until_they_are() {
        let (limiter, one) = (limiter(1000), subject("192.0.2.1"));
        for _ in 0..10 {
            remaining(&limiter, one, NOW);
        }
        assert!(lock(&limiter.0.to_share).is_empty());
        for _ in 0..10 {
            remaining(&limiter, one, NOW);
        }
        assert_eq!(lock(&limiter.0.to_share).len(), 1);
    }

    #[test]
    fn of_two_limits_the_one_with_less_left_is_the_nearer() {
        let standing = |remaining| LimitState { limit: 10, remaining, reset_seconds: 1 };
        assert_eq!(standing(3).nearer(standing(2)), standing(2));
        assert_eq!(standing(2).nearer(standing(3)), standing(2));
    }
}
