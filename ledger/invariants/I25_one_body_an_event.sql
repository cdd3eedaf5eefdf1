-- What came under the id of an event with another body is kept apart, and is another than the first.
SELECT c.provider, c.event_id
FROM webhook_conflict c
LEFT JOIN webhook_event e USING (provider, event_id)
WHERE e.event_id IS NULL
   OR e.body_sha256 = c.body_sha256
