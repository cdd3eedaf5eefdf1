-- An ended reservation has one ending movement a line, of its state's kind and the line's quantity; an open one has none.
SELECT l.reservation_id, l.sku, l.location, r.state
FROM reservation r
JOIN reservation_line l USING (reservation_id)
LEFT JOIN (
  SELECT cause_id, sku, location, count(*) AS endings, min(kind) AS kind, sum(quantity) AS quantity
  FROM movement
  WHERE cause_kind = 'reservation' AND kind IN ('release', 'expire', 'confirm')
  GROUP BY cause_id, sku, location
) AS e ON (e.cause_id, e.sku, e.location) = (l.reservation_id, l.sku, l.location)
WHERE CASE r.state
    WHEN 'held' THEN e.endings IS NOT NULL
    WHEN 'committing' THEN e.endings IS NOT NULL
    ELSE (e.endings, e.quantity, e.kind) IS DISTINCT FROM
         (1::bigint, l.quantity::numeric,
          CASE r.state WHEN 'released' THEN 'release' WHEN 'expired' THEN 'expire' ELSE 'confirm' END)
  END
