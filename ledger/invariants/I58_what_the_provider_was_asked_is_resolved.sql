-- What the provider was asked for is known to be done or not half an hour later (or onhand.grace), but for a refund that it shows as pending.
SELECT o.key, o.checkout_id, o.kind, o.requested_at
FROM payment_operation o
LEFT JOIN refund d
  ON o.kind = 'refund' AND d.checkout_id = o.checkout_id AND d.state = 'requested' AND d.provider_refund IS NOT NULL
WHERE o.state = 'requested'
  AND o.requested_at < now() - coalesce(nullif(current_setting('onhand.grace', true), ''), '30 minutes')::interval
  AND d.checkout_id IS NULL
