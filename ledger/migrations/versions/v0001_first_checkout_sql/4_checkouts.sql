-- Checkouts, their reservations, and the orders they become.

CREATE TABLE checkout (
  checkout_id text COLLATE "C" CONSTRAINT checkout_pkey PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  cart_id text COLLATE "C",
  total_minor bigint NOT NULL
    CONSTRAINT checkout_total_is_chargeable CHECK (total_minor BETWEEN 1 AND 99999999),
  currency text NOT NULL,
  ttl_seconds integer NOT NULL CONSTRAINT checkout_ttl_positive CHECK (ttl_seconds > 0),
  status text NOT NULL,
  reason text,
  ordinal integer NOT NULL DEFAULT 0,
  reservation_state text NOT NULL DEFAULT 'none',
  payment_state text NOT NULL DEFAULT 'none',
  order_state text NOT NULL DEFAULT 'none',
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT checkout_order_state_is_known CHECK (order_state IN (
    'none', 'placed', 'partly_shipped', 'shipped', 'partly_returned', 'returned', 'cancelled')),
  -- The contract's table of states: a status says what stock and money may be doing.
  CONSTRAINT checkout_states_go_together CHECK (
    CASE status
      WHEN 'reserving' THEN reservation_state IN ('none', 'held')
        AND payment_state = 'none' AND order_state = 'none'
      WHEN 'out_of_stock' THEN reservation_state = 'none'
        AND payment_state = 'none' AND order_state = 'none'
      WHEN 'limit_exceeded' THEN reservation_state = 'none'
        AND payment_state = 'none' AND order_state = 'none'
      WHEN 'awaiting_payment' THEN reservation_state = 'held'
        AND payment_state IN ('requires_payment', 'processing', 'authorized', 'captured')
        AND order_state = 'none'
      WHEN 'committing' THEN reservation_state = 'committing'
        AND payment_state IN ('authorized', 'capturing', 'unknown', 'captured')
        AND order_state = 'none'
      WHEN 'confirmed' THEN reservation_state = 'confirmed'
        AND payment_state IN ('captured', 'refunding', 'refunded')
        AND order_state NOT IN ('none', 'cancelled')
      WHEN 'declined' THEN reservation_state IN ('none', 'released')
        AND payment_state IN ('none', 'requires_payment', 'processing', 'authorized', 'failed', 'voiding', 'voided')
        AND order_state = 'none'
      WHEN 'cancelled' THEN reservation_state IN ('none', 'released')
        AND payment_state IN ('none', 'requires_payment', 'processing', 'authorized', 'failed', 'voiding', 'voided')
        AND order_state = 'none'
      WHEN 'expired' THEN reservation_state IN ('none', 'expired')
        AND payment_state IN ('none', 'requires_payment', 'processing', 'authorized', 'failed', 'voiding', 'voided')
        AND order_state = 'none'
      WHEN 'refund_pending' THEN reservation_state IN ('released', 'expired', 'confirmed')
        AND payment_state IN ('captured', 'unknown', 'refunding', 'refunded')
        AND order_state IN ('none', 'cancelled')
      WHEN 'refunded' THEN reservation_state IN ('released', 'expired', 'confirmed')
        AND payment_state IN ('captured', 'unknown', 'refunding', 'refunded')
        AND order_state IN ('none', 'cancelled')
      WHEN 'needs_review' THEN reservation_state IN ('none', 'held', 'committing', 'confirmed', 'released', 'expired')
        AND payment_state IN ('none', 'requires_payment', 'processing', 'authorized', 'capturing', 'unknown',
                              'captured', 'refunding', 'refunded', 'failed', 'voiding', 'voided')
      ELSE false
    END)
);

-- One cart is never paid for twice: two opens at once meet here, and one is told of the other.
CREATE UNIQUE INDEX checkout_one_live_per_cart ON checkout (owner, cart_id)
  WHERE cart_id IS NOT NULL AND status IN ('reserving', 'awaiting_payment', 'committing');

