-- What POST /api/v1/invoices/{id}/validate sends for a draft of three lines of products, without an Idempotency-Key. In front of each
-- statement stands the function that sends it. The notation is that of stock.pgbench.sql.
--
-- Texts are those that the API wrote when it validated a draft like these (invoices.rs). Digests are constants: the API calculates them
-- itself, and the hash of the link is calculated by the database for both.
\set number :number + 1
\set draft :number * 32 + :client_id - 31

\startpipeline
-- core/src/application/tenant_database.rs: TenantDatabase::enter
BEGIN;
SET LOCAL comptoir.tenant_id = 'TENANT';
-- core/src/accounts/principals/stored.rs: is_current
SELECT true FROM api_keys
    WHERE tenant_id = {$1 'TENANT'::uuid} AND id = {$2 'API_KEY'::uuid} AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > now());
\endpipeline

-- core/src/commerce/invoices/repository.rs: look_at
SELECT "invoices"."tenant_id", "invoices"."id", "invoices"."version", "invoices"."kind", "invoices"."state", "invoices"."customer_id",
    "invoices"."reference", "invoices"."number", "invoices"."series", "invoices"."issue_date", "invoices"."due_on",
    "invoices"."gross_total", "invoices"."paid", "invoices"."credited", "invoices"."sent_at", "invoices"."created_at",
    "invoices"."updated_at", "invoices"."sent_by", "invoices"."dispute", "invoices"."overdue_on", "invoices"."corrects"
    FROM "invoices"
    WHERE (("invoices"."tenant_id" = {$1 'TENANT'::uuid}) AND
    ("invoices"."id" = {$2 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid})) LIMIT {$3 1};
SELECT "invoice_drafts"."content" FROM "invoice_drafts"
    WHERE (("invoice_drafts"."tenant_id" = {$1 'TENANT'::uuid}) AND
    ("invoice_drafts"."invoice_id" = {$2 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid})) LIMIT {$3 1};

