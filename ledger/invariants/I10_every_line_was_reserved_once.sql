-- Every reservation line has one reserve movement of its quantity, every reserve movement a line, and only a tombstone has no lines.
SELECT l.reservation_id, l.sku, l.location
FROM reservation_line l
LEFT JOIN movement m
  ON m.kind = 'reserve' AND m.cause_kind = 'reservation'
 AND (m.cause_id, m.sku, m.location) = (l.reservation_id, l.sku, l.location)
GROUP BY l.reservation_id, l.sku, l.location, l.quantity
HAVING count(m.sequence) <> 1 OR sum(m.quantity) <> l.quantity
UNION ALL
SELECT m.cause_id, m.sku, m.location
FROM movement m
LEFT JOIN reservation_line l
  ON (l.reservation_id, l.sku, l.location) = (m.cause_id, m.sku, m.location)
WHERE m.kind = 'reserve' AND l.reservation_id IS NULL
UNION ALL
SELECT r.reservation_id, NULL, NULL
FROM reservation r
WHERE NOT EXISTS (SELECT FROM reservation_line l WHERE l.reservation_id = r.reservation_id)
  AND NOT (r.state = 'released' AND r.expires_at IS NULL)
