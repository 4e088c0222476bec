//! The problems that the API answers, and which of them an operation can answer.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{RefOr, Required};

use crate::access::Access;
use crate::error::TYPE_PREFIX;

/// A kind of problem.
pub(crate) struct Kind {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    /// When it is answered, as a sentence without its full stop.
    pub(crate) when: &'static str,
}

const fn kind(status: u16, code: &'static str, when: &'static str) -> Kind {
    Kind { status, code, when }
}

/// Every kind of problem, by status; docs/http.md has the same table.
pub(crate) const KINDS: &[Kind] = &[
    kind(400, "malformed_json", "The body is not JSON"),
    kind(400, "unreadable_body", "The body could not be read"),
    kind(400, "bad_request", "The request could not be read"),
    kind(401, "authentication_required", "There is no credential; see `WWW-Authenticate`"),
    kind(401, "unauthenticated", "The credential is not valid, or not valid any more"),
    kind(
        401,
        "invalid_credentials",
        "The e-mail address or the password is wrong, the user is disabled, or the company must be named",
    ),
    kind(
        401,
        "invalid_refresh_token",
        "The refresh token is unknown, expired or used, or its session is over",
    ),
    kind(403, "forbidden", "The permission that the operation needs is missing"),
    kind(403, "not_a_session", "The operation is for people who have logged in, not for API keys"),
    kind(403, "not_for_operators", "The operation is for companies, and an operator account belongs to none"),
    kind(403, "operators_only", "The operation is for operator accounts"),
    kind(403, "email_not_verified", "The e-mail address of the user is not verified yet"),
    kind(403, "permission_not_held", "Nobody makes a key with a permission that they do not have"),
    kind(403, "cannot_revoke", "The key has a permission that you do not have, and belongs to somebody else"),
    kind(403, "own_account", "Nobody decides about their own rights"),
    kind(403, "cannot_decide", "The user has a permission that you do not have"),
    kind(403, "cannot_grant", "Nobody grants a permission that they do not have"),
    kind(404, "not_found", "There is nothing at this address"),
    kind(404, "customer_not_found", "There is no such customer"),
    kind(404, "customer_group_not_found", "There is no such group of customers"),
    kind(404, "price_list_not_found", "There is no such price list"),
    kind(404, "supplier_not_found", "There is no such supplier"),
    kind(404, "product_not_found", "There is no such product"),
    kind(404, "category_not_found", "There is no such category"),
    kind(404, "warehouse_not_found", "There is no such warehouse"),
    kind(404, "location_not_found", "There is no such location"),
    kind(404, "order_not_found", "There is no such order"),
    kind(404, "shipment_not_found", "There is no such shipment"),
    kind(404, "return_not_found", "There is no such return"),
    kind(404, "stock_not_found", "There is no such stock"),
    kind(404, "stock_document_not_found", "There is no such stock document"),
    kind(404, "purchase_order_not_found", "There is no such purchase order"),
    kind(404, "invoice_not_found", "There is no such invoice"),
    kind(404, "payment_not_found", "There is no such payment"),
    kind(404, "invoice_has_no_draft", "The invoice has a number, and no draft any more"),
    kind(404, "inventory_count_not_found", "There is no such inventory count"),
    kind(404, "import_not_found", "There is no such import"),
    kind(404, "projection_event_not_found", "There is no such event in the inbox of the reports"),
    kind(404, "email_not_found", "There is no such e-mail"),
    kind(404, "session_not_found", "There is no such session"),
    kind(404, "api_key_not_found", "There is no such API key"),
    kind(404, "user_not_found", "There is no such user"),
    kind(404, "tenant_not_found", "There is no such company"),
    kind(404, "service_not_found", "There is no such service in any process that runs"),
    kind(404, "service_action_not_found", "The service has no such action"),
    kind(404, "service_command_not_found", "There is no such command of a service, or not any more"),
    kind(405, "method_not_allowed", "The address has other methods; see `Allow`"),
    kind(408, "request_timeout", "The body did not arrive within `api.body_timeout_ms` (10 s)"),
    kind(409, "notifications_off", "The server keeps no log of events, or cannot read it"),
    kind(409, "customer_code_taken", "The code belongs to another customer"),
    kind(409, "customer_external_id_taken", "The external id belongs to another customer"),
    kind(409, "customer_group_code_taken", "The code belongs to another group of customers"),
    kind(409, "customer_group_in_use", "Customers or price lists name the group, which cannot be deleted"),
    kind(409, "price_list_code_taken", "The code belongs to another price list"),
    kind(
        409,
        "price_period_overlaps",
        "Another list of the same customer, of the same group or of everybody prices a product on some of the same days; `errors` names it and its period",
    ),
    kind(409, "price_list_full", "The price list has 10,000 products"),
    kind(409, "supplier_code_taken", "The code belongs to another supplier"),
    kind(409, "supplier_external_id_taken", "The external id belongs to another supplier"),
    kind(409, "supplier_in_use", "Purchase orders or receipts name the supplier, who cannot be deleted"),
    kind(409, "product_sku_taken", "The SKU belongs to another product"),
    kind(409, "product_external_id_taken", "The external id belongs to another product"),
    kind(409, "product_in_stock", "There is stock of the product, which cannot stop being kept in stock"),
    kind(409, "product_barcode_taken", "The barcode belongs to another product"),
    kind(409, "category_code_taken", "The code belongs to another category"),
    kind(409, "category_external_id_taken", "The external id belongs to another category"),
    kind(409, "category_in_use", "The category has other categories or products in it and cannot be deleted"),
    kind(409, "warehouse_code_taken", "The code belongs to another warehouse"),
    kind(409, "warehouse_external_id_taken", "The external id belongs to another warehouse"),
    kind(409, "location_code_taken", "The code belongs to another location of the warehouse"),
    kind(409, "location_external_id_taken", "The external id belongs to another location"),
    kind(409, "too_many_imports", "20 imports are under way"),
    kind(409, "import_state_conflict", "The import is not in a state for that"),
    kind(409, "projection_event_state_conflict", "The event was applied or discarded already"),
    kind(409, "service_off", "The service is off in every process that has it"),
    kind(409, "email_state_conflict", "The e-mail is not in a state for that"),
    kind(409, "email_cause_over", "The e-mail would be of no use any more"),
    kind(409, "order_reference_taken", "The reference belongs to another order"),
    kind(409, "order_external_id_taken", "The external id belongs to another order"),
    kind(
        409,
        "credit_limit_exceeded",
        "The customer's orders and invoices would come to more than their credit limit; `errors` has the figures",
    ),
    kind(409, "order_held", "The order passes its customer's credit limit, and waits for approval"),
    kind(409, "order_not_held", "The order does not wait for approval"),
    kind(409, "order_waits_for_goods", "A line of the order waits for goods"),
    kind(
        409,
        "insufficient_stock",
        "There are too few goods; `errors` names each line, and how many there are",
    ),
    kind(
        409,
        "stock_reserved",
        "The goods are reserved for orders; `errors` names the line, and how many are not",
    ),
    kind(409, "stock_not_reserved", "The goods of the order are not reserved"),
    kind(409, "stock_document_reference_taken", "The reference belongs to another document of the same kind"),
    kind(409, "purchase_order_reference_taken", "The reference belongs to another purchase order"),
    kind(
        409,
        "purchase_order_state_conflict",
        "The state of the purchase order does not permit the operation",
    ),
    kind(
        409,
        "invoice_state_conflict",
        "The invoice has a number: only a draft can be changed, deleted or validated; or it has none, and cannot be corrected",
    ),
    kind(409, "invoice_not_validated", "The invoice is a draft, and has no number yet"),
    kind(409, "sending_under_way", "The invoice is being sent by this channel already"),
    kind(409, "channel_is_download", "The customer downloads its invoices: there is nothing to send"),
    kind(409, "not_on_platform", "The invoice was not given to a platform"),
    kind(
        409,
        "invoice_exceeds_shipped",
        "More is to be invoiced of an order than has left and is not invoiced yet; `errors` names each line, and how much there is",
    ),
    kind(
        409,
        "payment_exceeds_open",
        "More is named for an invoice than is open of it, or left of the payment; `errors` names each, and how much there is",
    ),
    kind(
        409,
        "accounting_export_impossible",
        "The company has no SIREN, or its currency is not the euro: `errors` says which",
    ),
    kind(
        409,
        "entry_unbalanced",
        "An entry does not balance; `detail` names its document. Nothing is exported",
    ),
    kind(409, "payment_reversed", "The payment was reversed already, or is a reversal"),
    kind(409, "no_credit", "The customer has nothing left of earlier payments and credit notes"),
    kind(409, "not_validated", "The invoice is a draft, and has no document"),
    kind(409, "document_not_ready", "The document is being made; see `Retry-After`"),
    kind(409, "document_failed", "The document could not be made; an operator has it made again"),
    kind(409, "nothing_to_invoice", "Nothing of it has left that is not invoiced yet"),
    kind(
        409,
        "exceeds_invoice",
        "More is to be given back than is left of the invoice, of a line or of a category and rate; `errors` says how much is left",
    ),
    kind(409, "nothing_to_credit", "Nothing is left of it to be given back"),
    kind(
        409,
        "deposit_taken",
        "The deposit is taken off an invoice: give that back first, or delete its draft",
    ),
    kind(409, "deposit_not_paid", "A deposit is not paid whole, or was credited; `errors` names each"),
    kind(
        409,
        "deposit_exceeds_order",
        "The deposits of the order would be more than it comes to; `errors` says how much is left",
    ),
    kind(409, "stock_frozen", "The goods are being counted; `errors` has the `inventory_count_id`"),
    kind(
        409,
        "inventory_count_state_conflict",
        "The status of the inventory count does not permit the operation",
    ),
    kind(
        409,
        "cost_beyond_value",
        "What an adjustment takes out at its cost is worth more than what is there; `errors` names the line",
    ),
    kind(409, "too_many_places", "The product lies in 1,000 locations of the warehouse already"),
    kind(
        409,
        "too_many_reservations",
        "Too many orders would have to give goods back at once: take fewer away, or cancel some of the orders first",
    ),
    kind(409, "inventory_count_reference_taken", "The reference belongs to another inventory count"),
    kind(409, "inventory_count_under_way", "Another inventory count of the warehouse is under way"),
    kind(
        409,
        "inventory_count_too_large",
        "There are more than 50,000 products to count, or more than 10,000 differ",
    ),
    kind(
        409,
        "inventory_count_incomplete",
        "Lines are not counted yet, and `uncounted` does not say what becomes of them",
    ),
    kind(409, "inventory_count_outdated", "What is on hand is not what it was when it was counted"),
    kind(409, "inventory_count_blind", "Which lines of a blind count differ is told when it is in review"),
    kind(409, "no_default_warehouse", "No warehouse was named, and the company has no default"),
    kind(409, "email_taken", "The e-mail address belongs to another user of the company"),
    kind(409, "customer_has_orders", "The customer has orders and cannot be deleted"),
    kind(409, "customer_has_invoices", "The customer has invoices, or drafts of some"),
    kind(409, "customer_has_price_lists", "The customer has price lists and cannot be deleted"),
    kind(
        409,
        "customer_kept",
        "The law, or something that is open, keeps the customer; `errors` says what, and until when (`kept_until`)",
    ),
    kind(409, "customer_anonymised", "The customer was anonymised and cannot be changed"),
    kind(409, "product_archived", "The product is archived and cannot be changed"),
    kind(409, "warehouse_archived", "The warehouse is archived and cannot be changed"),
    kind(409, "warehouse_is_default", "The default warehouse cannot be archived"),
    kind(
        409,
        "warehouse_being_counted",
        "An inventory count of the warehouse is not over; `errors` has the `inventory_count_id`",
    ),
    kind(409, "warehouse_in_use", "The warehouse still has stock"),
    kind(409, "location_archived", "The location is archived and cannot be changed"),
    kind(409, "location_in_use", "Goods lie in the location, which cannot be archived"),
    kind(409, "order_state_conflict", "The status of the order does not permit the operation"),
    kind(409, "order_partly_shipped", "A part of the order has left: cancel the rest of it instead"),
    kind(
        409,
        "shipment_exceeds_order",
        "More is to be shipped than is outstanding; `errors` names each line and what is",
    ),
    kind(409, "shipment_state_conflict", "The shipment has arrived already"),
    kind(409, "too_many_shipments", "The order has 1,000 shipments"),
    kind(
        409,
        "return_exceeds_shipment",
        "More comes back than has left and not come back; `errors` names each line and what has",
    ),
    kind(409, "return_reference_taken", "The reference belongs to another return"),
    kind(409, "user_status_conflict", "The status of the user does not permit the operation"),
    kind(409, "last_administrator", "The company would be left without an administrator"),
    kind(
        409,
        "idempotency_key_in_use",
        "A request with the same Idempotency-Key is still running; see `Retry-After`",
    ),
    kind(410, "events_gone", "Events after this position are not kept any more"),
    kind(412, "version_mismatch", "The resource has changed since the version in If-Match"),
    kind(413, "body_too_large", "The body has more than `api.max_body_bytes` (1 MiB)"),
    kind(415, "unsupported_media_type", "The body has another media type, or a Content-Encoding"),
    kind(
        416,
        "range_not_satisfiable",
        "The file has none of the bytes that Range asks for; see `Content-Range`",
    ),
    kind(422, "invalid_request", "Values are wrong; `errors` names each"),
    kind(
        422,
        "invalid_order",
        "The order cannot be placed, amended or shipped like this; `errors` names each value at fault",
    ),
    kind(
        422,
        "invalid_stock_document",
        "Goods cannot be moved like this; `errors` names each value at fault",
    ),
    kind(
        422,
        "invalid_purchase_order",
        "Goods cannot be ordered like this; `errors` names each value at fault",
    ),
    kind(
        422,
        "invalid_invoice",
        "Something cannot be invoiced like this; `errors` names each value at fault",
    ),
    kind(
        422,
        "invalid_accounts",
        "Some accounts cannot be set like this; `errors` names each value at fault",
    ),
    kind(
        422,
        "invalid_payment",
        "The payment cannot be recorded like this; `errors` names the value at fault",
    ),
    kind(
        422,
        "invalid_platform_status",
        "What a platform says cannot be recorded like this; `errors` names the value at fault",
    ),
    kind(
        422,
        "invalid_statement",
        "The statement ends before it begins, has more than 5,000 entries, or names what cannot be printed",
    ),
    kind(
        422,
        "invoice_incomplete",
        "The invoice cannot be validated; `errors` names everything that is missing or wrong, in the draft, the company or the customer",
    ),
    kind(
        422,
        "invalid_inventory_count",
        "The values do not fit the inventory count; `errors` names each at fault",
    ),
    kind(
        422,
        "invalid_reorder_rule",
        "The quantities have more decimals than the product's, or no more is ordered: the product or the warehouse is archived, or the product is not kept in stock; `errors` names each at fault",
    ),
    kind(
        422,
        "invalid_price_list",
        "Values of the price list, or of its prices, are wrong; `errors` names each",
    ),
    kind(422, "stock_too_large", "There would be more units of a product than can be counted"),
    kind(422, "invalid_location", "The location cannot be made like this; `errors` names the value at fault"),
    kind(
        422,
        "invalid_lines",
        "Lines are not in the order, named twice, not understood, or have more decimals than their products; `errors` names each",
    ),
    kind(422, "invalid_shipment", "Values of the shipment are wrong; `errors` names each"),
    kind(422, "invalid_return", "Values of the return are wrong; `errors` names each"),
    kind(422, "invalid_token", "The token is unknown, used or expired"),
    kind(422, "idempotency_key_reused", "The Idempotency-Key was used for another request"),
    kind(428, "precondition_required", "If-Match is missing"),
    kind(429, "rate_limited", "There are too many requests; see `Retry-After`"),
    kind(429, "too_many_streams", "There are too many streams of yours already; see `Retry-After`"),
    kind(429, "too_many_attempts", "There were too many failed attempts to log in; see `Retry-After`"),
    kind(431, "too_many_headers", "The request has more than `api.max_headers` (64) header fields"),
    kind(500, "internal", "The fault is the server's; quote the `trace_id` when you report it"),
    kind(503, "unavailable", "The database is not available; see `Retry-After`"),
    kind(503, "timed_out", "The request took too long; see `Retry-After`"),
];

