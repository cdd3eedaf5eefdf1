-- Whatever is owed back has its reason, and each reason its debt: an inspection's granted units, and those that a short pick neither found nor replaced, at the price they were sold for as far as there is money left; and all that is left of what was undone.
WITH unserved AS (
  SELECT d.refers_to AS order_id, d.document_id, m.sku,
         sum(CASE m.kind WHEN 'research' THEN m.quantity WHEN 'reserve' THEN -m.quantity ELSE 0 END) AS units
  FROM document d
  JOIN movement m ON m.operation_key = 'short/' || d.document_id
  WHERE d.kind = 'short' AND d.state = 'applied'
  GROUP BY d.refers_to, d.document_id, m.sku
), granted AS (
  SELECT u.order_id, 'short-' || u.document_id AS refund_id, sum(u.units * l.price_minor) AS amount_minor
  FROM unserved u
  JOIN checkout_line l ON (l.checkout_id, l.sku) = (u.order_id, u.sku)
  WHERE u.units <> 0
  GROUP BY u.order_id, u.document_id
  UNION ALL
  SELECT r.order_id, 'inspection-' || i.inspection_id AS refund_id, sum(i.refunded * l.price_minor) AS amount_minor
  FROM inspection_line i
  JOIN returns r USING (return_id)
  JOIN checkout_line l ON (l.checkout_id, l.sku) = (r.order_id, i.sku)
  WHERE i.refunded > 0
  GROUP BY r.order_id, i.inspection_id
)
SELECT COALESCE(g.order_id, d.checkout_id) AS checkout_id, COALESCE(g.refund_id, d.refund_id) AS refund_id
FROM granted g
FULL JOIN (SELECT * FROM refund WHERE refund_id <> 'whole') AS d
  ON (d.checkout_id, d.refund_id) = (g.order_id, g.refund_id)
LEFT JOIN payment p ON p.checkout_id = COALESCE(g.order_id, d.checkout_id)
LEFT JOIN (SELECT checkout_id, sum(amount_minor) AS owed FROM refund GROUP BY checkout_id) AS a
  ON a.checkout_id = p.checkout_id
WHERE d.amount_minor IS DISTINCT FROM g.amount_minor
  -- Where less was left than the units were worth, all that was left is owed.
  AND NOT COALESCE(COALESCE(d.amount_minor, 0) < g.amount_minor AND a.owed = p.captured_minor, false)
UNION ALL
SELECT d.checkout_id, d.refund_id
FROM refund d
JOIN checkout c USING (checkout_id)
WHERE d.refund_id = 'whole' AND c.status NOT IN ('refund_pending', 'refunded', 'needs_review')
