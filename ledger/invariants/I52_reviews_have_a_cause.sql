-- Every review was opened by a stored operation, and says how many units are missing and who counts on them.
SELECT r.review_id
FROM review r
LEFT JOIN operation o ON o.key = r.cause_kind || '/' || r.cause_id AND o.outcome -> 'accepted' IS NOT NULL
WHERE o.key IS NULL
   OR json_typeof(r.evidence -> 'touched') IS DISTINCT FROM 'array'
   OR r.quantity <> (o.outcome #>> '{accepted,missing}')::bigint
