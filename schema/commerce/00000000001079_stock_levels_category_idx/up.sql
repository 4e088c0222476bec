-- The stock of a category, and of those below it. Most products may be in none, and need no entry.
CREATE INDEX CONCURRENTLY stock_levels_category_idx ON stock_levels (tenant_id, category_id) WHERE category_id IS NOT NULL;
