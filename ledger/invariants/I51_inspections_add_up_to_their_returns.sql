-- What a return's lines say of restocked, damaged and refunded units is the sum of its inspections.
SELECT return_id, sku
FROM return_line r
FULL JOIN (
  SELECT return_id, sku, sum(restocked) AS restocked, sum(damaged) AS damaged, sum(refunded) AS refunded
  FROM inspection_line
  GROUP BY return_id, sku
) AS i USING (return_id, sku)
WHERE (COALESCE(r.restocked, 0), COALESCE(r.damaged, 0), COALESCE(r.refunded, 0))
   <> (COALESCE(i.restocked, 0), COALESCE(i.damaged, 0), COALESCE(i.refunded, 0))
