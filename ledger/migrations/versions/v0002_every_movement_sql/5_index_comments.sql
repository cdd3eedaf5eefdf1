-- What the first migration left unsaid of its indexes.

COMMENT ON INDEX reservation_by_checkout IS
  'Every command on a checkout reads its reservations after locking it, within the post.';

COMMENT ON INDEX payment_operation_by_checkout IS
  'Every command on a payment reads what was asked of the provider, within the post; the reaper asks whether payment was.';
