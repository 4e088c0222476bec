//! Trials of what the API's roles may do, and of what they must not do.

use diesel::QueryResult;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::platform::check::{ALLOWED, Failure, Step};
use crate::services::store::probe::host_trial;

/// The role that a session of the API works as.
#[derive(Debug, Clone, diesel::Queryable)]
pub(super) struct RoleState {
    /// The role that logged in (`session_user`).
    pub log_in: String,
    /// The role that the session works as (`current_user`).
    pub role: String,
    /// Whether row-level security applies to this role.
    pub is_bound: bool,
    /// The setting `row_security`. If it is off, a query fails instead of hiding rows.
    pub row_security: bool,
}

const KEPT_APART: &str = "its rows are kept apart";
const NOT_FOR_OTHERS: &str = "nothing is written for others";

/// Whether a failure concerns the isolation of tenants: expected where row-level security does not apply.
pub(super) fn is_about_isolation(failure: &Failure) -> bool {
    failure.step == KEPT_APART || failure.step == NOT_FOR_OTHERS || failure.problem == ALLOWED
}

crate::statement! {
    struct AskRole<'a> {} -> (Text, Text, Bool, Bool)
    = "SELECT session_user::text, current_user::text,
        NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
            AND NOT (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'customers'::regclass),
        current_setting('row_security')::boolean"
}

/// # Errors
/// Fails if the query fails.
pub(super) async fn runtime_role(connection: &mut AsyncPgConnection) -> QueryResult<RoleState> {
    AskRole::new().get_result(connection).await
}

crate::statement! {
    struct AskMembership<'a> { role: &'a str => Text } -> (Bool,)
    = "SELECT pg_has_role($1::name, session_user, 'MEMBER')"
}

/// Whether `role` may become the role that this connection logged in as.
///
/// # Errors
/// Fails if the query fails, or if there is no such role.
pub(super) async fn may_become_me(connection: &mut AsyncPgConnection, role: &str) -> QueryResult<bool> {
    let (may,): (bool,) = AskMembership::new(role).get_result(connection).await?;
    Ok(may)
}

