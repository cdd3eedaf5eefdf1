-- No event waits in the outbox for longer than five minutes (or onhand.lag), in a shop whose events are carried.
SELECT o.id, o.subject, o.sequence, o.recorded_at
FROM outbox o
WHERE o.published_at IS NULL
  AND o.recorded_at < now() - coalesce(nullif(current_setting('onhand.lag', true), ''), '5 minutes')::interval
  AND EXISTS (SELECT FROM outbox p WHERE p.published_at IS NOT NULL)
