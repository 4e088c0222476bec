DROP INDEX emails_to_others_idx;
