-- Who carries what waits in the outbox.

SET LOCAL lock_timeout = '5s';

-- A row is locked by the relay that carries the shard's events. It says nothing else, and is never changed.
CREATE TABLE outbox_shard (
  shard bigint NOT NULL,
  CONSTRAINT outbox_shard_pkey PRIMARY KEY (shard),
  -- The same as those an event may be of: one that nobody can claim would never leave.
  CONSTRAINT outbox_shard_shard_in_range CHECK (shard BETWEEN 0 AND 63)
);

INSERT INTO outbox_shard (shard) SELECT generate_series(0, 63);

-- To lock a row is to be allowed to change it.
GRANT SELECT, UPDATE ON outbox_shard TO onhand_application;

-- What the relay reads: a shard's unpublished events, the oldest first. By subject, a busy one would keep a
-- quiet one of its shard waiting. Within a subject a later event has the greater id: it is written while
-- its row is locked.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX outbox_oldest ON outbox (shard, id) WHERE published_at IS NULL;

-- Nobody reads by it any more.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX outbox_waiting;
