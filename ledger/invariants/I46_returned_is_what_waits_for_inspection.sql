-- What is returned is what came back to that place and has not been inspected.
SELECT sku, location, COALESCE(s.returned, 0) AS returned, COALESCE(r.to_inspect, 0) AS to_inspect
FROM stock s
FULL JOIN (
  SELECT l.sku, r.location, sum(l.quantity - l.restocked - l.damaged) AS to_inspect
  FROM returns r
  JOIN return_line l USING (return_id)
  GROUP BY l.sku, r.location
) AS r USING (sku, location)
WHERE COALESCE(s.returned, 0) <> COALESCE(r.to_inspect, 0)
