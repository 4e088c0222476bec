//! The price list and its rules.

use chrono::{DateTime, Utc};

use super::entries::PriceEntry;
use super::events::PriceListEvent;
use super::resolver::ValidPeriod;
use crate::application::error::{Category, DomainError};
use crate::values::ids::{CustomerGroupId, CustomerId, PriceListId, ProductId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::text::text;

text!(
    /// The list's number in the company's own books; unique in a tenant.
    PriceListCode, "a price list's code", 50
);
text!(PriceListName, "a price list's name", 200);

/// The maximum number of products in one list.
pub const MAX_ENTRIES: i32 = 10_000;
/// The most overlaps that a refusal names.
pub(super) const MAX_NAMED: i64 = 20;

/// Whose prices a list has. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceTarget {
    Customer(CustomerId),
    Group(CustomerGroupId),
    Everybody,
}

impl PriceTarget {
    pub fn customer(self) -> Option<CustomerId> {
        match self {
            Self::Customer(id) => Some(id),
            Self::Group(_) | Self::Everybody => None,
        }
    }

    pub fn group(self) -> Option<CustomerGroupId> {
        match self {
            Self::Group(id) => Some(id),
            Self::Customer(_) | Self::Everybody => None,
        }
    }
}

/// The data of a list in a request that creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceListDetails {
    pub code: PriceListCode,
    pub name: PriceListName,
    pub period: ValidPeriod,
}

/// A list, without its prices: it knows how many products it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    pub(super) id: PriceListId,
    pub(super) version: i64,
    pub(super) details: PriceListDetails,
    pub(super) target: PriceTarget,
    pub(super) entries: i32,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// The prices of some products in a list, as they were and as they are. Products that have none are without breaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ChangedEntries {
    pub(super) before: Vec<PriceEntry>,
    pub(super) after: Vec<PriceEntry>,
}

impl ChangedEntries {
    /// The products that had no price in the list.
    pub(super) fn added(&self) -> Vec<ProductId> {
        let pairs = self.before.iter().zip(&self.after);
        let added = pairs.filter(|(before, after)| before.breaks.is_empty() && !after.breaks.is_empty());
        added.map(|(_, after)| after.product_id).collect()
    }
}

impl PriceList {
    pub fn create(
        id: PriceListId,
        details: PriceListDetails,
        target: PriceTarget,
        now: DateTime<Utc>,
    ) -> (Self, PriceListEvent) {
        let list = Self { id, version: 1, details, target, entries: 0, created_at: now, updated_at: now };
        let event = PriceListEvent::Created(list.clone());
        (list, event)
    }

    /// Returns `None` if nothing changes.
    pub fn update(&mut self, details: PriceListDetails, now: DateTime<Utc>) -> Option<PriceListEvent> {
        if self.details == details {
            return None;
        }
        self.details = details;
        self.raise(now);
        Some(PriceListEvent::Changed { list: self.clone(), products: Vec::new() })
    }

    /// Gives products these prices. `before` has the prices that they have in the list, in the same order. Returns `None` if nothing changes.
    ///
    /// # Errors
    /// `Full` if there would be more than 10,000 products.
    pub(super) fn set_prices(
        &mut self,
        before: Vec<PriceEntry>,
        after: Vec<PriceEntry>,
        now: DateTime<Utc>,
    ) -> Result<Option<(PriceListEvent, ChangedEntries)>, PriceListError> {
        let (mut changed, mut entries) = (ChangedEntries::default(), self.entries);
        for (before, after) in before.into_iter().zip(after).filter(|(before, after)| before != after) {
            entries += i32::from(!after.breaks.is_empty()) - i32::from(!before.breaks.is_empty());
            changed.before.push(before);
            changed.after.push(after);
        }
        if changed.after.is_empty() {
            return Ok(None);
        }
        if entries > MAX_ENTRIES {
            return Err(PriceListError::Full);
        }
        self.entries = entries;
        self.raise(now);
        let products = changed.after.iter().map(|entry| entry.product_id).collect();
        Ok(Some((PriceListEvent::Changed { list: self.clone(), products }, changed)))
    }