/// Every privilege that `comptoir_grant_runtime` grants, one in each line: its purpose, and a statement that needs it.
/// PostgreSQL checks a privilege even if no row is concerned, so most statements touch no row (`LIMIT 0`, `WHERE false`).
const RUNTIME_USES: &[(&str, &str)] = &[
    ("find customers", "SELECT FROM customers LIMIT 0"),
    ("add customers", "INSERT INTO customers SELECT (NULL::customers).* WHERE false"),
    ("change customers", "UPDATE customers SET name = DEFAULT WHERE false"),
    ("delete customers", "DELETE FROM customers WHERE false"),
    ("find groups of customers", "SELECT FROM customer_groups LIMIT 0"),
    ("add groups of customers", "INSERT INTO customer_groups SELECT (NULL::customer_groups).* WHERE false"),
    ("change groups of customers", "UPDATE customer_groups SET name = DEFAULT WHERE false"),
    ("delete groups of customers", "DELETE FROM customer_groups WHERE false"),
    ("find price lists", "SELECT FROM price_lists LIMIT 0"),
    ("add price lists", "INSERT INTO price_lists SELECT (NULL::price_lists).* WHERE false"),
    ("change price lists", "UPDATE price_lists SET name = DEFAULT WHERE false"),
    ("delete price lists", "DELETE FROM price_lists WHERE false"),
    ("find prices of lists", "SELECT FROM price_list_entries LIMIT 0"),
    ("add prices of lists", "INSERT INTO price_list_entries SELECT (NULL::price_list_entries).* WHERE false"),
    ("change prices of lists", "UPDATE price_list_entries SET unit_prices = DEFAULT WHERE false"),
    ("delete prices of lists", "DELETE FROM price_list_entries WHERE false"),
    ("find suppliers", "SELECT FROM suppliers LIMIT 0"),
    ("add suppliers", "INSERT INTO suppliers SELECT (NULL::suppliers).* WHERE false"),
    ("change suppliers", "UPDATE suppliers SET name = DEFAULT WHERE false"),
    ("delete suppliers", "DELETE FROM suppliers WHERE false"),
    ("find products", "SELECT FROM products LIMIT 0"),
    ("add products", "INSERT INTO products SELECT (NULL::products).* WHERE false"),
    ("change products", "UPDATE products SET name = DEFAULT WHERE false"),
    ("delete products", "DELETE FROM products WHERE false"),
    ("find barcodes", "SELECT FROM product_barcodes LIMIT 0"),
    ("add barcodes", "INSERT INTO product_barcodes SELECT (NULL::product_barcodes).* WHERE false"),
    ("delete barcodes", "DELETE FROM product_barcodes WHERE false"),
    ("find categories", "SELECT FROM categories LIMIT 0"),
    ("add categories", "INSERT INTO categories SELECT (NULL::categories).* WHERE false"),
    ("change categories", "UPDATE categories SET name = DEFAULT WHERE false"),
    ("delete categories", "DELETE FROM categories WHERE false"),
    ("find warehouses", "SELECT FROM warehouses LIMIT 0"),
    ("add warehouses", "INSERT INTO warehouses SELECT (NULL::warehouses).* WHERE false"),
    ("change warehouses", "UPDATE warehouses SET name = DEFAULT WHERE false"),
    ("find places in warehouses", "SELECT FROM locations LIMIT 0"),
    ("add places in warehouses", "INSERT INTO locations SELECT (NULL::locations).* WHERE false"),
    ("change places in warehouses", "UPDATE locations SET name = DEFAULT WHERE false"),
    ("find orders", "SELECT FROM orders LIMIT 0"),
    ("place orders", "INSERT INTO orders SELECT (NULL::orders).* WHERE false"),
    ("move orders on", "UPDATE orders SET status = DEFAULT WHERE false"),
    ("read the lines of orders", "SELECT FROM order_lines LIMIT 0"),
    ("write the lines of orders", "INSERT INTO order_lines SELECT (NULL::order_lines).* WHERE false"),
    ("replace the lines of orders", "DELETE FROM order_lines WHERE false"),
    (
        "write what became of the lines of orders",
        "UPDATE order_lines SET shipped = DEFAULT, cancelled = DEFAULT, returned = DEFAULT WHERE false",
    ),
    ("read the steps of orders", "SELECT FROM order_steps LIMIT 0"),
    ("keep the steps of orders", "INSERT INTO order_steps SELECT (NULL::order_steps).* WHERE false"),
    ("find shipments", "SELECT FROM shipments LIMIT 0"),
    ("add shipments", "INSERT INTO shipments SELECT (NULL::shipments).* WHERE false"),
    ("move shipments on", "UPDATE shipments SET status = DEFAULT WHERE false"),
    ("read the lines of shipments", "SELECT FROM shipment_lines LIMIT 0"),
    ("write the lines of shipments", "INSERT INTO shipment_lines SELECT (NULL::shipment_lines).* WHERE false"),
    ("find returns", "SELECT FROM returns LIMIT 0"),
    ("add returns", "INSERT INTO returns SELECT (NULL::returns).* WHERE false"),
    ("read the lines of returns", "SELECT FROM return_lines LIMIT 0"),
    ("write the lines of returns", "INSERT INTO return_lines SELECT (NULL::return_lines).* WHERE false"),
    ("find levels of stock", "SELECT FROM stock_levels LIMIT 0"),
    ("open levels of stock", "INSERT INTO stock_levels SELECT (NULL::stock_levels).* WHERE false"),
    ("change levels of stock", "UPDATE stock_levels SET on_hand = DEFAULT WHERE false"),
    ("read the ledger of stock", "SELECT FROM stock_movements LIMIT 0"),
    ("write the ledger of stock", "INSERT INTO stock_movements SELECT (NULL::stock_movements).* WHERE false"),
    ("find what lies in locations", "SELECT FROM stock_places LIMIT 0"),
    ("put goods into locations", "INSERT INTO stock_places SELECT (NULL::stock_places).* WHERE false"),
    ("change what lies in locations", "UPDATE stock_places SET on_hand = DEFAULT WHERE false"),
    ("take all goods out of locations", "DELETE FROM stock_places WHERE false"),
    ("read the ledger of locations", "SELECT FROM stock_location_movements LIMIT 0"),
    (
        "write the ledger of locations",
        "INSERT INTO stock_location_movements SELECT (NULL::stock_location_movements).* WHERE false",
    ),
    ("find reservations", "SELECT FROM stock_reservations LIMIT 0"),
    ("reserve goods", "INSERT INTO stock_reservations SELECT (NULL::stock_reservations).* WHERE false"),
    ("change reservations", "UPDATE stock_reservations SET reserved = DEFAULT WHERE false"),
    ("end reservations", "DELETE FROM stock_reservations WHERE false"),
    ("find stock documents", "SELECT FROM stock_documents LIMIT 0"),
    ("post stock documents", "INSERT INTO stock_documents SELECT (NULL::stock_documents).* WHERE false"),
    ("find when people were told what is low", "SELECT FROM stock_digests LIMIT 0"),
    ("note that people are told what is low", "INSERT INTO stock_digests SELECT (NULL::stock_digests).* WHERE false"),
    ("forget when people were told what is low", "DELETE FROM stock_digests WHERE false"),
    ("find purchase orders", "SELECT FROM purchase_orders LIMIT 0"),
    ("add purchase orders", "INSERT INTO purchase_orders SELECT (NULL::purchase_orders).* WHERE false"),
    ("move purchase orders on", "UPDATE purchase_orders SET state = DEFAULT WHERE false"),
    ("read the lines of purchase orders", "SELECT FROM purchase_order_lines LIMIT 0"),
    (
        "write the lines of purchase orders",
        "INSERT INTO purchase_order_lines SELECT (NULL::purchase_order_lines).* WHERE false",
    ),
    ("replace the lines of purchase orders", "DELETE FROM purchase_order_lines WHERE false"),
    ("find invoices", "SELECT FROM invoices LIMIT 0"),
    ("add invoices", "INSERT INTO invoices SELECT (NULL::invoices).* WHERE false"),
    ("move invoices on", "UPDATE invoices SET state = DEFAULT WHERE false"),
    ("delete drafts of invoices", "DELETE FROM invoices WHERE false"),
    ("read what drafts say", "SELECT FROM invoice_drafts LIMIT 0"),
    ("write what drafts say", "INSERT INTO invoice_drafts SELECT (NULL::invoice_drafts).* WHERE false"),
    ("change what drafts say", "UPDATE invoice_drafts SET content = DEFAULT WHERE false"),
    ("delete what drafts say", "DELETE FROM invoice_drafts WHERE false"),
    ("find what is invoiced of orders", "SELECT FROM invoice_claims LIMIT 0"),
    ("claim what is invoiced of orders", "INSERT INTO invoice_claims SELECT (NULL::invoice_claims).* WHERE false"),
    ("give back what is invoiced of orders", "DELETE FROM invoice_claims WHERE false"),
    ("read what invoices say", "SELECT FROM invoice_contents LIMIT 0"),
    ("freeze what invoices say", "INSERT INTO invoice_contents (tenant_id) SELECT NULL::uuid WHERE false"),
    ("read the lines of invoices", "SELECT FROM invoice_lines LIMIT 0"),
    ("write the lines of invoices", "INSERT INTO invoice_lines SELECT (NULL::invoice_lines).* WHERE false"),
    ("read the VAT of invoices", "SELECT FROM invoice_vat LIMIT 0"),
    ("write the VAT of invoices", "INSERT INTO invoice_vat SELECT (NULL::invoice_vat).* WHERE false"),
    ("find documents of invoices", "SELECT FROM invoice_documents LIMIT 0"),
    ("keep documents of invoices", "INSERT INTO invoice_documents SELECT (NULL::invoice_documents).* WHERE false"),
    ("find documents to be made", "SELECT FROM invoice_document_queue LIMIT 0"),
    ("have documents made", "INSERT INTO invoice_document_queue SELECT (NULL::invoice_document_queue).* WHERE false"),
    ("put documents off", "UPDATE invoice_document_queue SET due_at = DEFAULT WHERE false"),
    ("be done with documents", "DELETE FROM invoice_document_queue WHERE false"),
    ("find how documents look", "SELECT FROM document_styles LIMIT 0"),
    ("say how documents look", "INSERT INTO document_styles SELECT (NULL::document_styles).* WHERE false"),
    ("change how documents look", "UPDATE document_styles SET footer = DEFAULT WHERE false"),
    ("read what credit notes give back", "SELECT FROM invoice_credits LIMIT 0"),
    ("write what credit notes give back", "INSERT INTO invoice_credits SELECT (NULL::invoice_credits).* WHERE false"),
    ("read what credit notes pay", "SELECT FROM credit_allocations LIMIT 0"),
    ("write what credit notes pay", "INSERT INTO credit_allocations SELECT (NULL::credit_allocations).* WHERE false"),
    ("find the deposits of orders", "SELECT FROM order_deposits LIMIT 0"),
    ("add deposits of orders", "INSERT INTO order_deposits SELECT (NULL::order_deposits).* WHERE false"),
    ("take deposits off", "UPDATE order_deposits SET taken_by = DEFAULT WHERE false"),
    ("delete drafts of deposits", "DELETE FROM order_deposits WHERE false"),
    ("read accounts", "SELECT FROM accounting_accounts LIMIT 0"),
    ("set accounts", "INSERT INTO accounting_accounts SELECT (NULL::accounting_accounts).* WHERE false"),
    ("replace accounts", "DELETE FROM accounting_accounts WHERE false"),
    ("draw numbers of invoices", "SELECT FROM invoice_draw('CHECK', '2026-01-01', false)"),
    (
        "write the chains of invoices",
        "SELECT invoice_link('CHECK', 'validated', gen_random_uuid(), now(), decode(repeat('00', 32), 'hex'))",
    ),
    ("read the chains of invoices", "SELECT FROM invoice_chain LIMIT 0"),
    ("find what is to be sent of invoices", "SELECT FROM invoice_sendings LIMIT 0"),
    ("have invoices sent", "INSERT INTO invoice_sendings SELECT (NULL::invoice_sendings).* WHERE false"),
    ("move sendings of invoices on", "UPDATE invoice_sendings SET state = DEFAULT WHERE false"),
    ("find how invoices reached customers", "SELECT FROM invoice_transmissions LIMIT 0"),
    (
        "write how invoices reached customers",
        "INSERT INTO invoice_transmissions SELECT (NULL::invoice_transmissions).* WHERE false",
    ),
    ("find of what customers were reminded", "SELECT FROM invoice_reminders LIMIT 0"),
    ("write of what customers were reminded", "INSERT INTO invoice_reminders SELECT (NULL::invoice_reminders).* WHERE false"),
    ("find payments", "SELECT FROM payments LIMIT 0"),
    ("record payments", "INSERT INTO payments SELECT (NULL::payments).* WHERE false"),
    ("read what payments pay", "SELECT FROM payment_allocations LIMIT 0"),
    ("write what payments pay", "INSERT INTO payment_allocations SELECT (NULL::payment_allocations).* WHERE false"),
    ("find what customers have left", "SELECT FROM customer_credits LIMIT 0"),
    ("keep what customers have left", "INSERT INTO customer_credits SELECT (NULL::customer_credits).* WHERE false"),
    ("use a part of what customers have left", "UPDATE customer_credits SET amount = DEFAULT WHERE false"),
    ("use what customers have left", "DELETE FROM customer_credits WHERE false"),
    ("find inventory counts", "SELECT FROM inventory_counts LIMIT 0"),
    ("plan inventory counts", "INSERT INTO inventory_counts SELECT (NULL::inventory_counts).* WHERE false"),
    ("move inventory counts on", "UPDATE inventory_counts SET status = DEFAULT WHERE false"),
    ("find what is to be counted", "SELECT FROM inventory_count_lines LIMIT 0"),
    ("say what is to be counted", "INSERT INTO inventory_count_lines SELECT (NULL::inventory_count_lines).* WHERE false"),
    ("say what was counted", "UPDATE inventory_count_lines SET counted = DEFAULT WHERE false"),
    ("find who counted what", "SELECT FROM inventory_count_entries LIMIT 0"),
    ("write who counted what", "INSERT INTO inventory_count_entries SELECT (NULL::inventory_count_entries).* WHERE false"),
    ("find companies", "SELECT FROM tenants LIMIT 0"),
    ("add companies", "INSERT INTO tenants SELECT (NULL::tenants).* WHERE false"),
    ("change companies", "UPDATE tenants SET name = DEFAULT WHERE false"),
    ("find users", "SELECT FROM users LIMIT 0"),
    ("add users", "INSERT INTO users SELECT (NULL::users).* WHERE false"),
    ("change users", "UPDATE users SET name = DEFAULT WHERE false"),
    ("find tokens sent by e-mail", "SELECT FROM user_tokens LIMIT 0"),
    ("make tokens sent by e-mail", "INSERT INTO user_tokens SELECT (NULL::user_tokens).* WHERE false"),
    ("use tokens sent by e-mail", "UPDATE user_tokens SET used_at = DEFAULT WHERE false"),
    ("delete tokens sent by e-mail", "DELETE FROM user_tokens WHERE false"),
    ("find sessions", "SELECT FROM sessions LIMIT 0"),
    ("begin sessions", "INSERT INTO sessions SELECT (NULL::sessions).* WHERE false"),
    ("end sessions", "UPDATE sessions SET ended_at = DEFAULT WHERE false"),
    ("find refresh tokens", "SELECT FROM refresh_tokens LIMIT 0"),
    ("make refresh tokens", "INSERT INTO refresh_tokens SELECT (NULL::refresh_tokens).* WHERE false"),
    ("use refresh tokens", "UPDATE refresh_tokens SET used_at = DEFAULT WHERE false"),
    ("find API keys", "SELECT FROM api_keys LIMIT 0"),
    ("make API keys", "INSERT INTO api_keys SELECT (NULL::api_keys).* WHERE false"),
    ("revoke API keys", "UPDATE api_keys SET revoked_at = DEFAULT WHERE false"),
    ("find stored answers", "SELECT FROM idempotency_records LIMIT 0"),
    ("store answers", "INSERT INTO idempotency_records SELECT (NULL::idempotency_records).* WHERE false"),
    ("read the audit trail", "SELECT FROM audit_events LIMIT 0"),
    ("read which migrations are applied", "SELECT FROM __diesel_schema_migrations LIMIT 0"),
    ("read what other replicas counted", "SELECT FROM rate_limit_counts LIMIT 0"),
    ("write what this replica counted", "INSERT INTO rate_limit_counts SELECT (NULL::rate_limit_counts).* WHERE false"),
    ("count requests on", "UPDATE rate_limit_counts SET requests = DEFAULT WHERE false"),
    ("delete old counts", "DELETE FROM rate_limit_counts WHERE false"),
    ("look for failed log-ins", "SELECT FROM login_throttles LIMIT 0"),
    ("write failed log-ins", "INSERT INTO login_throttles SELECT (NULL::login_throttles).* WHERE false"),
    ("count failed log-ins on", "UPDATE login_throttles SET failures = DEFAULT WHERE false"),
    ("delete failed log-ins", "DELETE FROM login_throttles WHERE false"),
    ("find who logs in", "SELECT find_login('api check', NULL)"),
    ("find a token sent by e-mail", "SELECT find_user_token('')"),
    ("find a refresh token", "SELECT find_refresh_token('')"),
    ("find an API key", "SELECT find_api_key('')"),
    ("search customers", "SELECT search_customers('api check', 1)"),
    ("search groups of customers", "SELECT search_customer_groups('api check', 1)"),
    ("search price lists", "SELECT search_price_lists('api check', 1)"),
    ("search suppliers", "SELECT search_suppliers('api check', 1)"),
    ("search products", "SELECT search_products('api check', 1)"),
    ("search orders", "SELECT search_orders('api check', 1)"),
    ("search stock", "SELECT search_stock('api check', 1)"),
    ("search categories", "SELECT search_categories('api check', 1)"),
    ("search warehouses", "SELECT search_warehouses('api check', 1)"),
    ("search places in warehouses", "SELECT search_locations('api check', 1)"),
    ("search purchase orders", "SELECT search_purchase_orders('api check', 1)"),
    ("search invoices", "SELECT search_invoices('api check', 1)"),
    ("read the log of events", "SELECT FROM outbox_feed_page(0, '{}', 0, now(), NULL, 0, '', '', 1, 1, 1)"),
    ("find imports", "SELECT FROM imports LIMIT 0"),
    ("add imports", "INSERT INTO imports SELECT (NULL::imports).* WHERE false"),
    ("move imports on", "UPDATE imports SET state = DEFAULT WHERE false"),
    ("delete imports that did not arrive", "DELETE FROM imports WHERE false"),
    ("read the rows of imports", "SELECT FROM import_rows LIMIT 0"),
    ("add rows of imports", "INSERT INTO import_rows SELECT (NULL::import_rows).* WHERE false"),
    ("work off rows of imports", "UPDATE import_rows SET outcome = DEFAULT WHERE false"),
    ("read the inbox of the projections", "SELECT FROM projection_inbox LIMIT 0"),
    (
        "decide about events that could not be applied",
        "UPDATE projection_inbox SET state = DEFAULT, skip = DEFAULT, attempts = DEFAULT, next_attempt_at = DEFAULT, last_error = DEFAULT
            WHERE false",
    ),
    ("find what was built of the projections", "SELECT FROM projection_state LIMIT 0"),
    ("read the time lines of orders", "SELECT FROM order_timeline LIMIT 0"),
    ("read sales by day", "SELECT FROM sales_by_day LIMIT 0"),
    ("read sales by month", "SELECT FROM sales_by_month LIMIT 0"),
    ("read sales by product", "SELECT FROM sales_by_product LIMIT 0"),
    ("read what customers owe", "SELECT FROM receivables LIMIT 0"),
    ("read the activity of customers", "SELECT FROM customer_activity LIMIT 0"),
    ("find operators", "SELECT FROM operators LIMIT 0"),
    ("add operators", "INSERT INTO operators SELECT (NULL::operators).* WHERE false"),
    ("change operators", "UPDATE operators SET name = DEFAULT WHERE false"),
    ("find operators' sessions", "SELECT FROM operator_sessions LIMIT 0"),
    ("begin operators' sessions", "INSERT INTO operator_sessions SELECT (NULL::operator_sessions).* WHERE false"),
    ("end operators' sessions", "UPDATE operator_sessions SET ended_at = DEFAULT WHERE false"),
    ("find operators' refresh tokens", "SELECT FROM operator_refresh_tokens LIMIT 0"),
    (
        "make operators' refresh tokens",
        "INSERT INTO operator_refresh_tokens SELECT (NULL::operator_refresh_tokens).* WHERE false",
    ),
    ("use operators' refresh tokens", "UPDATE operator_refresh_tokens SET used_at = DEFAULT WHERE false"),
    ("find e-mails", "SELECT FROM emails LIMIT 0"),
    ("queue e-mails", "INSERT INTO emails SELECT (NULL::emails).* WHERE false"),
    ("requeue e-mails", "UPDATE emails SET state = DEFAULT WHERE false"),
    ("find which e-mails hand something over", "SELECT tenant_id, email_id FROM email_secrets LIMIT 0"),
    ("keep what e-mails hand over", "INSERT INTO email_secrets SELECT (NULL::email_secrets).* WHERE false"),
    ("wipe what e-mails handed over", "DELETE FROM email_secrets WHERE false"),
    ("read the attempts to send e-mails", "SELECT FROM email_attempts LIMIT 0"),
    (
        "write the audit trail",
        "SELECT audit_append(gen_random_uuid(), now(), 'operator', NULL, 'api check', NULL, 'check', 'api', 'check', NULL, '{}',
            'api check', NULL)",
    ),
];