-- core/src/commerce/invoices/repository.rs: load_with
SELECT "invoices"."tenant_id", "invoices"."id", "invoices"."version", "invoices"."kind", "invoices"."state", "invoices"."customer_id",
    "invoices"."reference", "invoices"."number", "invoices"."series", "invoices"."issue_date", "invoices"."due_on",
    "invoices"."gross_total", "invoices"."paid", "invoices"."credited", "invoices"."sent_at", "invoices"."created_at",
    "invoices"."updated_at", "invoices"."sent_by", "invoices"."dispute", "invoices"."overdue_on", "invoices"."corrects"
    FROM "invoices"
    WHERE (("invoices"."tenant_id" = {$1 'TENANT'::uuid}) AND
    ("invoices"."id" = ANY({$2 ARRAY[('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid]})))
    ORDER BY "invoices"."id" FOR NO KEY UPDATE;
SELECT "invoice_drafts"."content" FROM "invoice_drafts"
    WHERE (("invoice_drafts"."tenant_id" = {$1 'TENANT'::uuid}) AND
    ("invoice_drafts"."invoice_id" = {$2 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid})) LIMIT {$3 1};

-- core/src/accounts/tenants/repository.rs: look_at
SELECT "tenants"."id", "tenants"."version", "tenants"."name", "tenants"."registration_scheme", "tenants"."registration_number",
    "tenants"."vat_number", "tenants"."address", "tenants"."currency", "tenants"."time_zone", "tenants"."created_at",
    "tenants"."updated_at", "tenants"."short_name", "tenants"."language", "tenants"."email_from", "tenants"."email_reply_to",
    "tenants"."credit_limit_action", "tenants"."legal_form", "tenants"."share_capital", "tenants"."trade_register",
    "tenants"."vat_scheme", "tenants"."vat_due_on", "tenants"."one_stop_shop", "tenants"."electronic_scheme",
    "tenants"."electronic_address", "tenants"."iban", "tenants"."bic", "tenants"."late_interest_rate", "tenants"."invoice_series",
    "tenants"."credit_note_series", "tenants"."issue_dates_in_order", "tenants"."reminder_levels"
    FROM "tenants" WHERE ("tenants"."id" = {$1 'TENANT'::uuid}) LIMIT {$2 1};

-- core/src/commerce/customers/repository.rs: look_at
SELECT "customers"."tenant_id", "customers"."id", "customers"."version", "customers"."code", "customers"."name", "customers"."email",
    "customers"."vat_number", "customers"."addresses", "customers"."created_at", "customers"."updated_at", "customers"."external_id",
    "customers"."credit_limit", "customers"."kind", "customers"."legal_form", "customers"."registration_scheme",
    "customers"."registration_number", "customers"."electronic_scheme", "customers"."electronic_address", "customers"."language",
    "customers"."payment_days", "customers"."payment_end_of_month", "customers"."group_id", "customers"."invoice_channel",
    "customers"."reminders", "customers"."anonymised_at"
    FROM "customers"
    WHERE (("customers"."tenant_id" = {$1 'TENANT'::uuid}) AND ("customers"."id" = {$2 :customer::uuid})) LIMIT {$3 1};

-- core/src/commerce/invoices/repository.rs: draw
SELECT drawn, latest_date FROM invoice_draw({$1 'FA'}, {$2 (now() AT TIME ZONE 'Europe/Paris')::date}, {$3 true}) \gset number_

-- core/src/commerce/invoices/repository.rs: freeze
INSERT INTO "invoice_contents" ("tenant_id", "invoice_id", "series", "year", "position", "issue_date", "content", "digest", "validated_at")
    VALUES ({$1 'TENANT'::uuid}, {$2 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid}, {$3 'FA'},
    {$4 extract(year FROM now() AT TIME ZONE 'Europe/Paris')::smallint}, {$5 :number_drawn::bigint}, {$6 current_date}, {$7 :content::text},
    {$8 decode(repeat('ab', 32), 'hex')}, {$9 now()});
INSERT INTO invoice_lines
    (tenant_id, invoice_id, position, product_id, order_id, order_position, nature, quantity, net, category, rate, why, deposit,
    price_source, price_list_id)
    SELECT {$1 'TENANT'::uuid}, {$2 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid}, line.*
    FROM unnest({$3 ARRAY[1, 2, 3]::smallint[]}, {$4 :products::uuid[]}, {$5 ARRAY[NULL, NULL, NULL]::uuid[]},
    {$6 ARRAY[NULL, NULL, NULL]::smallint[]}, {$7 ARRAY['goods', 'goods', 'goods']}, {$8 ARRAY[2, 2, 2]::numeric[]},
    {$9 ARRAY[20.00, 20.00, 20.00]}, {$10 ARRAY['S', 'S', 'S']}, {$11 ARRAY[20, 20, 20]::numeric[]},
    {$12 ARRAY[:why::text, :why::text, :why::text]},
    {$13 ARRAY[false, false, false]}, {$14 ARRAY['product', 'product', 'product']}, {$15 ARRAY[NULL, NULL, NULL]::uuid[]}) AS line;
INSERT INTO invoice_vat (tenant_id, invoice_id, position, category, rate, base, tax)
    SELECT {$1 'TENANT'::uuid}, {$2 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid}, one.*
    FROM unnest({$3 ARRAY[1]::smallint[]}, {$4 ARRAY['S']}, {$5 ARRAY[20]::numeric[]}, {$6 ARRAY[60.00]}, {$7 ARRAY[12.00]}) AS one;
SELECT invoice_link({$1 'FA'}, {$2 'validated'}, {$3 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid},
    {$4 now()}, {$5 decode(repeat('ab', 32), 'hex')});

-- core/src/commerce/invoices/repository.rs: save
UPDATE "invoices" SET "version" = {$1 2}, "kind" = {$2 'invoice'}, "state" = {$3 'validated'}, "customer_id" = {$4 :customer::uuid},
    "reference" = {$5 NULL}, "number" = {$6 'FA-2026-' || lpad(:number_drawn::text, 6, '0')}, "series" = {$7 'FA'},
    "issue_date" = {$8 current_date}, "due_on" = {$9 current_date + 30}, "gross_total" = {$10 72.00}, "paid" = {$11 0},
    "credited" = {$12 0}, "sent_at" = {$13 NULL}, "created_at" = {$14 now()}, "updated_at" = {$15 now()},
    "sent_by" = {$16 NULL}, "dispute" = {$17 NULL}, "overdue_on" = {$18 NULL}, "corrects" = {$19 NULL}
    WHERE (("invoices"."tenant_id" = {$20 'TENANT'::uuid}) AND
    ("invoices"."id" = {$21 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid}));
DELETE FROM "invoice_drafts"
    WHERE (("invoice_drafts"."tenant_id" = {$1 'TENANT'::uuid}) AND
    ("invoice_drafts"."invoice_id" = {$2 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid}));

-- core/src/commerce/documents/repository.rs: queue
INSERT INTO "invoice_document_queue" ("tenant_id", "invoice_id")
    VALUES ({$1 'TENANT'::uuid}, {$2 ('01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid});

\startpipeline
-- core/src/outbox/append.rs: append, called by UnitOfWork's write
SELECT outbox_append({$1 ARRAY['01900000-0000-7000-d200-' || lpad(to_hex(:draft::bigint), 12, '0')]::uuid[]}, {$2 ARRAY['invoice']},
    {$3 ARRAY['01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0')]}, {$4 ARRAY[2]::bigint[]},
    {$5 ARRAY['invoice.validated']}, {$6 ARRAY[1]::smallint[]}, {$7 ARRAY[:validated::text]}, {$8 ARRAY[:headers::text]},
    {$9 ARRAY[now()]});
-- core/src/application/audit/mod.rs: append
SELECT audit_append({$1 ('01900000-0000-7000-e200-' || lpad(to_hex(:draft::bigint), 12, '0'))::uuid}, {$2 now()}, {$3 'api_key'}, {$4 'API_KEY'::uuid}, {$5 'a test'}, {$6 NULL::uuid}, {$7 'invoice.validate'}, {$8 'invoice'}, {$9 '01900000-0000-7000-b200-' || lpad(to_hex(:draft::bigint), 12, '0')}, {$10 :before::text}::jsonb, {$11 :after::text}::jsonb, {$12 '01a1fca1-d849-759b-9910-5fb70bba241a'}, {$13 '127.0.0.1'});
\endpipeline
COMMIT;
