-- Whatever was ever an order has been paid for: the money captured is its checkout's total, neither less nor more.
SELECT c.checkout_id, c.status, c.total_minor, p.captured_minor
FROM checkout c
LEFT JOIN payment p USING (checkout_id)
WHERE (c.status = 'confirmed' OR c.order_state <> 'none')
  AND p.captured_minor IS DISTINCT FROM c.total_minor
