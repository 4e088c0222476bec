//! Price lists and their prices as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::prices::{
    CreatePriceList, NewEntry, PriceBreak, PriceBreakView, PriceEntryView, PriceListCode, PriceListDetails,
    PriceListFilter, PriceListName, PriceListView, PriceTarget, Quote, SetPrice, SetPrices, ValidPeriod,
};
use comptoir_core::commerce::products::Sku;
use comptoir_core::platform::paging::Page;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::{CustomerGroupId, CustomerId, PriceListId, ProductId};
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_core::values::money::{Quantity, UnitPrice};
use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, SearchFilters, Text, read_from_text};

read_from_text!(PriceListCode, PriceListName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = CreatePriceListRequest::checked -> FieldError)]
pub(crate) struct CreatePriceListRequest {
    /// The list's number in your books, unique among your lists.
    #[schema(value_type = String, example = "SPRING-2026", min_length = 1, max_length = 50)]
    code: PriceListCode,
    #[schema(value_type = String, example = "Printemps 2026", min_length = 1, max_length = 200)]
    name: PriceListName,
    /// Whose prices they are: this customer's. It never changes. Not together with `group_id`; with none of both, they are everybody's.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// Whose prices they are: this group's. It never changes.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    group_id: Option<CustomerGroupId>,
    /// The first day on which they are valid. Left out or null: they always were.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-03-01")]
    valid_from: Option<BusinessDate>,
    /// The first day on which they are not valid any more. Left out or null: there is no end.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-06-01")]
    valid_to: Option<BusinessDate>,
}

fn period(from: Option<BusinessDate>, to: Option<BusinessDate>) -> Result<ValidPeriod, FieldError> {
    ValidPeriod::new(from, to).map_err(|invalid| invalid.at("/valid_to"))
}

impl CreatePriceListRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        self.target()?;
        period(self.valid_from, self.valid_to)?;
        Ok(self)
    }

    fn target(&self) -> Result<PriceTarget, FieldError> {
        match (self.customer_id, self.group_id) {
            (Some(_), Some(_)) => {
                let message = "a list is of a customer or of a group, not of both";
                Err(Invalid::new("both_given", message).at("/group_id"))
            }
            (Some(customer), None) => Ok(PriceTarget::Customer(customer)),
            (None, Some(group)) => Ok(PriceTarget::Group(group)),
            (None, None) => Ok(PriceTarget::Everybody),
        }
    }

    /// # Errors
    /// Fails if a rule about several members is broken.
    pub(crate) fn into_command(self) -> Result<CreatePriceList, FieldError> {
        let (target, period) = (self.target()?, period(self.valid_from, self.valid_to)?);
        let Self { code, name, .. } = self;
        Ok(CreatePriceList { details: PriceListDetails { code, name, period }, target })
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = PriceListRequest::checked -> FieldError)]
pub(crate) struct PriceListRequest {
    /// The list's number in your books, unique among your lists.
    #[schema(value_type = String, example = "SPRING-2026", min_length = 1, max_length = 50)]
    code: PriceListCode,
    #[schema(value_type = String, example = "Printemps 2026", min_length = 1, max_length = 200)]
    name: PriceListName,
    /// The first day on which they are valid. Left out or null: they always were.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-03-01")]
    valid_from: Option<BusinessDate>,
    /// The first day on which they are not valid any more. Left out or null: there is no end.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-06-01")]
    valid_to: Option<BusinessDate>,
}

impl PriceListRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        period(self.valid_from, self.valid_to)?;
        Ok(self)
    }
}

