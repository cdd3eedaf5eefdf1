-- Over a sku's locations, what is in transit is what transfers sent and what neither arrived nor got lost.
SELECT sku, COALESCE(s.transit, 0) AS transit, COALESCE(t.travelling, 0) AS travelling
FROM (SELECT sku, sum(transit) AS transit FROM stock GROUP BY sku) AS s
FULL JOIN (
  SELECT sku, sum(quantity - received - lost) AS travelling FROM transfer_line GROUP BY sku
) AS t USING (sku)
WHERE COALESCE(s.transit, 0) <> COALESCE(t.travelling, 0)
