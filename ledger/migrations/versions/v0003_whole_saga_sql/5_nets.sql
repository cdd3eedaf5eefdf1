SET LOCAL lock_timeout = '5s';

-- What finds payments that were asked for and never heard of again: few at any time, whatever the table grows to.
-- Not CONCURRENTLY, which no transaction may do: one reading, while no payment is asked for.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX payment_operation_authorization_open ON payment_operation (checkout_id)
  WHERE kind = 'authorize' AND state = 'requested';

-- What is known of one payment's events: a few each, of all there ever were. Built under a lock like the one above.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX webhook_event_by_payment ON webhook_event (payment_intent);

COMMENT ON INDEX payment_operation_authorization_open IS
  'The orphan check looks for payments whose creation nobody heard the end of.';

COMMENT ON INDEX webhook_event_by_payment IS
  'Recovery counts the declines of a payment, polling asks whether any was told, and its end settles them all.';
