-- A movement takes a positive quantity between the piles of its kind; a change of policy moves nothing.
SELECT sku, location, sequence, kind, source, target, quantity
FROM movement
WHERE (kind, COALESCE(source, '-'), COALESCE(target, '-'), quantity > 0) NOT IN (
  ('receive', 'supply', 'sellable', true),
  ('reserve', 'sellable', 'reserved', true),
  ('release', 'reserved', 'sellable', true),
  ('expire', 'reserved', 'sellable', true),
  ('confirm', 'reserved', 'sold', true),
  ('cancel', 'sold', 'sellable', true),
  ('ship', 'sold', 'shipped', true),
  ('return', 'shipped', 'returned', true),
  ('restock', 'returned', 'sellable', true),
  ('damage', 'sellable', 'damaged', true),
  ('damage', 'returned', 'damaged', true),
  ('regrade', 'damaged', 'sellable', true),
  ('write_off', 'damaged', 'adjustment', true),
  ('adjust', 'adjustment', 'sellable', true),
  ('adjust', 'sellable', 'adjustment', true),
  ('research', 'sellable', 'researching', true),
  ('research', 'sold', 'researching', true),
  ('resolve', 'researching', 'sellable', true),
  ('resolve', 'researching', 'adjustment', true),
  ('transfer', 'sellable', 'transit', true),
  ('transfer', 'shipped', 'transit', true),
  ('transfer', 'transit', 'sellable', true),
  ('transfer', 'transit', 'returned', true),
  ('lose', 'transit', 'adjustment', true),
  ('set_safety_stock', '-', '-', false),
  ('set_feed_buffer', '-', '-', false),
  ('pause', '-', '-', false),
  ('resume', '-', '-', false))
   OR quantity < 0
