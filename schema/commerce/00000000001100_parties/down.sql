-- Its constraint goes with it.
ALTER TABLE products DROP COLUMN nature;
ALTER TABLE customers
    DROP COLUMN kind,
    DROP COLUMN legal_form,
    DROP COLUMN registration_scheme,
    DROP COLUMN registration_number,
    DROP COLUMN electronic_scheme,
    DROP COLUMN electronic_address,
    DROP COLUMN language,
    DROP COLUMN payment_days,
    DROP COLUMN payment_end_of_month;
ALTER TABLE tenants
    DROP COLUMN legal_form,
    DROP COLUMN share_capital,
    DROP COLUMN trade_register,
    DROP COLUMN vat_scheme,
    DROP COLUMN vat_due_on,
    DROP COLUMN one_stop_shop,
    DROP COLUMN electronic_scheme,
    DROP COLUMN electronic_address,
    DROP COLUMN iban,
    DROP COLUMN bic,
    DROP COLUMN late_interest_rate;
