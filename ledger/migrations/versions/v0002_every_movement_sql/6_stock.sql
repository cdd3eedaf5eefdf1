-- The kinds of movement that come after the sale, and what a row has seen of them.

-- Neither lock may be waited for behind a long statement: the migration is tried again instead.
SET LOCAL lock_timeout = '5s';

ALTER TABLE stock
  ADD COLUMN total_shipped bigint NOT NULL DEFAULT 0,
  ADD COLUMN total_returned bigint NOT NULL DEFAULT 0,
  ADD COLUMN total_restocked bigint NOT NULL DEFAULT 0,
  ADD COLUMN total_damaged bigint NOT NULL DEFAULT 0;

-- The new table allows all that the old one did, so no row of a large history needs to be read again.
-- squawk-ignore ban-drop-constraint
ALTER TABLE movement DROP CONSTRAINT movement_kind_moves_its_piles;

ALTER TABLE movement ADD CONSTRAINT movement_kind_moves_its_piles CHECK (
  CASE kind
    WHEN 'receive' THEN (source, target) = ('supply', 'sellable')
    WHEN 'reserve' THEN (source, target) = ('sellable', 'reserved')
    WHEN 'release' THEN (source, target) = ('reserved', 'sellable')
    WHEN 'expire' THEN (source, target) = ('reserved', 'sellable')
    WHEN 'confirm' THEN (source, target) = ('reserved', 'sold')
    WHEN 'cancel' THEN (source, target) = ('sold', 'sellable')
    WHEN 'ship' THEN (source, target) = ('sold', 'shipped')
    WHEN 'return' THEN (source, target) = ('shipped', 'returned')
    WHEN 'restock' THEN (source, target) = ('returned', 'sellable')
    WHEN 'damage' THEN source IN ('sellable', 'returned') AND target = 'damaged'
    WHEN 'regrade' THEN (source, target) = ('damaged', 'sellable')
    WHEN 'write_off' THEN (source, target) = ('damaged', 'adjustment')
    WHEN 'adjust' THEN (source, target) IN (('adjustment', 'sellable'), ('sellable', 'adjustment'))
    WHEN 'research' THEN source IN ('sellable', 'sold') AND target = 'researching'
    WHEN 'resolve' THEN source = 'researching' AND target IN ('sellable', 'adjustment')
    WHEN 'transfer' THEN (source IN ('sellable', 'shipped') AND target = 'transit')
      OR (source = 'transit' AND target IN ('sellable', 'returned'))
    WHEN 'lose' THEN (source, target) = ('transit', 'adjustment')
    WHEN 'set_safety_stock' THEN source IS NULL AND target IS NULL
    WHEN 'set_feed_buffer' THEN source IS NULL AND target IS NULL
    WHEN 'pause' THEN source IS NULL AND target IS NULL
    WHEN 'resume' THEN source IS NULL AND target IS NULL
    ELSE false
  END IS TRUE) NOT VALID;
