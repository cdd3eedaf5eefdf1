-- Safety stock, feed buffer and pauses change only by entries of their kind, a pause by one reason at a time, and a row without entries has none.
SELECT sku, location, sequence, kind
FROM (
  SELECT sku, location, sequence, kind, safety_stock_after, feed_buffer_after, paused_after,
         COALESCE(lag(safety_stock_after) OVER history, 0) AS safety_stock,
         COALESCE(lag(feed_buffer_after) OVER history, 0) AS feed_buffer,
         COALESCE(lag(paused_after) OVER history, '{}') AS paused
  FROM movement
  WINDOW history AS (PARTITION BY sku, location ORDER BY sequence)
) AS m
WHERE (safety_stock_after <> safety_stock) <> (kind = 'set_safety_stock')
   OR (feed_buffer_after <> feed_buffer) <> (kind = 'set_feed_buffer')
   OR NOT CASE kind
     WHEN 'pause' THEN paused_after @> paused AND cardinality(paused_after) = cardinality(paused) + 1
     WHEN 'resume' THEN paused_after <@ paused AND cardinality(paused_after) = cardinality(paused) - 1
     ELSE paused_after = paused
   END
UNION ALL
SELECT sku, location, sequence, NULL
FROM stock
WHERE sequence = 0 AND (safety_stock, feed_buffer, cardinality(paused)) <> (0, 0, 0)
