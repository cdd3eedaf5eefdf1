-- Who takes a webhook in, and who only looks. Both may do less than the application.

-- For the whole migration: whoever waits for a lock has everybody else wait behind it.
SET LOCAL lock_timeout = '5s';

DO $$
DECLARE
  made text;
  -- Since Postgres 16 a member may be one who may not take the role; before, every member may.
  needed text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
  FOREACH made IN ARRAY ARRAY['onhand_webhook', 'onhand_read'] LOOP
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
        EXECUTE format('GRANT %I TO onhand_application', made);
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

GRANT USAGE ON SCHEMA public TO onhand_webhook, onhand_read;

-- An event is stored once, and compared with the one of its id. What became of it is nobody's business here.
GRANT INSERT (provider, event_id, kind, payment_intent, body_sha256),
      SELECT (provider, event_id, body_sha256) ON webhook_event TO onhand_webhook;

-- Everything may be looked at, what later migrations make too, but for the customer's key to a payment.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO onhand_read;

ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO onhand_read;

REVOKE SELECT ON payment FROM onhand_read;

GRANT SELECT (checkout_id, provider, payment_intent, state, amount_minor, currency, authorized_minor,
              captured_minor, refunded_minor, updated_at) ON payment TO onhand_read;
