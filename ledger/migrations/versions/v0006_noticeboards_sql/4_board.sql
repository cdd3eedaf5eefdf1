-- What a warehouse has to do: pick, inspect, take in. What is done is not kept.

-- How far each row of the ledger was counted, without a gap.
CREATE TABLE projections.board_watermark (
  generation bigint NOT NULL,
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL CONSTRAINT board_watermark_not_negative CHECK (sequence >= 0),
  CONSTRAINT board_watermark_pkey PRIMARY KEY (generation, sku, location)
) WITH (fillfactor = 70);

-- Units of an order that are to be sent, or of a return that nobody has looked at.
CREATE TABLE projections.board_task (
  generation bigint NOT NULL,
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  task text NOT NULL CONSTRAINT board_task_is_known CHECK (task IN ('pick', 'inspect')),
  -- Of the order, or of the return.
  id text COLLATE "C" NOT NULL,
  -- What is done leaves the board; more than all of it was never there to be done.
  quantity bigint NOT NULL CONSTRAINT board_task_quantity_positive CHECK (quantity > 0),
  since timestamptz NOT NULL,
  CONSTRAINT board_task_pkey PRIMARY KEY (generation, sku, location, task, id)
) WITH (fillfactor = 70);

-- What a warehouse reads: its own tasks, oldest first.
CREATE INDEX board_task_oldest ON projections.board_task (generation, location, task, since, id, sku);

-- A transfer is told by two rows of the ledger, in any order: what arrived may be known before what left.
CREATE TABLE projections.board_transfer (
  generation bigint NOT NULL,
  transfer_id text COLLATE "C" NOT NULL,
  sku text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL,
  sent bigint NOT NULL,
  received bigint NOT NULL,
  lost bigint NOT NULL,
  since timestamptz,
  CONSTRAINT board_transfer_pkey PRIMARY KEY (generation, transfer_id, sku),
  CONSTRAINT board_transfer_not_negative CHECK (sent >= 0 AND received >= 0 AND lost >= 0),
  -- Once it is known to have left, no more of it ends than left.
  CONSTRAINT board_transfer_ends_what_was_sent CHECK (sent = 0 OR received + lost <= sent),
  CONSTRAINT board_transfer_left_at_a_time CHECK ((sent = 0) = (since IS NULL))
) WITH (fillfactor = 70);

-- What a warehouse reads: what is on its way there, oldest first.
CREATE INDEX board_transfer_oldest ON projections.board_transfer (generation, target, since, transfer_id, sku)
  WHERE since IS NOT NULL;

-- What a loss in transit reads: the transfers that it may be of.
CREATE INDEX board_transfer_travelling ON projections.board_transfer (generation, sku, source);

-- Which order the units of a search belonged to. The rest of an operation is not the noticeboards' business.
CREATE VIEW projections.researched_order AS
SELECT key, outcome -> 'accepted' ->> 'order_id' AS order_id
FROM public.operation
WHERE starts_with(key, 'research/');

REVOKE INSERT, UPDATE, DELETE ON projections.researched_order FROM onhand_projections;
