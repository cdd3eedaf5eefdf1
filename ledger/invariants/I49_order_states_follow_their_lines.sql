-- An order's state is what became of its units, and its lines are those of its reservation.
SELECT o.order_id, o.state, l.due, l.shipped, l.returned
FROM orders o
JOIN (
  SELECT order_id, sum(quantity - short) AS due, sum(shipped) AS shipped, sum(returned) AS returned
  FROM order_line
  GROUP BY order_id
) AS l USING (order_id)
WHERE o.state <> 'cancelled'
  AND o.state <> CASE
    WHEN l.returned > 0 AND l.returned >= l.due THEN 'returned'
    WHEN l.returned > 0 THEN 'partly_returned'
    WHEN l.shipped > 0 AND l.shipped >= l.due THEN 'shipped'
    WHEN l.shipped > 0 THEN 'partly_shipped'
    ELSE 'placed'
  END
UNION ALL
SELECT COALESCE(o.order_id, r.order_id), 'lines differ', NULL, NULL, NULL
FROM order_line o
FULL JOIN (
  SELECT orders.order_id, l.sku, l.location, l.quantity
  FROM orders
  JOIN checkout c ON c.checkout_id = orders.order_id
  JOIN reservation_line l ON l.reservation_id = c.checkout_id || '/' || c.ordinal
) AS r USING (order_id, sku, location)
WHERE o.quantity IS DISTINCT FROM r.quantity
