//! The status of a shipment, as the design shows it.

use comptoir_core::commerce::shipments::ShipmentStatus;

use crate::console::status::Status;
use crate::console::words::Shipping;

pub(crate) fn status(status: ShipmentStatus, w: &'static Shipping) -> Status {
    match status {
        ShipmentStatus::Dispatched => Status::half(w.on_the_way),
        ShipmentStatus::Delivered => Status::done(w.delivered),
    }
}
