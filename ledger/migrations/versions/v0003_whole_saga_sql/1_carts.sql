-- What may keep a cart from being opened again: a checkout that has ended while its money has not.

SET lock_timeout = '5s';

-- What an opening asks, beside the index of live carts: few at any time, since money comes to rest soon.
-- Not CONCURRENTLY, which no transaction may do: one reading, while no checkout begins.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX checkout_cart_unpaid ON checkout (owner, cart_id)
  WHERE cart_id IS NOT NULL
    AND payment_state IN ('requires_payment', 'processing', 'authorized', 'capturing', 'unknown', 'voiding');

COMMENT ON INDEX checkout_cart_unpaid IS
  'A cart is opened again once no other checkout of it can be paid: the rule reads those that still can.';
