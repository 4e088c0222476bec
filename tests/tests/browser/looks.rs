//! Every page once, and as whom, in which language, in which theme and how wide it is looked at.

use crate::page::Look;

/// The roles of a company, and their letters in the tables below.
pub(crate) const ROLES: [(char, &str); 4] =
    [('a', "admin"), ('m', "management"), ('s', "sales"), ('w', "warehouse")];

/// The pages of a company, with the letters of who may see them. Braces name what `company::furnished` made.
const PAGES: &[(&str, &str)] = &[
    ("/console/", "amsw"),
    ("/console/profile", "amsw"),
    ("/console/nowhere", "amsw"),
    ("/console/orders", "amsw"),
    ("/console/orders?q=nothing", "amsw"),
    ("/console/orders/late", "amsw"),
    ("/console/orders/new", "ams"),
    ("/console/orders/{placed}", "amsw"),
    ("/console/orders/{shipped}", "amsw"),
    ("/console/orders/{placed}/edit", "ams"),
    ("/console/orders/{placed}/cancel", "ams"),
    ("/console/orders/{placed}/deposit", "ams"),
    ("/console/orders/{confirmed}/ship", "amw"),
    ("/console/orders/{confirmed}/picking-list", "amw"),
    ("/console/orders/{shipped}/return", "amw"),
    ("/console/preparation", "amw"),
    ("/console/shipments", "amsw"),
    ("/console/shipments/{shipment}", "amsw"),
    ("/console/shipments/{shipment}/delivery-note", "amsw"),
    ("/console/returns", "amsw"),
    ("/console/returns/{return}", "amsw"),
    ("/console/purchases", "amw"),
    ("/console/purchases/new", "am"),
    ("/console/purchases/{purchase}", "amw"),
    ("/console/purchases/{purchase}/receive", "amw"),
    ("/console/purchases/{purchase}/cancel", "am"),
    ("/console/invoices", "ams"),
    ("/console/invoices/new", "ams"),
    ("/console/invoices/from", "ams"),
    ("/console/invoices/{draft}", "ams"),
    ("/console/invoices/{draft}/edit", "ams"),
    ("/console/invoices/{draft}/delete", "ams"),
    ("/console/invoices/{draft}/validate", "am"),
    ("/console/invoices/{invoice}", "ams"),
    ("/console/invoices/{invoice}/credit", "ams"),
    ("/console/invoices/{invoice}/dispute", "ams"),
    ("/console/payments", "ams"),
    ("/console/payments/new", "am"),
    ("/console/payments/{payment}", "ams"),
    ("/console/payments/{payment}/reverse", "am"),
    ("/console/payments/use-credit/{customer}", "am"),
    ("/console/payments/aged-balance", "ams"),
    ("/console/payments/statements/{customer}", "ams"),
    ("/console/reports", "am"),
    ("/console/reports/products", "am"),
    ("/console/reports/sales", "am"),
    ("/console/reports/vat-due", "am"),
    ("/console/reports/accounts", "am"),
    ("/console/customers", "amsw"),
    ("/console/customers/new", "ams"),
    ("/console/customers/{customer}", "amsw"),
    ("/console/customers/{customer}/edit", "ams"),
    ("/console/products", "amsw"),
    ("/console/products/new", "am"),
    ("/console/products/{product}", "amsw"),
    ("/console/categories/{category}", "amsw"),
    ("/console/suppliers", "amw"),
    ("/console/suppliers/{supplier}", "amw"),
    ("/console/price-lists", "ams"),
    ("/console/price-lists/{price-list}", "ams"),
    ("/console/price-lists/{price-list}/price", "am"),
    ("/console/customer-groups/{group}", "ams"),
    ("/console/imports", "amsw"),
    ("/console/imports/new", "amsw"),
    ("/console/stock", "amsw"),
    ("/console/stock/{level}", "amsw"),
    ("/console/stock/{level}/rule", "amw"),
    ("/console/stock/value", "am"),
    ("/console/stock/documents/{document}", "amsw"),
    ("/console/stock/transfers/new", "amw"),
    ("/console/stock/relocations/new", "amw"),
    ("/console/stock/adjustments/new", "amw"),
    ("/console/receipts", "amsw"),
    ("/console/receipts/new", "amw"),
    ("/console/movements", "amsw"),
    ("/console/warehouses", "amsw"),
    ("/console/warehouses/{warehouse}", "amsw"),
    ("/console/warehouses/{warehouse}/edit", "am"),
    ("/console/warehouses/{warehouse}/archive", "am"),
    ("/console/warehouses/locations/{location}/edit", "am"),
    ("/console/counts", "amw"),
    ("/console/counts/new", "amw"),
    ("/console/counts/{count}", "amw"),
    ("/console/counts/{count}/sheet", "amw"),
    ("/console/counts/{count}/cancel", "am"),
    ("/console/roles", "amsw"),
    ("/console/users", "am"),
    ("/console/users/new", "a"),
    ("/console/users/{user}", "am"),
    ("/console/users/{user}/rights", "a"),
    ("/console/users/{user}/disable", "a"),
    ("/console/keys", "am"),
    ("/console/keys/new", "a"),
    ("/console/keys/{key}", "am"),
    ("/console/keys/{key}/revoke", "a"),
    ("/console/emails", "am"),
    ("/console/emails/{email}", "am"),
    ("/console/projections", "am"),
    ("/console/audit", "am"),
    ("/console/audit/{audit}", "am"),
    ("/console/settings", "amsw"),
    ("/console/settings/company", "a"),
    ("/console/settings/documents", "a"),
];

