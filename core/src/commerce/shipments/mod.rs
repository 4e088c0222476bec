//! Shipments: what of an order left together, and whether it has arrived.

mod aggregate;
mod commands;
mod events;
mod queries;
mod repository;

pub use aggregate::{
    Dispatch, MAX_PARCELS, MAX_SHIPMENTS, Parcel, Shipment, ShipmentError, ShipmentStatus, ShippedLine,
    check_parcel_count,
};
pub use commands::{DeliverShipment, DispatchShipment, NewShipment};
pub(crate) use commands::{arrive, send};
pub use events::ShipmentEvent;
pub use queries::{
    DeliveryNote, ParcelView, PickingLine, PickingList, PickingPlace, ShipmentFilter, ShipmentLine,
    ShipmentSort, ShipmentSummary, ShipmentView, delivery_note, get, list, picking,
};
pub(crate) use repository::{first_shipped_on, has_open, load_open, save_all};
