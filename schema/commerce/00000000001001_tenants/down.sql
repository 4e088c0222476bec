DROP TABLE tenants;
DROP PROCEDURE comptoir_protect;
DROP FUNCTION comptoir_tenant;
