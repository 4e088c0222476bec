//! How much work waits, for the menu: never totals, only what needs somebody.
//!
//! Each number is bounded, is read for an entry that the visitor sees, and is kept for some seconds for the whole company: pages that
//! follow each other do not ask again. It may be that old; the pages themselves never are.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::invoices::{self, InvoiceFilter};
use comptoir_core::commerce::orders::{self, OpenOrderFilter};
use comptoir_core::commerce::stock::{self, StockFilter};
use comptoir_core::platform::paging::{Count, Page};
use comptoir_core::values::ids::TenantId;

use super::lists::first;
use super::menu;
use crate::error::ApiError;

/// Without a promised day, an order is late after so many days, as in the API.
pub(super) const LATE_AFTER_DAYS: u16 = 3;
/// How many rows are looked at where there is no count: the menu says `50+` beyond.
const LOOKED_AT: u8 = 50;
const KEPT_FOR: Duration = Duration::from_secs(15);
/// How many numbers are kept at most, of all companies.
const MOST: usize = 4_000;

/// What can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Work {
    ToPrepare,
    Late,
    Low,
    Overdue,
}

/// The entry of the menu that says each. Who may see the page may see the number: it counts what the page lists.
const SAID_AT: [(&str, Work); 4] = [
    ("/console/preparation", Work::ToPrepare),
    ("/console/orders", Work::Late),
    ("/console/stock", Work::Low),
    ("/console/invoices", Work::Overdue),
];

/// When it was read, and what it was; `None` while it is read for the first time.
type Kept = HashMap<(TenantId, Work), (Instant, Option<Count>)>;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

fn kept() -> MutexGuard<'static, Kept> {
    // What a panic left is at worst a number that is too old.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The numbers of a menu, by the path of their entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting(Vec<(&'static str, Count)>);

impl Waiting {
    /// The number at an entry; `None` if nothing waits there.
    pub(super) fn at(&self, path: &str) -> Option<Count> {
        self.0.iter().find(|(found, count)| *found == path && count.value > 0).map(|(_, count)| *count)
    }
}

/// Reads the numbers that the visitor's menu has. One that cannot be read is left out: a menu without numbers is still a menu.
pub(super) async fn read(database: &TenantDatabase, context: &RequestContext) -> Waiting {
    let mut waiting = Waiting::default();
    for (path, work) in SAID_AT {
        if !menu::may_see(&context.principal, path) {
            continue;
        }
        let key = (context.tenant_id(), work);
        let count = match fresh(key) {
            Some(count) => count,
            None => {
                let count = counted(database, context, work).await.ok();
                kept().insert(key, (Instant::now(), count));
                count
            }
        };
        waiting.0.extend(count.map(|count| (path, count)));
    }
    waiting
}

/// The number that is kept, if it is not too old. Whoever finds none reads it; the others go on with the old one meanwhile.
fn fresh(key: (TenantId, Work)) -> Option<Option<Count>> {
    let (mut kept, now) = (kept(), Instant::now());
    if let Some((at, count)) = kept.get_mut(&key) {
        if now.duration_since(*at) < KEPT_FOR {
            return Some(*count);
        }
        *at = now;
        return None;
    }
    if kept.len() >= MOST {
        kept.retain(|_, (at, _)| now.duration_since(*at) < KEPT_FOR);
        if kept.len() >= MOST {
            kept.clear();
        }
    }
    kept.insert(key, (now, None));
    None
}

async fn counted(database: &TenantDatabase, context: &RequestContext, work: Work) -> Result<Count, ApiError> {
    let none = Count { value: 0, exact: true };
    let every = OpenOrderFilter::default();
    let selection = Selection { counted: true, ..Selection::default() };
    Ok(match work {
        Work::ToPrepare => seen(&orders::to_prepare(database, context, &every, &first(LOOKED_AT)?).await?),
        Work::Late => {
            seen(&orders::late(database, context, &every, LATE_AFTER_DAYS, &first(LOOKED_AT)?).await?)
        }
        Work::Low => {
            let filter = StockFilter { low: true, selection, ..StockFilter::default() };
            stock::list(database, context, &filter, &first(1)?).await?.count.unwrap_or(none)
        }
        Work::Overdue => {
            let filter = InvoiceFilter { overdue: true, selection, ..InvoiceFilter::default() };
            invoices::list(database, context, &filter, &first(1)?).await?.count.unwrap_or(none)
        }
    })
}

/// How many rows the first page of a list has.
fn seen<T>(page: &Page<T>) -> Count {
    Count { value: page.data.len() as i64, exact: page.next_cursor.is_none() }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_number_is_read_once_and_kept_for_its_company_alone() {
        let tenant = || -> TenantId { Uuid::new_v4().to_string().parse().expect("an id") };
        let (one, other) = (tenant(), tenant());
        assert!(fresh((one, Work::Late)).is_none(), "the first one reads it");
        assert!(matches!(fresh((one, Work::Late)), Some(None)), "the second one does not wait");
        kept().insert((one, Work::Late), (Instant::now(), Some(Count { value: 3, exact: true })));
        assert!(matches!(fresh((one, Work::Late)), Some(Some(Count { value: 3, .. }))));
        assert!(fresh((other, Work::Late)).is_none());
    }

    #[test]
    fn nothing_is_not_said() {
        let waiting = Waiting(vec![("/console/stock", Count { value: 0, exact: true })]);
        assert!(waiting.at("/console/stock").is_none() && waiting.at("/console/orders").is_none());
    }
}
