DELETE FROM imports WHERE kind = 'stock'::text;
ALTER TABLE imports
    DROP CONSTRAINT imports_kind_check,
    ADD CONSTRAINT imports_kind_check CHECK (kind IN ('customers', 'suppliers', 'products'));
