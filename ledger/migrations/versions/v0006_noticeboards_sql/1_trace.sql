-- For which request an event was written, as its caller traces it.

ALTER TABLE outbox ADD COLUMN traceparent text;

-- W3C's Trace Context, version 00: whatever else went out would break the traces of those who read it.
-- Rows that are there have none, so nobody need wait until all of them are looked at.
ALTER TABLE outbox ADD CONSTRAINT outbox_traceparent_is_one CHECK (
  traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$') NOT VALID;
