-- A payment asks for its checkout's total in its checkout's currency, which is what its lines cost.
SELECT c.checkout_id, c.total_minor, c.currency, p.amount_minor, p.currency AS payment_currency
FROM checkout c
LEFT JOIN payment p USING (checkout_id)
WHERE (p.amount_minor, p.currency) <> (c.total_minor, c.currency)
   OR c.total_minor IS DISTINCT FROM (
     SELECT sum(l.price_minor * l.quantity) FROM checkout_line l WHERE l.checkout_id = c.checkout_id)
