-- An order's state is what became of its units, and its lines are those of its reservations: the first that was confirmed, and what was taken anew for it.
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
  SELECT orders.order_id, l.sku, l.location, sum(l.quantity) AS quantity
  FROM orders
  JOIN reservation r ON r.checkout_id = orders.order_id AND r.state = 'confirmed'
  JOIN reservation_line l USING (reservation_id)
  GROUP BY orders.order_id, l.sku, l.location
) AS r USING (order_id, sku, location)
WHERE o.quantity IS DISTINCT FROM r.quantity
