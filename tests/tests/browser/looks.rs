//! Every page once, and as whom, in which language, in which theme and how wide it is looked at.

use std::collections::BTreeSet;

use comptoir_tests::harness::root;

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
    ("/console/imports/{import}", "ams"),
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

/// Pages that no address alone leads to. `accessible.rs` looks at them where it has made them.
const MADE_KEY: &str = "a key that was made";
const COMMAND: &str = "what a service was asked for";
const EVENT: &str = "an event of the outbox";
const UNLINKED: &str = "a process without the services' log-in";
const BY_HAND: &[&str] = &[MADE_KEY, COMMAND, EVENT, UNLINKED];

/// Each template of a page, and where it is looked at.
const TEMPLATES: &[(&str, &str)] = &[
    ("accounting/accounts", "/console/reports/accounts"),
    ("audit/list", "/console/audit"),
    ("audit/one", "/console/audit/{audit}"),
    ("counts/ask", "/console/counts/{count}/cancel"),
    ("counts/list", "/console/counts"),
    ("counts/new", "/console/counts/new"),
    ("counts/one", "/console/counts/{count}"),
    ("counts/sheet", "/console/counts/{count}/sheet"),
    ("emails/list", "/console/emails"),
    ("emails/one", "/console/emails/{email}"),
    ("error", "/console/nowhere"),
    ("home/home", "/console/"),
    ("imports/begin", "/console/imports/new"),
    ("imports/one", "/console/imports/{import}"),
    ("invoices/ask", "/console/invoices/{draft}/delete"),
    ("invoices/credit", "/console/invoices/{invoice}/credit"),
    ("invoices/draft", "/console/invoices/{draft}/edit"),
    ("invoices/from", "/console/invoices/from"),
    ("invoices/list", "/console/invoices"),
    ("invoices/one", "/console/invoices/{invoice}"),
    ("invoices/validate", "/console/invoices/{draft}/validate"),
    ("keys/list", "/console/keys"),
    ("keys/made", MADE_KEY),
    ("keys/make", "/console/keys/new"),
    ("keys/one", "/console/keys/{key}"),
    ("keys/revoke", "/console/keys/{key}/revoke"),
    ("operators/account", "/console/operators/account"),
    ("operators/accounts", "/console/operators/accounts"),
    ("operators/action", "/console/operators/services/mailer/actions/process-batch"),
    ("operators/audit", "/console/operators/audit"),
    ("operators/command", COMMAND),
    ("operators/dead_letters", "/console/operators/dead-letters"),
    ("operators/decide", "/console/operators/dead-letters/decide?verb=discard"),
    ("operators/emails", "/console/operators/emails"),
    ("operators/event", EVENT),
    ("operators/health", "/console/operators/health"),
    ("operators/outbox", "/console/operators/outbox"),
    ("operators/overview", "/console/operators/overview"),
    ("operators/projections", "/console/operators/projections"),
    ("operators/replay", "/console/operators/replay"),
    ("operators/service", "/console/operators/services/pruning"),
    ("operators/services", "/console/operators/services"),
    ("operators/tail", "/console/operators/outbox/tail"),
    ("operators/unlinked", UNLINKED),
    ("orders/amend", "/console/orders/{placed}/edit"),
    ("orders/cancel", "/console/orders/{placed}/cancel"),
    ("orders/deposit", "/console/orders/{placed}/deposit"),
    ("orders/list", "/console/orders"),
    ("orders/one", "/console/orders/{placed}"),
    ("orders/place", "/console/orders/new"),
    ("orders/ship", "/console/orders/{confirmed}/ship"),
    ("parts/form", "/console/customers/new"),
    ("parts/list", "/console/customers"),
    ("parts/one", "/console/customers/{customer}"),
    ("payments/list", "/console/payments"),
    ("payments/one", "/console/payments/{payment}"),
    ("payments/receive", "/console/payments/new"),
    ("payments/reverse", "/console/payments/{payment}/reverse"),
    ("payments/use_credit", "/console/payments/use-credit/{customer}"),
    ("preparation/list", "/console/preparation"),
    ("print/note", "/console/shipments/{shipment}/delivery-note"),
    ("print/picking", "/console/orders/{confirmed}/picking-list"),
    ("profile/profile", "/console/profile"),
    ("projections/list", "/console/projections"),
    ("purchases/cancel", "/console/purchases/{purchase}/cancel"),
    ("purchases/list", "/console/purchases"),
    ("purchases/new", "/console/purchases/new"),
    ("purchases/one", "/console/purchases/{purchase}"),
    ("purchases/receive", "/console/purchases/{purchase}/receive"),
    ("receivables/aged", "/console/payments/aged-balance"),
    ("receivables/statement", "/console/payments/statements/{customer}"),
    ("reports/table", "/console/reports/products"),
    ("returns/list", "/console/returns"),
    ("returns/one", "/console/returns/{return}"),
    ("returns/take_back", "/console/orders/{shipped}/return"),
    ("settings/change", "/console/settings/company"),
    ("settings/documents", "/console/settings/documents"),
    ("settings/overview", "/console/settings"),
    ("shipments/list", "/console/shipments"),
    ("shipments/one", "/console/shipments/{shipment}"),
    ("sign_in/forgotten", "/console/sign-in/forgotten"),
    ("sign_in/log_in", "/console/sign-in"),
    ("sign_in/token", "/console/sign-in/password?token=unknown"),
    ("stock/document", "/console/stock/documents/{document}"),
    ("stock/documents", "/console/receipts"),
    ("stock/levels", "/console/stock"),
    ("stock/movements", "/console/movements"),
    ("stock/one", "/console/stock/{level}"),
    ("stock/post", "/console/receipts/new"),
    ("stock/rule", "/console/stock/{level}/rule"),
    ("stock/value", "/console/stock/value"),
    ("users/add", "/console/users/new"),
    ("users/disable", "/console/users/{user}/disable"),
    ("users/list", "/console/users"),
    ("users/one", "/console/users/{user}"),
    ("users/rights", "/console/users/{user}/rights"),
    ("users/roles", "/console/roles"),
    ("warehouses/archive", "/console/warehouses/{warehouse}/archive"),
    ("warehouses/form", "/console/warehouses/{warehouse}/edit"),
    ("warehouses/list", "/console/warehouses"),
    ("warehouses/location", "/console/warehouses/locations/{location}/edit"),
    ("warehouses/one", "/console/warehouses/{warehouse}"),
];
/// What pages are made of, and no page of its own: frames, and the rows of a combobox.
const PARTS: &[&str] = &["blank", "choose/choices", "page", "print/paper"];

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

#[test]
fn each_template_of_a_page_is_looked_at() {
    let folder = root().join("api/templates/console");
    let (mut files, mut folders) = (BTreeSet::new(), vec![folder.clone()]);
    while let Some(inner) = folders.pop() {
        for path in std::fs::read_dir(inner).expect("a folder").flatten().map(|entry| entry.path()) {
            let name = path.strip_prefix(&folder).expect("it is in the folder").with_extension("");
            if path.is_dir() {
                folders.push(path);
            } else if !name.file_name().is_some_and(|name| name.to_string_lossy().starts_with('_')) {
                files.insert(name.display().to_string());
            }
        }
    }
    let known: BTreeSet<String> =
        TEMPLATES.iter().map(|(template, _)| template).chain(PARTS).map(|name| (*name).to_owned()).collect();
    assert_eq!(files, known, "a new page has a line in both tables");
    let paths = PAGES.iter().map(|(path, _)| path);
    let seen: BTreeSet<&str> =
        paths.chain(OF_OPERATORS).chain(OF_STRANGERS).chain(BY_HAND).copied().collect();
    for (template, place) in TEMPLATES {
        assert!(seen.contains(place), "{template}: nobody looks at {place}");
    }
}
