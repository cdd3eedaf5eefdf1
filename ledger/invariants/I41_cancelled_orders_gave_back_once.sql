-- A cancelled order gave back every line of its reservation once, and no other order gave back anything.
SELECT o.order_id, l.sku, l.location, o.state
FROM orders o
JOIN checkout c ON c.checkout_id = o.order_id
JOIN reservation_line l ON l.reservation_id = c.checkout_id || '/' || c.ordinal
LEFT JOIN movement m
  ON m.kind = 'cancel' AND m.cause_kind = 'order'
 AND (m.cause_id, m.sku, m.location) = (o.order_id, l.sku, l.location)
GROUP BY o.order_id, l.sku, l.location, l.quantity, o.state
HAVING COALESCE(sum(m.quantity), 0) <> CASE o.state WHEN 'cancelled' THEN l.quantity ELSE 0 END
    OR count(m.sequence) > 1
