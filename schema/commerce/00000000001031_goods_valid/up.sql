-- The constraints of 1028 hold for the rows that were there before them, too.
ALTER TABLE products
    VALIDATE CONSTRAINT products_unit_check,
    VALIDATE CONSTRAINT products_quantity_decimals_check,
    VALIDATE CONSTRAINT products_barcodes_check;
