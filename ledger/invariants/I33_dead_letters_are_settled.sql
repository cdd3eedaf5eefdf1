-- No event that a noticeboard could not take in is left unsettled for half an hour (or onhand.grace).
SELECT d.projection, d.generation, d.position, d.subject, d.code, d.first_at
FROM projections.dead_letter d
JOIN projections.generation g USING (projection, generation)
WHERE d.state = 'open' AND g.state = 'live'
  AND d.first_at < now() - coalesce(nullif(current_setting('onhand.grace', true), ''), '30 minutes')::interval
