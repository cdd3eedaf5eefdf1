-- What came of holds and of goods, by sku and hour, and what could not be sold.

-- How far each row of the ledger was counted, without a gap.
CREATE TABLE projections.analytics_watermark (
  generation bigint NOT NULL,
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL CONSTRAINT analytics_watermark_not_negative CHECK (sequence >= 0),
  CONSTRAINT analytics_watermark_pkey PRIMARY KEY (generation, sku, location)
) WITH (fillfactor = 70);

-- Units that went each way in an hour, but for the last five columns. An hour in which nothing moved has no row.
CREATE TABLE projections.analytics_hour (
  generation bigint NOT NULL,
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  hour timestamptz NOT NULL,
  held bigint NOT NULL,
  released bigint NOT NULL,
  expired bigint NOT NULL,
  confirmed bigint NOT NULL,
  received bigint NOT NULL,
  sold bigint NOT NULL,
  cancelled bigint NOT NULL,
  missing bigint NOT NULL,
  shipped bigint NOT NULL,
  returned bigint NOT NULL,
  -- How many holds and orders. Those of the sku are counted where the first of their locations by name is,
  -- those of all skus where the first of their skus and locations is: each once, however many lines it has.
  sku_holds bigint NOT NULL,
  holds bigint NOT NULL,
  sku_orders bigint NOT NULL,
  orders bigint NOT NULL,
  -- Units on hand when the hour was over.
  on_hand bigint NOT NULL CONSTRAINT analytics_hour_on_hand_not_negative CHECK (on_hand >= 0),
  CONSTRAINT analytics_hour_pkey PRIMARY KEY (generation, sku, location, hour),
  CONSTRAINT analytics_hour_begins_on_the_hour CHECK (date_trunc('hour', hour, 'UTC') = hour),
  CONSTRAINT analytics_hour_counts_up CHECK (
    LEAST(held, released, expired, confirmed, received, sold, cancelled, missing, shipped, returned, sku_holds,
          holds, sku_orders, orders) >= 0)
) WITH (fillfactor = 70);

-- What is read of all skus: a time, page by page.
CREATE INDEX analytics_hour_by_time ON projections.analytics_hour (generation, hour, sku);

-- A checkout that was refused for want of stock, and how many units of what. No movement tells of it.
CREATE TABLE projections.analytics_refusal (
  generation bigint NOT NULL,
  checkout_id text COLLATE "C" NOT NULL,
  sku text COLLATE "C" NOT NULL,
  hour timestamptz NOT NULL,
  quantity bigint NOT NULL CONSTRAINT analytics_refusal_quantity_positive CHECK (quantity > 0),
  -- Once, however often it is looked at.
  CONSTRAINT analytics_refusal_pkey PRIMARY KEY (generation, checkout_id, sku)
);

-- What is read: the refusals of a time, of one sku or all.
CREATE INDEX analytics_refusal_by_time ON projections.analytics_refusal (generation, hour, sku);

-- The same of one sku.
CREATE INDEX analytics_refusal_by_sku ON projections.analytics_refusal (generation, sku, hour);

-- Refusals from before this moment are known, but for those whose transaction was still under way.
CREATE TABLE projections.analytics_look (
  generation bigint NOT NULL CONSTRAINT analytics_look_pkey PRIMARY KEY,
  until timestamptz NOT NULL
);

-- Which skus a checkout was refused for. The rest of an operation is not the noticeboards' business.
CREATE VIEW projections.refused_line AS
SELECT c.checkout_id, c.updated_at, s.sku COLLATE "C" AS sku, s.requested AS quantity, o.recorded_at AS refused_at
FROM public.checkout c
JOIN public.operation o ON o.key = 'reservation/' || c.checkout_id || '/1/reserve'
CROSS JOIN LATERAL json_to_recordset(o.outcome -> 'facts' -> 'shortages') AS s (sku text, requested bigint)
WHERE c.status = 'out_of_stock' AND o.outcome ->> 'refused' = 'insufficient-stock';

REVOKE INSERT, UPDATE, DELETE ON projections.refused_line FROM onhand_projections;

-- Where a hold is counted: names and numbers, and nobody's.
GRANT SELECT ON reservation_line TO onhand_projections;
