//! Where something stands that a document's rules find wrong: pointers into the document, as what is to be changed.

/// What is to be changed, by where it stands in a document. The first that fits is meant.
const PLACES: &[(&str, &str)] = &[
    ("/seller/name", "/tenant/name"),
    ("/seller/address", "/tenant/address"),
    ("/seller/vat_number", "/tenant/vat_number"),
    ("/seller/legal_id", "/tenant/registration"),
    ("/seller/identifiers", "/tenant/registration"),
    ("/seller/legal_form", "/tenant/invoicing/legal_form"),
    ("/seller/capital", "/tenant/invoicing/share_capital"),
    ("/seller/register", "/tenant/invoicing/trade_register"),
    ("/seller/electronic_address", "/tenant/invoicing/electronic_address"),
    ("/seller", "/tenant"),
    ("/buyer/name", "/customer/name"),
    ("/buyer/address", "/customer/addresses"),
    ("/buyer/vat_number", "/customer/vat_number"),
    ("/buyer/legal_id", "/customer/invoicing/registration"),
    ("/buyer/identifiers", "/customer/invoicing/registration"),
    ("/buyer/legal_form", "/customer/invoicing/legal_form"),
    ("/buyer/electronic_address", "/customer/invoicing/electronic_address"),
    ("/buyer", "/customer"),
    ("/currency", "/tenant/currency"),
    ("/totals/vat_accounted", "/tenant/currency"),
    ("/payment", "/tenant/invoicing/iban"),
    ("/issue_date", "/draft/issue_date"),
    ("/due_date", "/draft/due_on"),
    ("/delivery/date", "/draft/delivered_on"),
    ("/delivery", "/draft/delivery_address"),
    ("/period", "/draft/period"),
    ("/references/buyer_order", "/draft/reference"),
    ("/mentions", "/draft/note"),
    ("/vat", "/draft/lines"),
    ("/totals", "/draft/lines"),
];
/// Members of a line that a draft's line has, too.
const OF_LINES: &[&str] =
    &["sku", "name", "description", "quantity", "unit", "unit_price", "adjustments", "vat"];

/// Returns a pointer that begins with `/draft`, `/tenant` or `/customer`.
pub(super) fn of_request(pointer: &str) -> String {
    let fits = |place: &str| {
        pointer.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if let Some((_, wanted)) = PLACES.iter().find(|(place, _)| fits(place)) {
        return (*wanted).to_owned();
    }
    let mut parts = pointer.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("lines"), Some(index)) => {
            let line = format!("/draft/lines/{index}");
            match parts.next().filter(|member| OF_LINES.contains(member)) {
                // Its members are not those of a draft.
                Some("unit") => format!("{line}/unit"),
                Some(member) => {
                    parts.fold(format!("{line}/{member}"), |pointer, part| format!("{pointer}/{part}"))
                }
                None => line,
            }
        }
        (Some("lines"), None) => "/draft/lines".to_owned(),
        (Some("adjustments"), index) => {
            let members = parts.filter(|part| *part != "adjustment");
            index
                .into_iter()
                .chain(members)
                .fold("/draft/adjustments".to_owned(), |pointer, part| format!("{pointer}/{part}"))
        }
        _ => "/draft".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_of_what_is_to_be_changed() {
        for (of_document, of_request_) in [
            ("/seller/address/post_code", "/tenant/address"),
            ("/seller/contact", "/tenant"),
            ("/buyer/electronic_address/value", "/customer/invoicing/electronic_address"),
            ("/buyer/name", "/customer/name"),
            ("/lines/3/vat/rate", "/draft/lines/3/vat/rate"),
            ("/lines/3/unit/code", "/draft/lines/3/unit"),
            ("/lines/3/net", "/draft/lines/3"),
            ("/lines/0/adjustments/1/amount", "/draft/lines/0/adjustments/1/amount"),
            ("/lines", "/draft/lines"),
            ("/adjustments/2/adjustment/amount", "/draft/adjustments/2/amount"),
            ("/adjustments/2/vat/rate", "/draft/adjustments/2/vat/rate"),
            ("/vat/0/tax", "/draft/lines"),
            ("/vat_due", "/draft"),
            ("/references/buyer_order", "/draft/reference"),
            ("/references/preceding", "/draft"),
            ("/mentions/4/text", "/draft/note"),
            ("/delivery/date", "/draft/delivered_on"),
            ("/delivery/address/city", "/draft/delivery_address"),
            ("/number", "/draft"),
            ("", "/draft"),
        ] {
            assert_eq!(of_request(of_document), of_request_, "{of_document}");
        }
    }
}
