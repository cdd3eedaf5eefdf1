"""The ledger that a first checkout needs: stock and movements, reservations, checkouts, orders, money, post.

Every constraint has a name and a comment that says what it prevents. Text ids are COLLATE "C": bytes
compare the same on every platform, so rows are locked in one order everywhere.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

ROLES = """
DO $$
BEGIN
  -- Roles belong to the whole server: another database's migration may have made them, even this moment.
  BEGIN
    CREATE ROLE onhand_application NOLOGIN;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
END $$
"""

MEMBERSHIP = """
DO $$
BEGIN
  -- The migrating user may act as the application, so that one login can serve a small installation.
  IF NOT pg_has_role(current_user, 'onhand_application', 'MEMBER') THEN
    EXECUTE format('GRANT onhand_application TO %I', current_user);
  END IF;
END $$
"""

PRODUCT = """
CREATE TABLE product (
  sku text COLLATE "C" CONSTRAINT product_pkey PRIMARY KEY
    CONSTRAINT product_sku_is_an_id CHECK (sku ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
  title text NOT NULL
    CONSTRAINT product_title_is_bounded CHECK (length(title) BETWEEN 1 AND 500),
  price_minor bigint NOT NULL
    CONSTRAINT product_price_is_sellable CHECK (price_minor BETWEEN 1 AND 99999999),
  currency text NOT NULL
    CONSTRAINT product_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$'),
  limit_per_customer integer
    CONSTRAINT product_limit_is_positive CHECK (limit_per_customer > 0),
  version bigint NOT NULL DEFAULT 1
    CONSTRAINT product_version_counts_up CHECK (version >= 1),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""

LOCATION = """
CREATE TABLE location (
  location text COLLATE "C" CONSTRAINT location_pkey PRIMARY KEY
    CONSTRAINT location_is_an_id CHECK (location ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
  kind text NOT NULL
    CONSTRAINT location_kind_is_known CHECK (kind IN ('warehouse', 'seller')),
  seller text COLLATE "C"
    CONSTRAINT location_one_per_seller UNIQUE,
  reports text NOT NULL DEFAULT 'free'
    CONSTRAINT location_reports_is_known CHECK (reports IN ('free', 'shelf')),
  priority integer NOT NULL DEFAULT 100,
  enabled boolean NOT NULL DEFAULT true,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT location_seller_named_for_sellers_only CHECK ((kind = 'seller') = (seller IS NOT NULL))
)
"""

STOCK = """
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
) WITH (fillfactor = 70) -- rows are updated in place, over and over: room for HOT updates
"""

OPERATION = """
CREATE TABLE operation (
  key text COLLATE "C" CONSTRAINT operation_pkey PRIMARY KEY,
  fingerprint bytea NOT NULL,
  -- Null only inside the transaction that decides it.
  outcome json,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""

MOVEMENT = """
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
)
"""

CHECKOUT = """
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
)
"""

CHECKOUT_LIVE_CART = """
-- One cart is never paid for twice: two opens at once meet here, and one is told of the other.
CREATE UNIQUE INDEX checkout_one_live_per_cart ON checkout (owner, cart_id)
  WHERE cart_id IS NOT NULL AND status IN ('reserving', 'awaiting_payment', 'committing')
"""

CHECKOUT_OPEN = """
-- What the orphan check reads: rows that promise a workflow, few at any time.
CREATE INDEX checkout_open ON checkout (updated_at)
  WHERE status IN ('reserving', 'awaiting_payment', 'committing', 'refund_pending')
    OR payment_state NOT IN ('none', 'captured', 'refunded', 'voided')
"""

CHECKOUT_LINE = """
CREATE TABLE checkout_line (
  checkout_id text COLLATE "C" NOT NULL CONSTRAINT checkout_line_checkout_exists REFERENCES checkout,
  sku text COLLATE "C" NOT NULL CONSTRAINT checkout_line_sku_exists REFERENCES product,
  quantity bigint NOT NULL CONSTRAINT checkout_line_quantity_positive CHECK (quantity > 0),
  price_minor bigint NOT NULL CONSTRAINT checkout_line_price_positive CHECK (price_minor > 0),
  -- Lines of one sku are merged before anything is checked.
  CONSTRAINT checkout_line_pkey PRIMARY KEY (checkout_id, sku)
)
"""

RESERVATION = """
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
)
"""

RESERVATION_HELD = """
-- What the reaper reads: holds by the time at which they lapse.
CREATE INDEX reservation_held ON reservation (expires_at) WHERE state = 'held'
"""

RESERVATION_CHECKOUT = """
CREATE INDEX reservation_by_checkout ON reservation (checkout_id)
"""

RESERVATION_LINE = """
CREATE TABLE reservation_line (
  reservation_id text COLLATE "C" NOT NULL CONSTRAINT reservation_line_reservation_exists REFERENCES reservation,
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  quantity bigint NOT NULL CONSTRAINT reservation_line_quantity_positive CHECK (quantity > 0),
  CONSTRAINT reservation_line_pkey PRIMARY KEY (reservation_id, sku, location),
  CONSTRAINT reservation_line_stock_exists FOREIGN KEY (sku, location) REFERENCES stock
)
"""

RESERVATION_BY_CUSTOMER = """
-- The limit per customer counts over all of a customer's reservations.
CREATE INDEX reservation_by_customer ON reservation (customer_id)
  WHERE state IN ('held', 'committing', 'confirmed')
