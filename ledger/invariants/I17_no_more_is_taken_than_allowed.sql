-- Returned is at most taken, taken at most allowed, allowed at most asked, and the payment's state agrees with its amounts.
SELECT checkout_id, state, amount_minor, authorized_minor, captured_minor, refunded_minor
FROM payment
WHERE authorized_minor > amount_minor
   OR captured_minor > amount_minor
   OR (authorized_minor > 0 AND captured_minor > authorized_minor)
   OR refunded_minor > captured_minor
   OR least(authorized_minor, captured_minor, refunded_minor) < 0
   OR (state IN ('captured', 'refunding', 'refunded') AND captured_minor = 0)
   OR (state NOT IN ('captured', 'refunding', 'refunded') AND captured_minor > 0)
   OR (state = 'refunded' AND refunded_minor < captured_minor)
