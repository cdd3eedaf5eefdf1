-- Every reservation's newest transition is the state it is in.
SELECT r.reservation_id, r.state, t.state AS told
FROM reservation r
LEFT JOIN LATERAL (
  SELECT state, extension
  FROM reservation_transition t
  WHERE t.reservation_id = r.reservation_id
  ORDER BY t.recorded_at DESC,
           array_position(ARRAY['held', 'committing', 'confirmed', 'released', 'expired'], t.state) DESC
  LIMIT 1
) AS t ON true
WHERE (r.state, r.extension) IS DISTINCT FROM (t.state, t.extension)
