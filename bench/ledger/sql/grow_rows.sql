-- The rows that grow together. How they stand is read from their last movements: updated here, each would leave a
-- dead version at every step, and be found among them at the next.
CREATE TEMP TABLE growing (
  sku text COLLATE "C" PRIMARY KEY,
  shard smallint NOT NULL,
  cart integer NOT NULL
) ON COMMIT DROP
