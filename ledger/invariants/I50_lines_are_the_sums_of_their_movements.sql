-- Per row, what orders, returns and transfers say happened to their units is what the movements moved.
WITH moved AS (
  SELECT sku, location,
         sum(quantity) FILTER (WHERE kind = 'ship') AS shipped,
         sum(quantity) FILTER (WHERE source = 'shipped') AS taken_back,
         sum(quantity) FILTER (WHERE source = 'sold' AND target = 'researching') AS short,
         sum(quantity) FILTER (WHERE target = 'returned') AS returned,
         sum(quantity) FILTER (WHERE kind = 'restock') AS restocked,
         sum(quantity) FILTER (WHERE source = 'returned' AND target = 'damaged') AS damaged
  FROM movement
  GROUP BY sku, location
), told AS (
  SELECT sku, location, sum(shipped) AS shipped, sum(taken_back) AS taken_back, sum(short) AS short,
         sum(returned) AS returned, sum(restocked) AS restocked, sum(damaged) AS damaged
  FROM (
    SELECT sku, location, shipped, returned AS taken_back, short, 0 AS returned, 0 AS restocked, 0 AS damaged
    FROM order_line
    UNION ALL
    SELECT l.sku, r.location, 0, 0, 0, l.quantity, l.restocked, l.damaged
    FROM returns r
    JOIN return_line l USING (return_id)
  ) AS lines
  GROUP BY sku, location
)
SELECT sku, location
FROM moved m
FULL JOIN told t USING (sku, location)
WHERE (COALESCE(m.shipped, 0), COALESCE(m.taken_back, 0), COALESCE(m.short, 0),
       COALESCE(m.returned, 0), COALESCE(m.restocked, 0), COALESCE(m.damaged, 0))
   <> (COALESCE(t.shipped, 0), COALESCE(t.taken_back, 0), COALESCE(t.short, 0),
       COALESCE(t.returned, 0), COALESCE(t.restocked, 0), COALESCE(t.damaged, 0))
