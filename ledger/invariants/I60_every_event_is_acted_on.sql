-- Every event of the provider was acted on or found to ask for nothing within half an hour (or onhand.grace), and says which.
SELECT provider, event_id, kind, received_at
FROM webhook_event
WHERE (applied_at IS NULL) <> (disposition IS NULL)
   OR (applied_at IS NULL
       AND received_at < now() - coalesce(nullif(current_setting('onhand.grace', true), ''), '30 minutes')::interval)
