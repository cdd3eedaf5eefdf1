-- A short pick takes anew no more of a sku than it did not find, sells it at once to the same order and from nowhere it was missing, and leaves no order open that is owed nothing.
WITH moved AS (
  SELECT substring(operation_key FROM 7) AS short_id, sku, location, kind, quantity,
         CASE WHEN kind IN ('reserve', 'confirm') THEN regexp_replace(cause_id, '/[0-9]+$', '') END AS taken_for
  FROM movement
  WHERE operation_key LIKE 'short/%'
)
SELECT short_id, sku
FROM moved
GROUP BY short_id, sku
HAVING COALESCE(sum(quantity) FILTER (WHERE kind = 'reserve'), 0)
       > COALESCE(sum(quantity) FILTER (WHERE kind = 'research'), 0)
UNION ALL
SELECT short_id, sku
FROM moved
GROUP BY short_id, sku, location
HAVING COALESCE(sum(quantity) FILTER (WHERE kind = 'reserve'), 0)
       <> COALESCE(sum(quantity) FILTER (WHERE kind = 'confirm'), 0)
    OR (bool_or(kind = 'research') AND bool_or(kind = 'reserve'))
    OR bool_or(kind NOT IN ('research', 'reserve', 'confirm'))
UNION ALL
SELECT m.short_id, m.sku
FROM moved m
LEFT JOIN document d ON (d.kind, d.document_id, d.state) = ('short', m.short_id, 'applied')
WHERE d.refers_to IS NULL OR m.taken_for <> d.refers_to
UNION ALL
SELECT d.document_id, NULL
FROM document d
LEFT JOIN operation o ON o.key = 'short/' || d.document_id
WHERE d.kind = 'short' AND d.state = 'applied' AND o.outcome #>> '{accepted,order_id}' IS DISTINCT FROM d.refers_to
UNION ALL
SELECT o.order_id, NULL
FROM orders o
JOIN order_line l USING (order_id)
WHERE o.state <> 'cancelled'
  AND EXISTS (SELECT FROM document d WHERE d.refers_to = o.order_id AND d.kind = 'short' AND d.state = 'applied')
  -- A search that somebody began by hand may still find what the order is owed.
  AND NOT EXISTS (SELECT FROM operation s
                  WHERE s.key LIKE 'research/%' AND s.outcome #>> '{accepted,order_id}' = o.order_id)
GROUP BY o.order_id
HAVING sum(l.quantity - l.short) = 0