    pub fn delete(mut self, now: DateTime<Utc>) -> PriceListEvent {
        self.raise(now);
        PriceListEvent::Deleted(self)
    }

    fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn details(&self) -> &PriceListDetails {
        &self.details
    }

    pub fn target(&self) -> PriceTarget {
        self.target
    }

    pub fn entries(&self) -> i32 {
        self.entries
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// Another list of the same target that prices a product on some of the same days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    pub product_id: ProductId,
    /// The other list's.
    pub list_id: PriceListId,
    pub code: String,
    pub period: ValidPeriod,
    /// What of the request it is about.
    pub pointer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceListError {
    #[error("there is no price list {0}")]
    NotFound(PriceListId),
    #[error("the code {0:?} belongs to another price list; codes are unique")]
    CodeTaken(String),
    #[error("there is no customer {0}")]
    CustomerUnknown(CustomerId),
    #[error("there is no group of customers {0}")]
    GroupUnknown(CustomerGroupId),
    #[error(
        "other lists of the same customer, of the same group or of everybody price some of the products on the same days; `errors` names them"
    )]
    Overlaps(Vec<Overlap>),
    #[error("a price list has at most {MAX_ENTRIES} products")]
    Full,
    /// What is wrong with the prices of a request.
    #[error("some prices are wrong; `errors` names each")]
    Entries(Vec<FieldError>),
    /// Of a row of an import.
    #[error("the list prices {sku:?} from {from} on already; import with mode=upsert to change it")]
    PriceTaken { sku: String, from: String },
}

impl Overlap {
    fn field(&self) -> FieldError {
        let message = format!(
            "price list {:?} ({}) prices product {} already, {}",
            self.code, self.list_id, self.product_id, self.period
        );
        Invalid::new("price_period_overlaps", message).at(self.pointer.clone())
    }
}

