-- What left five minutes ago (or onhand.lag) has reached the catalogue, unless it is a dead letter.
SELECT s.sku, s.location, s.sequence, a.sequence AS shown
FROM stock s
JOIN projections.generation g ON (g.projection, g.state) = ('availability', 'live')
JOIN outbox o ON (o.subject, o.sequence) = (s.sku || '/' || s.location, s.sequence)
LEFT JOIN projections.availability a ON (a.generation, a.sku, a.location) = (g.generation, s.sku, s.location)
WHERE coalesce(a.sequence, 0) < s.sequence
  AND o.published_at < now() - coalesce(nullif(current_setting('onhand.lag', true), ''), '5 minutes')::interval
  AND NOT EXISTS (
    SELECT FROM projections.dead_letter d
    WHERE (d.projection, d.generation, d.state, d.subject) = ('availability', g.generation, 'open', o.subject))
