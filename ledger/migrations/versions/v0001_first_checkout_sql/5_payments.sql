-- Money: what was asked of the provider, and what it showed.

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
);

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
);

-- Nobody is charged twice: a second capture cannot be open or done beside a first.
CREATE UNIQUE INDEX payment_operation_one_capture ON payment_operation (checkout_id)
  WHERE kind = 'capture' AND state IN ('requested', 'succeeded');

CREATE INDEX payment_operation_by_checkout ON payment_operation (checkout_id);
