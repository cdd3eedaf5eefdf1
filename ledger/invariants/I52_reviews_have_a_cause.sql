-- Every review was opened by a stored operation and says how many units are missing and who counts on them, the unpaid first; no answer promises a review that is not there.
SELECT r.review_id
FROM (SELECT * FROM review WHERE kind = 'shortfall') AS r
LEFT JOIN operation o ON o.key = r.cause_kind || '/' || r.cause_id AND o.outcome -> 'accepted' IS NOT NULL
WHERE o.key IS NULL
   OR r.quantity IS DISTINCT FROM (o.outcome #>> '{accepted,missing}')::bigint
   OR json_typeof(r.evidence -> 'touched') IS DISTINCT FROM 'array'
   OR EXISTS (
     SELECT
     FROM (
       SELECT (claim ->> 'paid')::boolean AS paid, lag((claim ->> 'paid')::boolean) OVER (ORDER BY place) AS before
       FROM json_array_elements(
         CASE json_typeof(r.evidence -> 'touched') WHEN 'array' THEN r.evidence -> 'touched' ELSE '[]' END
       ) WITH ORDINALITY AS touched(claim, place)
     ) AS claims
     WHERE before AND NOT paid
   )
UNION ALL
SELECT o.outcome #>> '{accepted,review_id}'
FROM operation o
WHERE o.key LIKE 'adjustment/%'
  AND o.outcome #>> '{accepted,review_id}' IS NOT NULL
  AND NOT EXISTS (SELECT FROM review r WHERE r.review_id = o.outcome #>> '{accepted,review_id}')