-- What the orphan check reads: rows that promise a workflow, few at any time.
CREATE INDEX checkout_open ON checkout (updated_at)
  WHERE status IN ('reserving', 'awaiting_payment', 'committing', 'refund_pending')
    OR payment_state NOT IN ('none', 'captured', 'refunded', 'voided');

CREATE TABLE checkout_line (
  checkout_id text COLLATE "C" NOT NULL CONSTRAINT checkout_line_checkout_exists REFERENCES checkout,
  sku text COLLATE "C" NOT NULL CONSTRAINT checkout_line_sku_exists REFERENCES product,
  quantity bigint NOT NULL CONSTRAINT checkout_line_quantity_positive CHECK (quantity > 0),
  price_minor bigint NOT NULL CONSTRAINT checkout_line_price_positive CHECK (price_minor > 0),
  -- Lines of one sku are merged before anything is checked.
  CONSTRAINT checkout_line_pkey PRIMARY KEY (checkout_id, sku)
);

CREATE TABLE reservation (
  reservation_id text COLLATE "C" CONSTRAINT reservation_pkey PRIMARY KEY,
  checkout_id text COLLATE "C" NOT NULL CONSTRAINT reservation_checkout_exists REFERENCES checkout,
  customer_id text COLLATE "C" NOT NULL,
  state text NOT NULL CONSTRAINT reservation_state_is_known CHECK (
    state IN ('held', 'committing', 'confirmed', 'released', 'expired')),
  extension integer NOT NULL DEFAULT 0
    CONSTRAINT reservation_extended_at_most_twice CHECK (extension BETWEEN 0 AND 2),
  expires_at timestamptz,
  -- Only a tombstone has no end.
  CONSTRAINT reservation_expires_unless_tombstone CHECK (expires_at IS NOT NULL OR state = 'released')
);

-- What the reaper reads: holds by the time at which they lapse.
CREATE INDEX reservation_held ON reservation (expires_at) WHERE state = 'held';

CREATE INDEX reservation_by_checkout ON reservation (checkout_id);

CREATE TABLE reservation_line (
  reservation_id text COLLATE "C" NOT NULL CONSTRAINT reservation_line_reservation_exists REFERENCES reservation,
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  quantity bigint NOT NULL CONSTRAINT reservation_line_quantity_positive CHECK (quantity > 0),
  CONSTRAINT reservation_line_pkey PRIMARY KEY (reservation_id, sku, location),
  CONSTRAINT reservation_line_stock_exists FOREIGN KEY (sku, location) REFERENCES stock
);

-- The limit per customer counts over all of a customer's reservations.
CREATE INDEX reservation_by_customer ON reservation (customer_id)
  WHERE state IN ('held', 'committing', 'confirmed');

CREATE TABLE reservation_transition (
  reservation_id text COLLATE "C" NOT NULL CONSTRAINT reservation_transition_reservation_exists REFERENCES reservation,
  state text NOT NULL,
  extension integer NOT NULL,
  expires_at timestamptz,
  operation_key text COLLATE "C" NOT NULL,
  actor text NOT NULL,
  recorded_at timestamptz NOT NULL,
  -- Each change once; past holds are explained from here.
  CONSTRAINT reservation_transition_pkey PRIMARY KEY (reservation_id, operation_key)
);

-- Plural, because "order" is a word of SQL's own. An order is a confirmed checkout and has its id.
CREATE TABLE orders (
  order_id text COLLATE "C" CONSTRAINT orders_pkey PRIMARY KEY
    CONSTRAINT orders_checkout_exists REFERENCES checkout,
  state text NOT NULL CONSTRAINT orders_state_is_known CHECK (state IN (
    'placed', 'partly_shipped', 'shipped', 'partly_returned', 'returned', 'cancelled')),
  placed_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
