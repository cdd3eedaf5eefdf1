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
  ('pause', '-', '-', false),
  ('resume', '-', '-', false))
   OR quantity < 0
