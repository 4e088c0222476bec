//! What the export of a whole company has, table by table, and what it leaves out.

/// Every table with companies' data is here or in [`LEFT_OUT`]: a test compares both with the schema.
pub const EXPORTED: &[&str] = &[
    "tenants",
    "users",
    "api_keys",
    "sessions",
    "customer_groups",
    "customers",
    "suppliers",
    "categories",
    "products",
    "product_barcodes",
    "price_lists",
    "price_list_entries",
    "warehouses",
    "locations",
    "orders",
    "order_lines",
    "order_steps",
    "shipments",
    "shipment_lines",
    "returns",
    "return_lines",
    "stock_levels",
    "stock_movements",
    "stock_places",
    "stock_location_movements",
    "stock_reservations",
    "stock_documents",
    "stock_digests",
    "inventory_counts",
    "inventory_count_lines",
    "inventory_count_entries",
    "purchase_orders",
    "purchase_order_lines",
    "invoices",
    "invoice_drafts",
    "invoice_claims",
    "invoice_contents",
    "invoice_lines",
    "invoice_vat",
    "invoice_chain",
    "invoice_documents",
    "document_styles",
    "invoice_credits",
    "credit_allocations",
    "order_deposits",
    "invoice_sendings",
    "invoice_transmissions",
    "invoice_reminders",
    "payments",
    "payment_allocations",
    "customer_credits",
    "accounting_accounts",
    "imports",
    "import_rows",
    "emails",
    "email_attempts",
    "audit_events",
];

const OF_EVENTS: &str = "kept from events: made of the tables that are exported, and can be made anew";
const ON_ITS_WAY: &str =
    "events on their way to other systems: what they tell of is in the tables that are exported";
const OF_USE_HERE: &str = "the hash of a secret, of use in this installation alone";

/// Tables that are not exported, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("audit_chains", "the heads of the audit trail's chains: of each, the last row in audit_events"),
    ("invoice_series", "the heads of the invoices' chains: of each, the last row in invoice_chain"),
    (
        "invoice_counters",
        "the last number of each series and year: of each, the last row in invoice_contents",
    ),
    (
        "invoice_document_queue",
        "documents that are still to be made: of each, the invoice is in invoice_contents",
    ),
    (
        "untold_stock_levels",
        "stock of which a change is still to be told: of each, the level is in stock_levels",
    ),
    ("idempotency_records", "answers that were given, kept for three days: copies of what is exported"),
    ("email_secrets", "secrets in e-mails that are not sent yet"),
    ("user_tokens", OF_USE_HERE),
    ("refresh_tokens", OF_USE_HERE),
    ("customer_activity", OF_EVENTS),
    ("order_timeline", OF_EVENTS),
    ("receivables", OF_EVENTS),
    ("sales_by_day", OF_EVENTS),
    ("sales_by_month", OF_EVENTS),
    ("sales_by_product", OF_EVENTS),
    ("projection_inbox", OF_EVENTS),
    ("projection_orders", OF_EVENTS),
    ("projection_order_products", OF_EVENTS),
    ("projection_positions", OF_EVENTS),
    ("outbox_events", ON_ITS_WAY),
    ("outbox_history", ON_ITS_WAY),
    ("outbox_dead_letters", ON_ITS_WAY),
];

/// Columns that are not exported, of tables that are: hashes of secrets.
pub const SECRETS: &[(&str, &str)] = &[("users", "password_hash"), ("api_keys", "key_hash")];

/// A column whose bytes are exported as files, one for each row, and not in the lines of its table.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    pub table: &'static str,
    pub column: &'static str,
    /// An SQL expression about the row `t`: the name without what follows the point. It is unique, and has letters, digits and hyphens alone.
    pub name: &'static str,
    pub extension: &'static str,
    /// The folder in the export.
    pub folder: &'static str,
}

const OF_INVOICES: Files = Files {
    table: "invoice_documents",
    column: "pdf",
    name: "(SELECT i.number FROM invoices AS i WHERE i.tenant_id = t.tenant_id AND i.id = t.invoice_id)",
    extension: "pdf",
    folder: "invoices",
};

/// The documents of invoices, named by their numbers.
pub const FILES: &[Files] = &[OF_INVOICES, Files { column: "xml", extension: "xml", ..OF_INVOICES }];

/// Returns the columns of a table that are not in its lines.
pub(super) fn without(table: &str) -> Vec<&'static str> {
    let secrets = SECRETS.iter().filter(|(of, _)| *of == table).map(|(_, column)| *column);
    let files = FILES.iter().filter(|files| files.table == table).map(|files| files.column);
    secrets.chain(files).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// The tables of the schema with their columns.
    fn schema() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        let mut tables = BTreeMap::new();
        for table in include_str!("../../platform/schema.rs").split("diesel::table! {").skip(1) {
            let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
            let name = lines.next().and_then(|line| line.split_once(" (")).expect("a table").0;
            let columns = lines.map_while(|line| line.split_once(" -> ")).map(|(column, _)| column);
            tables.insert(name, columns.collect());
        }
        tables
    }

    #[test]
    fn every_table_of_companies_is_exported_or_left_out_for_a_reason() {
        let schema = schema();
        let of_companies: BTreeSet<&str> = schema
            .iter()
            .filter(|(name, columns)| columns.contains("tenant_id") || **name == "tenants")
            .map(|(name, _)| *name)
            .collect();
        assert!(of_companies.len() > 50, "the schema was not read: {of_companies:?}");
        let exported: BTreeSet<&str> = EXPORTED.iter().copied().collect();
        let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(table, _)| *table).collect();
        assert_eq!((exported.len(), left_out.len()), (EXPORTED.len(), LEFT_OUT.len()), "each is named once");
        assert_eq!(exported.intersection(&left_out).count(), 0);
        let named: BTreeSet<&str> = exported.union(&left_out).copied().collect();
        let missing: Vec<_> = of_companies.difference(&named).collect();
        assert!(missing.is_empty(), "export these, or say in LEFT_OUT why not: {missing:?}");
        // Those of the outbox that have partitions are not in the file.
        let unknown: Vec<_> = exported.difference(&of_companies).collect();
        assert!(unknown.is_empty(), "there are no such tables: {unknown:?}");
        assert!(LEFT_OUT.iter().all(|(_, why)| why.len() > 20));
    }

    #[test]
    fn what_is_left_out_of_a_table_is_there() {
        let schema = schema();
        for (table, column) in
            SECRETS.iter().copied().chain(FILES.iter().map(|files| (files.table, files.column)))
        {
            assert!(EXPORTED.contains(&table) && schema[table].contains(column), "{table}.{column}");
        }
        for (table, columns) in &schema {
            let secret = |column: &&&str| column.ends_with("_hash") || column.contains("password");
            for column in columns.iter().filter(secret).filter(|_| EXPORTED.contains(table)) {
                let is_a_link = *table == "audit_events" || *table == "invoice_chain";
                assert!(is_a_link || without(table).contains(column), "{table}.{column} looks like a secret");
            }
        }
    }
}