/// Returns the problems that an operation of the API can answer: its own, which its route names, and those that follow from what it
/// takes.
pub(super) fn of(operation: &Operation, access: Access, is_probe: bool, own: &[&str]) -> Vec<&'static Kind> {
    let mut codes = own.to_vec();
    match access {
        Access::Public => {}
        Access::Authenticated => codes.extend(["authentication_required", "unauthenticated"]),
        Access::LoggedIn => codes.extend(["authentication_required", "unauthenticated", "not_a_session"]),
        Access::Needs(_) => codes.extend(["authentication_required", "unauthenticated", "forbidden"]),
        Access::Operator => codes.extend(["authentication_required", "unauthenticated", "operators_only"]),
    }
    if !matches!(access, Access::Public | Access::Operator) {
        codes.push("not_for_operators");
    }
    if operation.request_body.is_some() {
        codes.extend(["malformed_json", "unreadable_body", "request_timeout", "body_too_large"]);
        codes.extend(["unsupported_media_type"]);
    }
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Path, _) => codes.push("not_found"),
            (ParameterIn::Header, "Idempotency-Key") => {
                codes.extend(["idempotency_key_in_use", "idempotency_key_reused"]);
            }
            (ParameterIn::Header, "If-Match") => {
                codes.push("version_mismatch");
                if parameter.required == Required::True {
                    codes.push("precondition_required");
                }
            }
            _ => {}
        }
    }
    codes.push("too_many_headers");
    if !is_probe {
        // Any other route refuses what it does not know, counts its callers' requests and works with the database.
        codes.extend(["invalid_request", "rate_limited", "internal", "unavailable", "timed_out"]);
    }
    KINDS.iter().filter(|kind| codes.contains(&kind.code)).collect()
}