"""

RESERVATION_TRANSITION = """
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
)
"""

ORDERS = """
-- Plural, because "order" is a word of SQL's own. An order is a confirmed checkout and has its id.
CREATE TABLE orders (
  order_id text COLLATE "C" CONSTRAINT orders_pkey PRIMARY KEY
    CONSTRAINT orders_checkout_exists REFERENCES checkout,
  state text NOT NULL CONSTRAINT orders_state_is_known CHECK (state IN (
    'placed', 'partly_shipped', 'shipped', 'partly_returned', 'returned', 'cancelled')),
  placed_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
)
"""

PAYMENT = """
CREATE TABLE payment (
  checkout_id text COLLATE "C" CONSTRAINT payment_pkey PRIMARY KEY
    CONSTRAINT payment_checkout_exists REFERENCES checkout,
  provider text NOT NULL DEFAULT 'stripe',
  payment_intent text COLLATE "C" CONSTRAINT payment_intent_is_one_checkouts UNIQUE,
  -- Handed to the customer's browser; never in a history, an event or a log.
  client_secret text,
  state text NOT NULL CONSTRAINT payment_state_is_known CHECK (state IN (
    'none', 'requires_payment', 'processing', 'authorized', 'capturing', 'unknown',
    'captured', 'refunding', 'refunded', 'failed', 'voiding', 'voided')),
  amount_minor bigint NOT NULL CONSTRAINT payment_amount_positive CHECK (amount_minor > 0),
  currency text NOT NULL,
  authorized_minor bigint NOT NULL DEFAULT 0,
  captured_minor bigint NOT NULL DEFAULT 0,
  refunded_minor bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL,
  CONSTRAINT payment_takes_no_more_than_asked CHECK (
    authorized_minor BETWEEN 0 AND amount_minor AND captured_minor BETWEEN 0 AND amount_minor),
  CONSTRAINT payment_returns_no_more_than_taken CHECK (refunded_minor BETWEEN 0 AND captured_minor)
)
"""

PAYMENT_OPERATION = """
CREATE TABLE payment_operation (
  -- The provider's idempotency key: from the checkout, never from a run or an attempt.
  key text COLLATE "C" CONSTRAINT payment_operation_pkey PRIMARY KEY,
  checkout_id text COLLATE "C" NOT NULL CONSTRAINT payment_operation_payment_exists REFERENCES payment,
  kind text NOT NULL CONSTRAINT payment_operation_kind_is_known CHECK (
    kind IN ('authorize', 'capture', 'void', 'refund')),
  state text NOT NULL CONSTRAINT payment_operation_state_is_known CHECK (
    state IN ('requested', 'succeeded', 'failed')),
  amount_minor bigint NOT NULL CONSTRAINT payment_operation_amount_positive CHECK (amount_minor > 0),
  code text,
  requested_at timestamptz NOT NULL,
  resolved_at timestamptz
)
"""

PAYMENT_ONE_CAPTURE = """
-- Nobody is charged twice: a second capture cannot be open or done beside a first.
CREATE UNIQUE INDEX payment_operation_one_capture ON payment_operation (checkout_id)
  WHERE kind = 'capture' AND state IN ('requested', 'succeeded')
