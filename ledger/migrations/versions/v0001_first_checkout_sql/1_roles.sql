-- Who the application is, whoever logs in.

DO $$
BEGIN
  -- Roles belong to the whole server: another database's migration may have made them, even this moment.
  BEGIN
    CREATE ROLE onhand_application NOLOGIN;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
END $$;

DO $$
BEGIN
  -- The migrating user may act as the application, so that one login can serve a small installation.
  IF NOT pg_has_role(current_user, 'onhand_application', 'MEMBER') THEN
    EXECUTE format('GRANT onhand_application TO %I', current_user);
  END IF;
END $$;
