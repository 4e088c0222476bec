-- Imports of opening stock. Those that are there have one of the kinds of before, so there is no row to look at.
ALTER TABLE imports
    DROP CONSTRAINT imports_kind_check,
    ADD CONSTRAINT imports_kind_check CHECK (kind IN ('customers', 'suppliers', 'products', 'stock')) NOT VALID;
