-- No checkout has two captures that are open or done.
SELECT checkout_id, count(*) AS captures
FROM payment_operation
WHERE kind = 'capture' AND state IN ('requested', 'succeeded')
GROUP BY checkout_id
HAVING count(*) > 1
