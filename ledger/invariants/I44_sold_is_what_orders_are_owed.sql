-- What is sold and on the shelf is what living orders are still to be sent: no unit is paid for twice.
SELECT sku, location, COALESCE(s.sold, 0) AS sold, COALESCE(o.owed, 0) AS owed
FROM stock s
FULL JOIN (
  SELECT l.sku, l.location, sum(l.quantity - l.shipped - l.short) AS owed
  FROM order_line l
  JOIN orders USING (order_id)
  WHERE orders.state <> 'cancelled'
  GROUP BY l.sku, l.location
) AS o USING (sku, location)
WHERE COALESCE(s.sold, 0) <> COALESCE(o.owed, 0)
