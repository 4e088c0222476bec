DROP PROCEDURE outbox_grant_relay, outbox_grant_writer;
