-- A cancelled order gave back every unit it was still owed, once a line, and no other order gave back anything.
SELECT o.order_id, l.sku, l.location, o.state
FROM orders o
JOIN order_line l USING (order_id)
LEFT JOIN movement m
  ON m.kind = 'cancel' AND m.cause_kind = 'order'
 AND (m.cause_id, m.sku, m.location) = (o.order_id, l.sku, l.location)
GROUP BY o.order_id, l.sku, l.location, l.quantity, l.short, o.state
HAVING COALESCE(sum(m.quantity), 0) <> CASE o.state WHEN 'cancelled' THEN l.quantity - l.short ELSE 0 END
    OR count(m.sequence) > 1
UNION ALL
SELECT m.cause_id, m.sku, m.location, 'no such line'
FROM movement m
LEFT JOIN order_line l ON (l.order_id, l.sku, l.location) = (m.cause_id, m.sku, m.location)
WHERE m.kind = 'cancel' AND (l.order_id IS NULL OR m.cause_kind <> 'order')
