-- What is kept in stock, in each order of the list: this one and the two after it.
CREATE INDEX CONCURRENTLY products_stocked_sku_idx ON products (tenant_id, stocked, sku, id);
