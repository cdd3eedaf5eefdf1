-- Of a subject no event is out before the one it follows.
SELECT subject,
       min(sequence) FILTER (WHERE published_at IS NULL) AS still_here,
       max(sequence) FILTER (WHERE published_at IS NOT NULL) AS last_out
FROM outbox
GROUP BY subject
HAVING min(sequence) FILTER (WHERE published_at IS NULL)
     < max(sequence) FILTER (WHERE published_at IS NOT NULL)
