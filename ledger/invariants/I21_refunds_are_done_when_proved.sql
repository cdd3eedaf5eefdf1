-- Debts add up to what was captured at most, each is as far as what the provider was asked for it, and no more is called returned than was proved or seen.
WITH newest AS (
  SELECT DISTINCT ON (d.checkout_id, d.refund_id) d.checkout_id, d.refund_id, o.state, o.amount_minor
  FROM refund d
  JOIN payment_operation o ON o.checkout_id = d.checkout_id AND o.kind = 'refund'
   AND regexp_replace(o.key, ':[0-9]+$', '')
       = d.checkout_id || ':refund' || CASE d.refund_id WHEN 'whole' THEN '' ELSE '-' || d.refund_id END
  ORDER BY d.checkout_id, d.refund_id, substring(o.key FROM '[0-9]+$')::integer DESC
)
SELECT d.checkout_id, d.refund_id
FROM refund d
LEFT JOIN newest n USING (checkout_id, refund_id)
WHERE CASE d.state
        WHEN 'owed' THEN n.state IN ('requested', 'succeeded')
        WHEN 'requested' THEN n.state IS DISTINCT FROM 'requested'
        ELSE d.provider_refund IS NOT NULL AND n.state IS DISTINCT FROM 'succeeded'
      END
   OR n.amount_minor <> d.amount_minor
UNION ALL
SELECT p.checkout_id, p.state
FROM payment p
LEFT JOIN (
  SELECT checkout_id, sum(amount_minor) AS owed,
         COALESCE(sum(amount_minor) FILTER (WHERE state = 'done'), 0) AS done,
         bool_or(state = 'requested') AS open
  FROM refund
  GROUP BY checkout_id
) AS d USING (checkout_id)
WHERE d.owed > p.captured_minor
   OR d.done > p.refunded_minor
   OR (p.state = 'refunding') <> (d.open IS TRUE)
