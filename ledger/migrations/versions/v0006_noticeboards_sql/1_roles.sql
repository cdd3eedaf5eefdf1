-- Who keeps the noticeboards, and who carries the post. Both may do less than the application.

-- For the whole migration: whoever waits for a lock has everybody else wait behind it.
SET LOCAL lock_timeout = '5s';

DO $$
DECLARE
  made text;
  -- Since Postgres 16 a member may be one who may not take the role; before, every member may.
  needed text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
  FOREACH made IN ARRAY ARRAY['onhand_relay', 'onhand_projections'] LOOP
    -- Roles belong to the whole server: another database's migration may have made this one, even this moment.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = made) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', made);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    -- Whoever may be the application may be less: a login that serves today needs no new grant.
    IF NOT pg_has_role('onhand_application', made, needed) THEN
      BEGIN
        -- To take it, and not to have its rights besides: the application writes on no noticeboard.
        EXECUTE format('GRANT %I TO onhand_application', made)
          || CASE WHEN current_setting('server_version_num')::int >= 160000
                  THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
      EXCEPTION
        WHEN unique_violation THEN NULL;
        WHEN insufficient_privilege THEN
          RAISE EXCEPTION 'somebody else made the role %, and onhand_application may not take it', made
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('As who made it: GRANT %I TO onhand_application;', made);
      END;
    END IF;
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO onhand_relay, onhand_projections;

-- To carry is to read what waits, and to mark it.
GRANT SELECT, UPDATE (published_at) ON outbox TO onhand_relay;

GRANT SELECT, UPDATE ON outbox_shard TO onhand_relay;

-- A noticeboard is filled from the ledger, and held against it. Payments, customers and owners are not its business.
GRANT SELECT ON stock, movement, product, location, outbox, orders, order_line, returns, return_line,
  inspection_line, transfer, transfer_line, document, checkout_line TO onhand_projections;

GRANT SELECT (checkout_id, status, reason, created_at, updated_at) ON checkout TO onhand_projections;

CREATE SCHEMA projections;

GRANT USAGE ON SCHEMA projections TO onhand_projections, onhand_application, onhand_read;

-- Nothing here is history: all of it can be made again from the ledger.
ALTER DEFAULT PRIVILEGES IN SCHEMA projections
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO onhand_projections;

ALTER DEFAULT PRIVILEGES IN SCHEMA projections
  GRANT SELECT ON TABLES TO onhand_application, onhand_read;
