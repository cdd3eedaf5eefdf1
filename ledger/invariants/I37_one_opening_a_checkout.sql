-- Every checkout was opened by one operation of its own name, and every accepted opening has its checkout.
SELECT COALESCE(c.checkout_id, o.key) AS checkout_id
FROM checkout c
FULL JOIN (
  SELECT key FROM operation WHERE key LIKE 'checkout/%/open' AND outcome -> 'accepted' IS NOT NULL
) AS o ON o.key = 'checkout/' || c.checkout_id || '/open'
WHERE c.checkout_id IS NULL OR o.key IS NULL
