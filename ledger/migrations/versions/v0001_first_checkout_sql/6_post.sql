-- What comes in from the provider, and what goes out to everybody.

CREATE TABLE webhook_event (
  provider text NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  payment_intent text COLLATE "C",
  body_sha256 bytea NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  applied_at timestamptz,
  disposition text,
  -- Stored once, however often it is delivered. The body is not kept: it may name the customer.
  CONSTRAINT webhook_event_pkey PRIMARY KEY (provider, event_id),
  CONSTRAINT webhook_event_applied_with_a_word CHECK ((applied_at IS NULL) = (disposition IS NULL))
);

-- What the delivery loop reads.
CREATE INDEX webhook_event_due ON webhook_event (next_attempt_at) WHERE applied_at IS NULL;

CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pkey PRIMARY KEY,
  subject text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  shard smallint NOT NULL CONSTRAINT outbox_shard_in_range CHECK (shard BETWEEN 0 AND 63),
  type text NOT NULL,
  payload json NOT NULL,
  recorded_at timestamptz NOT NULL,
  published_at timestamptz,
  -- One event per change of a subject.
  CONSTRAINT outbox_one_event_per_change UNIQUE (subject, sequence)
);

-- What the relay reads: a shard's unpublished events, in order per subject.
CREATE INDEX outbox_waiting ON outbox (shard, subject, sequence) WHERE published_at IS NULL;
