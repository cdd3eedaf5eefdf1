-- Piles and their history: one lockable row a sku and location, and its movements for ever.

CREATE TABLE stock (
  sku text COLLATE "C" NOT NULL CONSTRAINT stock_sku_exists REFERENCES product,
  location text COLLATE "C" NOT NULL CONSTRAINT stock_location_exists REFERENCES location,
  sellable bigint NOT NULL DEFAULT 0,
  reserved bigint NOT NULL DEFAULT 0,
  sold bigint NOT NULL DEFAULT 0,
  shipped bigint NOT NULL DEFAULT 0,
  returned bigint NOT NULL DEFAULT 0,
  damaged bigint NOT NULL DEFAULT 0,
  researching bigint NOT NULL DEFAULT 0,
  supply bigint NOT NULL DEFAULT 0,
  adjustment bigint NOT NULL DEFAULT 0,
  transit bigint NOT NULL DEFAULT 0,
  safety_stock bigint NOT NULL DEFAULT 0,
  feed_buffer bigint NOT NULL DEFAULT 0,
  paused text[] NOT NULL DEFAULT '{}',
  sequence bigint NOT NULL DEFAULT 0,
  hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  recorded_at timestamptz,
  total_received bigint NOT NULL DEFAULT 0,
  total_reserved bigint NOT NULL DEFAULT 0,
  total_released bigint NOT NULL DEFAULT 0,
  total_expired bigint NOT NULL DEFAULT 0,
  total_sold bigint NOT NULL DEFAULT 0,
  total_cancelled bigint NOT NULL DEFAULT 0,
  CONSTRAINT stock_pkey PRIMARY KEY (sku, location),
  -- The last line against overselling: the rules refuse before, and this refuses whatever they let through.
  CONSTRAINT stock_sellable_not_negative CHECK (sellable >= 0),
  CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
  CONSTRAINT stock_sold_not_negative CHECK (sold >= 0),
  CONSTRAINT stock_shipped_not_negative CHECK (shipped >= 0),
  CONSTRAINT stock_returned_not_negative CHECK (returned >= 0),
  CONSTRAINT stock_damaged_not_negative CHECK (damaged >= 0),
  CONSTRAINT stock_researching_not_negative CHECK (researching >= 0),
  -- Units are conserved: whatever is in a pile came out of another.
  CONSTRAINT stock_piles_sum_to_zero CHECK (
    sellable + reserved + sold + shipped + returned + damaged + researching
    + supply + adjustment + transit = 0),
  CONSTRAINT stock_policy_not_negative CHECK (safety_stock >= 0 AND feed_buffer >= 0),
  CONSTRAINT stock_sequence_not_negative CHECK (sequence >= 0),
  CONSTRAINT stock_hash_is_sha256 CHECK (length(hash) = 32)
  -- Rows are updated in place, over and over: room for HOT updates.
) WITH (fillfactor = 70);

CREATE TABLE operation (
  key text COLLATE "C" CONSTRAINT operation_pkey PRIMARY KEY,
  fingerprint bytea NOT NULL,
  -- Null only inside the transaction that decides it.
  outcome json,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE movement (
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL CONSTRAINT movement_sequence_positive CHECK (sequence > 0),
  kind text NOT NULL,
  source text,
  target text,
  quantity bigint NOT NULL,
  sellable_after bigint NOT NULL,
  reserved_after bigint NOT NULL,
  sold_after bigint NOT NULL,
  shipped_after bigint NOT NULL,
  returned_after bigint NOT NULL,
  damaged_after bigint NOT NULL,
  researching_after bigint NOT NULL,
  supply_after bigint NOT NULL,
  adjustment_after bigint NOT NULL,
  transit_after bigint NOT NULL,
  safety_stock_after bigint NOT NULL,
  feed_buffer_after bigint NOT NULL,
  paused_after text[] NOT NULL,
  operation_key text COLLATE "C",
  cause_kind text NOT NULL,
  cause_id text COLLATE "C" NOT NULL,
  actor text NOT NULL,
  reason text,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  hash bytea NOT NULL CONSTRAINT movement_hash_is_sha256 CHECK (length(hash) = 32),
  -- Gap-free per row, and the order in which the row changed.
  CONSTRAINT movement_pkey PRIMARY KEY (sku, location, sequence),
  CONSTRAINT movement_stock_exists FOREIGN KEY (sku, location) REFERENCES stock,
  -- What each kind may move. A policy change moves nothing.
  CONSTRAINT movement_kind_moves_its_piles CHECK (
    CASE kind
      WHEN 'receive' THEN (source, target) = ('supply', 'sellable')
      WHEN 'reserve' THEN (source, target) = ('sellable', 'reserved')
      WHEN 'release' THEN (source, target) = ('reserved', 'sellable')
      WHEN 'expire' THEN (source, target) = ('reserved', 'sellable')
      WHEN 'confirm' THEN (source, target) = ('reserved', 'sold')
      WHEN 'cancel' THEN (source, target) = ('sold', 'sellable')
      WHEN 'pause' THEN source IS NULL AND target IS NULL
      WHEN 'resume' THEN source IS NULL AND target IS NULL
      ELSE false
    END IS TRUE),
  CONSTRAINT movement_quantity_fits_its_kind CHECK ((quantity > 0) = (source IS NOT NULL) AND quantity >= 0)
);