/// Returns the responses for these problems, by status.
pub(super) fn responses(kinds: &[&Kind]) -> Map<String, Value> {
    let mut by_status: BTreeMap<u16, Vec<&Kind>> = BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.status).or_default().push(kind);
    }
    by_status.into_iter().map(|(status, kinds)| (status.to_string(), response(status, &kinds))).collect()
}

fn response(status: u16, kinds: &[&Kind]) -> Value {
    let lines: Vec<_> = kinds.iter().map(|kind| format!("- `{}`: {}", kind.code, kind.when)).collect();
    let reference = |code: &str| json!({"$ref": format!("#/components/examples/{code}")});
    let examples: Map<_, _> = kinds.iter().map(|kind| (kind.code.to_owned(), reference(kind.code))).collect();
    let mut response = json!({
        "description": lines.join("\n"),
        "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "examples": examples,
        }},
    });
    if kinds.iter().any(|kind| kind.when.contains("Retry-After")) {
        response["headers"]["Retry-After"] = header("integer", "Seconds after which to ask again");
    }
    if status == 401 {
        response["headers"]["WWW-Authenticate"] = header("string", "How to authenticate (RFC 6750)");
    }
    response
}

fn header(schema_type: &str, description: &str) -> Value {
    json!({"description": description, "schema": {"type": schema_type}})
}

