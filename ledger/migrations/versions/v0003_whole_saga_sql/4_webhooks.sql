-- Events whose id was used before, for something else.

CREATE TABLE webhook_conflict (
  provider text NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  body_sha256 bytea NOT NULL,
  kind text NOT NULL,
  payment_intent text COLLATE "C",
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Each other body is noted once, however often it is delivered. It is evidence, and nobody acts on it.
  CONSTRAINT webhook_conflict_pkey PRIMARY KEY (provider, event_id, body_sha256),
  -- The first body is kept where events are.
  CONSTRAINT webhook_conflict_event_exists FOREIGN KEY (provider, event_id) REFERENCES webhook_event
);

GRANT SELECT ON webhook_conflict TO onhand_application;

GRANT INSERT (provider, event_id, body_sha256, kind, payment_intent) ON webhook_conflict TO onhand_webhook;
