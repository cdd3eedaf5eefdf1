-- No hold is left half an hour after its time was over (or as long after as onhand.grace says): the reaper ends it, whatever became of its workflow.
SELECT r.reservation_id, r.expires_at
FROM reservation r
WHERE r.state = 'held'
  AND r.expires_at < now() - coalesce(nullif(current_setting('onhand.grace', true), ''), '30 minutes')::interval
