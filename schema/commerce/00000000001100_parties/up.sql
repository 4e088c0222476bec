-- What invoices say of a company, of its customers and of what it sells (docs/invoices.md). Companies are few; customers and products may be many, so their
-- constraints come without a look at the rows, which have the defaults.
ALTER TABLE tenants
    ADD COLUMN legal_form         text,
    ADD COLUMN share_capital      numeric(19, 2) CHECK (share_capital >= 0::numeric),
    ADD COLUMN trade_register     text,
    ADD COLUMN vat_scheme         text    NOT NULL DEFAULT 'normal'::text
        CHECK (vat_scheme IN ('normal', 'small_enterprise', 'not_subject')),
    -- When the VAT on services is due.
    ADD COLUMN vat_due_on         text    NOT NULL DEFAULT 'payments'::text CHECK (vat_due_on IN ('payments', 'debits')),
    ADD COLUMN one_stop_shop      boolean NOT NULL DEFAULT false,
    -- A scheme of the code list EAS, and the identifier in it.
    ADD COLUMN electronic_scheme  text,
    ADD COLUMN electronic_address text,
    ADD COLUMN iban               text,
    ADD COLUMN bic                text,
    -- Percent a year; NULL is what the law says.
    ADD COLUMN late_interest_rate numeric(5, 2) CHECK (late_interest_rate BETWEEN 0::numeric AND 100::numeric),
    ADD CONSTRAINT tenants_electronic_complete CHECK ((electronic_scheme IS NULL) = (electronic_address IS NULL)),
    ADD CONSTRAINT tenants_bank_complete CHECK (bic IS NULL OR iban IS NOT NULL);

ALTER TABLE customers
    ADD COLUMN kind                 text,
    ADD COLUMN legal_form           text,
    ADD COLUMN registration_scheme  text,
    ADD COLUMN registration_number  text,
    ADD COLUMN electronic_scheme    text,
    ADD COLUMN electronic_address   text,
    -- Of its invoices; NULL is the company's.
    ADD COLUMN language             text,
    -- NULL if nothing was agreed.
    ADD COLUMN payment_days         smallint,
    ADD COLUMN payment_end_of_month boolean,
    ADD CONSTRAINT customers_kind_check CHECK (kind IN ('business', 'consumer', 'public_body')) NOT VALID,
    ADD CONSTRAINT customers_registration_check CHECK (registration_scheme IN ('siren', 'siret', 'foreign')) NOT VALID,
    ADD CONSTRAINT customers_registration_complete
        CHECK ((registration_scheme IS NULL) = (registration_number IS NULL)) NOT VALID,
    ADD CONSTRAINT customers_electronic_complete CHECK ((electronic_scheme IS NULL) = (electronic_address IS NULL)) NOT VALID,
    ADD CONSTRAINT customers_language_check CHECK (language IN ('fr', 'en')) NOT VALID,
    ADD CONSTRAINT customers_payment_days_check CHECK (payment_days BETWEEN 0::smallint AND 365::smallint) NOT VALID,
    ADD CONSTRAINT customers_terms_complete CHECK ((payment_days IS NULL) = (payment_end_of_month IS NULL)) NOT VALID;

-- Goods or a service: which VAT it bears, and when that is due. What is there, and what a replica of the version before adds, was invoiced as goods.
ALTER TABLE products
    ADD COLUMN nature text NOT NULL DEFAULT 'goods'::text,
    ADD CONSTRAINT products_nature_check CHECK (nature IN ('goods', 'service')) NOT VALID;
