-- What is in a category, and below it. Most products may be in none, and need no entry.
CREATE INDEX CONCURRENTLY products_category_idx ON products (tenant_id, category_id) WHERE category_id IS NOT NULL;