impl Editable for PriceListRequest {
    type View = PriceListView;
    type Details = PriceListDetails;
    const READ_ONLY: &'static [&'static str] =
        &["id", "version", "customer_id", "group_id", "entries", "created_at", "updated_at"];

    fn into_details(self) -> Result<PriceListDetails, Vec<FieldError>> {
        let Self { code, name, valid_from, valid_to } = self;
        let period = period(valid_from, valid_to).map_err(|fault| vec![fault])?;
        Ok(PriceListDetails { code, name, period })
    }

    fn shown(view: &PriceListView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct SetPricesRequest {
    /// Each product once. Products that are not named keep their prices.
    #[schema(min_items = 1, max_items = 500)]
    entries: Vec<SetPriceRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct SetPriceRequest {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// All of its breaks, which replace those that it has. None: it has no price in the list any more.
    #[schema(max_items = 20)]
    breaks: Vec<PriceBreakRequest>,
}

/// From so many units on, each costs so much.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PriceBreakRequest {
    /// Zero or more; left out or null: zero, which is any quantity.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "10", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    from_quantity: Option<Units>,
    /// Net price of one unit, in your company's currency.
    #[schema(value_type = String, example = "11.50", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_price: UnitPrice,
}

impl From<PriceBreakRequest> for PriceBreak {
    fn from(PriceBreakRequest { from_quantity, unit_price }: PriceBreakRequest) -> Self {
        Self { from_quantity: from_quantity.unwrap_or_else(Units::zero), unit_price }
    }
}

impl From<SetPriceRequest> for NewEntry {
    fn from(SetPriceRequest { product_id, breaks }: SetPriceRequest) -> Self {
        Self { product_id, breaks: breaks.into_iter().map(PriceBreak::from).collect() }
    }
}

impl SetPricesRequest {
    pub(crate) fn into_command(self, id: PriceListId, expected_version: Option<i64>) -> SetPrices {
        SetPrices { id, expected_version, entries: self.entries.into_iter().map(NewEntry::from).collect() }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PriceListFilters {
    /// Only the list with this code.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    code: Option<Text>,
    /// Only lists of this customer.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// Only lists of this group.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    group_id: Option<CustomerGroupId>,
}

impl SearchFilters for PriceListFilters {
    type Filter = PriceListFilter;
    const WITHOUT: &'static [&'static str] = &["external_id"];

    fn with(self, selection: Selection) -> PriceListFilter {
        let Self { code, customer_id, group_id } = self;
        PriceListFilter { code: code.map(Into::into), customer_id, group_id, selection }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuoteParameters {
    #[param(value_type = Uuid)]
    product_id: ProductId,
    /// Left out: for nobody in particular.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// More than zero; one if it is left out.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "12")]
    quantity: Option<Quantity>,
    /// The day of the price; today, in your company's time zone, if it is left out.
    #[deserr(default)]
    #[param(value_type = Option<NaiveDate>, example = "2026-03-15")]
    on: Option<BusinessDate>,
}

impl QuoteParameters {
    pub(super) fn into_quote(self) -> Result<Quote, FieldError> {
        let Self { product_id, customer_id, quantity, on } = self;
        let quantity = quantity.map_or_else(|| Quantity::parse("1"), Ok);
        let quantity = quantity.map_err(|invalid| invalid.at("/query/quantity"))?;
        Ok(Quote { customer_id, product_id, quantity, on })
    }
}

impl Exported for PriceListView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "code",
        "name",
        "customer_id",
        "group_id",
        "valid_from",
        "valid_to",
        "entries",
        "created_at",
        "updated_at",
    ];
}

/// The columns of a file of prices: of its export, and of its import.
pub(crate) const PRICE_COLUMNS: &[&str] = &["list", "sku", "from_quantity", "unit_price"];

/// A line of the export: a product has one for each of its breaks.
#[derive(Debug, Serialize)]
pub(crate) struct ExportedPrice {
    list: String,
    sku: String,
    from_quantity: String,
    unit_price: String,
}

impl Exported for ExportedPrice {
    const COLUMNS: &'static [&'static str] = PRICE_COLUMNS;
}

/// Makes the lines of a page of entries.
pub(super) fn lines(list: &str, page: Page<PriceEntryView>) -> Page<ExportedPrice> {
    let Page { data, next_cursor, count } = page;
    let of_entry = |entry: PriceEntryView| {
        let sku = entry.sku;
        let line = |one: PriceBreakView| ExportedPrice {
            list: list.to_owned(),
            sku: sku.clone(),
            from_quantity: one.from_quantity.to_string(),
            unit_price: one.unit_price.to_string(),
        };
        entry.breaks.into_iter().map(line).collect::<Vec<_>>()
    };
    Page { data: data.into_iter().flat_map(of_entry).collect(), next_cursor, count }
}

/// A row of an import.
#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PriceRow {
    /// The list's code.
    list: PriceListCode,
    sku: Sku,
    /// Any quantity, if it is left out.
    #[deserr(default)]
    from_quantity: Option<Units>,
    unit_price: UnitPrice,
}

impl PriceRow {
    pub(crate) fn into_command(self, replaces: bool) -> SetPrice {
        let Self { list, sku, from_quantity, unit_price } = self;
        let from_quantity = from_quantity.unwrap_or_else(Units::zero);
        SetPrice { list, sku, from_quantity, unit_price, replaces }
    }
}
