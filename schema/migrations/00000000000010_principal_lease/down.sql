DROP TRIGGER principal_lease_recall ON sessions;
DROP TRIGGER principal_lease_recall_deleted ON sessions;
DROP TRIGGER principal_lease_recall ON api_keys;
DROP TRIGGER principal_lease_recall_deleted ON api_keys;
DROP FUNCTION principal_lease_recall;
DROP FUNCTION principal_lease_return;
DROP FUNCTION principal_lease;
