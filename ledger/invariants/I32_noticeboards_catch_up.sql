-- What left five minutes ago (or onhand.lag) has reached every noticeboard of stock, unless it is a dead letter.
SELECT g.projection, s.sku, s.location, s.sequence, shown.sequence AS shown
FROM stock s
JOIN projections.generation g ON g.state = 'live' AND g.projection IN ('availability', 'board', 'analytics')
JOIN outbox o ON (o.subject, o.sequence) = (s.sku || '/' || s.location, s.sequence)
LEFT JOIN (
  SELECT 'availability' AS projection, generation, sku, location, sequence FROM projections.availability
  UNION ALL
  SELECT 'board', generation, sku, location, sequence FROM projections.board_watermark
  UNION ALL
  SELECT 'analytics', generation, sku, location, sequence FROM projections.analytics_watermark
) shown ON (shown.projection, shown.generation, shown.sku, shown.location)
  = (g.projection, g.generation, s.sku, s.location)
WHERE coalesce(shown.sequence, 0) < s.sequence
  AND o.published_at < now() - coalesce(nullif(current_setting('onhand.lag', true), ''), '5 minutes')::interval
  AND NOT EXISTS (
    SELECT FROM projections.dead_letter d
    WHERE (d.projection, d.generation, d.state, d.subject) = (g.projection, g.generation, 'open', o.subject))
