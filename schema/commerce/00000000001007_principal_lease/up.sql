-- While a process of the API holds the second of two advisory locks (shared), nobody can withdraw a credential: what it
-- has found to hold goes on holding. Whoever withdraws one holds the first one, the door (shared), until the end of the
-- transaction, and waits until nobody holds the second. See docs/adr/0011.

-- To be called regularly, as long as a process wants the lease. Whether it has it; if not, and it had it, it must forget
-- what it has found, and call `principal_lease_return`. Two callers may meet at the door, so once is not a refusal.
CREATE FUNCTION principal_lease(held boolean) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    -- CASE, since the operands of AND and OR may be evaluated in any order.
    SELECT CASE
        -- The locks of a standby are its own: nobody who withdraws something would meet them.
        WHEN pg_is_in_recovery() THEN false
        WHEN NOT pg_try_advisory_xact_lock(1129270608, 1) THEN false
        WHEN held THEN true
        ELSE pg_try_advisory_lock_shared(1129270608, 2)
    END
$$;

CREATE FUNCTION principal_lease_return() RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_unlock_shared(1129270608, 2)
$$;

-- Whoever holds the lease and does not answer loses it within two seconds, with the session.
CREATE FUNCTION principal_lease_recall() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1129270608, 1);
    -- Nobody takes the lease while the door is held. The second lock is only waited for: what an inner block has locked is
    -- released when the block fails, so that those who withdraw something do not wait for each other.
    BEGIN
        PERFORM pg_advisory_xact_lock(1129270608, 2);
        RAISE SQLSTATE 'CL001';
    EXCEPTION WHEN SQLSTATE 'CL001' THEN
        NULL;
    END;
    RETURN COALESCE(NEW, OLD);
END $$;

CREATE TRIGGER principal_lease_recall BEFORE UPDATE ON sessions FOR EACH ROW
    WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at OR OLD.stamp <> NEW.stamp
        OR OLD.user_id <> NEW.user_id OR OLD.expires_at > NEW.expires_at)
    EXECUTE FUNCTION principal_lease_recall();
CREATE TRIGGER principal_lease_recall_deleted BEFORE DELETE ON sessions FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND OLD.expires_at > now())
    EXECUTE FUNCTION principal_lease_recall();
CREATE TRIGGER principal_lease_recall BEFORE UPDATE ON api_keys FOR EACH ROW
    WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at OR OLD.expires_at IS DISTINCT FROM NEW.expires_at)
    EXECUTE FUNCTION principal_lease_recall();
CREATE TRIGGER principal_lease_recall_deleted BEFORE DELETE ON api_keys FOR EACH ROW
    EXECUTE FUNCTION principal_lease_recall();
