-- A row's running totals are the sums of its movements by kind.
SELECT sku, location
FROM stock s
LEFT JOIN (
  SELECT sku, location,
         sum(quantity) FILTER (WHERE kind = 'receive') AS received,
         sum(quantity) FILTER (WHERE kind = 'reserve') AS reserved,
         sum(quantity) FILTER (WHERE kind = 'release') AS released,
         sum(quantity) FILTER (WHERE kind = 'expire') AS expired,
         sum(quantity) FILTER (WHERE kind = 'confirm') AS sold,
         sum(quantity) FILTER (WHERE kind = 'cancel') AS cancelled
  FROM movement
  GROUP BY sku, location
) AS m USING (sku, location)
WHERE (s.total_received, s.total_reserved, s.total_released,
       s.total_expired, s.total_sold, s.total_cancelled)
   <> (COALESCE(m.received, 0), COALESCE(m.reserved, 0), COALESCE(m.released, 0),
       COALESCE(m.expired, 0), COALESCE(m.sold, 0), COALESCE(m.cancelled, 0))
