-- A commit that was acknowledged is on disk.
SELECT name, setting
FROM pg_settings
WHERE (name IN ('fsync', 'full_page_writes') AND setting <> 'on')
   OR (name = 'synchronous_commit' AND setting NOT IN ('on', 'remote_apply', 'remote_write'))
