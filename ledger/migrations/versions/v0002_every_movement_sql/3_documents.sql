-- What becomes of an order after the sale, what travels, what waits, and what a person must look at.

CREATE TABLE order_line (
  order_id text COLLATE "C" NOT NULL CONSTRAINT order_line_order_exists REFERENCES orders,
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  quantity bigint NOT NULL CONSTRAINT order_line_quantity_positive CHECK (quantity > 0),
  shipped bigint NOT NULL DEFAULT 0,
  returned bigint NOT NULL DEFAULT 0,
  short bigint NOT NULL DEFAULT 0,
  CONSTRAINT order_line_pkey PRIMARY KEY (order_id, sku, location),
  CONSTRAINT order_line_stock_exists FOREIGN KEY (sku, location) REFERENCES stock,
  -- No more leaves than was sold, and no more comes back than left.
  CONSTRAINT order_line_ships_what_was_sold CHECK (
    shipped >= 0 AND short >= 0 AND shipped + short <= quantity),
  CONSTRAINT order_line_returns_what_was_shipped CHECK (returned BETWEEN 0 AND shipped)
);

-- No order slips between what is copied and the trigger below; they are read all the while.
LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE;

-- The orders that were placed before: none of their units has been sent yet.
INSERT INTO order_line (order_id, sku, location, quantity)
SELECT o.order_id, l.sku, l.location, l.quantity
FROM orders o
JOIN checkout c ON c.checkout_id = o.order_id
JOIN reservation_line l ON l.reservation_id = c.checkout_id || '/' || c.ordinal;

-- Old code that still runs while this one is brought in places orders without lines: they are given here.
CREATE FUNCTION give_order_lines() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
  INSERT INTO order_line (order_id, sku, location, quantity)
  SELECT NEW.order_id, l.sku, l.location, l.quantity
  FROM checkout c
  JOIN reservation_line l ON l.reservation_id = c.checkout_id || '/' || c.ordinal
  WHERE c.checkout_id = NEW.order_id
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

CREATE TRIGGER orders_have_lines AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION give_order_lines();

-- Who counts on a row's units when some are missing: lines that still have units to be sent.
CREATE INDEX order_line_to_send ON order_line (sku, location) WHERE quantity > shipped + short;

-- The same for reservations past the fence, which the index on holds knows nothing of.
-- Not CONCURRENTLY, which no transaction may do: one reading, while nothing is reserved.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX reservation_committing ON reservation (checkout_id) WHERE state = 'committing';

-- A hold ends once, whatever the rules let through. On the transition and not on the movement: one entry a
-- hold instead of one a line, and nothing to be paid when a hold begins. Built under a lock like the two above.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX reservation_transition_one_end ON reservation_transition (reservation_id)
  WHERE state IN ('confirmed', 'released', 'expired');

-- Plural, as orders: "return" is a word of other languages' own.
CREATE TABLE returns (
  return_id text COLLATE "C" CONSTRAINT returns_pkey PRIMARY KEY,
  order_id text COLLATE "C" NOT NULL CONSTRAINT returns_order_exists REFERENCES orders,
  location text COLLATE "C" NOT NULL CONSTRAINT returns_location_exists REFERENCES location,
  recorded_at timestamptz NOT NULL
);

-- What a customer's page and a refund ask for: the returns of an order.
CREATE INDEX returns_by_order ON returns (order_id);

CREATE TABLE return_line (
  return_id text COLLATE "C" NOT NULL CONSTRAINT return_line_return_exists REFERENCES returns,
  sku text COLLATE "C" NOT NULL CONSTRAINT return_line_sku_exists REFERENCES product,
  quantity bigint NOT NULL CONSTRAINT return_line_quantity_positive CHECK (quantity > 0),
  restocked bigint NOT NULL DEFAULT 0,
  damaged bigint NOT NULL DEFAULT 0,
  refunded bigint NOT NULL DEFAULT 0,
  CONSTRAINT return_line_pkey PRIMARY KEY (return_id, sku),
  -- No more is inspected than came back, and no more is paid back than was inspected.
  CONSTRAINT return_line_inspects_what_returned CHECK (
    restocked >= 0 AND damaged >= 0 AND restocked + damaged <= quantity),
  CONSTRAINT return_line_refunds_what_was_inspected CHECK (refunded BETWEEN 0 AND restocked + damaged)
);

CREATE TABLE inspection_line (
  inspection_id text COLLATE "C" NOT NULL,
  return_id text COLLATE "C" NOT NULL,
  sku text COLLATE "C" NOT NULL,
  restocked bigint NOT NULL,
  damaged bigint NOT NULL,
  refunded bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  CONSTRAINT inspection_line_pkey PRIMARY KEY (inspection_id, sku),
  CONSTRAINT inspection_line_of_a_return FOREIGN KEY (return_id, sku) REFERENCES return_line,
  CONSTRAINT inspection_line_not_negative CHECK (
    restocked >= 0 AND damaged >= 0 AND refunded BETWEEN 0 AND restocked + damaged)
);