/// The same for `comptoir_grant_services`, apart from what every program that runs services needs. Its functions would only delete rows that are a century old.
const SERVICES_USES: &[(&str, &str)] = &[
    ("delete old idempotency records", "SELECT prune_idempotency_records(876000, 1)"),
    ("delete old sessions", "SELECT prune_sessions(36500, 1)"),
    ("find imports that are due", "SELECT due_imports(1)"),
    ("delete old imports", "SELECT prune_imports(36500, 0)"),
    ("find stock of which something is to be told", "SELECT untold_stock('-infinity', 0)"),
    ("find stock for which orders wait", "SELECT stock_to_promise(NULL, NULL, NULL, 0)"),
    ("find companies of which something is low", "SELECT stock_to_digest('-infinity', 0)"),
    ("take documents to make", "SELECT claim_invoice_documents(0, 0)"),
    ("count documents that wait", "SELECT invoice_document_overview()"),
    ("have documents made again", "SELECT requeue_invoice_documents(0)"),
    ("find invoices that can be sent", "SELECT invoices_to_send(0)"),
    (
        "find invoices that are past due",
        "SELECT invoices_past_due('0001-01-01', '0001-01-01', gen_random_uuid(), gen_random_uuid(), 0)",
    ),
    ("find companies that send reminders", "SELECT companies_that_remind(gen_random_uuid(), 0)"),
    ("read the document of an e-mail", "SELECT email_document(gen_random_uuid(), gen_random_uuid(), 0)"),
    ("find e-mails that are due", "SELECT due_email_lanes('{}', NULL, NULL, 0)"),
    ("count the e-mails of the last minute", "SELECT recent_emails()"),
    ("count e-mails that wait", "SELECT email_overview()"),
    ("take e-mails to send", "SELECT claim_emails(gen_random_uuid(), 0, '{}', '{}', '{}', '{}')"),
    (
        "write down how an e-mail was sent",
        "SELECT settle_email(gen_random_uuid(), gen_random_uuid(), 0, 'failed', '', 'waiting', NULL, 0)",
    ),
    ("keep e-mails while they are sent", "SELECT renew_emails(gen_random_uuid(), 0)"),
    ("give late e-mails up", "SELECT expire_emails(0)"),
    ("delete old e-mails", "SELECT prune_emails(36500, 0)"),
    ("list e-mails of all companies", "SELECT emails_of_all('{}', NULL, NULL, NULL, 0)"),
    ("find whose an e-mail is", "SELECT email_tenants('{}')"),
    ("read the outbox", "SELECT FROM outbox_events LIMIT 0"),
    ("read what was published", "SELECT FROM outbox_history LIMIT 0"),
    ("read dead letters", "SELECT FROM outbox_dead_letters LIMIT 0"),
    ("read how far events are numbered", "SELECT last_value FROM outbox_events_seq_seq"),
    ("read projection inbox", "SELECT FROM projection_inbox LIMIT 0"),
    ("add to projection inbox", "INSERT INTO projection_inbox (tenant_id) SELECT NULL::uuid WHERE false"),
    ("change projection inbox", "UPDATE projection_inbox SET consumer = DEFAULT WHERE false"),
    ("delete from projection inbox", "DELETE FROM projection_inbox WHERE false"),
    ("read projection positions", "SELECT FROM projection_positions LIMIT 0"),
    (
        "add to projection positions",
        "INSERT INTO projection_positions (tenant_id) SELECT NULL::uuid WHERE false",
    ),
    ("change projection positions", "UPDATE projection_positions SET version = DEFAULT WHERE false"),
    ("delete from projection positions", "DELETE FROM projection_positions WHERE false"),
    ("read projection orders", "SELECT FROM projection_orders LIMIT 0"),
    ("add to projection orders", "INSERT INTO projection_orders (tenant_id) SELECT NULL::uuid WHERE false"),
    ("change projection orders", "UPDATE projection_orders SET currency = DEFAULT WHERE false"),
    ("delete from projection orders", "DELETE FROM projection_orders WHERE false"),
    ("read projection order products", "SELECT FROM projection_order_products LIMIT 0"),
    (
        "add to projection order products",
        "INSERT INTO projection_order_products (tenant_id) SELECT NULL::uuid WHERE false",
    ),
    (
        "change projection order products",
        "UPDATE projection_order_products SET quantity = DEFAULT WHERE false",
    ),
    ("delete from projection order products", "DELETE FROM projection_order_products WHERE false"),
    ("read order timeline", "SELECT FROM order_timeline LIMIT 0"),
    ("add to order timeline", "INSERT INTO order_timeline (tenant_id) SELECT NULL::uuid WHERE false"),
    ("change order timeline", "UPDATE order_timeline SET event = DEFAULT WHERE false"),
    ("delete from order timeline", "DELETE FROM order_timeline WHERE false"),
    ("read sales by day", "SELECT FROM sales_by_day LIMIT 0"),
    ("add to sales by day", "INSERT INTO sales_by_day (tenant_id) SELECT NULL::uuid WHERE false"),
    ("change sales by day", "UPDATE sales_by_day SET orders = DEFAULT WHERE false"),
    ("delete from sales by day", "DELETE FROM sales_by_day WHERE false"),
    ("read sales by month", "SELECT FROM sales_by_month LIMIT 0"),
    ("add to sales by month", "INSERT INTO sales_by_month (tenant_id) SELECT NULL::uuid WHERE false"),
    ("change sales by month", "UPDATE sales_by_month SET documents = DEFAULT WHERE false"),
    ("delete from sales by month", "DELETE FROM sales_by_month WHERE false"),
    ("read receivables", "SELECT FROM receivables LIMIT 0"),
    ("add to receivables", "INSERT INTO receivables (tenant_id) SELECT NULL::uuid WHERE false"),
    ("change receivables", "UPDATE receivables SET paid = DEFAULT WHERE false"),
    ("delete from receivables", "DELETE FROM receivables WHERE false"),
    ("read sales by product", "SELECT FROM sales_by_product LIMIT 0"),
    ("add to sales by product", "INSERT INTO sales_by_product (tenant_id) SELECT NULL::uuid WHERE false"),
    ("change sales by product", "UPDATE sales_by_product SET orders = DEFAULT WHERE false"),
    ("delete from sales by product", "DELETE FROM sales_by_product WHERE false"),
    ("read customer activity", "SELECT FROM customer_activity LIMIT 0"),
    ("add to customer activity", "INSERT INTO customer_activity (tenant_id) SELECT NULL::uuid WHERE false"),
    ("change customer activity", "UPDATE customer_activity SET orders = DEFAULT WHERE false"),
    ("delete from customer activity", "DELETE FROM customer_activity WHERE false"),
    ("read projection rebuilds", "SELECT FROM projection_rebuilds LIMIT 0"),
    ("add to projection rebuilds", "INSERT INTO projection_rebuilds (id) SELECT NULL::uuid WHERE false"),
    ("change projection rebuilds", "UPDATE projection_rebuilds SET state = DEFAULT WHERE false"),
    ("delete from projection rebuilds", "DELETE FROM projection_rebuilds WHERE false"),
    ("read which projections are live", "SELECT FROM projection_state LIMIT 0"),
    ("make others live", "UPDATE projection_state SET wanted = DEFAULT WHERE false"),
    (
        "build projections from orders",
        "SELECT projection_fill_orders(0, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 1)",
    ),
    (
        "build projections from customers",
        "SELECT projection_fill_customers(0, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 1)",
    ),
    (
        "build projections from products",
        "SELECT projection_fill_products(0, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 1)",
    ),
    (
        "build projections from invoices",
        "SELECT projection_fill_invoices(0, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 1)",
    ),
    (
        "build projections from payments",
        "SELECT projection_fill_payments(0, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 1)",
    ),
    (
        "build projections from gone",
        "SELECT projection_fill_gone(0, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 1)",
    ),
    ("estimate how long that takes", "SELECT projection_size()"),
    ("follow a correlation id", "SELECT trace_correlation('check', now(), now(), 0)"),
    ("read the audit trail", "SELECT FROM audit_events LIMIT 0"),
    ("read the chains of the audit trail", "SELECT FROM audit_chains LIMIT 0"),
    ("list companies", "SELECT FROM tenants LIMIT 0"),
];