/// Returns an example of each kind by its code.
pub(super) fn examples() -> Map<String, Value> {
    let named = |kind: &Kind| (kind.code.to_owned(), json!({"summary": kind.when, "value": example(kind)}));
    KINDS.iter().map(named).collect()
}

fn example(kind: &Kind) -> Value {
    let title = StatusCode::from_u16(kind.status).ok().and_then(|status| status.canonical_reason());
    let mut errors = match kind.code {
        "invalid_request" | "invalid_order" | "invalid_stock_document" | "invalid_purchase_order" => json!([{
            "pointer": "/lines/0/quantity",
            "code": "wrong_type",
            "message": "write it as a string, such as \"3\"",
        }]),
        "insufficient_stock" | "stock_reserved" | "invoice_exceeds_shipped" => json!([{
            "pointer": "/lines/0/quantity",
            "code": kind.code,
            "message": "5 are wanted, 3 available",
            "available": "3",
        }]),
        "credit_limit_exceeded" => json!([{
            "pointer": "/lines",
            "code": "credit_limit_exceeded",
            "message": "the credit limit is 5000.00 EUR, other orders and open invoices come to 4800.00 and this one to 300.00: 200.00 are available",
            "available": "200.00",
            "credit": {"limit": "5000.00", "exposure": "4800.00", "total": "300.00"},
        }]),
        "stock_frozen" => json!([{
            "pointer": "",
            "code": "stock_frozen",
            "message": "inventory count 01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b is under way: until it is closed or cancelled, nothing on hand in \
                its scope moves",
            "inventory_count_id": "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b",
        }]),
        "warehouse_being_counted" => json!([{
            "pointer": "",
            "code": "warehouse_being_counted",
            "message": "inventory count 01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b of warehouse 01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0c is not over; \
                close it or cancel it first",
            "inventory_count_id": "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b",
        }]),
        "invalid_inventory_count" => json!([{
            "pointer": "/entries/0/product_id",
            "code": "not_stocked",
            "message": "this product is not kept in stock; set stocked of it first",
        }]),
        "exceeds_invoice" => json!([{
            "pointer": "/lines/0/quantity",
            "code": "exceeds_invoice",
            "message": "1 is left of the line",
            "available": "1",
        }]),
        "deposit_exceeds_order" => json!([{
            "pointer": "/amount",
            "code": "exceeds_order",
            "message": "the deposits of an order are at most what it comes to: 350.00 without VAT is left",
            "available": "350.00",
        }]),
        "deposit_not_paid" => json!([{
            "pointer": "/deposits/0",
            "code": "deposit_not_paid",
            "message": "deposit 01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b is not paid whole, or was credited",
        }]),
        "payment_exceeds_open" => json!([{
            "pointer": "/invoices/0/amount",
            "code": "exceeds_open",
            "message": "100.00 is open, not 120.00",
            "available": "100.00",
        }]),
        "invalid_invoice" | "invalid_payment" => json!([{
            "pointer": "/customer_id",
            "code": "unknown_customer",
            "message": "there is no such customer",
        }]),
        "invalid_accounts" => json!([{
            "pointer": "/accounts/1/purpose",
            "code": "named_twice",
            "message": "there is one account for each purpose, category and rate",
        }]),
        "accounting_export_impossible" => json!([{
            "pointer": "/tenant/registration",
            "code": "siren_missing",
            "message": "the file of an accounting export is named by the company's SIREN (LPF, article A47 A-1): give it one",
        }]),
        "invoice_incomplete" => json!([{
            "pointer": "/customer/invoicing/kind",
            "code": "customer_kind_missing",
            "message": "VAT, terms and mentions depend on whether the customer is a business, a consumer or a public body",
        }]),
        "price_period_overlaps" => json!([{
            "pointer": "/entries/0/product_id",
            "code": "price_period_overlaps",
            "message": "price list \"SPRING-2026\" (01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b) prices product 01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0c already, \
                from 2026-03-01 until before 2026-06-01",
        }]),
        "invalid_price_list" => json!([{
            "pointer": "/group_id",
            "code": "unknown_group",
            "message": "there is no such group of customers",
        }]),
        "customer_kept" => json!([{
            "pointer": "",
            "code": "kept_invoices",
            "message": "until 2036-12-31 by invoices",
            "kept_until": "2036-12-31",
        }]),
        "invalid_location" => json!([{
            "pointer": "/warehouse_id",
            "code": "unknown_warehouse",
            "message": "there is no such warehouse",
        }]),
        _ => json!([]),
    };
    for error in errors.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        for name in ["available", "inventory_count_id", "credit", "kept_until"] {
            error.entry(name).or_insert(Value::Null);
        }
    }
    json!({
        "type": format!("{TYPE_PREFIX}{}", kind.code),
        "title": title.unwrap_or("Error"),
        "status": kind.status,
        "code": kind.code,
        "detail": kind.when,
        "errors": errors,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;
    use std::path::PathBuf;

    use super::*;
    use crate::routes;

    #[test]
    fn kinds_are_in_order_of_their_status_and_each_code_is_there_once() {
        assert!(KINDS.is_sorted_by_key(|kind| kind.status));
        let codes: BTreeSet<_> = KINDS.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), KINDS.len());
    }

    #[test]
    fn a_route_names_only_problems_that_there_are() {
        for endpoint in routes::endpoints() {
            for code in endpoint.problems {
                assert!(KINDS.iter().any(|kind| kind.code == *code), "{}: {code}", endpoint.path);
            }
        }
    }

    #[test]
    fn the_documented_problems_are_these() {
        let mut table = String::from("| status | code | when |\n|---|---|---|\n");
        for Kind { status, code, when } in KINDS {
            let _ = writeln!(table, "| {status} | `{code}` | {when} |");
        }
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/http.md");
        let text = std::fs::read_to_string(&path).expect("docs/http.md");
        let (head, rest) = text.split_once("<!-- problems -->\n").expect("the table's beginning");
        let (documented, tail) = rest.split_once("<!-- /problems -->").expect("the table's end");
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            let text = format!("{head}<!-- problems -->\n{table}<!-- /problems -->{tail}");
            std::fs::write(path, text).expect("written");
            return;
        }
        assert_eq!(documented, table, "UPDATE_OPENAPI=1 cargo test --workspace --lib openapi writes it anew");
    }
}
