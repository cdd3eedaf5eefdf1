-- Nothing stays between fence and confirmation for longer than half an hour (or onhand.grace): it is sold, or it is undone.
SELECT r.reservation_id, min(t.recorded_at) AS committing_since
FROM reservation r
LEFT JOIN reservation_transition t ON t.reservation_id = r.reservation_id AND t.state = 'committing'
WHERE r.state = 'committing'
GROUP BY r.reservation_id
HAVING min(t.recorded_at) IS NULL
    OR min(t.recorded_at) < now() - coalesce(nullif(current_setting('onhand.grace', true), ''), '30 minutes')::interval
