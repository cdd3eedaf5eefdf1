-- What is shipped is what orders were sent and did not send back.
SELECT sku, location, COALESCE(s.shipped, 0) AS shipped, COALESCE(o.outside, 0) AS outside
FROM stock s
FULL JOIN (
  SELECT sku, location, sum(shipped - returned) AS outside FROM order_line GROUP BY sku, location
) AS o USING (sku, location)
WHERE COALESCE(s.shipped, 0) <> COALESCE(o.outside, 0)