fn steps(uses: &'static [(&str, &str)]) -> impl Iterator<Item = Step> {
    uses.iter().map(|(name, statement)| Step::new(name, *statement))
}

/// The API's steps as the runtime role. They use all its privileges for one tenant; then another tenant must not see the
/// first one's rows.
pub(super) fn runtime_trial() -> Vec<Step> {
    let (own, other, id) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let bind = |tenant: Uuid| format!("SET LOCAL comptoir.tenant_id = '{tenant}'");
    let customer = format!(
        "INSERT INTO customers (tenant_id, id, version, code, name, email, created_at, updated_at)
        VALUES ('{own}', '{id}', 1, 'CHECK', 'api check', 'check@example.com', now(), now())"
    );
    let seen = format!("EXISTS (SELECT FROM customers WHERE id = '{id}')");
    let event = format!(
        "SELECT outbox_append(ARRAY['{id}'::uuid], ARRAY['api_check'], ARRAY['{id}'], ARRAY[1::bigint], ARRAY['api.check'],
            ARRAY[1::smallint], ARRAY['{{}}'], ARRAY['{{}}'], ARRAY[now()])"
    );
    let mut trial = vec![Step::new("work for one company", bind(own))];
    trial.extend(steps(RUNTIME_USES));
    trial.extend([
        Step::new("write a customer", customer.clone()),
        Step::holds("read it again", &seen, "the row that was just written is not seen"),
        Step::new("append an event to the outbox", event),
        Step::refused("events of others stay unseen", "PERFORM FROM outbox_events"),
        Step::refused("the audit trail is written by its function alone", "DELETE FROM audit_events"),
        Step::new("work for another company", bind(other)),
        Step::holds(
            KEPT_APART,
            &format!("NOT {seen}"),
            "the row of one company is seen by another one: row-level security is off",
        ),
        Step::refused(NOT_FOR_OTHERS, &customer.replace(&id.to_string(), &own.to_string())),
    ]);
    trial
}

/// The steps of the services, which work across tenants with the privileges of their own log-in.
pub(super) fn services_trial() -> Vec<Step> {
    let mut trial: Vec<Step> = steps(SERVICES_USES).chain(host_trial()).collect();
    trial.push(Step::refused(
        "tenants' data is changed by commands alone",
        "UPDATE customers SET version = version",
    ));
    trial
}
