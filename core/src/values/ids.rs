//! Identifiers, one type each, so that an order's id cannot be passed where a customer's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Returns a new UUIDv7 (RFC 9562): ids made later sort later, which keeps index writes together.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(
    /// The company that owns the data.
    TenantId
);
id!(
    /// The issuer of a command: a user, an API key, a system.
    PrincipalId
);
id!(UserId);
id!(
    /// A person with an operator account, who belongs to no company.
    OperatorId
);
id!(
    /// A session, which a log-in begins and to which its tokens belong.
    SessionId
);
id!(ApiKeyId);
id!(CustomerId);
id!(
    /// Customers who have the same prices.
    CustomerGroupId
);
id!(PriceListId);
id!(ProductId);
id!(CategoryId);
id!(SupplierId);
id!(WarehouseId);
id!(
    /// A place in a warehouse.
    LocationId
);
id!(OrderId);
id!(
    /// The stock of a product in a warehouse.
    StockId
);
id!(StockDocumentId);
id!(ShipmentId);
id!(ReturnId);
id!(PurchaseOrderId);
id!(InventoryCountId);
id!(
    /// An invoice, a credit note or a deposit; of its draft, too.
    InvoiceId
);
id!(
    /// Money that a customer paid, or the reversal of that.
    PaymentId
);
id!(
    /// That an invoice is to be sent.
    SendingId
);
id!(
    /// A step of an invoice on its way to the customer.
    TransmissionId
);
id!(EmailId);
id!(
    /// A file of customers, suppliers, products, opening stock or prices that is worked off row by row.
    ImportId
);

impl TenantId {
    /// What a transaction of operator accounts is bound to in place of a company (`comptoir_operators()` in the database). No
    /// company has it.
    pub const OPERATORS: Self = Self(Uuid::max());
}
