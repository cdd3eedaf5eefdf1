-- A refund of which a person was asked to look has a review of its own, and no review of a refund is of none.
SELECT d.checkout_id, d.refund_id
FROM refund d
FULL JOIN (SELECT * FROM review WHERE kind = 'refund') AS r
  ON r.review_id = 'refund-' || d.checkout_id || '-' || d.refund_id
WHERE (d.escalated AND r.review_id IS NULL)
   OR (r.review_id IS NOT NULL AND d.escalated IS NOT TRUE)
   OR (d.escalated AND d.failures = 0)
