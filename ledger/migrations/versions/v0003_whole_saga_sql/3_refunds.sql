-- Money that is owed to customers: written with what owes it, and paid until the provider shows it as done.

SET LOCAL lock_timeout = '5s';

CREATE TABLE refund (
  checkout_id text COLLATE "C" NOT NULL CONSTRAINT refund_payment_exists REFERENCES payment,
  -- `whole` for all that is left of a checkout undone or an order cancelled; else what owes it.
  refund_id text COLLATE "C" NOT NULL,
  state text NOT NULL CONSTRAINT refund_state_is_known CHECK (state IN ('owed', 'requested', 'done')),
  amount_minor bigint NOT NULL CONSTRAINT refund_amount_positive CHECK (amount_minor > 0),
  failures bigint NOT NULL DEFAULT 0 CONSTRAINT refund_failures_counted CHECK (failures >= 0),
  -- Why the provider did not do it, the last time.
  code text,
  -- The provider's own id, by which it is looked at: one that succeeded may fail days later.
  provider_refund text COLLATE "C",
  -- Failed so often that a person was asked. It is tried on all the same.
  escalated boolean NOT NULL DEFAULT false,
  owed_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  -- Whatever owes money owes it once.
  CONSTRAINT refund_pkey PRIMARY KEY (checkout_id, refund_id),
  -- Nothing is done that the provider has no name for, but what somebody else gave back.
  CONSTRAINT refund_asked_for_is_not_owed CHECK (state <> 'owed' OR provider_refund IS NULL)
);

-- What the loop over owed refunds reads; few at any time.
CREATE INDEX refund_open ON refund (updated_at) WHERE state <> 'done';

-- What was owed before there was this table. Checkouts undone, and orders cancelled:
INSERT INTO refund (checkout_id, refund_id, state, amount_minor, owed_at, updated_at)
SELECT c.checkout_id, 'whole', 'owed', p.captured_minor, c.updated_at, c.updated_at
FROM checkout c
JOIN payment p USING (checkout_id)
WHERE c.status = 'refund_pending' AND p.captured_minor > p.refunded_minor;

-- And returned units that an inspection granted a refund for, which nobody had paid yet.
INSERT INTO refund (checkout_id, refund_id, state, amount_minor, owed_at, updated_at)
SELECT r.order_id, 'inspection-' || i.inspection_id, 'owed', sum(i.refunded * l.price_minor),
       min(i.recorded_at), min(i.recorded_at)
FROM inspection_line i
JOIN returns r USING (return_id)
JOIN checkout_line l ON (l.checkout_id, l.sku) = (r.order_id, i.sku)
WHERE i.refunded > 0
GROUP BY r.order_id, i.inspection_id;

GRANT SELECT, INSERT, UPDATE ON refund TO onhand_application;

-- A refund that fails again and again is a question to a person, too, and names no goods.
-- The new table allows all that the old one did.
-- squawk-ignore ban-drop-constraint
ALTER TABLE review DROP CONSTRAINT review_kind_is_known;

ALTER TABLE review ADD CONSTRAINT review_kind_is_known CHECK (kind IN ('shortfall', 'refund')) NOT VALID;

-- Who read this table before read only what has goods.
-- squawk-ignore ban-drop-not-null
ALTER TABLE review ALTER COLUMN sku DROP NOT NULL;

-- The same.
-- squawk-ignore ban-drop-not-null
ALTER TABLE review ALTER COLUMN location DROP NOT NULL;

-- The same.
-- squawk-ignore ban-drop-not-null
ALTER TABLE review ALTER COLUMN quantity DROP NOT NULL;

ALTER TABLE review ADD CONSTRAINT review_of_goods_names_them CHECK (
  (kind = 'shortfall') = (sku IS NOT NULL AND location IS NOT NULL AND quantity IS NOT NULL)) NOT VALID;