const OF_OPERATORS: &[&str] = &[
    "/console/operators/overview",
    "/console/operators/health",
    "/console/operators/outbox",
    "/console/operators/outbox/tail",
    "/console/operators/dead-letters",
    "/console/operators/dead-letters/decide?verb=discard",
    "/console/operators/replay",
    "/console/operators/services",
    "/console/operators/services/pruning",
    "/console/operators/services/mailer/actions/process-batch",
    "/console/operators/emails",
    "/console/operators/projections",
    "/console/operators/accounts",
    "/console/operators/audit",
    "/console/operators/account",
];

/// Those of somebody who has not logged in.
const OF_STRANGERS: &[&str] = &[
    "/console/sign-in",
    "/console/sign-in/forgotten",
    "/console/sign-in/password?token=unknown",
    "/console/sign-in/verify?token=unknown",
    "/console/operators/sign-in",
];

/// The pages that this role looks at, and how. Each page is looked at twice: by two of its roles, in both languages, both themes and both
/// widths. From page to page these go together differently, so that each pair of them meets somewhere.
pub(crate) fn of_role(role: &str) -> Vec<(&'static str, Look)> {
    let pages = PAGES.iter().enumerate().flat_map(|(index, (path, letters))| {
        let roles: Vec<char> = letters.chars().collect();
        let turns = both(index);
        turns
            .into_iter()
            .enumerate()
            .map(move |(turn, look)| (roles[(index + turn) % roles.len()], *path, look))
    });
    let letter = ROLES.iter().find(|(_, name)| *name == role).map(|(letter, _)| *letter);
    pages.filter(|(one, ..)| Some(*one) == letter).map(|(_, path, look)| (path, look)).collect()
}

pub(crate) fn of_operators() -> Vec<(&'static str, Look)> {
    twice(OF_OPERATORS)
}

pub(crate) fn of_strangers() -> Vec<(&'static str, Look)> {
    twice(OF_STRANGERS)
}

fn twice(paths: &'static [&'static str]) -> Vec<(&'static str, Look)> {
    paths.iter().enumerate().flat_map(|(index, path)| both(index).map(|look| (*path, look))).collect()
}

/// Two looks that differ in everything.
fn both(index: usize) -> [Look; 2] {
    let [english, dark, narrow] = [index / 3, index / 5, index / 7].map(|number| number % 2 == 1);
    [false, true].map(|other| Look {
        width: if narrow == other { 1280 } else { 390 },
        is_dark: dark != other,
        language: if english == other { "fr" } else { "en" },
    })
}

#[test]
fn each_page_is_looked_at_twice_and_each_pair_of_properties_meets() {
    let looks: Vec<_> =
        ROLES.iter().flat_map(|(_, role)| of_role(role).into_iter().map(move |look| (*role, look))).collect();
    assert_eq!(looks.len(), PAGES.len() * 2);
    let pairs: std::collections::BTreeSet<_> = looks
        .iter()
        .flat_map(|(role, (_, look))| {
            let (theme, width) = (look.is_dark.to_string(), look.width.to_string());
            let all = [(*role).to_owned(), look.language.to_owned(), theme, width];
            let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
            pairs.map(|(one, other)| (one, other, all[one].clone(), all[other].clone()))
        })
        .collect();
    // A role with each language, theme and width, and these three with each other.
    assert_eq!(pairs.len(), 3 * 4 * 2 + 3 * 2 * 2, "{pairs:?}");
}
