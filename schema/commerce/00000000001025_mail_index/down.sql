DROP INDEX emails_open_idx;
