-- Orders that were shipped without one stay.
ALTER TABLE orders
    ADD CONSTRAINT orders_shipped_with_tracking CHECK (shipped_at IS NULL OR tracking_number IS NOT NULL) NOT VALID;
