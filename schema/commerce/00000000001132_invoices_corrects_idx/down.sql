DROP INDEX invoices_corrects_idx;
