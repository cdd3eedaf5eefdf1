-- Each after-image is the one before it with this movement's units moved, and the last one is the stock row.
SELECT sku, location, sequence, p.pile
FROM (
  SELECT *,
         lag(sellable_after) OVER history AS lag_sellable,
         lag(reserved_after) OVER history AS lag_reserved,
         lag(sold_after) OVER history AS lag_sold,
         lag(shipped_after) OVER history AS lag_shipped,
         lag(returned_after) OVER history AS lag_returned,
         lag(damaged_after) OVER history AS lag_damaged,
         lag(researching_after) OVER history AS lag_researching,
         lag(supply_after) OVER history AS lag_supply,
         lag(adjustment_after) OVER history AS lag_adjustment,
         lag(transit_after) OVER history AS lag_transit
  FROM movement
  WINDOW history AS (PARTITION BY sku, location ORDER BY sequence)
) AS m
CROSS JOIN LATERAL (VALUES
  ('sellable', sellable_after, COALESCE(lag_sellable, 0)),
  ('reserved', reserved_after, COALESCE(lag_reserved, 0)),
  ('sold', sold_after, COALESCE(lag_sold, 0)),
  ('shipped', shipped_after, COALESCE(lag_shipped, 0)),
  ('returned', returned_after, COALESCE(lag_returned, 0)),
  ('damaged', damaged_after, COALESCE(lag_damaged, 0)),
  ('researching', researching_after, COALESCE(lag_researching, 0)),
  ('supply', supply_after, COALESCE(lag_supply, 0)),
  ('adjustment', adjustment_after, COALESCE(lag_adjustment, 0)),
  ('transit', transit_after, COALESCE(lag_transit, 0))
) AS p(pile, after, before)
WHERE p.after <> p.before
  + CASE WHEN m.target = p.pile THEN m.quantity ELSE 0 END
  - CASE WHEN m.source = p.pile THEN m.quantity ELSE 0 END
UNION ALL
SELECT s.sku, s.location, s.sequence, 'the row itself'
FROM stock s
JOIN movement m USING (sku, location, sequence)
WHERE s.sellable <> m.sellable_after OR s.reserved <> m.reserved_after OR s.sold <> m.sold_after OR s.shipped <> m.shipped_after OR s.returned <> m.returned_after
   OR s.damaged <> m.damaged_after OR s.researching <> m.researching_after OR s.supply <> m.supply_after OR s.adjustment <> m.adjustment_after OR s.transit <> m.transit_after
   OR s.safety_stock <> m.safety_stock_after OR s.feed_buffer <> m.feed_buffer_after
   OR s.paused <> m.paused_after OR s.recorded_at <> m.recorded_at