"""

PAYMENT_OPERATION_BY_CHECKOUT = """
CREATE INDEX payment_operation_by_checkout ON payment_operation (checkout_id)
"""

WEBHOOK_EVENT = """
CREATE TABLE webhook_event (
  provider text NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  payment_intent text COLLATE "C",
  body_sha256 bytea NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  applied_at timestamptz,
  disposition text,
  -- Stored once, however often it is delivered. The body is not kept: it may name the customer.
  CONSTRAINT webhook_event_pkey PRIMARY KEY (provider, event_id),
  CONSTRAINT webhook_event_applied_with_a_word CHECK ((applied_at IS NULL) = (disposition IS NULL))
)
"""

WEBHOOK_DUE = """
-- What the delivery loop reads.
CREATE INDEX webhook_event_due ON webhook_event (next_attempt_at) WHERE applied_at IS NULL
"""

OUTBOX = """
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pkey PRIMARY KEY,
  subject text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  shard smallint NOT NULL CONSTRAINT outbox_shard_in_range CHECK (shard BETWEEN 0 AND 63),
  type text NOT NULL,
  payload json NOT NULL,
  recorded_at timestamptz NOT NULL,
  published_at timestamptz,
  -- One event per change of a subject.
  CONSTRAINT outbox_one_event_per_change UNIQUE (subject, sequence)
)
"""

OUTBOX_WAITING = """
-- What the relay reads: a shard's unpublished events, in order per subject.
CREATE INDEX outbox_waiting ON outbox (shard, subject, sequence) WHERE published_at IS NULL
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""

KEEP_ANSWERS = """
CREATE FUNCTION keep_operation_answers() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  -- A claim may be answered once or, when refused, taken back; an answer stands for ever.
  IF OLD.outcome IS NOT NULL THEN
    RAISE EXCEPTION 'operation % has its answer', OLD.key USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$
"""

TRIGGERS = [
    # ALWAYS: not even a session that replicates may rewrite history.
    (
        "CREATE TRIGGER movement_no_rewrite BEFORE UPDATE OR DELETE ON movement"
        " FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()"
    ),
    "ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_no_rewrite",
    (
        "CREATE TRIGGER movement_no_truncate BEFORE TRUNCATE ON movement"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()"
    ),
    "ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_no_truncate",
    (
        "CREATE TRIGGER reservation_transition_no_rewrite BEFORE UPDATE OR DELETE ON reservation_transition"
        " FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()"
    ),
    "ALTER TABLE reservation_transition ENABLE ALWAYS TRIGGER reservation_transition_no_rewrite",
    (
        "CREATE TRIGGER reservation_transition_no_truncate BEFORE TRUNCATE ON reservation_transition"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()"
    ),
    "ALTER TABLE reservation_transition ENABLE ALWAYS TRIGGER reservation_transition_no_truncate",
    (
        "CREATE TRIGGER operation_keeps_answers BEFORE UPDATE OR DELETE ON operation"
        " FOR EACH ROW EXECUTE FUNCTION keep_operation_answers()"
    ),
    "ALTER TABLE operation ENABLE ALWAYS TRIGGER operation_keeps_answers",
    (
        "CREATE TRIGGER operation_no_truncate BEFORE TRUNCATE ON operation"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()"
    ),
    "ALTER TABLE operation ENABLE ALWAYS TRIGGER operation_no_truncate",
]

GRANTS = [
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO onhand_application",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO onhand_application",
    "GRANT INSERT ON movement, reservation_transition, checkout_line, reservation_line TO onhand_application",
    (
        "GRANT INSERT, UPDATE ON product, location, stock, checkout, reservation, orders, payment,"
        " payment_operation, webhook_event, outbox TO onhand_application"
    ),
    # DELETE only takes back the claim of a refused command; the trigger keeps every answer.
    "GRANT INSERT, UPDATE, DELETE ON operation TO onhand_application",
]


def upgrade() -> None:
    """Make everything, then say who may do what."""
    tables = [
        ROLES,
        MEMBERSHIP,
        PRODUCT,
        LOCATION,
        STOCK,
        OPERATION,
        MOVEMENT,
        CHECKOUT,
        CHECKOUT_LIVE_CART,
        CHECKOUT_OPEN,
        CHECKOUT_LINE,
        RESERVATION,
        RESERVATION_HELD,
        RESERVATION_CHECKOUT,
        RESERVATION_LINE,
        RESERVATION_BY_CUSTOMER,
        RESERVATION_TRANSITION,
        ORDERS,
        PAYMENT,
        PAYMENT_OPERATION,
        PAYMENT_ONE_CAPTURE,
        PAYMENT_OPERATION_BY_CHECKOUT,
        WEBHOOK_EVENT,
        WEBHOOK_DUE,
        OUTBOX,
        OUTBOX_WAITING,
        APPEND_ONLY,
        KEEP_ANSWERS,
    ]
    for statement in [*tables, *TRIGGERS, *GRANTS]:
        op.execute(statement)
