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
         sum(quantity) FILTER (WHERE kind = 'cancel') AS cancelled,
         sum(quantity) FILTER (WHERE kind = 'ship') AS shipped,
         sum(quantity) FILTER (WHERE target = 'returned') AS returned,
         sum(quantity) FILTER (WHERE kind IN ('restock', 'regrade')) AS restocked,
         sum(quantity) FILTER (WHERE kind = 'damage') AS damaged
  FROM movement
  GROUP BY sku, location
) AS m USING (sku, location)
WHERE (s.total_received, s.total_reserved, s.total_released,
       s.total_expired, s.total_sold, s.total_cancelled, s.total_shipped, s.total_returned,
       s.total_restocked, s.total_damaged)
   <> (COALESCE(m.received, 0), COALESCE(m.reserved, 0), COALESCE(m.released, 0),
       COALESCE(m.expired, 0), COALESCE(m.sold, 0), COALESCE(m.cancelled, 0),
       COALESCE(m.shipped, 0), COALESCE(m.returned, 0), COALESCE(m.restocked, 0), COALESCE(m.damaged, 0))
