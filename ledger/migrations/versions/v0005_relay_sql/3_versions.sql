-- In which version an event's payload was written. The relay may be newer than who wrote it, or older.

ALTER TABLE outbox ADD COLUMN version bigint NOT NULL DEFAULT 1;
