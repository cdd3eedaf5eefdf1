-- Money that a customer's bank keeps aside is taken or let go within five days (or onhand.grace): it lapses by itself after seven.
SELECT p.checkout_id, p.state, min(o.requested_at) AS asked_for
FROM payment p
LEFT JOIN payment_operation o ON o.checkout_id = p.checkout_id AND o.kind = 'authorize'
WHERE p.authorized_minor > 0 AND p.captured_minor = 0 AND p.state <> 'voided'
GROUP BY p.checkout_id, p.state
HAVING min(o.requested_at) IS NULL
    OR min(o.requested_at) < now() - coalesce(nullif(current_setting('onhand.grace', true), ''), '5 days')::interval