impl DomainError for PriceListError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CodeTaken(_) | Self::Overlaps(_) | Self::Full | Self::PriceTaken { .. } => {
                Category::Conflict
            }
            Self::CustomerUnknown(_) | Self::GroupUnknown(_) | Self::Entries(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "price_list_not_found",
            Self::CodeTaken(_) => "price_list_code_taken",
            Self::Overlaps(_) => "price_period_overlaps",
            Self::Full => "price_list_full",
            Self::PriceTaken { .. } => "price_taken",
            Self::CustomerUnknown(_) | Self::GroupUnknown(_) | Self::Entries(_) => "invalid_price_list",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::CustomerUnknown(_) => {
                vec![Invalid::new("unknown_customer", self.to_string()).at("/customer_id")]
            }
            Self::GroupUnknown(_) => vec![Invalid::new("unknown_group", self.to_string()).at("/group_id")],
            Self::Overlaps(overlaps) => overlaps.iter().map(Overlap::field).collect(),
            Self::Entries(fields) => fields.clone(),
            Self::NotFound(_) | Self::CodeTaken(_) | Self::Full | Self::PriceTaken { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::super::entries::PriceBreak;
    use super::*;
    use crate::values::business_date::BusinessDate;
    use crate::values::goods::Units;
    use crate::values::money::UnitPrice;

    pub(crate) fn details(name: &str) -> PriceListDetails {
        PriceListDetails {
            code: PriceListCode::parse("SPRING-2026").expect("valid"),
            name: PriceListName::parse(name).expect("valid"),
            period: ValidPeriod {
                from: BusinessDate::parse("2026-03-01").ok(),
                to: BusinessDate::parse("2026-06-01").ok(),
            },
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    pub(crate) fn entry(product: u128, breaks: &[(&str, &str)]) -> PriceEntry {
        let one = |(from, price): &(&str, &str)| PriceBreak {
            from_quantity: Units::parse(from).expect("a quantity"),
            unit_price: UnitPrice::parse(price).expect("a price"),
        };
        PriceEntry {
            product_id: ProductId::from_uuid(Uuid::from_u128(product)),
            breaks: breaks.iter().map(one).collect(),
        }
    }

    fn list() -> PriceList {
        PriceList::create(PriceListId::generate(), details("Spring"), PriceTarget::Everybody, at(0)).0
    }

    #[test]
    fn a_list_is_created_changed_and_deleted_and_each_step_raises_its_version() {
        let (mut list, event) =
            PriceList::create(PriceListId::generate(), details("Spring"), PriceTarget::Everybody, at(0));
        assert_eq!(event, PriceListEvent::Created(list.clone()));
        assert_eq!(list.update(details("Spring"), at(1)), None);
        let event = list.update(details("Printemps"), at(1)).expect("a change");
        assert_eq!((list.version, list.updated_at), (2, at(1)));
        assert_eq!(event, PriceListEvent::Changed { list: list.clone(), products: vec![] });
        let PriceListEvent::Deleted(deleted) = list.delete(at(2)) else { panic!("not deleted") };
        assert_eq!(deleted.version, 3);
    }

    #[test]
    fn prices_are_added_changed_and_taken_away_and_only_what_differs_is_told() {
        let mut list = list();
        let (tea, pot) = (entry(2, &[("0", "9"), ("10", "8")]), entry(3, &[("0", "40")]));
        let nothing = |product| entry(product, &[]);
        let set = list.set_prices(vec![nothing(2), nothing(3)], vec![tea.clone(), pot.clone()], at(1));
        let (event, changed) = set.expect("allowed").expect("a change");
        assert_eq!((list.entries, list.version), (2, 2));
        assert_eq!(changed.added(), [tea.product_id, pot.product_id]);
        let products = vec![tea.product_id, pot.product_id];
        assert_eq!(event, PriceListEvent::Changed { list: list.clone(), products });

        let cheaper = entry(3, &[("0", "39")]);
        let set = list.set_prices(vec![tea.clone(), pot], vec![tea.clone(), cheaper.clone()], at(2));
        let (_, changed) = set.expect("allowed").expect("a change");
        assert_eq!(changed.after, [cheaper]);
        assert!(changed.added().is_empty());
        assert_eq!(list.set_prices(vec![tea.clone()], vec![tea.clone()], at(3)), Ok(None));
        list.set_prices(vec![tea], vec![nothing(2)], at(3)).expect("allowed").expect("a change");
        assert_eq!((list.entries, list.version), (1, 4));
    }

    #[test]
    fn a_full_list_takes_no_other_product() {
        let mut list = PriceList { entries: MAX_ENTRIES, ..list() };
        let more = list.set_prices(vec![entry(2, &[])], vec![entry(2, &[("0", "9")])], at(1));
        assert_eq!(more, Err(PriceListError::Full));
        let instead = list.set_prices(
            vec![entry(2, &[]), entry(3, &[("0", "9")])],
            vec![entry(2, &[("0", "9")]), entry(3, &[])],
            at(1),
        );
        assert!(instead.is_ok_and(|changed| changed.is_some()));
        assert_eq!(list.entries, MAX_ENTRIES);
    }

    #[test]
    fn an_overlap_names_the_other_list_and_its_period() {
        let overlap = Overlap {
            product_id: ProductId::from_uuid(Uuid::from_u128(2)),
            list_id: PriceListId::from_uuid(Uuid::from_u128(9)),
            code: "SPRING-2026".to_owned(),
            period: details("Spring").period,
            pointer: "/entries/3/product_id".to_owned(),
        };
        let refused = PriceListError::Overlaps(vec![overlap]);
        let fields = refused.fields();
        assert_eq!(
            (fields[0].pointer.as_str(), fields[0].code),
            ("/entries/3/product_id", "price_period_overlaps")
        );
        assert!(fields[0].message.contains("SPRING-2026"), "{}", fields[0].message);
        assert!(
            fields[0].message.ends_with("from 2026-03-01 until before 2026-06-01"),
            "{}",
            fields[0].message
        );
    }
}
