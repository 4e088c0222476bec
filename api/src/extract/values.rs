//! The values of core that requests of several routes carry.

use comptoir_core::application::{Permission, Role};
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::contact::{Email, VatNumber};
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::{
    ApiKeyId, CategoryId, CustomerGroupId, CustomerId, EmailId, ImportId, InventoryCountId, InvoiceId,
    LocationId, OrderId, PaymentId, PriceListId, ProductId, PurchaseOrderId, ShipmentId, SupplierId, UserId,
    WarehouseId,
};
use comptoir_core::values::invalid::Invalid;
use comptoir_core::values::money::{Quantity, UnitPrice, VatRate};
use uuid::Uuid;

use super::{one_of, read_from_text};

read_from_text!(BusinessDate, Email, ExternalId, VatNumber, Quantity, UnitPrice, Units, VatRate);
read_from_text!(Role => |text| one_of(text, Role::ALL, Role::name));
read_from_text!(Permission => |text| text.parse());

/// Makes types of ids readable from a string.
macro_rules! read_ids {
    ($($id:ty),+ $(,)?) => { $(read_from_text!($id => |text| {
        text.parse().map_err(|_| Invalid::new("not_a_uuid", NOT_A_UUID))
    });)+ };
}

const NOT_A_UUID: &str = "expected an id, a UUID such as 01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";

read_ids!(
    ApiKeyId,
    CategoryId,
    CustomerGroupId,
    CustomerId,
    EmailId,
    ImportId,
    InventoryCountId,
    InvoiceId,
    LocationId,
    OrderId,
    PaymentId,
    PriceListId,
    ProductId,
    PurchaseOrderId,
    ShipmentId,
    SupplierId,
    UserId,
    WarehouseId,
    AnyId
);

/// An id of any type of resource.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AnyId(pub(crate) Uuid);

impl std::str::FromStr for AnyId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}
