-- The triggers that keep history and answers are there and fire for everybody, replicating sessions included.
SELECT guard.name, guard.kept
FROM (VALUES
  ('movement_no_rewrite', 'movement'),
  ('movement_no_truncate', 'movement'),
  ('reservation_transition_no_rewrite', 'reservation_transition'),
  ('reservation_transition_no_truncate', 'reservation_transition'),
  ('operation_keeps_answers', 'operation'),
  ('operation_no_truncate', 'operation')
) AS guard(name, kept)
WHERE NOT EXISTS (
  SELECT FROM pg_trigger t
  WHERE t.tgname = guard.name AND t.tgrelid = to_regclass('public.' || guard.kept) AND t.tgenabled = 'A')
