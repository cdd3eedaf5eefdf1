-- Money that moved was asked for in writing, and what was proved is shown by the payment's amounts.
WITH asked AS (
  SELECT checkout_id,
         bool_or(kind IN ('authorize', 'capture')) AS to_take,
         bool_or(kind = 'refund') AS to_return,
         max(amount_minor) FILTER (WHERE kind = 'capture' AND state = 'succeeded') AS taken,
         max(amount_minor) FILTER (WHERE kind = 'refund' AND state = 'succeeded') AS returned
  FROM payment_operation
  GROUP BY checkout_id
)
SELECT p.checkout_id, p.authorized_minor, p.captured_minor, p.refunded_minor
FROM payment p
LEFT JOIN asked a USING (checkout_id)
WHERE (p.authorized_minor + p.captured_minor > 0 AND a.to_take IS NOT TRUE)
   OR (p.refunded_minor > 0 AND a.to_return IS NOT TRUE)
   OR p.captured_minor < a.taken
   OR p.refunded_minor < a.returned
