-- What waits and what is dead is counted across all companies, every few seconds: without the e-mails that are over.
CREATE INDEX emails_open_idx ON emails (state, created_at) WHERE state IN ('waiting', 'sending', 'dead');
