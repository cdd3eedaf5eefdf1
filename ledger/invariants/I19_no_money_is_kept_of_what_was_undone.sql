-- Of a checkout undone or an order cancelled no money is kept: all that was captured is given back or owed, and none is called refunded before it is.
SELECT c.checkout_id, c.status, p.captured_minor, p.refunded_minor
FROM checkout c
JOIN payment p USING (checkout_id)
WHERE c.status IN ('refund_pending', 'refunded')
  AND (p.captured_minor > p.refunded_minor + COALESCE(
         (SELECT sum(d.amount_minor) FROM refund d WHERE d.checkout_id = c.checkout_id AND d.state <> 'done'), 0)
    OR (c.status = 'refunded' AND p.refunded_minor < p.captured_minor)
    OR (c.status = 'refund_pending' AND p.refunded_minor >= p.captured_minor))
