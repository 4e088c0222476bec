//! The addresses of a trading partner, in forms and on its page.

use comptoir_core::commerce::addresses::{Address, AddressKind};

use super::{Block, Input, Kind, List, Section, Values};
use crate::console::words::Parts;

/// The addresses as rows of a form.
pub(crate) const ADDRESSES: List = List {
    name: "addresses",
    members: &[
        ("kind", Kind::Text),
        ("line1", Kind::Text),
        ("line2", Kind::Text),
        ("postal_code", Kind::Text),
        ("city", Kind::Text),
        ("country", Kind::Text),
    ],
    given: &["kind", "country"],
};
/// The country that an empty row begins with.
const COUNTRY: &str = "FR";

/// The addresses that there are, and so many empty rows.
pub(crate) fn section(values: &Values, spare: usize, w: &'static Parts) -> Section {
    let known = values.rows(ADDRESSES.name);
    let row = |index: usize| {
        let name = |member: &str| format!("addresses.{index}.{member}");
        let mut country = Input::text(values, name("country"), w.country).hint(w.country_hint);
        if index >= known {
            COUNTRY.clone_into(&mut country.value);
        }
        let kinds = [(AddressKind::Billing.name(), w.billing), (AddressKind::Shipping.name(), w.shipping)];
        vec![
            Input::select(values, name("kind"), w.address_kind, kinds),
            Input::text(values, name("line1"), w.line1),
            Input::text(values, name("line2"), w.line2),
            Input::text(values, name("postal_code"), w.postal_code),
            Input::text(values, name("city"), w.city),
            country,
        ]
    };
    Section {
        title: w.addresses.to_string(),
        rows: (0..known + spare).map(row).collect(),
        more: Some(w.more_addresses.to_string()),
        ..Section::default()
    }
}

/// The addresses as facts.
pub(crate) fn block(addresses: &[Address], w: &'static Parts) -> Block {
    let fact = |address: &Address| {
        let label = match address.kind {
            AddressKind::Billing => w.billing,
            AddressKind::Shipping => w.shipping,
        };
        (label.to_string(), written(address))
    };
    Block {
        id: "addresses",
        title: w.addresses.to_string(),
        facts: addresses.iter().map(fact).collect(),
        empty: w.no_addresses.to_string(),
        ..Block::default()
    }
}

fn written(address: &Address) -> String {
    let postal = &address.postal;
    let place = [postal.postal_code.as_ref().map(ToString::to_string), Some(postal.city.to_string())];
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let line2 = postal.line2.as_ref().map(ToString::to_string);
    let parts = [Some(postal.line1.to_string()), line2, Some(place), Some(postal.country.code().to_owned())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
