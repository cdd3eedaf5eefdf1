-- Nobody but an owner may do more to the history than read it and add to it, and the application owns nothing.
-- From the catalogue itself: information_schema shows a role only the grants that are its own.
SELECT g.kept, COALESCE(NULLIF(g.grantee, 0)::regrole::text, 'everybody') AS grantee, g.privilege_type
FROM (
  SELECT c.relname AS kept, c.relowner, a.grantee, a.privilege_type
  FROM pg_class c, aclexplode(c.relacl) AS a
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  UNION ALL
  SELECT c.relname, c.relowner, a.grantee, a.privilege_type
  FROM pg_class c
  JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) AS a
  WHERE c.relnamespace = 'public'::regnamespace
) AS g
WHERE g.grantee <> g.relowner
  AND (g.privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')
       OR (g.kept IN ('movement', 'reservation_transition') AND g.privilege_type IN ('UPDATE', 'DELETE'))
       OR (g.kept <> 'operation' AND g.privilege_type = 'DELETE'))
UNION ALL
SELECT c.relname, c.relowner::regrole::text, 'OWNER'
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
  AND (pg_get_userbyid(c.relowner) = 'onhand_application'
       OR pg_get_userbyid(c.relowner) IN (
         SELECT pg_get_userbyid(m.member) FROM pg_auth_members m
         WHERE m.roleid = 'onhand_application'::regrole
           AND NOT pg_has_role(m.member, (SELECT datdba FROM pg_database WHERE datname = current_database()), 'MEMBER')))
