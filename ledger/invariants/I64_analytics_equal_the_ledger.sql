-- What analytics count of a sku and location, over all hours, is what the ledger's entries come to up to the counted sequence.
SELECT w.sku, w.location, w.sequence, h.counted, l.counted AS expected
FROM projections.analytics_watermark w
JOIN projections.generation g ON (g.projection, g.generation, g.state) = ('analytics', w.generation, 'live')
CROSS JOIN LATERAL (
  SELECT ARRAY[sum(received), sum(released), sum(expired), sum(sold), sum(cancelled), sum(shipped), sum(returned),
               (array_agg(on_hand ORDER BY hour DESC))[1]] AS counted
  FROM projections.analytics_hour
  WHERE (generation, sku, location) = (w.generation, w.sku, w.location)
) h
CROSS JOIN LATERAL (
  SELECT ARRAY[sum(quantity) FILTER (WHERE kind = 'receive'), sum(quantity) FILTER (WHERE kind = 'release'),
               sum(quantity) FILTER (WHERE kind = 'expire'), sum(quantity) FILTER (WHERE kind = 'confirm'),
               sum(quantity) FILTER (WHERE kind = 'cancel'), sum(quantity) FILTER (WHERE kind = 'ship'),
               sum(quantity) FILTER (WHERE target = 'returned'),
               (array_agg(sellable_after + reserved_after ORDER BY sequence DESC))[1]] AS counted
  FROM movement
  WHERE (sku, location) = (w.sku, w.location) AND sequence <= w.sequence
) l
WHERE array_replace(h.counted, NULL, 0) IS DISTINCT FROM array_replace(l.counted, NULL, 0)