-- What a refund reads: the inspections of a return.
CREATE INDEX inspection_line_by_return ON inspection_line (return_id);

CREATE TABLE transfer (
  transfer_id text COLLATE "C" CONSTRAINT transfer_pkey PRIMARY KEY,
  source text COLLATE "C" NOT NULL CONSTRAINT transfer_source_exists REFERENCES location,
  target text COLLATE "C" NOT NULL CONSTRAINT transfer_target_exists REFERENCES location,
  recorded_at timestamptz NOT NULL,
  CONSTRAINT transfer_goes_elsewhere CHECK (source <> target)
);

CREATE TABLE transfer_line (
  transfer_id text COLLATE "C" NOT NULL CONSTRAINT transfer_line_transfer_exists REFERENCES transfer,
  sku text COLLATE "C" NOT NULL CONSTRAINT transfer_line_sku_exists REFERENCES product,
  quantity bigint NOT NULL CONSTRAINT transfer_line_quantity_positive CHECK (quantity > 0),
  received bigint NOT NULL DEFAULT 0,
  lost bigint NOT NULL DEFAULT 0,
  CONSTRAINT transfer_line_pkey PRIMARY KEY (transfer_id, sku),
  -- No more arrives or gets lost than was sent.
  CONSTRAINT transfer_line_ends_what_was_sent CHECK (
    received >= 0 AND lost >= 0 AND received + lost <= quantity)
);

-- What a loss in transit reads, and who asks what is late: lines that still travel.
CREATE INDEX transfer_line_travelling ON transfer_line (sku) WHERE received + lost < quantity;

CREATE TABLE document (
  kind text NOT NULL CONSTRAINT document_kind_is_known CHECK (
    kind IN ('shipment', 'return', 'inspection', 'transfer-receipt')),
  document_id text COLLATE "C" NOT NULL,
  refers_to text COLLATE "C" NOT NULL,
  state text NOT NULL CONSTRAINT document_state_is_known CHECK (state IN ('waiting', 'applied', 'refused')),
  -- Why one that had waited was refused at last.
  reason text,
  fingerprint bytea NOT NULL,
  actor text NOT NULL,
  occurred_at timestamptz,
  -- The whole of it, only while it waits.
  body json,
  received_at timestamptz NOT NULL,
  tried_at timestamptz NOT NULL,
  settled_at timestamptz,
  -- A document's id is unique per kind over all locations.
  CONSTRAINT document_pkey PRIMARY KEY (kind, document_id),
  CONSTRAINT document_kept_whole_while_it_waits CHECK (state <> 'waiting' OR body IS NOT NULL),
  CONSTRAINT document_settled_unless_waiting CHECK ((state = 'waiting') = (settled_at IS NULL))
);

-- What the loop over waiting documents reads; few at any time.
CREATE INDEX document_waiting ON document (tried_at) WHERE state = 'waiting';

-- Which shipments an order had.
CREATE INDEX document_by_predecessor ON document (refers_to, kind);

CREATE TABLE review (
  review_id text COLLATE "C" CONSTRAINT review_pkey PRIMARY KEY,
  kind text NOT NULL CONSTRAINT review_kind_is_known CHECK (kind IN ('shortfall')),
  state text NOT NULL CONSTRAINT review_state_is_known CHECK (state IN ('open', 'approved', 'rejected')),
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  quantity bigint NOT NULL CONSTRAINT review_quantity_positive CHECK (quantity > 0),
  cause_kind text NOT NULL,
  cause_id text COLLATE "C" NOT NULL,
  -- Ids and numbers: who counts on units that are not there.
  evidence json NOT NULL,
  opened_at timestamptz NOT NULL,
  closed_at timestamptz,
  CONSTRAINT review_stock_exists FOREIGN KEY (sku, location) REFERENCES stock,
  CONSTRAINT review_closed_with_a_decision CHECK ((state = 'open') = (closed_at IS NULL))
);

-- What a person has to look at, oldest first.
CREATE INDEX review_open ON review (opened_at) WHERE state = 'open';

-- Free text of people to an operation. Nothing is computed from it, and the owner may delete it.
CREATE TABLE note (
  operation_key text COLLATE "C" CONSTRAINT note_pkey PRIMARY KEY,
  text text NOT NULL CONSTRAINT note_is_bounded CHECK (length(text) BETWEEN 1 AND 2000),
  recorded_at timestamptz NOT NULL
);
