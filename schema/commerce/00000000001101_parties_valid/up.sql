-- The constraints of 1100 hold for the customers and products that were there before them, too.
ALTER TABLE customers
    VALIDATE CONSTRAINT customers_kind_check,
    VALIDATE CONSTRAINT customers_registration_check,
    VALIDATE CONSTRAINT customers_registration_complete,
    VALIDATE CONSTRAINT customers_electronic_complete,
    VALIDATE CONSTRAINT customers_language_check,
    VALIDATE CONSTRAINT customers_payment_days_check,
    VALIDATE CONSTRAINT customers_terms_complete;
ALTER TABLE products VALIDATE CONSTRAINT products_nature_check;
