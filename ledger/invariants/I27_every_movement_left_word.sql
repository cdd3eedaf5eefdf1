-- Every movement has one outbox event that tells its after-image, and every stock event its movement (unless it was pruned).
SELECT m.sku, m.location, m.sequence, o.id
FROM movement m
FULL JOIN (SELECT * FROM outbox WHERE type <> 'ProductChanged') AS o
  ON (o.subject, o.sequence) = (m.sku || '/' || m.location, m.sequence)
WHERE m.sku IS NULL
   OR o.id IS NULL AND m.recorded_at >= (SELECT before FROM outbox_pruned)
   OR o.recorded_at <> m.recorded_at
   OR o.payload ->> 'kind' <> m.kind
   OR (o.payload -> 'piles')::jsonb <> jsonb_build_object(
        'sellable', m.sellable_after, 'reserved', m.reserved_after, 'sold', m.sold_after,
        'shipped', m.shipped_after, 'returned', m.returned_after, 'damaged', m.damaged_after,
        'researching', m.researching_after, 'supply', m.supply_after, 'adjustment', m.adjustment_after,
        'transit', m.transit_after)
   OR (o.payload ->> 'on_hand')::bigint <> m.sellable_after + m.reserved_after
   OR (o.payload ->> 'available')::bigint <> m.sellable_after
      - CASE WHEN cardinality(m.paused_after) > 0 THEN m.sellable_after
             ELSE least(m.safety_stock_after + m.feed_buffer_after, m.sellable_after) END
