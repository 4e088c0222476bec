DELETE FROM runtime_privileges WHERE table_name IN ('payments', 'payment_allocations', 'customer_credits');
DROP TABLE customer_credits, payment_allocations, payments;
DROP FUNCTION payments_are_kept;
