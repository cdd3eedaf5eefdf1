-- What is reserved is what held and committing reservations claim: no stock is kept without a living reason.
SELECT sku, location, COALESCE(s.reserved, 0) AS reserved, COALESCE(o.claimed, 0) AS claimed
FROM stock s
FULL JOIN (
  SELECT l.sku, l.location, sum(l.quantity) AS claimed
  FROM reservation_line l
  JOIN reservation r USING (reservation_id)
  WHERE r.state IN ('held', 'committing')
  GROUP BY l.sku, l.location
) AS o USING (sku, location)
WHERE COALESCE(s.reserved, 0) <> COALESCE(o.claimed, 0)
