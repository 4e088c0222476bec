ALTER TABLE customers VALIDATE CONSTRAINT customers_group_fkey;
ALTER TABLE order_lines VALIDATE CONSTRAINT order_lines_price_source_check;
ALTER TABLE order_lines VALIDATE CONSTRAINT order_lines_price_list_check;
ALTER TABLE imports VALIDATE CONSTRAINT imports_kind_check;
