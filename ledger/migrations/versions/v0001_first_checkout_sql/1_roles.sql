-- Who the application is, whoever logs in.

DO $$
BEGIN
  -- Roles belong to the whole server: another database's migration may have made this one, even this moment.
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'onhand_application') THEN
    BEGIN
      CREATE ROLE onhand_application NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END IF;
END $$;

DO $$
DECLARE
  -- Since Postgres 16 the maker of a role is a member who may not take it; before, a member may.
  needed text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
  -- The migrating user may act as the application, so that one login can serve a small installation.
  IF NOT pg_has_role(current_user, 'onhand_application', needed) THEN
    EXECUTE format('GRANT onhand_application TO %I', current_user);
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  -- Somebody else made the role: then somebody else says who else may take it.
  RAISE NOTICE 'not a member of onhand_application: the application needs a login that is';
END $$;
