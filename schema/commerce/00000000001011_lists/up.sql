-- Lists as clients read them: by their own numbers, by what changed since a time, by words.

-- The resource's identifier in the client's own system.
ALTER TABLE customers ADD COLUMN external_id text;
ALTER TABLE suppliers ADD COLUMN external_id text;
ALTER TABLE products ADD COLUMN external_id text;
ALTER TABLE orders ADD COLUMN external_id text;
-- Most rows have none, and need no entry.
CREATE UNIQUE INDEX customers_external_id_key ON customers (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX suppliers_external_id_key ON suppliers (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX products_external_id_key ON products (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX orders_external_id_key ON orders (tenant_id, external_id) WHERE external_id IS NOT NULL;

CREATE INDEX customers_updated_at_idx ON customers (tenant_id, updated_at, id);
CREATE INDEX suppliers_updated_at_idx ON suppliers (tenant_id, updated_at, id);
CREATE INDEX products_updated_at_idx ON products (tenant_id, updated_at, id);
CREATE INDEX orders_updated_at_idx ON orders (tenant_id, updated_at, id);

-- Words are found by full text search. Accents do not matter (the extension unaccent), nor do the forms of French and English words.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS unaccent;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the extension unaccent is missing and % may not create it; as somebody who may, in this database: '
            'CREATE EXTENSION unaccent; then api migrate again', current_user;
    WHEN undefined_file OR feature_not_supported THEN
        RAISE EXCEPTION 'this PostgreSQL has no extension unaccent: install its additional modules (such as the package '
            'postgresql-contrib), then api migrate again';
END
$$;

CREATE TEXT SEARCH CONFIGURATION comptoir_simple (COPY = pg_catalog.simple);
CREATE TEXT SEARCH CONFIGURATION comptoir_french (COPY = pg_catalog.french);
CREATE TEXT SEARCH CONFIGURATION comptoir_english (COPY = pg_catalog.english);
DO $$
DECLARE
    -- Somebody may have installed it into a schema of its own.
    unaccent text := (SELECT pg_catalog.format('%I.unaccent', n.nspname) FROM pg_extension AS e
        JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'unaccent');
    language record;
BEGIN
    FOR language IN VALUES ('comptoir_simple', 'pg_catalog.simple'), ('comptoir_french', 'pg_catalog.french_stem'),
        ('comptoir_english', 'pg_catalog.english_stem') LOOP
        EXECUTE pg_catalog.format('ALTER TEXT SEARCH CONFIGURATION %I ALTER MAPPING FOR word, hword, hword_part, numword, numhword,
            hword_numpart WITH %s, %s', language.column1, unaccent, language.column2);
    END LOOP;
END
$$;

-- Punctuation becomes spaces: the parser would take "-1042" for a negative number, and "tea.eg" for a host.
CREATE FUNCTION comptoir_plain(texts text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.translate(texts, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~’‘“”«»–—·', pg_catalog.repeat(' ', 43));

-- The words of a row, as the indexes below hold them: numbers as they are written, names also by their stems. Each begins with its
-- tenant, because an index of words cannot: so the words of one company are together, and no other's are read.
CREATE FUNCTION comptoir_words(tenant uuid, numbers text, names text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT pg_catalog.array_to_tsvector(pg_catalog.array_agg(tenant::text || word))
        FROM pg_catalog.unnest(pg_catalog.tsvector_to_array(
            pg_catalog.to_tsvector('comptoir_simple'::regconfig, comptoir_plain(numbers || ' '::text || names))
            || pg_catalog.to_tsvector('comptoir_french'::regconfig, comptoir_plain(names))
            || pg_catalog.to_tsvector('comptoir_english'::regconfig, comptoir_plain(names)))) AS word);

-- What finds a word, after its dictionary: all of its parts. NULL if the dictionary says that it means nothing.
CREATE FUNCTION comptoir_search_word(tenant uuid, dictionary regconfig, word text, ending text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT pg_catalog.string_agg(''''::text || tenant::text || part || ''''::text || ending, ' & '::text)
        FROM pg_catalog.unnest(pg_catalog.tsvector_to_array(pg_catalog.to_tsvector(dictionary, word))) AS part);

-- What finds the rows of this transaction's tenant that have all words of a text, each as it is, as the beginning of a longer one,
-- or in another form. NULL if there is no word in it.
CREATE FUNCTION comptoir_search(texts text) RETURNS tsquery
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT pg_catalog.string_agg('('::text || pg_catalog.concat_ws(' | '::text,
                '('::text || comptoir_search_word(comptoir_tenant(), 'comptoir_simple'::regconfig, word, ':*'::text) || ')'::text,
                '('::text || comptoir_search_word(comptoir_tenant(), 'comptoir_french'::regconfig, word, ''::text) || ')'::text,
                '('::text || comptoir_search_word(comptoir_tenant(), 'comptoir_english'::regconfig, word, ''::text) || ')'::text)
            || ')'::text, ' & '::text)::tsquery
        FROM (SELECT DISTINCT word FROM pg_catalog.regexp_split_to_table(comptoir_plain(texts), '\s+'::text) AS word) AS words
        WHERE comptoir_search_word(comptoir_tenant(), 'comptoir_simple'::regconfig, word, ''::text) IS NOT NULL);

-- What is searched of each list: its words, the index of them, and the ids of the rows that have some. The last runs as its owner:
-- under row-level security PostgreSQL would not use the index, because a match might tell of rows that may not be seen.

CREATE FUNCTION customer_words(tenant uuid, code text, email text, vat_number text, external_id text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, code || ' '::text || email || ' '::text || COALESCE(vat_number, ''::text) || ' '::text || COALESCE(external_id, ''::text), name);
CREATE INDEX customers_words_idx ON customers USING gin (customer_words(tenant_id, code, email, vat_number, external_id, name));

CREATE FUNCTION supplier_words(tenant uuid, code text, vat_number text, external_id text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, code || ' '::text || COALESCE(vat_number, ''::text) || ' '::text || COALESCE(external_id, ''::text), name);
CREATE INDEX suppliers_words_idx ON suppliers USING gin (supplier_words(tenant_id, code, vat_number, external_id, name));

CREATE FUNCTION product_words(tenant uuid, sku text, external_id text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, sku || ' '::text || COALESCE(external_id, ''::text), name);
CREATE INDEX products_words_idx ON products USING gin (product_words(tenant_id, sku, external_id, name));

CREATE FUNCTION order_words(tenant uuid, reference text, external_id text, tracking_number text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, COALESCE(reference, ''::text) || ' '::text || COALESCE(external_id, ''::text) || ' '::text || COALESCE(tracking_number, ''::text), ''::text);
-- An order without any number has no words, and costs nothing here.
CREATE INDEX orders_words_idx ON orders USING gin (order_words(tenant_id, reference, external_id, tracking_number))
    WHERE COALESCE(reference, external_id, tracking_number) IS NOT NULL;

-- Their tables are named in texts: otherwise no column of these tables could change its type.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION search_customers(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.customers WHERE @schema@.customer_words(tenant_id, code, email, vat_number, external_id, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
CREATE FUNCTION search_suppliers(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.suppliers WHERE @schema@.supplier_words(tenant_id, code, vat_number, external_id, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
CREATE FUNCTION search_products(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.products WHERE @schema@.product_words(tenant_id, sku, external_id, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
CREATE FUNCTION search_orders(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.orders WHERE @schema@.order_words(tenant_id, reference, external_id, tracking_number) @@ @schema@.comptoir_search(texts)
        AND COALESCE(reference, external_id, tracking_number) IS NOT NULL AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;

REVOKE EXECUTE ON FUNCTION search_customers, search_suppliers, search_products, search_orders FROM PUBLIC;

CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key, search_customers, search_suppliers, search_products, search_orders TO %s', runtime);
END
$$;
