-- Nobody counts on the lease when the triggers are gone.
SELECT pg_advisory_xact_lock_shared(1129270608, 1);
SELECT pg_advisory_xact_lock(1129270608, 2);
DROP TRIGGER principal_lease_recall ON sessions;
DROP TRIGGER principal_lease_recall_deleted ON sessions;
DROP TRIGGER principal_lease_recall ON api_keys;
DROP TRIGGER principal_lease_recall_deleted ON api_keys;
DROP FUNCTION principal_lease_recall;
DROP FUNCTION principal_lease_return;
DROP FUNCTION principal_lease;
