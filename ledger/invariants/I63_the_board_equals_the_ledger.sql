-- What the board has to be picked and inspected of a sku and location is what the ledger had there at the counted sequence.
SELECT w.sku, w.location, w.sequence, m.sold_after, m.returned_after, t.pick, t.inspect
FROM projections.board_watermark w
JOIN projections.generation g ON (g.projection, g.generation, g.state) = ('board', w.generation, 'live')
LEFT JOIN movement m ON (m.sku, m.location, m.sequence) = (w.sku, w.location, w.sequence)
LEFT JOIN (
  SELECT generation, sku, location, sum(quantity) FILTER (WHERE task = 'pick') AS pick,
         sum(quantity) FILTER (WHERE task = 'inspect') AS inspect
  FROM projections.board_task
  GROUP BY generation, sku, location
) t ON (t.generation, t.sku, t.location) = (w.generation, w.sku, w.location)
WHERE (coalesce(t.pick, 0), coalesce(t.inspect, 0)) IS DISTINCT FROM (m.sold_after, m.returned_after)
